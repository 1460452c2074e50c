#include "taper/ops/embedding.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/sampling.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/sampling_util.h"
#include "taper/ops/scatter.h"
#include "taper/ops/statistics.h"

namespace taper {
namespace {

constexpr const char* kBag = "embedding_bag";

void check_integers(const char* name, const Tensor& t) {
  TAPER_CHECK_AS(DTypeError, t.scalar_type() == kLong || t.scalar_type() == kInt, kBag,
                 ": Expected tensor for argument '", name,
                 "' to have one of the following scalar types: Long, Int; but got ",
                 t.scalar_type(), " instead");
  TAPER_CHECK_AS(ShapeError, t.dim() == 1, kBag, ": ", name, " has to be a 1D Tensor, but got ",
                 t.sizes());
}

struct Bags {
  Taps taps;  // index -1 where an index does not count
  Tensor bag_of_index, counted;
};

/// Where the bags begin, and where the last one ends.
Tensor starts_of(const Tensor& offsets, int64_t indices, bool include_last_offset) {
  const int64_t given = offsets.numel();
  TAPER_CHECK_AS(ShapeError, !include_last_offset || given >= 1, kBag,
                 ": include_last_offset: number of offsets should be at least 1");
  const int64_t bags = include_last_offset ? given - 1 : given;
  const Tensor from = offsets.to(kLong).contiguous();
  const int64_t* begin = from.const_data_ptr<int64_t>();
  TAPER_CHECK(bags > 0 || indices == 0 || (given == 1 && begin[0] == indices), kBag,
              ": expected a bag for ", indices, " indices, got none");
  Tensor starts = new_tensor(kBag, {bags + 1}, kLong);
  int64_t* to = starts.data_ptr<int64_t>();
  std::copy_n(begin, bags, to);
  to[bags] = include_last_offset ? begin[bags] : indices;
  TAPER_CHECK(bags == 0 || to[0] == 0, kBag,
              ": offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
              "from position 0. However, got ",
              to[0]);
  for (int64_t i = 0; i < bags; ++i) {
    TAPER_CHECK(to[i] <= to[i + 1], kBag, ": offsets must not decrease, got ", to[i], " before ",
                to[i + 1]);
  }
  TAPER_CHECK(to[bags] <= indices, kBag, ": offsets[-1] can not be greater than input's length ",
              indices, ", got offsets[-1] of ", to[bags]);
  return starts;
}

Bags bags_of(const Tensor& indices, const Tensor& offsets, int64_t rows, bool include_last_offset,
             std::optional<int64_t> padding_idx) {
  const int64_t count = indices.numel();
  Bags b{{starts_of(offsets, count, include_last_offset), indices.to(kLong).clone(), {}, rows},
         {},
         {}};
  const int64_t bags = b.taps.rows();
  b.bag_of_index = full({count}, bags, kLong);
  b.counted = zeros({bags}, kLong);
  const int64_t* start = b.taps.first.const_data_ptr<int64_t>();
  int64_t* index = b.taps.index.data_ptr<int64_t>();
  for (int64_t k = 0; k < count; ++k) {
    TAPER_CHECK_AS(IndexError, index[k] >= 0 && index[k] < rows, kBag,
                   ": Expected idx >= 0 && idx < num_embeddings but found idx to be ", index[k],
                   " of ", rows, " embeddings");
    if (padding_idx && index[k] == *padding_idx) index[k] = -1;
  }
  for (int64_t bag = 0; bag < bags; ++bag) {
    for (int64_t k = start[bag]; k < start[bag + 1]; ++k) {
      b.bag_of_index.data_ptr<int64_t>()[k] = bag;
      b.counted.data_ptr<int64_t>()[bag] += index[k] >= 0;
    }
  }
  return b;
}

/// weight itself, of which each row's gradient is divided by how often indices name it.
/// (PyTorch 1.13 on a CPU divides by other rows' counts, against its documentation.)
Tensor scaled_by_frequency(const Tensor& weight, const Tensor& indices) {
  if (!needs_grad(weight)) return weight;
  const Tensor one = ones({1}, weight.scalar_type()).expand({indices.numel()});
  const Tensor counts =
      zeros({weight.sizes()[0]}, weight.scalar_type()).index_add(0, indices, one).clamp_min(1);
  Tensor same(TensorImpl::alias(weight.impl()));
  record({.name = "EmbeddingBagFrequencyBackward",
          .outputs = {same},
          .inputs = {weight},
          .save = {counts},
          .backward = [](Backward& b) { b.set(0, b.grad().div(b.saved(0).unsqueeze(1))); }});
  return same;
}

/// The index with the largest element of each column of each bag.
Tensor largest_of(const Tensor& weight, const Bags& b) {
  Tensor out = new_tensor(kBag, {b.taps.rows(), weight.sizes()[1]}, kLong);
  sample_argmax_kernel(out.device(), out_view(out), in(weight.contiguous()), in(b.taps.first),
                       in(b.taps.index));
  return out;
}

void check_bag(const Tensor& weight, const Tensor& indices, const Tensor& offsets,
               bool scale_grad_by_freq, int64_t mode, const Tensor& per_sample_weights) {
  constexpr const char* kModes[] = {"sum", "mean", "max"};
  check_floating(kBag, weight);
  TAPER_CHECK_AS(ShapeError, weight.dim() == 2, kBag, ": weight has to be a 2D Tensor, but got ",
                 weight.sizes());
  check_integers("indices", indices);
  check_integers("offsets", offsets);
  TAPER_CHECK_AS(ConfigError, mode >= 0 && mode <= 2, kBag,
                 ": mode has to be 0 (sum), 1 (mean) or "
                 "2 (max), got ",
                 mode);
  TAPER_CHECK_AS(ConfigError, mode != 2 || !scale_grad_by_freq, kBag,
                 ": max mode does not support scaling the gradient by the frequency");
  if (!per_sample_weights.defined()) return;
  TAPER_CHECK_AS(ConfigError, mode == 0, kBag,
                 ": per_sample_weights was not None. per_sample_weights is only supported for "
                 "mode='sum' (got mode='",
                 kModes[mode], "')");
  check_same_dtype(kBag, weight, per_sample_weights);
  TAPER_CHECK_AS(ShapeError, per_sample_weights.sizes() == indices.sizes(), kBag,
                 ": expected per_sample_weights to have the sizes ", indices.sizes(),
                 " of indices, got ", per_sample_weights.sizes());
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> embedding_bag(
    const Tensor& weight, const Tensor& indices, const Tensor& offsets, bool scale_grad_by_freq,
    int64_t mode, bool /*sparse*/, const std::optional<Tensor>& per_sample_weights,
    bool include_last_offset, std::optional<int64_t> padding_idx) {
  const Tensor weights = per_sample_weights ? *per_sample_weights : Tensor();
  check_bag(weight, indices, offsets, scale_grad_by_freq, mode, weights);
  if (padding_idx) {
    TAPER_CHECK_AS(IndexError,
                   *padding_idx >= -weight.sizes()[0] && *padding_idx < weight.sizes()[0], kBag,
                   ": padding_idx must be within the number of embeddings, -", weight.sizes()[0],
                   " through ", weight.sizes()[0] - 1, ", but got ", *padding_idx);
    if (*padding_idx < 0) *padding_idx += weight.sizes()[0];
  }
  Bags b = bags_of(indices, offsets, weight.sizes()[0], include_last_offset, padding_idx);
  Tensor at = empty({0}, kLong), out;
  if (mode == 2) {
    at = largest_of(weight, b);
    out = weight.sizes()[0] == 0 ? zeros(at.sizes(), weight.options())
                                 : weight.gather(0, at.clamp_min(0)).masked_fill(at.lt(0), 0);
  } else {
    const ScalarType type = weight.scalar_type();
    const bool reduced = isReducedFloatingType(type);
    const Tensor from = scale_grad_by_freq ? scaled_by_frequency(weight, indices) : weight;
    if (weights.defined()) b.taps.weight = reduced ? weights.to(kFloat) : weights;
    out = sample(reduced ? from.to(kFloat) : from, 0, b.taps);
    if (mode == 1) out = out.div(b.counted.clamp_min(1).unsqueeze(1));
    out = out.to(type);
  }
  return {out, b.bag_of_index, b.counted, at};
}

Tensor& embedding_renorm_(Tensor& self, const Tensor& indices, double max_norm, double norm_type) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 2,
                 "embedding_renorm_: expected self to have 2 dimensions, got ", self.sizes());
  TAPER_CHECK(max_norm >= 0, "embedding_renorm_: expected max_norm >= 0, got ", max_norm);
  const NoRecordGuard no_record;
  const Tensor index = indices.reshape(-1);
  const Tensor rows = self.index_select(0, index);
  const Tensor length = norm(rows, norm_type, 1, true);
  // PyTorch's 1e-7 keeps the row within the norm in spite of rounding.
  const Tensor scale = length.add(1e-7).reciprocal().mul(max_norm);
  self.index_copy_(0, index, where(length.gt(max_norm), rows.mul(scale), rows));
  return self;
}

}  // namespace taper
