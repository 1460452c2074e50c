#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// Rows of weight [rows, d] that a bag of indices names, joined: mode 0 their sum, each times its
/// per_sample_weights where given, 1 their mean, 2 the largest of each column; an empty bag gives
/// zeros. Bag i holds indices [offsets[i], offsets[i + 1]), the last one the rest, unless
/// include_last_offset says that offsets ends with its end. Indices equal to padding_idx count
/// nowhere. scale_grad_by_freq divides a row's gradient by how often it is named (not for mode 2).
/// Returns the bags [bags, d], the bag of each index, the number of indices that count in each bag,
/// and for mode 2 the index that gave each element, -1 where none. Throws an IndexError on an index
/// that names no row.
std::tuple<Tensor, Tensor, Tensor, Tensor> embedding_bag(
    const Tensor& weight, const Tensor& indices, const Tensor& offsets,
    bool scale_grad_by_freq = false, int64_t mode = 0, bool sparse = false,
    const std::optional<Tensor>& per_sample_weights = {}, bool include_last_offset = false,
    std::optional<int64_t> padding_idx = std::nullopt);
/// In place: the rows that indices name, shortened to the norm max_norm where theirs is larger.
Tensor& embedding_renorm_(Tensor& self, const Tensor& indices, double max_norm, double norm_type);

}  // namespace taper
