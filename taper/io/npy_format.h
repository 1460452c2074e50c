#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/core/scalar_type.h"
#include "taper/io/bytes.h"

// The npy format in bytes, shared by .npy files and the members of .npz files.
namespace taper::io {

struct NpyHeader {
  ScalarType dtype = ScalarType::Undefined;
  bool other_order = false;  // the elements' bytes stand in the other order than this machine's
  bool fortran_order = false;
  std::vector<int64_t> sizes;
};

/// Parses the header's text, a Python dict of literals. where begins the messages of IoErrors.
NpyHeader parse_npy_header(std::string_view text, const std::string& where);
/// What stands before the elements. Throws DTypeError where NumPy has no such type.
std::string make_npy_header(const char* op, const Tensor& tensor);

/// Copies the next bytes.
using ByteReader = Function<void(void*, size_t)>;
/// Reads an array that takes exactly size bytes.
Tensor read_npy(const ByteReader& read, uint64_t size, const std::string& where);

}  // namespace taper::io
