#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "taper/core/device.h"
#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace serialize {

/// Collects values under names, then writes them as one .pt file, which Python reads as a dict.
class OutputArchive {
 public:
  OutputArchive() = default;

  /// Adds a value under a name; a name that is there already is replaced.
  void write(const std::string& key, const IValue& value);
  /// The flag is LibTorch's and has no meaning here.
  void write(const std::string& key, const Tensor& tensor, bool is_buffer = false);
  void write(const std::string& key, OutputArchive& nested);
  /// Adds what a dict holds, or makes another value the whole content of an empty archive.
  void write(IValue value);

  /// Writes the file in one step, or to a stream. Throws IoError.
  void save_to(const std::string& path) const;
  void save_to(std::ostream& stream) const;
  const IValue& value() const { return value_; }

 private:
  IValue value_ = IValue::dict();
};

/// The content of a .pt file by its names.
class InputArchive {
 public:
  InputArchive() = default;
  explicit InputArchive(IValue value) : value_(std::move(value)) {}

  /// Reads a file, a stream, or memory; with a device, tensors come on it. Throws IoError.
  void load_from(const std::string& path, std::optional<Device> device = std::nullopt);
  void load_from(std::istream& stream, std::optional<Device> device = std::nullopt);
  void load_from(const char* data, size_t size, std::optional<Device> device = std::nullopt);

  /// The value of a name. try_read() returns whether there is one, read() throws when there is
  /// none. A tensor that is defined already keeps its identity and gets the elements, when sizes
  /// agree. A nested archive is also what stands under names that start with key and a dot.
  bool try_read(const std::string& key, IValue& value) const;
  bool try_read(const std::string& key, Tensor& tensor, bool is_buffer = false) const;
  bool try_read(const std::string& key, InputArchive& archive) const;
  void read(const std::string& key, IValue& value) const;
  void read(const std::string& key, Tensor& tensor, bool is_buffer = false) const;
  void read(const std::string& key, InputArchive& archive) const;

  /// The names, in their order; none when the content is no dict.
  std::vector<std::string> keys() const;
  const IValue& value() const { return value_; }

 private:
  IValue value_ = IValue::dict();
};

OutputArchive& operator<<(OutputArchive& archive, const Tensor& tensor);
OutputArchive& operator<<(OutputArchive& archive, const std::vector<Tensor>& tensors);
OutputArchive& operator<<(OutputArchive& archive, const IValue& value);
/// The tensor becomes the file's; a vector is appended to.
InputArchive& operator>>(InputArchive& archive, Tensor& tensor);
InputArchive& operator>>(InputArchive& archive, std::vector<Tensor>& tensors);
InputArchive& operator>>(InputArchive& archive, IValue& value);

}  // namespace serialize

/// Writes a tensor, tensors, a module's or an optimizer's state, or a tree of values as Python's
/// torch.save() does, to a path or a stream; a file is replaced in one step. Throws IoError.
template <class Value, class... Target>
requires requires(serialize::OutputArchive& archive, const Value& value, Target&&... target) {
  archive << value;
  archive.save_to(target...);
}
void save(const Value& value, Target&&... target) {
  serialize::OutputArchive archive;
  archive << value;
  archive.save_to(std::forward<Target>(target)...);
}

/// Reads what save() or Python's torch.save() wrote: from a path, a stream, or data and size, each
/// with an optional device. A module and an optimizer take the state over as load_state_dict()
/// does. Throws IoError on a wrong file; then the value is as it was.
template <class Value, class... Source>
requires requires(serialize::InputArchive& archive, Value& value, Source&&... source) {
  archive.load_from(source...);
  archive >> value;
}
void load(Value& value, Source&&... source) {
  serialize::InputArchive archive;
  archive.load_from(std::forward<Source>(source)...);
  archive >> value;
}

/// The whole content of a .pt file as a tree of values.
IValue load(const std::string& path, std::optional<Device> device = std::nullopt);

/// The bytes of a .pt file.
std::vector<char> pickle_save(const IValue& value);
IValue pickle_load(const std::vector<char>& data);

}  // namespace taper
