#include "taper/nn/attention.h"

#include <cmath>
#include <limits>
#include <ostream>

#include "taper/nn/derived.h"
#include "taper/nn/init.h"
#include "taper/ops/attention.h"
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

constexpr const char* kOp = "multi_head_attention_forward";
using ForwardOptions = functional::MultiheadAttentionForwardFuncOptions;

/// Query, key and value of one call, at any of its stages.
struct Inputs {
  Tensor q, k, v;
};

void check_inputs(const Tensor& query, const Tensor& key, const Tensor& value,
                  const ForwardOptions& o) {
  TAPER_CHECK_AS(ShapeError, query.dim() == 2 || query.dim() == 3, kOp,
                 ": query should be unbatched 2D or batched 3D tensor but received ", query.dim(),
                 "-D query tensor");
  TAPER_CHECK_AS(ShapeError, key.dim() == query.dim() && value.dim() == query.dim(), kOp,
                 ": expected key and value to be ", query.dim(), "-D, got ", key.dim(), "-D and ",
                 value.dim(), "-D");
  const int64_t e = o.embed_dim_to_check(), heads = o.num_heads();
  TAPER_CHECK_AS(ShapeError, query.size(-1) == e, kOp, ": was expecting embedding dimension of ", e,
                 ", but got ", query.size(-1));
  TAPER_CHECK_AS(ConfigError, heads > 0 && e % heads == 0, kOp,
                 ": embed_dim must be divisible by num_heads, got ", e, " and ", heads);
  TAPER_CHECK_AS(
      ConfigError,
      o.use_separate_proj_weight() ? o.q_proj_weight().defined() && o.k_proj_weight().defined() &&
                                         o.v_proj_weight().defined()
                                   : o.in_proj_weight().defined(),
      kOp, ": expected in_proj_weight, or q_, k_ and v_proj_weight with use_separate_proj_weight");
  TAPER_CHECK_AS(ConfigError, o.bias_k().defined() == o.bias_v().defined(), kOp,
                 ": expected bias_k and bias_v, or neither");
  TAPER_CHECK(!o.is_causal() || o.attn_mask().defined(), kOp,
              ": Need attn_mask if specifying the is_causal hint.");
}

void check_masks(const ForwardOptions& o, int64_t l, int64_t s, int64_t n, bool batched) {
  const Tensor &attn_mask = o.attn_mask(), &padding = o.key_padding_mask();
  if (attn_mask.defined()) {
    const DimVector plane{l, s}, each{n * o.num_heads(), l, s};
    TAPER_CHECK_AS(
        ShapeError,
        attn_mask.sizes() == IntArrayRef(plane) || attn_mask.sizes() == IntArrayRef(each), kOp,
        ": The shape of the attn_mask is ", attn_mask.sizes(), ", but should be ",
        IntArrayRef(plane), " or ", IntArrayRef(each), ".");
  }
  if (!padding.defined()) return;
  const DimVector wanted = batched ? DimVector{n, s} : DimVector{s};
  TAPER_CHECK_AS(ShapeError, padding.sizes() == IntArrayRef(wanted), kOp,
                 ": expecting key_padding_mask shape of ", IntArrayRef(wanted), ", but got ",
                 padding.sizes());
}

Inputs project(const Tensor& query, const Tensor& key, const Tensor& value,
               const ForwardOptions& o) {
  const int64_t e = o.embed_dim_to_check();
  const Tensor &weight = o.in_proj_weight(), &bias = o.in_proj_bias();
  const bool separate = o.use_separate_proj_weight();
  if (!separate && query.is_same(key) && key.is_same(value)) {
    const Tensor all = linear(query, weight, bias);
    return {all.narrow(-1, 0, e), all.narrow(-1, e, e), all.narrow(-1, 2 * e, e)};
  }
  const auto part = [&](const Tensor& x, const Tensor& own, int64_t i) {
    return linear(x, separate ? own : weight.narrow(0, i * e, e),
                  bias.defined() ? bias.narrow(0, i * e, e) : Tensor());
  };
  return {part(query, o.q_proj_weight(), 0), part(key, o.k_proj_weight(), 1),
          part(value, o.v_proj_weight(), 2)};
}

/// What the caller gives in the place of a projection, [N * heads, S, d], as [N, heads, S, d].
Tensor given_heads(const char* name, const Tensor& given, int64_t n, int64_t heads, int64_t d) {
  TAPER_CHECK_AS(ShapeError, given.dim() == 3 && given.size(0) == n * heads && given.size(2) == d,
                 kOp, ": expecting ", name, " of sizes [", n * heads, ", S, ", d, "], but got ",
                 given.sizes());
  return unflatten(given, 0, {n, heads});
}

