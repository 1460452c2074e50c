#pragma once

#include <optional>
#include <vector>

#include "taper/tensor/tensor.h"

// Parts of a tensor, over self's memory. Negative dimensions count from the end; one out of range
// throws an IndexError.
namespace taper TAPER_API {

/// Elements [start, start + length) of a dimension.
/// variants: method
Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length);
/// Elements [start, start + length) of a dimension; start is an integer tensor without dimensions.
/// variants: method
Tensor narrow(const Tensor& self, int64_t dim, const Tensor& start, int64_t length);
/// Elements start, start + step ... below end of a dimension; both ends are clamped to its size.
/// variants: method
Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt,
             std::optional<int64_t> end = std::nullopt, int64_t step = 1);
/// The element index of a dimension, which goes away.
/// variants: method
Tensor select(const Tensor& self, int64_t dim, int64_t index);
/// The diagonal of two dimensions as the last dimension; offset > 0 lies above.
/// variants: method
Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
/// All slices of a length, step apart, along a dimension; they become the last dimension.
/// variants: method
Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step);
/// Any geometry over self's memory; throws where it reaches past the memory.
/// variants: method
Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                  std::optional<int64_t> storage_offset = std::nullopt);

/// The slices along a dimension, which goes away.
/// variants: method
std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0);
/// Pieces of split_size along a dimension; the last may be smaller.
/// variants: method
std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0);
/// Same as split(), which is safe here.
/// variants: method
std::vector<Tensor> unsafe_split(const Tensor& self, int64_t split_size, int64_t dim = 0);
/// Pieces of the given sizes, which must sum to the dimension's.
/// variants: method
std::vector<Tensor> split(const Tensor& self, IntArrayRef split_sizes, int64_t dim = 0);
/// Pieces of the given sizes, which must sum to the dimension's.
/// variants: method
std::vector<Tensor> split_with_sizes(const Tensor& self, IntArrayRef split_sizes, int64_t dim = 0);
/// Same as split_with_sizes(), which is safe here.
/// variants: method
std::vector<Tensor> unsafe_split_with_sizes(const Tensor& self, IntArrayRef split_sizes,
                                            int64_t dim = 0);
/// At most chunks pieces of equal size along a dimension; the last may be smaller.
/// variants: method
std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0);
/// Same as chunk(), which is safe here.
/// variants: method
std::vector<Tensor> unsafe_chunk(const Tensor& self, int64_t chunks, int64_t dim = 0);
/// sections pieces along a dimension, the first ones one longer where the size does not divide.
/// variants: method
std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim = 0);
/// The pieces between indices along a dimension, cut as slice() cuts.
/// variants: method
std::vector<Tensor> tensor_split(const Tensor& self, IntArrayRef indices, int64_t dim = 0);
/// tensor_split() by an int64 tensor: sections without dimensions, indices with one.
/// variants: method
std::vector<Tensor> tensor_split(const Tensor& self, const Tensor& tensor_indices_or_sections,
                                 int64_t dim = 0);
/// tensor_split() along the second dimension, or the first of a one-dimensional tensor. The number
/// of sections must divide the size.
/// variants: method
std::vector<Tensor> hsplit(const Tensor& self, int64_t sections);
/// tensor_split() along the second dimension, or the first of a one-dimensional tensor.
/// variants: method
std::vector<Tensor> hsplit(const Tensor& self, IntArrayRef indices);
/// tensor_split() along the first of at least two dimensions, whose size sections must divide.
/// variants: method
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections);
/// tensor_split() along the first of at least two dimensions.
/// variants: method
std::vector<Tensor> vsplit(const Tensor& self, IntArrayRef indices);
/// tensor_split() along the third of at least three dimensions, whose size sections must divide.
/// variants: method
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections);
/// tensor_split() along the third of at least three dimensions.
/// variants: method
std::vector<Tensor> dsplit(const Tensor& self, IntArrayRef indices);

}  // namespace taper
