#include "taper/io/pickle.h"

#include <unordered_map>

#include "taper/base/error.h"
#include "taper/io/json_text.h"

namespace taper::io {
namespace {

// A type's storage class in Python, "FloatStorage".
std::string storage_class(ScalarType dtype) { return str(toString(dtype), "Storage"); }

class Pickler {
 public:
  explicit Pickler(std::vector<PickledStorage>& storages) : storages_(storages) {}

  std::string run(const IValue& value) {
    text_ = "\x80\x02";
    put(value, 0);
    return std::move(text_) + '.';
  }

 private:
  void put(const IValue& value, int depth) {
    TAPER_CHECK(depth <= kMaxPickleDepth, "save: containers stand more than ", kMaxPickleDepth,
                " deep in each other");
    switch (value.kind()) {
      case IValue::Kind::None:
        text_ += 'N';
        return;
      case IValue::Kind::Bool:
        return put(value.toBool());
      case IValue::Kind::Int:
        return put(value.toInt());
      case IValue::Kind::Double:
        return put(value.toDouble());
      case IValue::Kind::String:
        return put_text(value.toStringRef());
      case IValue::Kind::Bytes:
        return put_bytes(value.toBytesRef());
      case IValue::Kind::Tensor:
        return put(value.toTensor());
      case IValue::Kind::List:
        text_ += "](";
        for (const IValue& element : value.toListRef()) put(element, depth + 1);
        text_ += 'e';
        return;
      case IValue::Kind::Tuple:
        text_ += '(';
        for (const IValue& element : value.toListRef()) put(element, depth + 1);
        text_ += 't';
        return;
      case IValue::Kind::Dict:
        return put_dict(value, depth);
    }
  }
  void put_dict(const IValue& value, int depth) {
    const IValue* metadata = value.metadata();
    if (metadata != nullptr) {
      put_ordered_dict();
    } else {
      text_ += '}';
    }
    text_ += '(';
    for (const auto& [key, item] : value.toGenericDict()) {
      TAPER_CHECK(!key.isList() && !key.isGenericDict() && !key.isTensor(), "save: a ",
                  key.type_name(), " cannot be a dict's key");
      put(key, depth + 1);
      put(item, depth + 1);
    }
    text_ += 'u';
    if (metadata == nullptr) return;
    text_ += '}';
    put_text("_metadata");
    put(*metadata, depth + 1);
    text_ += "sb";
  }
  void put_ordered_dict() { text_ += "ccollections\nOrderedDict\n)R"; }
  void put(bool value) { text_ += value ? '\x88' : '\x89'; }
  void put(int64_t value) {
    if (value == static_cast<uint8_t>(value)) {
      text_ += 'K';
      put_little(text_, static_cast<uint8_t>(value));
    } else if (value == static_cast<int32_t>(value)) {
      text_ += 'J';
      put_little(text_, static_cast<uint32_t>(value));
    } else {
      text_ += "\x8a\x08";
      put_little(text_, static_cast<uint64_t>(value));
    }
  }
  void put(double value) {
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    text_ += 'G';
    for (int i = 7; i >= 0; --i) text_ += static_cast<char>(bits >> (8 * i));
  }
  void put_text(std::string_view value) {
    TAPER_CHECK(is_utf8(value), "save: the text ", quote_name(value), " is not UTF-8");
    TAPER_CHECK(value.size() <= UINT32_MAX, "save: a text of ", value.size(), " bytes");
    text_ += 'X';
    put_little(text_, static_cast<uint32_t>(value.size()));
    text_ += value;
  }
  // Protocol 2 has no bytes: Python writes them as text, each byte a character.
  void put_bytes(std::string_view value) {
    std::string characters;
    for (const char c : value) append_utf8(characters, static_cast<unsigned char>(c));
    text_ += "c_codecs\nencode\n(";
    put_text(characters);
    put_text("latin1");
    text_ += "tR";
  }
  void put(IntArrayRef values) {
    text_ += '(';
    for (const int64_t value : values) put(value);
    text_ += 't';
  }
  void put(const Tensor& tensor) {
    TAPER_CHECK(tensor.is_cpu(), "save: a tensor is on ", tensor.device(), ", expected the CPU");
    const StoragePtr& storage = tensor.impl().storage();
    const ScalarType dtype = tensor.scalar_type();
    const size_t key = keys_.emplace(storage.get(), storages_.size()).first->second;
    if (key == storages_.size()) storages_.push_back({storage, dtype});
    TAPER_CHECK_AS(DTypeError, storages_[key].dtype == dtype,
                   "save: Cannot save multiple tensors or storages that view the same data as "
                   "different types: ",
                   dtype, " and ", storages_[key].dtype);
    text_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    put_text("storage");
    text_ += str("ctorch\n", storage_class(dtype), "\n");
    put_text(str(key));
    put_text("cpu");
    put(static_cast<int64_t>(storage->nbytes() / tensor.itemsize()));
    text_ += "tQ";
    put(tensor.storage_offset());
    put(tensor.sizes());
    put(tensor.strides());
    put(tensor.requires_grad());
    put_ordered_dict();
    text_ += "tR";
  }

  std::vector<PickledStorage>& storages_;
  std::unordered_map<const StorageImpl*, size_t> keys_;
  std::string text_;
};

}  // namespace

std::string pickle(const IValue& value, std::vector<PickledStorage>& storages) {
  return Pickler(storages).run(value);
}

}  // namespace taper::io
