#include "taper/nn/attention.h"

#include <cmath>
#include <limits>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/dropout.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/padding.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/softmax.h"
#include "taper/ops/view.h"

namespace taper::nn {
namespace {

/// A mask as numbers to add to the scores.
Tensor additive(const Tensor& mask, const Tensor& scores) {
  if (mask.scalar_type() != kBool) return mask;
  return zeros(mask.sizes(), scores.options())
      .masked_fill(mask, -std::numeric_limits<double>::infinity());
}

/// A mask that allows the keys which are added behind those given.
Tensor widened(const Tensor& mask, int64_t added) {
  return mask.defined() && added > 0 ? constant_pad_nd(mask, {0, added}) : mask;
}

void check_masks(const Tensor& attn_mask, const Tensor& key_padding_mask, int64_t l, int64_t s,
                 int64_t n, int64_t heads, bool batched) {
  if (attn_mask.defined()) {
    const DimVector plane{l, s}, each{n * heads, l, s};
    TAPER_CHECK_AS(
        ShapeError,
        attn_mask.sizes() == IntArrayRef(plane) || attn_mask.sizes() == IntArrayRef(each),
        "MultiheadAttention: The shape of the attn_mask is ", attn_mask.sizes(), ", but should be ",
        IntArrayRef(plane), " or ", IntArrayRef(each), ".");
  }
  if (!key_padding_mask.defined()) return;
  const DimVector wanted = batched ? DimVector{n, s} : DimVector{s};
  TAPER_CHECK_AS(ShapeError, key_padding_mask.sizes() == IntArrayRef(wanted),
                 "MultiheadAttention: expecting key_padding_mask shape of ", IntArrayRef(wanted),
                 ", but got ", key_padding_mask.sizes());
}

/// [L, N, heads * d] to [N * heads, L, d].
Tensor split_heads(const Tensor& x, int64_t heads) {
  return x.contiguous().view({x.size(0), x.size(1) * heads, x.size(2) / heads}).transpose(0, 1);
}

}  // namespace

MultiheadAttentionImpl::MultiheadAttentionImpl(const MultiheadAttentionOptions& options)
    : options(options) {
  MultiheadAttentionImpl::reset();
}

void MultiheadAttentionImpl::reset() {
  const int64_t e = options.embed_dim();
  TAPER_CHECK_AS(ConfigError, options.num_heads() > 0 && e % options.num_heads() == 0,
                 "MultiheadAttention: embed_dim must be divisible by num_heads, got ", e, " and ",
                 options.num_heads());
  head_dim = e / options.num_heads();
  const bool same = options.kdim() == e && options.vdim() == e;
  const auto add = [&](const char* name, bool present, IntArrayRef sizes) {
    return register_parameter(name, present ? empty(sizes) : Tensor(), present);
  };
  q_proj_weight = add("q_proj_weight", !same, {e, e});
  k_proj_weight = add("k_proj_weight", !same, {e, options.kdim()});
  v_proj_weight = add("v_proj_weight", !same, {e, options.vdim()});
  in_proj_weight = add("in_proj_weight", same, {3 * e, e});
  in_proj_bias = add("in_proj_bias", options.bias(), {3 * e});
  bias_k = add("bias_k", options.add_bias_kv(), {1, 1, e});
  bias_v = add("bias_v", options.add_bias_kv(), {1, 1, e});
  out_proj = register_module("out_proj", Linear(LinearOptions(e, e).bias(options.bias())));
  _reset_parameters();
}

void MultiheadAttentionImpl::_reset_parameters() {
  for (const Tensor& weight : {in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight}) {
    if (weight.defined()) init::xavier_uniform_(weight);
  }
  if (options.bias()) {
    init::zeros_(in_proj_bias);
    init::zeros_(out_proj->bias);
  }
  for (const Tensor& bias : {bias_k, bias_v}) {
    if (bias.defined()) init::xavier_normal_(bias);
  }
}

void MultiheadAttentionImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::MultiheadAttention";
}

std::tuple<Tensor, Tensor, Tensor> MultiheadAttentionImpl::project(const Tensor& query,
                                                                   const Tensor& key,
                                                                   const Tensor& value) const {
  const int64_t e = options.embed_dim();
  if (in_proj_weight.defined() && query.is_same(key) && key.is_same(value)) {
    const Tensor all = linear(query, in_proj_weight, in_proj_bias);
    return {all.narrow(-1, 0, e), all.narrow(-1, e, e), all.narrow(-1, 2 * e, e)};
  }
  const auto part = [&](const Tensor& x, const Tensor& own, int64_t i) {
    return linear(x, own.defined() ? own : in_proj_weight.narrow(0, i * e, e),
                  in_proj_bias.defined() ? in_proj_bias.narrow(0, i * e, e) : Tensor());
  };
  return {part(query, q_proj_weight, 0), part(key, k_proj_weight, 1),
          part(value, v_proj_weight, 2)};
}

