#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/ordered_dict.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
class IValue;
namespace nn {

/// The tensors of a module by their full names, in the order of registration, and the version that
/// each module (by its path) gave for them. Safetensors files hold the tensors only.
class StateDict : public OrderedDict<std::string, Tensor> {
 public:
  StateDict() = default;
  StateDict(std::initializer_list<Item> items) : OrderedDict(items) {}
  explicit StateDict(const std::vector<std::pair<std::string, Tensor>>& tensors);
  /// Of a dict of tensors by name, as a .pt file holds it. Throws an IoError on anything else.
  explicit StateDict(const IValue& value);
  /// The dict with its versions, which save() writes and Python's load_state_dict() takes.
  IValue to_ivalue() const;

  /// Replaces the tensor of a name, or appends it.
  void set(const std::string& name, Tensor tensor);
  const OrderedDict<std::string, int64_t>& versions() const { return versions_; }
  void set_version(const std::string& path, int64_t version);

 private:
  OrderedDict<std::string, int64_t> versions_;
};

/// What load_state_dict() found amiss in the names: expected but not in the dict, and the reverse.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys;
  std::vector<std::string> unexpected_keys;
};
std::ostream& operator<<(std::ostream& stream, const IncompatibleKeys& keys);

/// What a load_state_dict pre-hook sees and may change: the dict (a copy, from which the module and
/// its children load), and the lists that make up the final error.
struct LoadStateDictContext {
  StateDict& state_dict;
  const std::string& prefix;
  std::optional<int64_t> version;  // of the module's part of the dict
  bool strict;
  std::vector<std::string>& missing_keys;
  std::vector<std::string>& unexpected_keys;
  std::vector<std::string>& error_messages;
};

}  // namespace nn
}  // namespace taper
