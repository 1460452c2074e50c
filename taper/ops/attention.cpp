#include "taper/kernel/attention.h"

#include <cmath>
#include <limits>

#include "taper/ops/attention.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/extremum.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/random_util.h"
#include "taper/ops/softmax.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

constexpr const char* kOp = "scaled_dot_product_attention";

/// The tensors of one call; an absent mask is undefined.
struct Inputs {
  Tensor q, k, v, mask;
};

void check_types(const Inputs& x) {
  TAPER_CHECK_AS(
      DTypeError, x.q.scalar_type() == x.k.scalar_type() && x.q.scalar_type() == x.v.scalar_type(),
      kOp, ": Expected query, key, and value to have the same dtype, but got query.dtype: ",
      x.q.scalar_type(), ", key.dtype: ", x.k.scalar_type(),
      ", and value.dtype: ", x.v.scalar_type(), " instead.");
  check_floating(kOp, x.q);
  if (!x.mask.defined()) return;
  const ScalarType type = x.mask.scalar_type();
  TAPER_CHECK_AS(DTypeError, type == kBool || type == kFloat || type == x.q.scalar_type(), kOp,
                 ": Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                 "attn_mask.dtype: ",
                 type, " and query.dtype: ", x.q.scalar_type(), " instead.");
}

void check_sizes(const Inputs& x) {
  TAPER_CHECK_AS(ShapeError, x.q.dim() >= 2 && x.k.dim() >= 2 && x.v.dim() >= 2, kOp,
                 ": Expected query, key, and value to all be at least 2 dimensional, but got "
                 "query.dim(): ",
                 x.q.dim(), ", key.dim(): ", x.k.dim(), " and value.dim(): ", x.v.dim(),
                 " instead.");
  TAPER_CHECK_AS(ShapeError, x.q.size(-1) == x.k.size(-1) && x.k.size(-2) == x.v.size(-2), kOp,
                 ": expected query [*, L, E], key [*, S, E] and value [*, S, D], got sizes ",
                 x.q.sizes(), ", ", x.k.sizes(), " and ", x.v.sizes());
}

/// The leading sizes of a tensor: all but the last two.
IntArrayRef leading(const Tensor& x) {
  return x.sizes().slice(0, static_cast<size_t>(x.dim()) - 2);
}

/// x with these leading sizes.
Tensor with_leading(const Tensor& x, IntArrayRef batch) {
  if (leading(x) == batch) return x;
  DimVector sizes(batch.begin(), batch.end());
  sizes.push_back(x.size(-2));
  sizes.push_back(x.size(-1));
  return expand(x, sizes);
}

/// All with the leading sizes that they broadcast to.
Inputs broadcast(const Inputs& x) {
  const DimVector pair = broadcast_sizes(leading(x.q), leading(x.k));
  const DimVector batch = broadcast_sizes(pair, leading(x.v));
  Inputs all{with_leading(x.q, batch), with_leading(x.k, batch), with_leading(x.v, batch), {}};
  if (!x.mask.defined()) return all;
  DimVector scores(batch.begin(), batch.end());
  scores.push_back(x.q.size(-2));
  scores.push_back(x.k.size(-2));
  TAPER_CHECK_AS(ShapeError, is_expandable_to(x.mask.sizes(), scores), kOp,
                 ": attn_mask must broadcast to [*, L, S], ", IntArrayRef(scores), ", got ",
                 x.mask.sizes());
  all.mask = expand(x.mask, scores);
  return all;
}

/// Views in which dimension -4 counts the heads of key and value, and -3 those of query that share
/// one.
Inputs grouped(const Inputs& x) {
  TAPER_CHECK_AS(ShapeError, x.q.dim() >= 3 && x.k.dim() >= 3 && x.v.dim() >= 3, kOp,
                 ": enable_gqa takes query, key and value of at least 3 dimensions, got sizes ",
                 x.q.sizes(), ", ", x.k.sizes(), " and ", x.v.sizes());
  const int64_t heads = x.q.size(-3), shared = x.k.size(-3);
  TAPER_CHECK_AS(
      ShapeError, shared > 0 && shared == x.v.size(-3) && heads % shared == 0, kOp,
      ": Number of heads in key and value must divide the number of heads in query, got ", heads,
      ", ", shared, " and ", x.v.size(-3));
  const DimVector split{shared, heads / shared};
  Inputs all{unflatten(x.q, -3, split), x.k.unsqueeze(-3), x.v.unsqueeze(-3), x.mask};
  if (x.mask.defined() && x.mask.dim() >= 3) {
    const int64_t of_mask = x.mask.size(-3);
    TAPER_CHECK_AS(ShapeError, of_mask == 1 || of_mask == heads, kOp,
                   ": attn_mask must broadcast to [*, L, S] of ", heads, " heads, got ",
                   x.mask.sizes());
    all.mask = of_mask == heads ? unflatten(x.mask, -3, split) : x.mask.unsqueeze(-3);
  }
  return all;
}

