#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "taper/base/file.h"
#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

// What the formats share: the order of bytes, and the elements of tensors as bytes.
namespace taper::io {

/// Takes the bytes of a file in order.
using ByteSink = Function<void(const void*, size_t)>;

/// Little-endian integers.
template <class T>
T get_little(const unsigned char* from) {
  uint64_t value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = value << 8 | from[i];
  return static_cast<T>(value);
}
template <class T>
void put_little(std::string& to, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    to += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

/// The whole of a source. Throws IoError when it is larger than limit.
ByteBuffer all_bytes(const ByteSource& source, uint64_t limit = uint64_t{1} << 32);
/// Turns elements of item bytes, in place, from the other byte order.
void reverse_items(void* data, size_t bytes, size_t item);
/// The place of the first byte that is no boolean, or count.
size_t find_wrong_bool(const void* data, size_t count);
/// The elements in row-major order: the tensor's own memory, or copied to copy. Throws, naming op,
/// unless the tensor is defined and on the CPU.
const void* dense_bytes(const char* op, const Tensor& tensor, ByteBuffer& copy);

}  // namespace taper::io
