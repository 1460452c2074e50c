#include "taper/io/safetensors.h"

#include <algorithm>
#include <cstring>

#include "taper/base/error.h"

namespace taper::io {
namespace {

// Copies elements in row-major order, innermost dimensions that lie dense as one block.
char* copy_rows(const char* from, IntArrayRef sizes, IntArrayRef strides, int64_t item, char* to) {
  if (sizes.empty()) {
    std::memcpy(to, from, static_cast<size_t>(item));
    return to + item;
  }
  if (sizes.size() == 1 && strides[0] == 1) {
    const int64_t bytes = sizes[0] * item;
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return to + bytes;
  }
  for (int64_t i = 0; i < sizes[0]; ++i) {
    to = copy_rows(from + i * strides[0] * item, sizes.slice(1), strides.slice(1), item, to);
  }
  return to;
}

}  // namespace

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  std::vector<SafetensorsItem> items;
  std::vector<ByteBuffer> copies;
  for (const auto& [name, tensor] : tensors) {
    TAPER_CHECK(tensor.defined(), "save_safetensors: tensor ", quote_name(name), " is undefined");
    TAPER_CHECK(tensor.is_cpu(), "save_safetensors: tensor ", quote_name(name), " is on ",
                tensor.device(), ", expected the CPU");
    SafetensorsItem item{name, tensor.scalar_type(), tensor.sizes().vec(), nullptr};
    if (tensor.is_contiguous()) {
      item.data = tensor.const_data_ptr();
    } else {
      ByteBuffer& copy = copies.emplace_back(tensor.nbytes());
      copy_rows(static_cast<const char*>(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                tensor.element_size(), reinterpret_cast<char*>(copy.data()));
      item.data = copy.data();
    }
    items.push_back(std::move(item));
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
