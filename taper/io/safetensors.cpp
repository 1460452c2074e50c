#include "taper/io/safetensors.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/io/bytes.h"

namespace taper::io {

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  std::vector<SafetensorsItem> items;
  std::vector<ByteBuffer> copies;
  for (const auto& [name, tensor] : tensors) {
    const std::string op = "save_safetensors: tensor " + quote_name(name);
    const void* data = dense_bytes(op.c_str(), tensor, copies.emplace_back());
    items.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), data});
  }
  write_safetensors(path, items, metadata);
}

bool SafetensorsFile::contains(const std::string& name) const {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const auto& item) { return item.first == name; });
}

const Tensor& SafetensorsFile::at(const std::string& name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  detail::fail<IndexError>("the safetensors file has no tensor ", quote_name(name), " among its ",
                           tensors.size());
}

SafetensorsFile load_safetensors(const ByteSource& source, bool verify) {
  SafetensorsHeader header = read_safetensors_header(source);
  SafetensorsFile file;
  file.metadata = std::move(header.metadata);
  for (const SafetensorsEntry& entry : header.tensors) {
    Tensor tensor(TensorImpl::empty("load_safetensors", entry.sizes, entry.dtype));
    read_safetensors_entry(source, entry, tensor.data_ptr(), verify);
    file.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return file;
}

SafetensorsFile load_safetensors(const std::string& path, bool verify) {
  return load_safetensors(InputFile(path), verify);
}

}  // namespace taper::io
