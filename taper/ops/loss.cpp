#include "taper/kernel/loss.h"

#include <cmath>
#include <limits>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/loss_util.h"
#include "taper/ops/op_util.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// d loss / d d as differentiable ops.
Tensor pair_slope(const Tensor& diff, PairLoss loss, double beta) {
  switch (loss) {
    case PairLoss::mse:
      return diff.mul(2);
    case PairLoss::l1:
      return diff.sign();
    case PairLoss::smooth_l1:
      return beta == 0 ? diff.sign() : diff.div(beta).clamp(-1, 1);
    default:
      return diff.clamp(-beta, beta);
  }
}

/// scale 0: losses by element.
void pair_gradients(Backward& g, PairLoss loss, double beta, double scale) {
  const Tensor &x = g.saved(0), &y = g.saved(1);
  const double factor = scale == 0 ? 1 : scale;
  Tensor slope;
  if (thread_state.recording()) {
    slope = pair_slope(x.sub(y), loss, beta).mul(g.grad().mul(factor));
  } else {
    slope = new_tensor("loss_backward", x.sizes(), x.scalar_type());
    pair_loss_backward_kernel(x.device(), out_view(slope), in(g.grad().contiguous()), in(x), in(y),
                              loss, beta, factor);
  }
  if (g.wants(1)) g.set(1, slope.neg());
  if (g.wants(0)) g.set(0, std::move(slope));
}

Tensor pair_loss_of(const char* op, const char* node, const Tensor& self, const Tensor& target,
                    int64_t reduction, PairLoss loss, double beta) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&pair_loss_of, op, node, self, target, reduction, loss, beta);
  }
  const ScalarType type = result_type(self, target);
  TAPER_CHECK_AS(DTypeError, isFloatingType(type), op, ": expected floating-point tensors, got ",
                 self.scalar_type(), " and ", target.scalar_type());
  const ScalarType work = isReducedFloatingType(type) ? kFloat : type;
  const bool same = self.sizes() == target.sizes();
  const DimVector sizes = same ? DimVector() : broadcast_sizes(self.sizes(), target.sizes());
  const auto operand = [&](const Tensor& t) {
    const Tensor cast = t.scalar_type() == work ? t : t.to(work);
    return (same ? cast : expand(cast, sizes)).contiguous();
  };
  const Tensor x = operand(self), y = operand(target);
  const double n = static_cast<double>(x.numel());
  const bool each = reduction == Reduction::None;
  // The mean of nothing is 0 / 0.
  if (!each && x.numel() == 0) return reduced(x.sub(y), reduction).to(type);
  const double scale = each ? 0 : reduction == Reduction::Mean ? 1 / n : 1;
  const Tensor result = new_tensor(op, each ? x.sizes() : IntArrayRef(), work);
  pair_loss_kernel(x.device(), out_view(result), in(x), in(y), loss, beta, scale);
  record({.name = node,
          .outputs = {result},
          .inputs = {x, y},
          .save = {x, y},
          .backward = [loss, beta, scale](Backward& g) { pair_gradients(g, loss, beta, scale); }});
  return work == type ? result : result.to(type);
}

// ---- classes

Tensor weight_for(const char* op, const std::optional<Tensor>& weight, int64_t classes,
                  ScalarType type) {
  if (!weight || !weight->defined()) return Tensor();
  TAPER_CHECK_AS(ShapeError, weight->dim() == 1 && weight->numel() == classes, op,
                 ": weight tensor should be defined either for all ", classes,
                 " classes or no classes but got weight tensor of shape: ", weight->sizes());
  return weight->to(type).contiguous();
}
ConstView in_or_none(const Tensor& t) { return t.defined() ? in(t) : ConstView(); }

/// What each sample's loss is multiplied with on its way into the result, as a tensor: the result's
/// gradient, over the total weight for a mean.
Tensor sample_factors(Backward& g, const Tensor& weights, int64_t reduction) {
  Tensor factor = g.grad();
  if (reduction == Reduction::Mean) factor = factor.div(weights.sum());
  return expand(factor, weights.sizes());
}

