#include "taper/io/bytes.h"

#include <algorithm>

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

ByteBuffer all_bytes(const ByteSource& source, uint64_t limit) {
  TAPER_CHECK_AS(IoError, source.size() <= limit, quote_path(source.name()), ": it has ",
                 source.size(), " bytes, expected at most ", limit);
  ByteBuffer bytes(static_cast<size_t>(source.size()));
  source.read(0, bytes.data(), bytes.size());
  return bytes;
}

void reverse_items(void* data, size_t bytes, size_t item) {
  if (item <= 1) return;
  auto* at = static_cast<unsigned char*>(data);
  for (size_t i = 0; i + item <= bytes; i += item) std::reverse(at + i, at + i + item);
}

size_t find_wrong_bool(const void* data, size_t count) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  return static_cast<size_t>(
      std::find_if(bytes, bytes + count, [](unsigned char b) { return b > 1; }) - bytes);
}

const void* dense_bytes(const char* op, const Tensor& tensor, ByteBuffer& copy) {
  TAPER_CHECK(tensor.defined(), op, ": the tensor is undefined");
  TAPER_CHECK(tensor.is_cpu(), op, ": the tensor is on ", tensor.device(), ", expected the CPU");
  if (tensor.is_contiguous()) return tensor.const_data_ptr();
  copy = ByteBuffer(tensor.nbytes());
  if (tensor.numel() > 0) {
    copy_rows(static_cast<const char*>(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
              tensor.element_size(), reinterpret_cast<char*>(copy.data()));
  }
  return copy.data();
}

}  // namespace taper::io
