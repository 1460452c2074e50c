#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Counts of values. Without gradients.
namespace taper TAPER_API {

/// How many elements lie in each of bins equal parts of [min, max]; of the elements' own range when
/// min equals max. Elements outside and NaN count nowhere. The result has self's type.
/// variants: method
Tensor histc(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0);
/// How many elements are 0, 1 ... up to the largest (at least minlength results), as int64; with
/// weights their sums. self: non-negative integers in one dimension.
/// variants: method
Tensor bincount(const Tensor& self, const std::optional<Tensor>& weights = std::nullopt,
                int64_t minlength = 0);
/// Counts (or sums of weight) of the elements between neighbouring edges, the last bin closed, and
/// the edges; density: divided by total and width. bins are edges, ascending.
/// variants: method
std::tuple<Tensor, Tensor> histogram(const Tensor& self, const Tensor& bins,
                                     const std::optional<Tensor>& weight = std::nullopt,
                                     bool density = false);
/// histogram() with bins equal parts of range, two numbers; of the elements' own unless given.
/// variants: method
std::tuple<Tensor, Tensor> histogram(const Tensor& self, int64_t bins = 100,
                                     std::optional<ArrayRef<double>> range = std::nullopt,
                                     const std::optional<Tensor>& weight = std::nullopt,
                                     bool density = false);

}  // namespace taper
