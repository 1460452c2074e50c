#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "taper/io/pickle.h"

namespace taper::io {

/// The functions and classes of Python that a pickle may name.
enum class PickleGlobal : uint8_t {
  ordered_dict,
  counter,
  rebuild_tensor,
  rebuild_tensor_v3,
  rebuild_parameter,
  size,
  device,
  encode,
  empty_bytes,
  storage,          // of a type
  untyped_storage,  // of bytes
  dtype,
  none
};
struct PickleName {
  PickleGlobal global = PickleGlobal::none;
  ScalarType dtype = ScalarType::Undefined;
};
/// What a module's name stands for; none when it is not allowed.
PickleName find_pickle_name(std::string_view module, std::string_view name);

/// Python's name of a type, "float32".
std::string_view dtype_name(ScalarType dtype);

/// The pickle machine: a stack of references to objects. Objects are small and shared, so that a
/// hostile text costs little however it repeats itself; the result is copied out of them.
class Unpickler {
 public:
  Unpickler(std::string_view text, const StorageLoader& load, const std::string& where,
            const TorchFileLimits& limits);
  IValue run();

 private:
  using Ref = uint32_t;
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    latin,
    list,
    tuple,
    dict,
    global,
    storage,
    tensor
  };
  struct Object {
    Kind kind;
    PickleName name = {};
    uint32_t size = 0;  // of texts and bytes
    int64_t value = 0;  // number; place of a text in the pickle; index of a container or tensor
  };
  struct Storage {
    StoragePtr storage;
    ScalarType dtype;
    int64_t count;
  };

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    detail::fail<IoError>(where_, "byte ", op_at_, ": ", parts...);
  }
  // The text.
  const unsigned char* take(size_t count);
  template <class T>
  T number() {
    return get_little<T>(take(sizeof(T)));
  }
  std::string_view line();
  // The stack.
  void push(Ref ref);
  void push(Object object) { push(make(object)); }
  Ref make(Object object, uint64_t cost = 1);
  Ref make_container(Kind kind, std::vector<Ref> elements);
  Ref pop();
  std::vector<Ref> pop_to_mark();
  const Object& top();
  // The steps.
  void step(unsigned char op);
  void push_text(Kind kind, uint64_t size);
  void push_long();
  void push_tuple(size_t count);
  void put(uint64_t place);
  void get(uint64_t place);
  void add_to(Kind kind, const std::vector<Ref>& elements);
  void push_global(std::string_view module, std::string_view name);
  void load_storage();
  void build();
  void call();
  void call_tensor(PickleGlobal global, const std::vector<Ref>& args);
  void call_parameter(const std::vector<Ref>& args);
  ScalarType dtype_of(const Storage& storage) const;
  ScalarType dtype_of(Ref ref, const Storage& storage) const;
  void set_requires_grad(const Tensor& tensor, bool requires_grad) const;
  // What an argument must be.
  const Object& expect(Ref ref, Kind kind, const char* what) const;
  std::string_view text_of(Ref ref, const char* what) const;
  std::vector<int64_t> integers_of(Ref ref, const char* what) const;
  std::vector<Ref>& elements_of(const Object& object) {
    return containers_[static_cast<size_t>(object.value)];
  }
  // The result.
  IValue copy(Ref ref, int depth);
  std::vector<IValue> copy_elements(const Object& object, int depth);
  IValue copy_dict(const Object& object, int depth);
  std::string_view charged_text(const Object& object);
  std::string decode_latin(std::string_view characters) const;
  void charge(uint64_t bytes);

  std::string_view text_;
  const StorageLoader& load_;
  const std::string& where_;
  const TorchFileLimits& limits_;
  size_t at_ = 0;
  size_t op_at_ = 0;
  uint64_t objects_made_ = 0;
  uint64_t steps_ = 0;
  uint64_t tree_bytes_ = 0;
  std::vector<Object> objects_;
  std::vector<std::vector<Ref>> containers_;
  std::vector<Tensor> tensors_;
  std::vector<Storage> storages_;
  std::unordered_map<std::string_view, size_t> storage_keys_;
  std::unordered_map<int64_t, Ref> metadata_;  // of dicts, by the index of their container
  std::vector<Ref> stack_;
  std::vector<size_t> marks_;
  std::vector<Ref> memo_;
};

}  // namespace taper::io
