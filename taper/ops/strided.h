#pragma once

#include "taper/ops/op_util.h"

// Views as linear maps: what the backward of every view of part of a tensor is made of.
namespace taper {

/// A view of self. The geometry lies within self's; the caller has derived it from self's.
inline Tensor make_view(const Tensor& self, IntArrayRef sizes, IntArrayRef strides,
                        int64_t offset) {
  return Tensor(TensorImpl::view(self.impl(), sizes, strides, offset));
}

/// The gradient of output i of several, zeros when none came.
Tensor grad_or_zeros(const Backward& b, size_t i);

/// A new tensor of `sizes`, zero but for the elements that strides and offset address, which get
/// the elements of x; elements addressed twice get the sum. Differentiable.
Tensor put_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, int64_t offset);
/// The elements that strides and offset address in a row-major x, as a new tensor of `sizes`.
/// Differentiable: take_strided and put_strided are each other's gradient.
Tensor take_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, int64_t offset);

}  // namespace taper