Tensor join_samples(const Tensor& losses, const Tensor& weights, int64_t reduction) {
  const NoRecordGuard no_record;
  if (reduction == Reduction::None) return losses;
  const Tensor sum = losses.sum();
  return reduction == Reduction::Sum ? sum : sum.div(weights.sum());
}

void check_class_targets(const char* op, const Tensor& self, const Tensor& target) {
  check_floating(op, self);
  TAPER_CHECK_AS(DTypeError, target.scalar_type() == kLong, op,
                 ": expected scalar type Long but found ", target.scalar_type());
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2 && target.dim() == self.dim() - 1, op,
                 ": multi-target not supported: expected a target of ", self.dim() - 1,
                 " dimensions for input of sizes ", self.sizes(), ", got ", target.sizes());
  bool same = self.size(0) == target.size(0);
  for (int64_t d = 2; d < self.dim(); ++d) same = same && self.size(d) == target.size(d - 1);
  TAPER_CHECK_AS(ShapeError, same, op, ": size mismatch (got input: ", self.sizes(),
                 ", target: ", target.sizes(), ")");
}

/// x is float or double, [N, C, ...].
Tensor nll_of(const Tensor& x, const Tensor& target_arg, const Tensor& weight, int64_t reduction,
              int64_t ignore_index) {
  const Tensor target = target_arg.contiguous();
  const Tensor losses = new_tensor("nll_loss", target.sizes(), x.scalar_type());
  const Tensor weights = new_tensor("nll_loss", target.sizes(), x.scalar_type());
  nll_loss_kernel(x.device(), out_view(losses), out_view(weights), in(x), in(target),
                  in_or_none(weight), ignore_index);
  Tensor result = join_samples(losses, weights, reduction);
  record({.name = "NllLossBackward0",
          .outputs = {result},
          .inputs = {x},
          .save = {target, weights, weight},
          .backward = [reduction, ignore_index](Backward& g) {
            const Tensor &target = g.saved(0), &weights = g.saved(1), &weight = g.saved(2);
            const Tensor factor = sample_factors(g, weights, reduction);
            if (thread_state.recording()) {
              // -w at the targets; linear in the factor.
              const Tensor index = target.masked_fill(target.eq(ignore_index), 0).unsqueeze(1);
              const Tensor values = weights.mul(factor).neg().unsqueeze(1);
              g.set(0, zeros(g.sizes(0), values.options()).scatter(1, index, values));
              return;
            }
            const Tensor slope = new_tensor("nll_loss_backward", g.sizes(0), g.dtype(0));
            nll_loss_backward_kernel(slope.device(), out_view(slope), in(factor.contiguous()),
                                     in(target), in_or_none(weight), ignore_index);
            g.set(0, slope);
          }});
  return result;
}

/// Gradient as differentiable ops: p * (sum of the target's distribution) - the distribution.
Tensor cross_entropy_slope(const Tensor& x, const Tensor& target, const Tensor& weight,
                           const Tensor& factor, int64_t ignore_index, double smoothing) {
  const int64_t classes = x.size(1);
  Tensor spread;
  {
    const NoRecordGuard no_record;
    const Tensor ignored = target.eq(ignore_index);
    const Tensor index = target.masked_fill(ignored, 0).unsqueeze(1);
    spread = full(x.sizes(), smoothing / static_cast<double>(classes), x.options());
    spread.add_(zeros(x.sizes(), x.options()).scatter(1, index, Scalar(1 - smoothing)));
    // Every class's share counts with its weight.
    if (weight.defined()) spread.mul_(weight);
    spread = spread.masked_fill(ignored.unsqueeze(1), 0);
  }
  const Tensor total = spread.sum(1, true);
  return x.softmax(1).mul(total).sub(spread).mul(factor.unsqueeze(1));
}

