#pragma once

#include <string>

#include "taper/base/ordered_dict.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

class ByteSource;

namespace io {

/// Writes named tensors as numpy.savez() does, or numpy.savez_compressed(), in one step. Names are
/// UTF-8 and differ; they may not be empty or lead out of a folder. Throws as save_npy() does.
void save_npz(const std::string& path, const OrderedDict<std::string, Tensor>& tensors,
              bool compressed = false);

/// Reads the arrays of an .npz file in its order, each checked by its CRC-32. Throws IoError as
/// load_npy() does, and on zip archives that are damaged, encrypted, ambiguous, or claim far more
/// than their compressed size can stand for.
OrderedDict<std::string, Tensor> load_npz(const std::string& path);
OrderedDict<std::string, Tensor> load_npz(const ByteSource& source);

}  // namespace io
}  // namespace taper
