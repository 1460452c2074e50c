#pragma once

#include <string>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

class ByteSource;

namespace io {

/// Writes a tensor of any strides as numpy.save() does, in one step: when something fails, the old
/// file is as it was. Throws IoError, and DTypeError on bfloat16, which NumPy does not have.
void save_npy(const std::string& path, const Tensor& tensor);

/// Reads what numpy.save() wrote: booleans, integers and floating-point numbers of the types that
/// tensors have, in either byte order; an array in Fortran's order comes with such strides. Throws
/// IoError with file and byte on other types and on files that are truncated, damaged in their
/// header or longer than they claim. The format has no checksum: a damaged number is not found.
Tensor load_npy(const std::string& path);
Tensor load_npy(const ByteSource& source);

}  // namespace io
}  // namespace taper
