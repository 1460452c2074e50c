#include <cmath>

#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/distance.h"
#include "taper/ops/extremum.h"
#include "taper/ops/loss_util.h"
#include "taper/ops/masking.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/scan.h"
#include "taper/ops/scatter.h"

namespace taper {
namespace {

/// x where y is `label`, 0 elsewhere.
Tensor where_label(const Tensor& x, const Tensor& y, int64_t label) {
  return x.masked_fill(y.ne(label), 0);
}

/// Classes as rows [n, C] and targets [n, ...]; what x [C] lacks is put in front.
struct Classes {
  Tensor x, target;
  bool batched;
};

Classes classes_of(const char* op, const Tensor& self, const Tensor& target, bool target_has_rows) {
  check_floating(op, self);
  const bool batched = self.dim() == 2;
  TAPER_CHECK_AS(ShapeError,
                 (batched && self.sizes()[1] > 0) || (self.dim() <= 1 && self.numel() > 0), op,
                 ": Expected non-empty vector or matrix with optional 0-dim batch size, but got: ",
                 self.sizes());
  TAPER_CHECK_AS(DTypeError, target.scalar_type() == kLong, op,
                 ": expected scalar type Long but found ", target.scalar_type());
  const Tensor x = batched ? self : self.reshape({1, self.numel()});
  const bool fits = target_has_rows ? target.sizes() == self.sizes()
                    : batched       ? target.dim() == 1 && target.sizes()[0] == self.sizes()[0]
                                    : target.numel() == 1 && target.dim() <= 1;
  TAPER_CHECK_AS(ShapeError, fits, op, ": inconsistent target size: ", target.sizes(),
                 " for input of size: ", self.sizes());
  const Tensor t = target_has_rows ? target.reshape(x.sizes()) : target.reshape({x.sizes()[0]});
  const int64_t lowest = target_has_rows ? -1 : 0;
  if (t.numel() > 0) {
    const auto [low, high] = aminmax(t);
    TAPER_CHECK_AS(IndexError, low.item<int64_t>() >= lowest && high.item<int64_t>() < x.sizes()[1],
                   op, ": target out of range: from ", low.item<int64_t>(), " to ",
                   high.item<int64_t>(), " for ", x.sizes()[1], " classes");
  }
  return {x, t, batched};
}

/// Of one sample without a batch, a loss without dimensions.
Tensor reduced_samples(const Tensor& losses, const Classes& c, int64_t reduction) {
  return reduced(reduction == Reduction::None && !c.batched ? losses.squeeze(0) : losses,
                 reduction);
}

}  // namespace

Tensor hinge_embedding_loss(const Tensor& self, const Tensor& target, double margin,
                            int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::hinge_embedding_loss, self, target, margin, reduction);
  }
  const Tensor hinge = self.neg().add(margin).clamp_min(0);
  const Tensor losses = where(target.eq(1), zeros({}, self.options()), hinge)
                            .add(where(target.eq(-1), zeros({}, self.options()), self));
  return reduced(losses, reduction);
}

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::margin_ranking_loss, input1, input2, target, margin, reduction);
  }
  TAPER_CHECK_AS(
      ShapeError, input1.dim() == input2.dim() && input1.dim() == target.dim(),
      "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
      "input1: ",
      input1.sizes(), ", input2: ", input2.sizes(), ", target: ", target.sizes());
  return reduced(input1.sub(input2).mul(target.neg()).add(margin).clamp_min(0), reduction);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::cosine_embedding_loss, input1, input2, target, margin,
                            reduction);
  }
  constexpr double kTiny = 1e-12;
  constexpr const char* op = "cosine_embedding_loss";
  TAPER_CHECK_AS(ShapeError, target.dim() <= 1, op,
                 ": 0D or 1D target tensor expected, multi-target not supported, got ",
                 target.sizes());
  const int64_t rank = target.dim() + 1;
  TAPER_CHECK_AS(ShapeError, input1.dim() == rank && input2.dim() == rank, op, ": ", rank - 1,
                 "D target tensor expects ", rank, "D input tensors, but found inputs with sizes ",
                 input1.sizes(), " and ", input2.sizes());
  const int64_t dim = target.dim();
  const Tensor lengths =
      input1.square().sum(dim).add(kTiny).mul(input2.square().sum(dim).add(kTiny));
  const Tensor cosine = input1.mul(input2).sum(dim).div(lengths.sqrt());
  const Tensor losses = where_label(cosine.neg().add(1), target, 1)
                            .add(where_label(cosine.sub(margin).clamp_min(0), target, -1));
  return reduced(losses, reduction);
}

