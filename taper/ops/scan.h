#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Running totals along a dimension.
namespace taper TAPER_API {

/// out[i] = x[0] + ... + x[i] along dim; integers and bool in int64, float32 in double.
/// variants: method, inplace, out
Tensor cumsum(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);
/// out[i] = x[0] * ... * x[i] along dim; integers and bool in int64, float32 in double.
/// variants: method, inplace, out
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);
/// out[i] = the largest of x[0] ... x[i] along dim, and where it stands (int64), the last of ties.
/// NaN counts as the largest.
/// variants: method
std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim);
/// out[i] = the smallest of x[0] ... x[i] along dim, and where it stands (int64), the last of ties.
/// NaN counts as the smallest.
/// variants: method
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim);
/// cummax() and cummin() into tensors of the caller's: values of self's type, indices of int64.
std::tuple<Tensor&, Tensor&> cummax_out(Tensor& values, Tensor& indices, const Tensor& self,
                                        int64_t dim);
std::tuple<Tensor&, Tensor&> cummin_out(Tensor& values, Tensor& indices, const Tensor& self,
                                        int64_t dim);
/// out[i] = ln(e^x[0] + ... + e^x[i]) along dim, without overflow. Throws on integers.
/// variants: method, out
Tensor logcumsumexp(const Tensor& self, int64_t dim);

}  // namespace taper
