#pragma once

#include <optional>
#include <vector>

#include "taper/tensor/tensor.h"

// Ops that share self's memory. Negative dimensions count from the end; one out of range throws an
// IndexError.
namespace taper TAPER_API {

/// The same elements in other sizes, one of which may be -1, without a copy; throws when the
/// strides do not allow it.
/// variants: method
Tensor view(const Tensor& self, IntArrayRef size);
/// The same bytes as another type: sizes and strides of the last dimension scale.
/// variants: method
Tensor view(const Tensor& self, ScalarType dtype);
/// A view in other's sizes.
/// variants: method
Tensor view_as(const Tensor& self, const Tensor& other);
/// The same elements in other sizes, one of which may be -1: a view where possible, else a copy.
/// variants: method
Tensor reshape(const Tensor& self, IntArrayRef shape);
/// reshape() to other's sizes.
/// variants: method
Tensor reshape_as(const Tensor& self, const Tensor& other);
/// Merges the dimensions start_dim to end_dim into one; a tensor without dimensions becomes [1].
/// variants: method
Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1);
/// Splits a dimension into sizes, one of which may be -1.
/// variants: method
Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes);
/// All elements in one dimension.
/// variants: method
Tensor ravel(const Tensor& self);

/// Two dimensions swapped.
/// variants: method
Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1);
/// Two dimensions swapped.
/// variants: method
Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1);
/// Two dimensions swapped.
/// variants: method
Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1);
/// The transposed matrix; fewer than two dimensions stay as they are, more throw.
/// variants: method
Tensor t(const Tensor& self);
/// The last two dimensions swapped.
/// variants: method
Tensor mT(const Tensor& self);
/// All dimensions in reverse order.
/// variants: method
Tensor numpy_T(const Tensor& self);
/// Dimension i of the result is dimension dims[i] of self.
/// variants: method
Tensor permute(const Tensor& self, IntArrayRef dims);
/// Moves the dimensions source to the places destination; the others keep their order.
/// variants: method
Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination);
/// Moves one dimension.
/// variants: method
Tensor movedim(const Tensor& self, int64_t source, int64_t destination);
/// Same as movedim().
/// variants: method
Tensor moveaxis(const Tensor& self, IntArrayRef source, IntArrayRef destination);
/// Same as movedim().
/// variants: method
Tensor moveaxis(const Tensor& self, int64_t source, int64_t destination);
/// Swaps two dimensions of self itself.
/// variants: method
Tensor& transpose_(Tensor& self, int64_t dim0, int64_t dim1);
/// Transposes the matrix self itself.
/// variants: method
Tensor& t_(Tensor& self);

/// Repeats dimensions of size 1 without a copy; -1 keeps a size, new dimensions come in front.
/// variants: method
Tensor expand(const Tensor& self, IntArrayRef size, bool implicit = false);
/// expand() to other's sizes.
/// variants: method
Tensor expand_as(const Tensor& self, const Tensor& other);
/// expand() to sizes.
/// variants: method
Tensor broadcast_to(const Tensor& self, IntArrayRef size);
/// All tensors expanded to the sizes that they broadcast to.
std::vector<Tensor> broadcast_tensors(TensorList tensors);
/// The sum over the dimensions in which a tensor of these sizes would be expanded to self's.
/// variants: method
Tensor sum_to_size(const Tensor& self, IntArrayRef size);

/// Without its dimensions of size 1.
/// variants: method
Tensor squeeze(const Tensor& self);
/// Without one dimension if its size is 1.
/// variants: method
Tensor squeeze(const Tensor& self, int64_t dim);
/// Without those of the dimensions whose size is 1.
/// variants: method
Tensor squeeze(const Tensor& self, IntArrayRef dim);
/// With a new dimension of size 1 at dim.
/// variants: method
Tensor unsqueeze(const Tensor& self, int64_t dim);
/// self, with at least one, two or three dimensions: [] becomes [1], [1, 1] or [1, 1, 1], [n]
/// becomes [1, n] or [1, n, 1], and [n, m] becomes [n, m, 1].
Tensor atleast_1d(const Tensor& self);
Tensor atleast_2d(const Tensor& self);
Tensor atleast_3d(const Tensor& self);
std::vector<Tensor> atleast_1d(TensorList tensors);
std::vector<Tensor> atleast_2d(TensorList tensors);
std::vector<Tensor> atleast_3d(TensorList tensors);
/// Drops self's own dimensions of size 1.
/// variants: method
Tensor& squeeze_(Tensor& self);
/// Drops one of self's own dimensions if its size is 1.
/// variants: method
Tensor& squeeze_(Tensor& self, int64_t dim);
/// Gives self itself a new dimension of size 1.
/// variants: method
Tensor& unsqueeze_(Tensor& self, int64_t dim);
/// Swaps two of self's own dimensions.
/// variants: method
Tensor& swapaxes_(Tensor& self, int64_t axis0, int64_t axis1);
/// Swaps two of self's own dimensions.
/// variants: method
Tensor& swapdims_(Tensor& self, int64_t dim0, int64_t dim1);
/// Gives self itself any geometry over its memory; throws where it reaches past the memory.
/// variants: method
Tensor& as_strided_(Tensor& self, IntArrayRef size, IntArrayRef stride,
                    std::optional<int64_t> storage_offset = std::nullopt);

}  // namespace taper
