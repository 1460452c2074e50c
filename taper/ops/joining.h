#pragma once

#include <optional>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// The tensors one after another along a dimension; the other sizes must agree. Types promote.
/// Empty one-dimensional tensors are skipped.
Tensor cat(TensorList tensors, int64_t dim = 0);
Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim = 0);
/// Same as cat().
Tensor concat(TensorList tensors, int64_t dim = 0);
/// Same as cat().
Tensor concatenate(TensorList tensors, int64_t dim = 0);
/// Tensors of equal sizes along a new dimension.
Tensor stack(TensorList tensors, int64_t dim = 0);
/// cat() along the second dimension, or the first of one-dimensional tensors.
Tensor hstack(TensorList tensors);
/// cat() along the first dimension of tensors with at least two.
Tensor vstack(TensorList tensors);

/// Same as vstack().
Tensor row_stack(TensorList tensors);
/// cat() along the third dimension of tensors brought to three by atleast_3d().
Tensor dstack(TensorList tensors);
/// hstack() of matrices, one-dimensional tensors taken as columns.
Tensor column_stack(TensorList tensors);

/// self repeated repeats[i] times along dimension i; new dimensions come in front.
/// variants: method
Tensor repeat(const Tensor& self, IntArrayRef repeats);
/// repeat() where missing repeats count as 1.
/// variants: method
Tensor tile(const Tensor& self, IntArrayRef dims);
/// Each element repeats times in a row along a dimension, or in the flattened tensor.
/// variants: method
Tensor repeat_interleave(const Tensor& self, int64_t repeats,
                         std::optional<int64_t> dim = std::nullopt,
                         std::optional<int64_t> output_size = std::nullopt);
/// Element i repeats[i] times in a row, or each repeats times for a single number. output_size, if
/// given, must be the sum of the repeats.
/// variants: method
Tensor repeat_interleave(const Tensor& self, const Tensor& repeats,
                         std::optional<int64_t> dim = std::nullopt,
                         std::optional<int64_t> output_size = std::nullopt);
/// Each index i of a one-dimensional integer tensor repeats[i] times in a row, in its type.
Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt);
/// The order of the elements reversed along dimensions.
/// variants: method
Tensor flip(const Tensor& self, IntArrayRef dims);
/// flip() along the second dimension.
/// variants: method
Tensor fliplr(const Tensor& self);
/// flip() along the first dimension.
/// variants: method
Tensor flipud(const Tensor& self);
/// k quarter turns from dims[0] towards dims[1], two different dimensions; negative k turns back.
/// variants: method
Tensor rot90(const Tensor& self, int64_t k = 1, IntArrayRef dims = {0, 1});
/// Elements moved shifts places along dims, the last becoming the first again; without dims in
/// the flattened tensor.
/// variants: method
Tensor roll(const Tensor& self, IntArrayRef shifts, IntArrayRef dims = {});

}  // namespace taper