/// [L, N, heads * d] to [N, heads, L, d], a view.
Tensor split_heads(const Tensor& x, int64_t heads) {
  return unflatten(x, -1, {heads, -1}).permute({1, 2, 0, 3});
}

/// The heads of all three, with the keys and values that are added behind those given; their
/// number is returned.
int64_t to_heads(Inputs& x, const ForwardOptions& o) {
  const int64_t heads = o.num_heads(), n = x.q.size(1), d = o.embed_dim_to_check() / heads;
  const auto keys = [&](const Tensor& projected, const Tensor& bias, const char* name,
                        const Tensor& given) {
    if (given.defined()) return given_heads(name, given, n, heads, d);
    if (!bias.defined()) return split_heads(projected, heads);
    return split_heads(cat({projected, bias.expand({1, n, heads * d})}), heads);
  };
  x.q = split_heads(x.q, heads);
  x.k = keys(x.k, o.bias_k(), "static_k", o.static_k());
  x.v = keys(x.v, o.bias_v(), "static_v", o.static_v());
  if (o.add_zero_attn()) {
    for (Tensor* t : {&x.k, &x.v}) *t = cat({*t, zeros({n, heads, 1, d}, t->options())}, 2);
  }
  return (o.bias_k().defined() && !o.static_k().defined() ? 1 : 0) + (o.add_zero_attn() ? 1 : 0);
}

/// A mask as numbers to add to the scores.
Tensor additive(const Tensor& mask, ScalarType type) {
  if (mask.scalar_type() != kBool) return mask.to(type);
  return zeros(mask.sizes(), type).masked_fill(mask, -std::numeric_limits<double>::infinity());
}

/// The two masks as one that broadcasts to [N, heads, L, S], bool where both are; the keys that are
/// added behind those given are allowed.
Tensor joined_masks(const ForwardOptions& o, int64_t n, int64_t added, ScalarType type) {
  const auto widened = [&](const Tensor& mask) {
    return added > 0 ? constant_pad_nd(mask, {0, added}) : mask;
  };
  Tensor attn = o.attn_mask(), padding = o.key_padding_mask();
  if (attn.defined()) {
    attn = widened(attn);
    if (attn.dim() == 3) attn = unflatten(attn, 0, {n, o.num_heads()});
  }
  if (padding.defined()) padding = widened(padding).reshape({n, 1, 1, padding.size(-1) + added});
  if (!attn.defined()) return padding;
  if (!padding.defined()) return attn;
  if (attn.scalar_type() == kBool && padding.scalar_type() == kBool) {
    return attn.logical_or(padding);
  }
  return additive(attn, type).add(additive(padding, type));
}

/// The weights [N, heads, L, S] before dropout.
Tensor weights_of(const Inputs& x, const Tensor& mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(x.q.size(-1)));
  Tensor scores = matmul(x.q.mul(scale), x.k.transpose(-2, -1));
  if (mask.defined()) {
    scores = mask.scalar_type() == kBool
                 ? scores.masked_fill(mask, -std::numeric_limits<double>::infinity())
                 : scores.add(mask.to(scores.scalar_type()));
  }
  return softmax(scores, -1);
}

Tensor attend_without_weights(const Inputs& x, Tensor mask, double dropout, bool causal) {
  if (causal) mask = Tensor();
  if (mask.defined() && mask.scalar_type() == kBool) mask = mask.logical_not();
  return scaled_dot_product_attention(x.q, x.k, x.v, mask, dropout, causal);
}

}  // namespace

functional::MultiheadAttentionForwardFuncOptions::MultiheadAttentionForwardFuncOptions(
    int64_t embed_dim_to_check, int64_t num_heads, Tensor in_proj_weight, Tensor in_proj_bias,
    Tensor bias_k, Tensor bias_v, bool add_zero_attn, double dropout_p, Tensor out_proj_weight,
    Tensor out_proj_bias)
    : embed_dim_to_check_(embed_dim_to_check),
      num_heads_(num_heads),
      in_proj_weight_(std::move(in_proj_weight)),
      in_proj_bias_(std::move(in_proj_bias)),
      bias_k_(std::move(bias_k)),
      bias_v_(std::move(bias_v)),
      add_zero_attn_(add_zero_attn),
      dropout_p_(dropout_p),
      out_proj_weight_(std::move(out_proj_weight)),
      out_proj_bias_(std::move(out_proj_bias)) {}

