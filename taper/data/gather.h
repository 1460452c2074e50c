#pragma once

#include <cstddef>

#include "taper/base/array_ref.h"
#include "taper/base/macros.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace data {

/// The rows source[indices[i]] as one new tensor [indices, sizes of a row]: what stacking them one
/// by one gives, in one pass. No gradient. Throws IndexError on an index out of range, ShapeError
/// on a scalar.
Tensor gather_rows(const Tensor& source, ArrayRef<size_t> indices);

}  // namespace data
}  // namespace taper