/// The weights before dropout, made of other ops; those of a query that sees no key are 0.
Tensor weights(const Inputs& x, const AttentionRule& rule) {
  Tensor scores = matmul(x.q.mul(rule.scale), x.k.transpose(-2, -1));
  constexpr double kHidden = -std::numeric_limits<double>::infinity();
  if (rule.causal) {
    const DimVector plane{x.q.size(-2), x.k.size(-2)};
    return softmax(scores.masked_fill(ones(plane, kBool).triu(1), kHidden), -1);
  }
  if (!x.mask.defined() || scores.numel() == 0) return softmax(scores, -1);
  scores = x.mask.scalar_type() == kBool ? scores.masked_fill(x.mask.logical_not(), kHidden)
                                         : scores.add(x.mask);
  const Tensor blind = amax(scores.detach(), -1, true).eq(kHidden);
  return softmax(scores.masked_fill(blind, 0), -1).masked_fill(blind, 0);
}

Tensor dropped(const Tensor& x, const AttentionRule& rule) {
  return rule.dropout > 0 ? dropout_by_key(x, rule.dropout, rule.key) : x;
}

/// The gradients of q, k and v as ops, for a graph of them.
void composed_gradients(Backward& g, const Inputs& x, const AttentionRule& rule) {
  const Tensor w = weights(x, rule);
  if (g.wants(2)) g.set(2, matmul(dropped(w, rule).transpose(-2, -1), g.grad()));
  if (!g.wants(0) && !g.wants(1)) return;
  const Tensor grad = dropped(matmul(g.grad(), x.v.transpose(-2, -1)), rule);
  const Tensor slope = w.mul(grad.sub(w.mul(grad).sum(-1, true))).mul(rule.scale);
  if (g.wants(0)) g.set(0, matmul(slope, x.k));
  if (g.wants(1)) g.set(1, matmul(slope.transpose(-2, -1), x.q));
}

void attention_gradients(Backward& g, const AttentionRule& rule) {
  const Inputs x{g.saved(0), g.saved(1), g.saved(2), g.saved(3)};
  if (thread_state.recording()) return composed_gradients(g, x, rule);
  const Tensor grad = g.grad().contiguous();
  Tensor slopes[3];
  for (size_t i = 0; i < 3; ++i) {
    if (g.wants(i))
      slopes[i] = new_tensor("attention_backward", g.saved(i).sizes(), x.q.scalar_type());
  }
  const auto target = [&](size_t i) { return slopes[i].defined() ? out_view(slopes[i]) : View(); };
  attention_backward_kernel(x.q.device(), target(0), target(1), target(2), in(grad), in(x.q),
                            in(x.k), in(x.v), x.mask.defined() ? in(x.mask) : ConstView(),
                            in(g.saved(4)), in(g.saved(5)), rule);
  for (size_t i = 0; i < 3; ++i) {
    if (slopes[i].defined()) g.set(i, std::move(slopes[i]));
  }
}

/// Whether products of whole matrices are quicker (measured), and no larger than the tensors.
bool is_small(const Inputs& x) {
  const int64_t queries = x.q.size(-2), keys = x.k.size(-2);
  return queries <= 4 || (queries <= 8 && keys <= 8);
}

/// float32 or float64, one set of leading sizes.
Tensor attend(const Inputs& x, const AttentionRule& rule) {
  if (is_small(x) || (x.mask.defined() && needs_grad(x.mask))) {
    return matmul(dropped(weights(x, rule), rule), x.v);
  }
  DimVector sizes(x.q.sizes().begin(), x.q.sizes().end());
  sizes.back() = x.v.size(-1);
  Tensor result = new_tensor(kOp, sizes, x.q.scalar_type());
  sizes.pop_back();
  const Tensor log_sums = new_tensor(kOp, sizes, x.q.scalar_type());
  attention_kernel(x.q.device(), out_view(result), out_view(log_sums), in(x.q), in(x.k), in(x.v),
                   x.mask.defined() ? in(x.mask) : ConstView(), rule);
  record({.name = "ScaledDotProductFlashAttentionForCpuBackward0",
          .outputs = {result},
          .inputs = {x.q, x.k, x.v},
          .save = {x.q, x.k, x.v, x.mask, result, log_sums},
          .backward = [rule](Backward& g) { attention_gradients(g, rule); }});
  return result;
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const std::optional<Tensor>& attn_mask, double dropout_p,
                                    bool is_causal, std::optional<double> scale, bool enable_gqa) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&scaled_dot_product_attention, query, key, value, attn_mask, dropout_p,
                          is_causal, scale, enable_gqa);
  }
  Inputs x{query, key, value, attn_mask.value_or(Tensor())};
  check_dropout_probability(kOp, dropout_p);
  TAPER_CHECK(!is_causal || !x.mask.defined(), kOp,
              ": Explicit attn_mask should not be set when is_causal=True");
  check_types(x);
  check_sizes(x);
  if (enable_gqa) x = grouped(x);
  const ScalarType type = query.scalar_type(), work = type == kDouble ? kDouble : kFloat;
  for (Tensor* t : {&x.q, &x.k, &x.v}) *t = t->to(work);
  if (x.mask.defined() && x.mask.scalar_type() != kBool) x.mask = x.mask.to(work);
  x = broadcast(x);
  AttentionRule rule{
      scale.value_or(1 / std::sqrt(static_cast<double>(query.size(-1)))), is_causal, dropout_p, {}};
  if (dropout_p > 0) rule.key = next_counter_key();
  const Tensor result = attend(x, rule).to(type);
  return enable_gqa ? flatten(result, -4, -3) : result;
}

}  // namespace taper
