#pragma once

#include "taper/ops/op_util.h"

// What ops that reduce over dimensions share.
namespace taper {

/// dims as bits; an empty list means all. Throws on dimensions out of range or named twice.
uint64_t reduced_dims(const char* op, IntArrayRef dims, int64_t rank);
/// Sizes with the reduced dimensions 1, or left out.
DimVector reduced_sizes(IntArrayRef sizes, uint64_t dims, bool keepdim);
/// Number of elements that make one result.
int64_t reduced_count(IntArrayRef sizes, uint64_t dims);
/// A result's gradient with its reduced dimensions back as size 1, so that it broadcasts.
Tensor with_reduced_dims(const Tensor& grad, uint64_t dims, bool keepdim, int64_t rank);
/// The same, expanded to the input's sizes.
Tensor expand_reduced(const Tensor& grad, uint64_t dims, bool keepdim, IntArrayRef sizes);
/// Throws when a dimension of extent 0 is reduced, which has no identity here.
void check_nonempty(const char* op, IntArrayRef sizes, uint64_t dims);
/// Records values that were chosen along dim at indices: their gradient goes to where they came
/// from.
void record_choice(const char* node, const Tensor& values, const Tensor& indices,
                   const Tensor& self, int64_t dim, bool keepdim = true);
/// The bits as a list of dimensions.
DimVector dims_of(uint64_t dims, int64_t rank);

}  // namespace taper