/// x is float or double, [N, C] contiguous.
Tensor cross_entropy_rows(const Tensor& x, const Tensor& target_arg, const Tensor& weight,
                          int64_t reduction, int64_t ignore_index, double smoothing) {
  const Tensor target = target_arg.contiguous();
  const int64_t rows = x.size(0);
  const Tensor losses = new_tensor("cross_entropy_loss", {rows}, x.scalar_type());
  const Tensor weights = new_tensor("cross_entropy_loss", {rows}, x.scalar_type());
  const Tensor lse = new_tensor("cross_entropy_loss", {rows}, x.scalar_type());
  cross_entropy_kernel(x.device(), out_view(losses), out_view(weights), out_view(lse), in(x),
                       in(target), in_or_none(weight), ignore_index, smoothing);
  Tensor result = join_samples(losses, weights, reduction);
  record({.name = "CrossEntropyLossBackward0",
          .outputs = {result},
          .inputs = {x},
          .save = {x, target, weights, lse, weight},
          .backward = [reduction, ignore_index, smoothing](Backward& g) {
            const Tensor &x = g.saved(0), &target = g.saved(1), &weight = g.saved(4);
            const Tensor factor = sample_factors(g, g.saved(2), reduction);
            if (thread_state.recording()) {
              g.set(0, cross_entropy_slope(x, target, weight, factor, ignore_index, smoothing));
              return;
            }
            const Tensor slope =
                new_tensor("cross_entropy_loss_backward", x.sizes(), x.scalar_type());
            cross_entropy_backward_kernel(x.device(), out_view(slope), in(factor.contiguous()),
                                          in(x), in(g.saved(3)), in(target), in_or_none(weight),
                                          ignore_index, smoothing);
            g.set(0, slope);
          }});
  return result;
}

/// Targets are probabilities of self's sizes.
Tensor cross_entropy_of_probabilities(const Tensor& self, const Tensor& target,
                                      const Tensor& weight, int64_t reduction, double smoothing) {
  const int64_t dim = self.dim() == 1 ? 0 : 1;
  const int64_t classes = self.size(dim);
  Tensor goal = target.to(self.scalar_type());
  if (smoothing > 0) {
    goal = goal.mul(1 - smoothing).add(smoothing / static_cast<double>(classes));
  }
  if (weight.defined()) {
    DimVector shape(self.dim(), 1);
    shape[dim] = classes;
    goal = goal.mul(weight.view(shape));
  }
  Tensor losses = self.log_softmax(dim).mul(goal).sum(dim).neg();
  if (reduction == Reduction::None) return losses;
  Tensor sum = losses.sum();
  if (reduction == Reduction::Sum) return sum;
  const int64_t samples = self.dim() == 1 ? 1 : self.numel() / classes;
  return sum.div(static_cast<double>(samples));
}

/// Smoothed targets of any rank, from log-probabilities.
Tensor smoothed_nll(const Tensor& log_p, const Tensor& target, const Tensor& weight,
                    int64_t reduction, int64_t ignore_index, double smoothing) {
  const double classes = static_cast<double>(log_p.size(1));
  DimVector shape(log_p.dim(), 1);
  shape[1] = log_p.size(1);
  const Tensor weighted = weight.defined() ? log_p.mul(weight.view(shape)) : log_p;
  const Tensor ignored = target.eq(ignore_index);
  const Tensor smooth = weighted.sum(1).neg().masked_fill(ignored, 0);
  const Tensor own = nll_of(log_p, target, weight, reduction, ignore_index);
  Tensor rest = smooth;
  if (reduction != Reduction::None) rest = smooth.sum();
  if (reduction == Reduction::Mean) {
    Tensor total = ignored.logical_not().to(log_p.scalar_type());
    if (weight.defined()) {
      const Tensor index = target.masked_fill(ignored, 0).reshape({target.numel()});
      total = total.mul(weight.detach().index_select(0, index).view(target.sizes()));
    }
    rest = rest.div(total.sum());
  }
  return own.mul(1 - smoothing).add(rest.mul(smoothing / classes));
}

void check_smoothing(double smoothing) {
  TAPER_CHECK(smoothing >= 0 && smoothing <= 1,
              "cross_entropy_loss: label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
}

}  // namespace