std::tuple<Tensor, Tensor> MultiheadAttentionImpl::forward(
    const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& key_padding_mask,
    bool need_weights, const Tensor& attn_mask, bool average_attn_weights) {
  TAPER_CHECK_AS(ShapeError, query.dim() == 2 || query.dim() == 3,
                 "MultiheadAttention: query should be unbatched 2D or batched 3D tensor but "
                 "received ",
                 query.dim(), "-D query tensor");
  TAPER_CHECK_AS(ShapeError, key.dim() == query.dim() && value.dim() == query.dim(),
                 "MultiheadAttention: expected key and value to be ", query.dim(), "-D, got ",
                 key.dim(), "-D and ", value.dim(), "-D");
  const bool batched = query.dim() == 3;
  auto [q, k, v] = project(query, key, value);
  for (Tensor* x : {&q, &k, &v}) {
    if (!batched) {
      *x = x->unsqueeze(1);
    } else if (options.batch_first()) {
      *x = x->transpose(0, 1);
    }
  }
  const int64_t heads = options.num_heads(), e = options.embed_dim();
  const int64_t l = q.size(0), n = q.size(1);
  check_masks(attn_mask, key_padding_mask, l, k.size(0), n, heads, batched);
  const int64_t added = (bias_k.defined() ? 1 : 0) + (options.add_zero_attn() ? 1 : 0);
  for (auto [x, bias] : {std::pair(&k, &bias_k), std::pair(&v, &bias_v)}) {
    if (bias->defined()) *x = cat({*x, bias->expand({1, n, e})});
    if (options.add_zero_attn()) *x = cat({*x, zeros({1, n, e}, x->options())});
  }
  const int64_t s = k.size(0);
  q = split_heads(q, heads);
  k = split_heads(k, heads);
  v = split_heads(v, heads);
  Tensor scores = bmm(q.mul(1 / std::sqrt(static_cast<double>(head_dim))), k.transpose(1, 2));
  if (attn_mask.defined()) scores = scores.add(additive(widened(attn_mask, added), scores));
  if (key_padding_mask.defined()) {
    const Tensor mask = additive(widened(key_padding_mask, added), scores).reshape({n, 1, 1, s});
    scores = scores.view({n, heads, l, s}).add(mask).view({n * heads, l, s});
  }
  Tensor weights = softmax(scores, -1);
  const Tensor dropped =
      options.dropout() > 0 ? taper::dropout(weights, options.dropout(), is_training()) : weights;
  Tensor output = bmm(dropped, v).transpose(0, 1).contiguous().view({l, n, e});
  output = out_proj->forward(output);
  if (need_weights) {
    weights = dropped.view({n, heads, l, s});
    if (average_attn_weights) weights = weights.mean(1);
  }
  if (!batched) {
    output = output.squeeze(1);
    if (need_weights) weights = weights.squeeze(0);
  } else if (options.batch_first()) {
    output = output.transpose(0, 1);
  }
  return {output, need_weights ? weights : Tensor()};
}

Tensor TransformerActivation::operator()(const Tensor& input) const {
  if (function_) return function_(input);
  return gelu_ ? gelu(input) : relu(input);
}

TransformerEncoderLayerImpl::TransformerEncoderLayerImpl(TransformerEncoderLayerOptions o)
    : options(std::move(o)) {
  TransformerEncoderLayerImpl::reset();
}

void TransformerEncoderLayerImpl::reset() {
  const int64_t d = options.d_model(), hidden = options.dim_feedforward();
  const LayerNormOptions norm = LayerNormOptions({d}).eps(options.layer_norm_eps());
  const double p = options.dropout();
  self_attn =
      register_module("self_attn", MultiheadAttention(MultiheadAttentionOptions(d, options.nhead())
                                                          .dropout(p)
                                                          .batch_first(options.batch_first())));
  linear1 = register_module("linear1", Linear(d, hidden));
  dropout = register_module("dropout", Dropout(p));
  linear2 = register_module("linear2", Linear(hidden, d));
  norm1 = register_module("norm1", LayerNorm(norm));
  norm2 = register_module("norm2", LayerNorm(norm));
  dropout1 = register_module("dropout1", Dropout(p));
  dropout2 = register_module("dropout2", Dropout(p));
}

void TransformerEncoderLayerImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::TransformerEncoderLayer";
}

Tensor TransformerEncoderLayerImpl::attend(const Tensor& x, const Tensor& mask,
                                           const Tensor& padding) {
  return dropout1(std::get<0>(self_attn(x, x, x, padding, false, mask)));
}

Tensor TransformerEncoderLayerImpl::feed_forward(const Tensor& x) {
  return dropout2(linear2(dropout(options.activation()(linear1(x)))));
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& src, const Tensor& src_mask,
                                            const Tensor& src_key_padding_mask) {
  if (options.norm_first()) {
    const Tensor x = src.add(attend(norm1(src), src_mask, src_key_padding_mask));
    return x.add(feed_forward(norm2(x)));
  }
  const Tensor x = norm1(src.add(attend(src, src_mask, src_key_padding_mask)));
  return norm2(x.add(feed_forward(x)));
}

template class Cloneable<MultiheadAttentionImpl>;
template class Cloneable<TransformerEncoderLayerImpl>;

}  // namespace taper::nn
