#include "taper/io/archive.h"

#include <sstream>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/torch_file.h"

namespace taper {
namespace serialize {
namespace {

// The kind of the whole content, for messages.
[[noreturn]] void fail_content(const char* expected, const IValue& value) {
  taper::detail::fail<IoError>("load: the file holds a ", value.type_name(), ", expected ",
                               expected);
}

IValue on_device(IValue value, std::optional<Device> device) {
  TAPER_CHECK(!device || device->is_cpu(), "load: device ", *device,
              " is not available, expected cpu");
  return value;
}

}  // namespace

void OutputArchive::write(const std::string& key, const IValue& value) {
  TAPER_CHECK(value_.isGenericDict(), "OutputArchive: it holds a ", value_.type_name(),
              ", which takes no names");
  value_.insert(key, value);
}

void OutputArchive::write(const std::string& key, const Tensor& tensor, bool) {
  write(key, IValue(tensor));
}

void OutputArchive::write(const std::string& key, OutputArchive& nested) {
  write(key, nested.value_);
}

void OutputArchive::write(IValue value) {
  if (value_.isGenericDict() && value_.size() == 0 && value_.metadata() == nullptr) {
    value_ = std::move(value);
    return;
  }
  TAPER_CHECK(value_.isGenericDict() && value.isGenericDict(), "OutputArchive: cannot add a ",
              value.type_name(), " to a ", value_.type_name());
  for (const auto& [key, item] : value.toGenericDict()) {
    if (key.isInt()) {
      value_.insert(key.toInt(), item);
    } else {
      value_.insert(key.toStringRef(), item);
    }
  }
  if (value.metadata() != nullptr) value_.set_metadata(*value.metadata());
}

void OutputArchive::save_to(const std::string& path) const { io::save_torch(path, value_); }
void OutputArchive::save_to(std::ostream& stream) const { io::save_torch(stream, value_); }

void InputArchive::load_from(const std::string& path, std::optional<Device> device) {
  value_ = on_device(io::load_torch(path), device);
}

void InputArchive::load_from(std::istream& stream, std::optional<Device> device) {
  value_ = on_device(io::load_torch(stream), device);
}

void InputArchive::load_from(const char* data, size_t size, std::optional<Device> device) {
  value_ = on_device(io::load_torch(MemorySource(data, size, "<memory>")), device);
}

bool InputArchive::try_read(const std::string& key, IValue& value) const {
  const IValue* found = value_.isGenericDict() ? value_.find(key) : nullptr;
  if (found == nullptr) return false;
  value = *found;
  return true;
}

bool InputArchive::try_read(const std::string& key, Tensor& tensor, bool) const {
  const IValue* found = value_.isGenericDict() ? value_.find(key) : nullptr;
  if (found == nullptr || found->isNone()) return false;
  TAPER_CHECK_AS(IoError, found->isTensor(), "load: ", quote_name(key), " is a ",
                 found->type_name(), ", expected a Tensor");
  if (!tensor.defined()) {
    tensor = found->toTensor();
    return true;
  }
  TAPER_CHECK_AS(ShapeError, tensor.sizes() == found->toTensor().sizes(),
                 "load: size mismatch for ", quote_name(key), ": got ", found->toTensor().sizes(),
                 ", expected ", tensor.sizes());
  tensor.detach().copy_(found->toTensor());
  return true;
}

bool InputArchive::try_read(const std::string& key, InputArchive& archive) const {
  if (!value_.isGenericDict()) return false;
  if (const IValue* found = value_.find(key)) {
    archive.value_ = *found;
    return true;
  }
  const std::string prefix = key + ".";
  IValue::Items items;
  for (const auto& [name, item] : value_.toGenericDict()) {
    if (!name.isString() || !name.toStringRef().starts_with(prefix)) continue;
    items.emplace_back(name.toStringRef().substr(prefix.size()), item);
  }
  if (items.empty()) return false;
  archive.value_ = IValue::dict(std::move(items));
  return true;
}

namespace {

template <class Value>
void read_or_throw(const InputArchive& archive, const std::string& key, Value& value) {
  TAPER_CHECK_AS(IoError, archive.try_read(key, value),
                 "load: No such serialized value: ", quote_name(key));
}

}  // namespace

void InputArchive::read(const std::string& key, IValue& value) const {
  read_or_throw(*this, key, value);
}
void InputArchive::read(const std::string& key, Tensor& tensor, bool) const {
  read_or_throw(*this, key, tensor);
}
void InputArchive::read(const std::string& key, InputArchive& archive) const {
  read_or_throw(*this, key, archive);
}

std::vector<std::string> InputArchive::keys() const {
  std::vector<std::string> names;
  if (!value_.isGenericDict()) return names;
  for (const auto& [key, value] : value_.toGenericDict()) {
    names.push_back(key.isInt() ? str(key.toInt()) : key.isString() ? key.toStringRef() : "");
  }
  return names;
}

OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor) {
  archive.write(IValue(tensor));
  return archive;
}

OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors) {
  archive.write(IValue::list(std::vector<IValue>(tensors.begin(), tensors.end())));
  return archive;
}

OutputArchive& operator<<(OutputArchive& archive, const IValue& value) {
  archive.write(value);
  return archive;
}

InputArchive& operator>>(InputArchive& archive, Tensor& tensor) {
  if (!archive.value().isTensor() && !archive.value().isNone()) {
    fail_content("a Tensor", archive.value());
  }
  tensor = archive.value().isNone() ? Tensor() : archive.value().toTensor();
  return archive;
}

InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors) {
  if (!archive.value().isList() && !archive.value().isTuple()) {
    fail_content("a list of tensors", archive.value());
  }
  std::vector<Tensor> read;
  for (const IValue& element : archive.value().toListRef()) {
    if (!element.isTensor() && !element.isNone()) fail_content("a list of tensors only", element);
    read.push_back(element.isNone() ? Tensor() : element.toTensor());
  }
  tensors.insert(tensors.end(), read.begin(), read.end());
  return archive;
}

InputArchive& operator>>(InputArchive& archive, IValue& value) {
  value = archive.value();
  return archive;
}

}  // namespace serialize

IValue load(const std::string& path, std::optional<Device> device) {
  serialize::InputArchive archive;
  archive.load_from(path, device);
  return archive.value();
}

std::vector<char> pickle_save(const IValue& value) {
  std::ostringstream stream;
  io::save_torch(stream, value);
  const std::string bytes = std::move(stream).str();
  return {bytes.begin(), bytes.end()};
}

IValue pickle_load(const std::vector<char>& data) {
  return io::load_torch(MemorySource(data.data(), data.size(), "<memory>"));
}

}  // namespace taper