Tensor mse_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
  return pair_loss_of("mse_loss", "MseLossBackward0", self, target, reduction, PairLoss::mse, 1);
}
Tensor l1_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
  return pair_loss_of("l1_loss", "L1LossBackward0", self, target, reduction, PairLoss::l1, 1);
}
Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, int64_t reduction, double beta) {
  TAPER_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta, got ", beta);
  const PairLoss loss = beta == 0 ? PairLoss::l1 : PairLoss::smooth_l1;
  return pair_loss_of("smooth_l1_loss", "SmoothL1LossBackward0", self, target, reduction, loss,
                      beta);
}
Tensor huber_loss(const Tensor& self, const Tensor& target, int64_t reduction, double delta) {
  TAPER_CHECK(delta > 0, "huber_loss does not support non-positive values for delta., got ", delta);
  return pair_loss_of("huber_loss", "HuberLossBackward0", self, target, reduction, PairLoss::huber,
                      delta);
}

Tensor binary_cross_entropy(const Tensor& self, const Tensor& target,
                            const std::optional<Tensor>& weight, int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::binary_cross_entropy, self, target, weight, reduction);
  }
  check_floating("binary_cross_entropy", self);
  TAPER_CHECK_AS(ShapeError, self.sizes() == target.sizes(),
                 "binary_cross_entropy: Using a target size (", target.sizes(),
                 ") that is different to the input size (", self.sizes(),
                 ") is deprecated. Please ensure they have the same size.");
  Tensor losses;
  {
    const NoRecordGuard no_record;
    TAPER_CHECK(self.lt(0).logical_or(self.gt(1)).any().item<bool>() == false,
                "binary_cross_entropy: all elements of input should be between 0 and 1");
    const Tensor yes = self.log().clamp_min(-100), no = self.neg().log1p().clamp_min(-100);
    losses = target.sub(1).mul(no).sub(target.mul(yes));
  }
  record({.name = "BinaryCrossEntropyBackward0",
          .outputs = {losses},
          .inputs = {self, target},
          .save = {self, target},
          .backward = [](Backward& g) {
            const Tensor &x = g.saved(0), &y = g.saved(1);
            if (g.wants(0)) {
              const Tensor spread = x.mul(x.neg().add(1)).clamp_min(1e-12);
              g.set(0, g.grad().mul(x.sub(y)).div(spread));
            }
            if (g.wants(1)) g.set(1, g.grad().mul(x.neg().log1p().sub(x.log())));
          }});
  if (weight && weight->defined()) losses = losses.mul(*weight);
  return reduced(losses, reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target,
                                        const std::optional<Tensor>& weight,
                                        const std::optional<Tensor>& pos_weight,
                                        int64_t reduction) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::binary_cross_entropy_with_logits, self, target, weight,
                            pos_weight, reduction);
  }
  check_floating("binary_cross_entropy_with_logits", self);
  TAPER_CHECK_AS(ShapeError, self.sizes() == target.sizes(),
                 "binary_cross_entropy_with_logits: Target size (", target.sizes(),
                 ") must be the same as input size (", self.sizes(), ")");
  const Tensor pos = pos_weight ? *pos_weight : Tensor();
  Tensor losses;
  {
    const NoRecordGuard no_record;
    // (1 - y) x + (1 + (p - 1) y) (ln(1 + e^-|x|) + max(-x, 0))
    Tensor softplus = self.abs().neg().exp().log1p().add(self.neg().clamp_min(0));
    if (pos.defined()) softplus = softplus.mul(pos.sub(1).mul(target).add(1));
    losses = self.sub(target.mul(self)).add(softplus);
  }
  record({.name = "BinaryCrossEntropyWithLogitsBackward0",
          .outputs = {losses},
          .inputs = {self, target},
          .save = {self, target, pos},
          .backward = [](Backward& g) {
            const Tensor &x = g.saved(0), &y = g.saved(1), &pos = g.saved(2);
            const Tensor p = x.sigmoid();
            if (g.wants(0)) {
              Tensor slope = p.sub(y);
              if (pos.defined()) {
                const Tensor own = pos.mul(y);
                slope = own.sub(y).add(1).mul(p).sub(own);
              }
              g.set(0, g.grad().mul(slope));
            }
            if (g.wants(1)) {
              // -x + (p - 1) ln(1 + e^-x)
              Tensor slope = x.neg();
              if (pos.defined()) {
                const Tensor softplus = x.abs().neg().exp().log1p().add(x.neg().clamp_min(0));
                slope = slope.add(pos.sub(1).mul(softplus));
              }
              g.set(1, g.grad().mul(slope));
            }
          }});
  if (weight && weight->defined()) losses = losses.mul(*weight);
  return reduced(losses, reduction);
}

