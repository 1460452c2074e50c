// What a pickle may name and call: storages, tensors, a few containers.
#include "taper/base/error.h"
#include "taper/io/unpickle.h"

namespace taper::io {
namespace {

constexpr uint64_t kTensorCost = 16;  // objects, for its memory

}  // namespace

void Unpickler::push_global(std::string_view module, std::string_view name) {
  const PickleName known = find_pickle_name(module, name);
  if (known.global == PickleGlobal::none) {
    fail("the pickle asks for ", quote_name(str(module, ".", name)),
         ", which is not allowed: a file may hold tensors, containers, numbers and texts; save a "
         "state_dict() instead of a whole object");
  }
  push({.kind = Kind::global, .name = known});
}

// ('storage', its type, its key, the device, the number of elements)
void Unpickler::load_storage() {
  const std::vector<Ref> parts = elements_of(expect(pop(), Kind::tuple, "a storage's description"));
  if (parts.size() != 5 || text_of(parts[0], "a storage's description") != "storage") {
    fail("an unknown reference, expected one to a storage");
  }
  const PickleName type = expect(parts[1], Kind::global, "a storage's type").name;
  if (type.global != PickleGlobal::storage && type.global != PickleGlobal::untyped_storage) {
    fail("the type of a storage is no storage");
  }
  const std::string_view key = text_of(parts[2], "a storage's key");
  const int64_t count = expect(parts[4], Kind::integer, "a storage's size").value;
  if (count < 0) fail("a storage of ", count, " elements");
  const auto [found, is_new] = storage_keys_.emplace(key, storages_.size());
  if (is_new) {
    storages_.push_back({load_(key, type.dtype, static_cast<uint64_t>(count)), type.dtype, count});
  }
  const Storage& storage = storages_[found->second];
  if (storage.dtype != type.dtype || storage.count != count) {
    fail("storage ", quote_name(key), " is described in two ways");
  }
  push({.kind = Kind::storage, .value = static_cast<int64_t>(found->second)});
}

// Sets attributes; a state dict keeps its versions in _metadata, other attributes are passed over.
void Unpickler::build() {
  const Object& state = expect(pop(), Kind::dict, "an object's attributes");
  const Object& object = top();
  if (object.kind != Kind::dict) fail("attributes of an object that can have none");
  const std::vector<Ref>& items = elements_of(state);
  for (size_t i = 0; i < items.size(); i += 2) {
    if (text_of(items[i], "an attribute's name") == "_metadata") {
      metadata_[object.value] = items[i + 1];
    }
  }
}

void Unpickler::call() {
  const std::vector<Ref> args = elements_of(expect(pop(), Kind::tuple, "a call's arguments"));
  const PickleName name = expect(pop(), Kind::global, "what is called").name;
  auto count = [&](size_t least, size_t most) {
    if (args.size() < least || args.size() > most) fail("a call with ", args.size(), " arguments");
  };
  switch (name.global) {
    case PickleGlobal::ordered_dict:
      count(0, 0);
      return push(make_container(Kind::dict, {}));
    case PickleGlobal::counter:
      count(1, 1);
      expect(args[0], Kind::dict, "a Counter's content");
      return push(args[0]);
    case PickleGlobal::rebuild_tensor:
    case PickleGlobal::rebuild_tensor_v3:
      return call_tensor(name.global, args);
    case PickleGlobal::rebuild_parameter:
      return call_parameter(args);
    case PickleGlobal::size:
      count(1, 1);
      integers_of(args[0], "a torch.Size");
      return push(args[0]);
    case PickleGlobal::device:
      count(1, 2);
      text_of(args[0], "a device");
      return push(args[0]);
    case PickleGlobal::encode: {
      count(2, 2);
      Object object = objects_[args[0]];
      text_of(args[0], "encoded bytes");
      if (text_of(args[1], "an encoding") != "latin1")
        fail("bytes in another encoding than latin1");
      object.kind = Kind::latin;
      return push(object);
    }
    case PickleGlobal::empty_bytes:
      count(0, 0);
      return push({.kind = Kind::bytes});
    case PickleGlobal::storage:
    case PickleGlobal::untyped_storage:
    case PickleGlobal::dtype:
    case PickleGlobal::none:
      break;
  }
  fail("a call of what cannot be called");
}

// (storage, offset, sizes, strides, requires_grad, hooks[, dtype of version 3][, metadata])
void Unpickler::call_tensor(PickleGlobal global, const std::vector<Ref>& args) {
  const bool has_dtype = global == PickleGlobal::rebuild_tensor_v3;
  const size_t least = has_dtype ? 7 : 6;
  if (args.size() < least || args.size() > least + 1) fail("a tensor of ", args.size(), " parts");
  const Storage& storage =
      storages_[static_cast<size_t>(expect(args[0], Kind::storage, "a tensor's storage").value)];
  const int64_t offset = expect(args[1], Kind::integer, "a tensor's offset").value;
  const std::vector<int64_t> sizes = integers_of(args[2], "a tensor's sizes");
  const std::vector<int64_t> strides = integers_of(args[3], "a tensor's strides");
  const bool requires_grad = expect(args[4], Kind::boolean, "requires_grad").value != 0;
  const ScalarType dtype = has_dtype ? dtype_of(args[6], storage) : dtype_of(storage);
  if (sizes.size() != strides.size() || offset < 0) {
    fail("a tensor of sizes ", IntArrayRef(sizes), ", strides ", IntArrayRef(strides),
         " and offset ", offset);
  }
  const Object& hooks = objects_[args[5]];
  if (hooks.kind != Kind::none && !(hooks.kind == Kind::dict && elements_of(hooks).empty())) {
    fail("a tensor with hooks");
  }
  const int64_t index = static_cast<int64_t>(tensors_.size());
  const Ref ref = make({.kind = Kind::tensor, .value = index}, kTensorCost);
  try {
    tensors_.emplace_back(
        TensorImpl::make("tensor", sizes, strides, dtype, storage.storage, offset));
  } catch (const ShapeError& error) {
    fail(error.what());
  }
  set_requires_grad(tensors_.back(), requires_grad);
  push(ref);
}

ScalarType Unpickler::dtype_of(const Storage& storage) const {
  if (storage.dtype == ScalarType::Undefined) fail("a tensor of a storage without a type");
  return storage.dtype;
}

// The type that a tensor itself names, which a storage of bytes leaves to it.
ScalarType Unpickler::dtype_of(Ref ref, const Storage& storage) const {
  const PickleName name = expect(ref, Kind::global, "a tensor's dtype").name;
  if (name.global != PickleGlobal::dtype) fail("a tensor's dtype is no dtype");
  if (storage.dtype != ScalarType::Undefined && storage.dtype != name.dtype) {
    fail("a tensor's type differs from its storage's");
  }
  const size_t bytes = storage.storage->nbytes();
  if (name.dtype == kBool && find_wrong_bool(storage.storage->data(), bytes) != bytes) {
    fail("a boolean is neither 0 nor 1");
  }
  return name.dtype;
}

// (tensor, requires_grad, hooks)
void Unpickler::call_parameter(const std::vector<Ref>& args) {
  if (args.size() != 3) fail("a parameter of ", args.size(), " parts");
  const Object& tensor = expect(args[0], Kind::tensor, "a parameter's data");
  const bool requires_grad = expect(args[1], Kind::boolean, "requires_grad").value != 0;
  set_requires_grad(tensors_[static_cast<size_t>(tensor.value)], requires_grad);
  push(args[0]);
}

void Unpickler::set_requires_grad(const Tensor& tensor, bool requires_grad) const {
  if (requires_grad && !isDifferentiableType(tensor.scalar_type())) {
    fail("only tensors of floating point and complex dtype can require gradients, got ",
         tensor.scalar_type());
  }
  if (requires_grad || tensor.requires_grad()) tensor.set_requires_grad(requires_grad);
}

const Unpickler::Object& Unpickler::expect(Ref ref, Kind kind, const char* what) const {
  if (objects_[ref].kind != kind) fail(what, " is of the wrong kind");
  return objects_[ref];
}

std::string_view Unpickler::text_of(Ref ref, const char* what) const {
  const Object& object = expect(ref, Kind::text, what);
  return text_.substr(static_cast<size_t>(object.value), object.size);
}

std::vector<int64_t> Unpickler::integers_of(Ref ref, const char* what) const {
  const Object& object = expect(ref, Kind::tuple, what);
  std::vector<int64_t> values;
  for (const Ref element : containers_[static_cast<size_t>(object.value)]) {
    values.push_back(expect(element, Kind::integer, what).value);
  }
  return values;
}

}  // namespace taper::io
