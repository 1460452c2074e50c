#pragma once

#include <string>
#include <utility>
#include <vector>

#include "taper/io/safetensors_format.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace io {

/// Names and tensors in their order.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Writes tensors of any strides to a safetensors file that every reader of the format takes, in
/// one step: when something fails, the old file is as it was. Tensors that share memory are written
/// one by one. The same tensors give the same bytes. Throws IoError (see write_safetensors) and
/// Error on an undefined tensor.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});
/// The same for an OrderedDict.
template <class Dict>
requires requires(const Dict& dict) {
  std::string(dict.begin()->key());
  Tensor(dict.begin()->value());
}
void save_safetensors(const std::string& path, const Dict& dict, const Metadata& metadata = {}) {
  NamedTensors tensors;
  for (const auto& item : dict) tensors.emplace_back(item.key(), item.value());
  save_safetensors(path, tensors, metadata);
}

/// The content of a safetensors file.
struct SafetensorsFile {
  NamedTensors tensors;
  Metadata metadata;

  /// The tensor of that name; throws IndexError when there is none.
  const Tensor& at(const std::string& name) const;
  bool contains(const std::string& name) const;
};

/// Reads a safetensors file whole; checks everything that read_safetensors_header names, and the
/// checksums of tensors where Taper wrote the file (unless verify is false). Throws IoError.
SafetensorsFile load_safetensors(const std::string& path, bool verify = true);
SafetensorsFile load_safetensors(const ByteSource& source, bool verify = true);

}  // namespace io
}  // namespace taper
