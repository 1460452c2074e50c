#include "taper/nn/functional_loss.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/creation.h"
#include "taper/ops/distance.h"
#include "taper/ops/embedding.h"
#include "taper/ops/extremum.h"
#include "taper/ops/loss_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/scatter.h"

namespace taper::nn::functional {
namespace {

/// The variance, with a last dimension that broadcasts.
Tensor variance_for(const Tensor& input, const Tensor& var) {
  if (var.sizes() == input.sizes()) return var;
  const int64_t rank = input.dim();
  const bool shares = rank > 0 && (var.dim() == rank || var.dim() == rank - 1) &&
                      var.sizes().slice(0, static_cast<size_t>(rank - 1)) ==
                          input.sizes().slice(0, static_cast<size_t>(rank - 1));
  TAPER_CHECK_AS(ShapeError, shares && (var.dim() == rank - 1 || var.size(-1) == 1),
                 "gaussian_nll_loss: var is of incorrect size: ", var.sizes(), " for input of ",
                 input.sizes());
  return var.dim() == rank ? var : var.unsqueeze(-1);
}

}  // namespace

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const MultilabelSoftMarginLossFuncOptions& o) {
  TAPER_CHECK_AS(ShapeError, input.dim() > 0,
                 "multilabel_soft_margin_loss: expected a dimension of classes, got an input "
                 "without dimensions");
  Tensor losses =
      target.mul(log_sigmoid(input)).add(target.neg().add(1).mul(log_sigmoid(input.neg()))).neg();
  if (o.weight().defined()) losses = losses.mul(o.weight());
  return reduced(losses.sum(-1).div(static_cast<double>(input.size(-1))), o.reduction().index());
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const TripletMarginWithDistanceLossFuncOptions& o) {
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return o.distance_function() ? (*o.distance_function())(a, b) : pairwise_distance(a, b);
  };
  return triplet_loss("triplet_margin_with_distance_loss", anchor, positive, negative, o.margin(),
                      o.swap(), o.reduction().index(), distance);
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNLLLossFuncOptions& o) {
  const Tensor given = variance_for(input, var);
  TAPER_CHECK(!given.lt(0).any().item<bool>(), "gaussian_nll_loss: var has negative entry/entries");
  Tensor v = given.clone();
  {
    const NoGradGuard no_grad;
    v.copy_(v.clamp_min(o.eps()));
  }
  Tensor losses = v.log().add(input.sub(target).square().div(v)).mul(0.5);
  if (o.full()) losses = losses.add(0.5 * std::log(2 * M_PI));
  return reduced(losses, o.reduction().index());
}

Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& o) {
  TAPER_CHECK(o.tau() != 0, "gumbel_softmax: tau must not be 0");
  Tensor draws = empty(logits.sizes(), logits.options());
  exponential_(draws);
  Tensor soft = logits.sub(draws.log()).div(o.tau()).softmax(o.dim());
  if (!o.hard()) return soft;
  const Tensor place = std::get<1>(soft.detach().max(o.dim(), true));
  const Tensor one_hot = zeros(soft.sizes(), soft.options()).scatter(o.dim(), place, Scalar(1));
  return one_hot.sub(soft.detach()).add(soft);
}

Tensor softsign(const Tensor& input) { return input.div(input.abs().add(1)); }
Tensor tanhshrink(const Tensor& input) { return input.sub(input.tanh()); }

Tensor embedding_bag(const Tensor& input, const Tensor& weight, const EmbeddingBagFuncOptions& o) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 1 || input.dim() == 2,
                 "embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension ",
                 input.dim());
  Tensor offsets = o.offsets(), weights = o.per_sample_weights();
  TAPER_CHECK_AS(ShapeError, !weights.defined() || weights.sizes() == input.sizes(),
                 "embedding_bag: If per_sample_weights is not None, then it must have the same "
                 "shape as the input, got ",
                 weights.defined() ? weights.sizes() : IntArrayRef(), " and ", input.sizes());
  Tensor indices = input;
  if (input.dim() == 2) {
    TAPER_CHECK_AS(ConfigError, !offsets.defined(),
                   "embedding_bag: if input is 2D, then offsets has to be None, as input is "
                   "treated is a mini-batch of fixed length sequences");
    offsets = arange(input.sizes()[0], kLong).mul(input.sizes()[1]);
    indices = input.reshape(-1);
    if (weights.defined()) weights = weights.reshape(-1);
  } else {
    TAPER_CHECK_AS(ConfigError, offsets.defined(),
                   "embedding_bag: offsets has to be a 1D Tensor but got None");
  }
  if (o.max_norm()) {
    Tensor rows = weight.detach();
    embedding_renorm_(rows, indices, *o.max_norm(), o.norm_type());
  }
  const bool last = o.include_last_offset() && input.dim() == 1;
  return std::get<0>(taper::embedding_bag(weight, indices, offsets, o.scale_grad_by_freq(),
                                          o.mode().index(), o.sparse(), weights, last,
                                          o.padding_idx()));
}

}  // namespace taper::nn::functional