std::tuple<Tensor, Tensor> functional::multi_head_attention_forward(const Tensor& query,
                                                                    const Tensor& key,
                                                                    const Tensor& value,
                                                                    const ForwardOptions& o) {
  check_inputs(query, key, value, o);
  const bool batched = query.dim() == 3;
  Inputs x = project(query, key, value, o);
  for (Tensor* t : {&x.q, &x.k, &x.v}) {
    if (!batched) {
      *t = t->unsqueeze(1);
    } else if (o.batch_first()) {
      *t = t->transpose(0, 1);
    }
  }
  const int64_t l = x.q.size(0), n = x.q.size(1);
  const int64_t added = to_heads(x, o);
  check_masks(o, l, x.k.size(2) - added, n, batched);
  const double dropout = o.training() ? o.dropout_p() : 0;
  // The hint stands for the mask where nothing else is masked or added.
  const bool causal =
      o.is_causal() && !o.need_weights() && !o.key_padding_mask().defined() && added == 0;
  const Tensor mask = causal ? Tensor() : joined_masks(o, n, added, x.q.scalar_type());
  Tensor weights, output;
  if (o.need_weights()) {
    weights = weights_of(x, mask);
    if (dropout > 0) weights = taper::dropout(weights, dropout, true);
    output = matmul(weights, x.v);
    if (o.average_attn_weights()) weights = weights.mean(1);
    if (!batched) weights = weights.squeeze(0);
  } else {
    output = attend_without_weights(x, mask, dropout, causal);
  }
  // [N, heads, L, d] to [L, N, E], or batches first.
  const bool first = batched && o.batch_first();
  output = first ? output.transpose(1, 2) : output.permute({2, 0, 1, 3});
  output = linear(flatten(output, 2), o.out_proj_weight(), o.out_proj_bias());
  return {batched ? output : output.squeeze(1), weights};
}

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
  const auto add = [&](const char* name, Tensor& member, bool present, IntArrayRef sizes) {
    register_parameter(name, &member, present ? empty(sizes) : Tensor(), present);
  };
  add("q_proj_weight", q_proj_weight, !same, {e, e});
  add("k_proj_weight", k_proj_weight, !same, {e, options.kdim()});
  add("v_proj_weight", v_proj_weight, !same, {e, options.vdim()});
  add("in_proj_weight", in_proj_weight, same, {3 * e, e});
  add("in_proj_bias", in_proj_bias, options.bias(), {3 * e});
  add("bias_k", bias_k, options.add_bias_kv(), {1, 1, e});
  add("bias_v", bias_v, options.add_bias_kv(), {1, 1, e});
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

std::tuple<Tensor, Tensor> MultiheadAttentionImpl::forward(
    const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& key_padding_mask,
    bool need_weights, const Tensor& attn_mask, bool average_attn_weights, bool is_causal) {
  const detail::DerivedScope derived(*out_proj);
  return functional::multi_head_attention_forward(
      query, key, value,
      ForwardOptions(options.embed_dim(), options.num_heads(), in_proj_weight, in_proj_bias, bias_k,
                     bias_v, options.add_zero_attn(), options.dropout(), out_proj->weight,
                     out_proj->bias)
          .training(is_training())
          .key_padding_mask(key_padding_mask)
          .need_weights(need_weights)
          .attn_mask(attn_mask)
          .use_separate_proj_weight(!in_proj_weight.defined())
          .q_proj_weight(q_proj_weight)
          .k_proj_weight(k_proj_weight)
          .v_proj_weight(v_proj_weight)
          .average_attn_weights(average_attn_weights)
          .is_causal(is_causal)
          .batch_first(options.batch_first()));
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
                                           const Tensor& padding, bool is_causal) {
  return dropout1(std::get<0>(self_attn(x, x, x, padding, false, mask, true, is_causal)));
}

Tensor TransformerEncoderLayerImpl::feed_forward(const Tensor& x) {
  return dropout2(linear2(dropout(options.activation()(linear1(x)))));
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& src, const Tensor& src_mask,
                                            const Tensor& src_key_padding_mask, bool is_causal) {
  if (options.norm_first()) {
    const Tensor x = src.add(attend(norm1(src), src_mask, src_key_padding_mask, is_causal));
    return x.add(feed_forward(norm2(x)));
  }
  const Tensor x = norm1(src.add(attend(src, src_mask, src_key_padding_mask, is_causal)));
  return norm2(x.add(feed_forward(x)));
}

template class Cloneable<MultiheadAttentionImpl>;
template class Cloneable<TransformerEncoderLayerImpl>;

}  // namespace taper::nn
