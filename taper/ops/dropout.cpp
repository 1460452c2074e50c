#include "taper/kernel/dropout.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/bodies.h"
#include "taper/ops/dropout.h"
#include "taper/ops/random_util.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

void check_bernoulli(double p) {
  TAPER_CHECK(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
}

/// x * mask * scale; its own backward, so differentiable to any order.
Tensor masked_scale(const Tensor& self, const Tensor& mask, double scale) {
  const Tensor x = self.contiguous();
  Tensor result = new_tensor("masked_scale", x.sizes(), x.scalar_type());
  masked_scale_kernel(x.device(), out_view(result), in(x), in(mask), scale);
  record(
      {.name = "MaskedScaleBackward0",
       .outputs = {result},
       .inputs = {x},
       .save = {mask},
       .backward = [scale](Backward& g) { g.set(0, masked_scale(g.grad(), g.saved(0), scale)); }});
  return result;
}

/// A bool tensor that is true with probability p.
Tensor draw_mask(IntArrayRef sizes, double p) {
  Tensor mask = new_tensor("dropout", sizes, kBool);
  bernoulli_kernel(mask.device(), out_view(mask), p, next_counter_key());
  return mask;
}

/// Sizes of a mask that spares or drops whole channels.
DimVector channel_mask_sizes(const char* op, const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2, op,
                 ": Feature dropout requires at least 2 dimensions in the input, got ",
                 self.sizes());
  DimVector sizes(self.dim(), 1);
  sizes[0] = self.size(0);
  sizes[1] = self.size(1);
  return sizes;
}

/// What dropout multiplies the kept elements by.
double kept_scale(double p) { return p < 1 ? 1 / (1 - p) : 0; }

}  // namespace

void check_dropout_probability(const char* op, double p) {
  TAPER_CHECK(p >= 0 && p <= 1, op, ": dropout probability has to be between 0 and 1, but got ", p);
}

namespace {

Tensor dropout_into(const Out& out, const Tensor& x, double p, CounterKey key) {
  const double scale = kept_scale(p);
  const Tensor mask = new_tensor("dropout", x.sizes(), kBool);
  Tensor result = out.make("dropout", x.sizes(), x.scalar_type(), {x});
  dropout_kernel(x.device(), out_view(result), out_view(mask), in(x), p, key);
  record(
      {.name = "DropoutBackward0",
       .outputs = {result},
       .inputs = {x},
       .save = {mask},
       .inplace = out.is_inplace(),
       .backward = [scale](Backward& g) { g.set(0, masked_scale(g.grad(), g.saved(0), scale)); }});
  return result;
}

}  // namespace

Tensor dropout_by_key(const Tensor& self, double p, CounterKey key) {
  return dropout_into(Out(), self.contiguous(), p, key);
}

namespace body {

Tensor dropout(Out out, const Tensor& self, double p, bool train) {
  check_dropout_probability("dropout", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  check_floating("dropout", self);
  if (out.is_inplace() && !self.is_contiguous()) {
    const Tensor mask = new_tensor("dropout", self.sizes(), kBool);
    bernoulli_kernel(self.device(), out_view(mask), 1 - p, next_counter_key());
    return self.mul_(mask.to(self.scalar_type()).mul(kept_scale(p)));
  }
  return dropout_into(out, out.is_inplace() ? self : self.contiguous(), p, next_counter_key());
}

Tensor feature_dropout(Out out, const Tensor& self, double p, bool train) {
  check_dropout_probability("feature_dropout", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  check_floating("feature_dropout", self);
  const Tensor mask = draw_mask(channel_mask_sizes("feature_dropout", self), 1 - p);
  const Tensor factor = mask.to(self.scalar_type()).mul(kept_scale(p));
  return out.is_inplace() ? self.mul_(factor) : self.mul(factor);
}

Tensor alpha_dropout(Out out, const Tensor& self, double p, bool train) {
  check_dropout_probability("alpha_dropout", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  check_floating("alpha_dropout", self);
  if (p == 1) return out.is_inplace() ? self.mul_(0) : self.mul(0);
  constexpr double kAlpha = 1.7580993408473766;  // SELU's limit: scale * alpha
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor kept = draw_mask(self.sizes(), 1 - p).to(self.scalar_type());
  const Tensor shift = kept.sub(1).mul(kAlpha * a).add(kAlpha * a * p);
  const Tensor factor = kept.mul(a);
  return out.is_inplace() ? self.mul_(factor).add_(shift) : self.mul(factor).add(shift);
}

}  // namespace body

Tensor bernoulli(const Tensor& self, const std::optional<Generator>& generator) {
  check_floating("bernoulli", self);
  Tensor result = new_tensor("bernoulli", self.sizes(), self.scalar_type());
  bernoulli_tensor_kernel(self.device(), out_view(result), in(self.contiguous()),
                          next_counter_key(generator));
  return result;
}

Tensor bernoulli(const Tensor& self, double p, const std::optional<Generator>& generator) {
  check_bernoulli(p);
  Tensor result = new_tensor("bernoulli", self.sizes(), self.scalar_type());
  bernoulli_kernel(self.device(), out_view(result), p, next_counter_key(generator));
  return result;
}

Tensor& bernoulli_(Tensor& self, double p, const std::optional<Generator>& generator) {
  check_bernoulli(p);
  fill_in_place("bernoulli_", "BernoulliBackward1", self, [&](const Tensor& target) {
    bernoulli_kernel(target.device(), out_view(target), p, next_counter_key(generator));
  });
  return self;
}

Tensor& bernoulli_(Tensor& self, const Tensor& p, const std::optional<Generator>& generator) {
  check_floating("bernoulli_", p);
  const Tensor odds = expand(p.detach(), self.sizes()).contiguous();
  fill_in_place("bernoulli_", "BernoulliBackward0", self, [&](const Tensor& target) {
    bernoulli_tensor_kernel(target.device(), out_view(target), in(odds),
                            next_counter_key(generator));
  });
  return self;
}

}  // namespace taper
