#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include "taper/tensor/tensor.h"

// Order along a dimension. NaN is the largest value; of equal elements the first comes first, in
// either direction. Values carry gradients to where they came from.
namespace taper TAPER_API {

/// The elements along a dimension in order, and the indices they had.
/// variants: method
std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim = -1, bool descending = false);
/// sort(); every sort is stable.
/// variants: method
std::tuple<Tensor, Tensor> sort(const Tensor& self, std::optional<bool> stable, int64_t dim = -1,
                                bool descending = false);
/// The indices of sort().
/// variants: method
Tensor argsort(const Tensor& self, int64_t dim = -1, bool descending = false);
/// The indices of sort().
/// variants: method
Tensor argsort(const Tensor& self, bool stable, int64_t dim = -1, bool descending = false);
/// The values of sort() along the first dimension.
/// variants: method
Tensor msort(const Tensor& self);
/// The k largest (smallest) elements along a dimension, in order, and their indices.
/// variants: method
std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim = -1,
                                bool largest = true, bool sorted = true);
/// The k-th smallest element along a dimension, k from 1, and its index.
/// variants: method
std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim = -1,
                                    bool keepdim = false);
/// The lower median of all elements; NaN when there is one, or there are no elements.
/// variants: method
Tensor median(const Tensor& self);
/// The lower median along a dimension, NaN when there is one, and its index.
/// variants: method
std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim = false);
/// median() of what is no NaN.
/// variants: method
Tensor nanmedian(const Tensor& self);
/// median() of what is no NaN.
/// variants: method
std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim = false);
/// The value that stands most often along a dimension, the smallest of several, and the index of
/// its last occurrence.
/// variants: method
std::tuple<Tensor, Tensor> mode(const Tensor& self, int64_t dim = -1, bool keepdim = false);
/// The quantiles q, in [0, 1], of all elements or along a dimension. q is a number or has one
/// dimension, which becomes the first of the result. interpolation between two elements is
/// "linear", "lower", "higher", "midpoint" or "nearest". NaN when there is one.
/// variants: method
Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim = std::nullopt,
                bool keepdim = false, std::string_view interpolation = "linear");
/// quantile() for one q.
/// variants: method
Tensor quantile(const Tensor& self, double q, std::optional<int64_t> dim = std::nullopt,
                bool keepdim = false, std::string_view interpolation = "linear");
/// quantile() of what is no NaN.
/// variants: method
Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim = std::nullopt,
                   bool keepdim = false, std::string_view interpolation = "linear");
/// quantile() of what is no NaN, for one q.
/// variants: method
Tensor nanquantile(const Tensor& self, double q, std::optional<int64_t> dim = std::nullopt,
                   bool keepdim = false, std::string_view interpolation = "linear");

/// Where the elements of self belong in sorted_sequence, whose last dimension ascends: the index of
/// the first element that is not below (right: that is above). sorted_sequence has one dimension or
/// self's leading sizes. side, "left" or "right", says the same as right; sorter gives the order of
/// a sequence that is not sorted.
Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false,
                    bool right = false, std::optional<std::string_view> side = std::nullopt,
                    const std::optional<Tensor>& sorter = std::nullopt);
Tensor searchsorted(const Tensor& sorted_sequence, const Scalar& self, bool out_int32 = false,
                    bool right = false, std::optional<std::string_view> side = std::nullopt,
                    const std::optional<Tensor>& sorter = std::nullopt);
/// searchsorted() in one-dimensional boundaries.
Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32 = false,
                 bool right = false);
Tensor bucketize(const Scalar& self, const Tensor& boundaries, bool out_int32 = false,
                 bool right = false);

/// The elements without repetitions of the one before, the index in the result of each element, and
/// how often each stands in a row; along a dimension, or of the flattened tensor.
/// variants: method
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& self,
                                                      bool return_inverse = false,
                                                      bool return_counts = false,
                                                      std::optional<int64_t> dim = std::nullopt);
/// The distinct slices along a dimension in lexicographic order, the index in the result of each
/// slice, and how often each stands.
std::tuple<Tensor, Tensor, Tensor> unique_dim(const Tensor& self, int64_t dim, bool sorted = true,
                                              bool return_inverse = false,
                                              bool return_counts = false);
/// unique_consecutive() along a dimension.
std::tuple<Tensor, Tensor, Tensor> unique_dim_consecutive(const Tensor& self, int64_t dim,
                                                          bool return_inverse = false,
                                                          bool return_counts = false);
/// The distinct elements in order, the index in the result of each element, and how often each
/// stands: Python's torch.unique.
std::tuple<Tensor, Tensor, Tensor> _unique2(const Tensor& self, bool sorted = true,
                                            bool return_inverse = false,
                                            bool return_counts = false);
/// Whether each element of elements is among test_elements (invert: is not).
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique = false,
            bool invert = false);

}  // namespace taper