Tensor kl_div(const Tensor& self, const Tensor& target, int64_t reduction, bool log_target) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::kl_div, self, target, reduction, log_target);
  }
  Tensor losses;
  if (log_target) {
    losses = target.exp().mul(target.sub(self));
  } else {
    // y ln y is 0 at 0.
    const Tensor entropy = target.mul(target.masked_fill(target.le(0), 1).log());
    losses = entropy.sub(target.mul(self));
  }
  return reduced(losses, reduction);
}

Tensor nll_loss_nd(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                   int64_t reduction, int64_t ignore_index) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::nll_loss_nd, self, target, weight, reduction, ignore_index);
  }
  if (self.dim() == 1 && target.dim() == 0) {
    const Tensor one =
        nll_loss_nd(self.unsqueeze(0), target.unsqueeze(0), weight, reduction, ignore_index);
    return reduction == Reduction::None ? one.squeeze(0) : one;
  }
  check_class_targets("nll_loss", self, target);
  const ScalarType type = self.scalar_type();
  const Tensor x = isReducedFloatingType(type) ? self.to(kFloat) : self;
  const Tensor w = weight_for("nll_loss", weight, self.size(1), x.scalar_type());
  const Tensor result = nll_of(x, target, w, reduction, ignore_index);
  return x.scalar_type() == type ? result : result.to(type);
}
Tensor nll_loss(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                int64_t reduction, int64_t ignore_index) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0 && self.dim() <= 2,
                 "nll_loss: input tensor should be 1D or 2D, got ", self.sizes());
  return nll_loss_nd(self, target, weight, reduction, ignore_index);
}
Tensor nll_loss2d(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                  int64_t reduction, int64_t ignore_index) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 4,
                 "nll_loss2d: only batches of spatial inputs supported (4D tensors), got ",
                 self.sizes());
  return nll_loss_nd(self, target, weight, reduction, ignore_index);
}

Tensor cross_entropy_loss(const Tensor& self, const Tensor& target,
                          const std::optional<Tensor>& weight, int64_t reduction,
                          int64_t ignore_index, double smoothing) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::cross_entropy_loss, self, target, weight, reduction,
                            ignore_index, smoothing);
  }
  check_smoothing(smoothing);
  check_floating("cross_entropy_loss", self);
  const ScalarType type = self.scalar_type();
  const Tensor x = isReducedFloatingType(type) ? self.to(kFloat) : self;
  const int64_t classes = self.dim() == 0 ? 0 : self.size(self.dim() == 1 ? 0 : 1);
  const Tensor w = weight_for("cross_entropy_loss", weight, classes, x.scalar_type());
  const auto back = [&](const Tensor& t) { return x.scalar_type() == type ? t : t.to(type); };
  if (target.is_floating_point() && target.sizes() == self.sizes()) {
    return back(cross_entropy_of_probabilities(x, target, w, reduction, smoothing));
  }
  if (self.dim() == 1 && target.dim() == 0) {
    const Tensor one = cross_entropy_rows(x.unsqueeze(0).contiguous(), target.unsqueeze(0), w,
                                          reduction, ignore_index, smoothing);
    return back(reduction == Reduction::None ? one.squeeze(0) : one);
  }
  check_class_targets("cross_entropy_loss", self, target);
  if (self.dim() == 2) {
    return back(cross_entropy_rows(x.contiguous(), target, w, reduction, ignore_index, smoothing));
  }
  const Tensor log_p = x.log_softmax(1);
  if (smoothing == 0) return back(nll_of(log_p, target, w, reduction, ignore_index));
  return back(smoothed_nll(log_p, target, w, reduction, ignore_index, smoothing));
}

}  // namespace taper