Tensor soft_margin_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::soft_margin_loss, self, target, reduction);
  }
  const Tensor z = self.mul(target).neg();
  return reduced(logaddexp(z, zeros({}, z.options())), reduction);
}

Tensor multi_margin_loss(const Tensor& self, const Tensor& target, const Scalar& p,
                         const Scalar& margin, const std::optional<Tensor>& weight,
                         int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::multi_margin_loss, self, target, p, margin, weight, reduction);
  }
  constexpr const char* op = "multi_margin_loss";
  const double power = p.toDouble();
  TAPER_CHECK(power == 1 || power == 2, op, ": only p == 1 and p == 2 supported, got ", power);
  const Classes c = classes_of(op, self, target, false);
  const int64_t classes = c.x.sizes()[1];
  const Tensor place = c.target.unsqueeze(1);
  Tensor hinge = c.x.sub(c.x.gather(1, place)).add(margin).relu();
  if (power == 2) hinge = hinge.square();
  if (weight && weight->defined()) {
    TAPER_CHECK_AS(ShapeError, weight->dim() == 1 && weight->numel() == classes, op,
                   ": inconsistent weight size, expected ", classes, " but got ", weight->sizes());
    check_same_dtype(op, self, *weight);
    hinge = hinge.mul(weight->index_select(0, c.target).unsqueeze(1));
  }
  const Tensor own = zeros(c.x.sizes(), kBool).scatter(1, place, Scalar(true));
  const Tensor losses = hinge.masked_fill(own, 0).sum(1).div(static_cast<double>(classes));
  return reduced_samples(losses, c, reduction);
}

Tensor multilabel_margin_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::multilabel_margin_loss, self, target, reduction);
  }
  const Classes c = classes_of("multilabel_margin_loss", self, target, true);
  const int64_t classes = c.x.sizes()[1];
  // Up to the first -1.
  const Tensor valid = c.target.ge(0).to(kLong).cumprod(1);
  const Tensor place = c.target.clamp_min(0);
  const Tensor is_target = zeros(c.x.sizes(), kLong).scatter_add(1, place, valid).gt(0);
  const Tensor left_out = valid.eq(0).unsqueeze(2).logical_or(is_target.unsqueeze(1));
  const Tensor of_target = c.x.gather(1, place);
  const Tensor hinge = c.x.unsqueeze(1).sub(of_target.unsqueeze(2)).add(1).relu();
  const Tensor losses =
      hinge.masked_fill(left_out, 0).sum({1, 2}).div(static_cast<double>(classes));
  return reduced_samples(losses, c, reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::triplet_margin_loss, anchor, positive, negative, margin, p, eps,
                            swap, reduction);
  }
  return triplet_loss(
      "triplet_margin_loss", anchor, positive, negative, margin, swap, reduction,
      [&](const Tensor& a, const Tensor& b) { return pairwise_distance(a, b, p, eps); });
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full,
                        double eps, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::poisson_nll_loss, input, target, log_input, full, eps,
                            reduction);
  }
  constexpr double kTwoPi = 6.283185307179586;
  Tensor losses =
      log_input ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
  if (full) {
    const Tensor stirling =
        target.mul(target.log()).sub(target).add(target.mul(kTwoPi).log().mul(0.5));
    losses = losses.add(stirling.masked_fill(target.le(1), 0));
  }
  return reduced(losses, reduction);
}

}  // namespace taper
