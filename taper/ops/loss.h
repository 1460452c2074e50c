#pragma once

#include <cstdint>
#include <optional>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// How a loss joins the losses of its elements or samples.
namespace Reduction {
enum Reduction : int64_t { None, Mean, Sum };
}

// Losses of pairs: self and target broadcast.

/// (x - y)^2.
Tensor mse_loss(const Tensor& self, const Tensor& target, int64_t reduction = Reduction::Mean);
/// |x - y|.
Tensor l1_loss(const Tensor& self, const Tensor& target, int64_t reduction = Reduction::Mean);
/// d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, d = x - y. Throws on a negative beta.
Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, int64_t reduction = Reduction::Mean,
                      double beta = 1.0);
/// d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2). Throws unless delta > 0.
Tensor huber_loss(const Tensor& self, const Tensor& target, int64_t reduction = Reduction::Mean,
                  double delta = 1.0);
/// -w (y ln x + (1 - y) ln(1 - x)) of probabilities x, each logarithm at least -100. Throws on x
/// outside [0, 1] and on sizes that differ.
Tensor binary_cross_entropy(const Tensor& self, const Tensor& target,
                            const std::optional<Tensor>& weight = {},
                            int64_t reduction = Reduction::Mean);
/// binary_cross_entropy(sigmoid(x), y) without overflow, positive cases weighted by pos_weight.
Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target,
                                        const std::optional<Tensor>& weight = {},
                                        const std::optional<Tensor>& pos_weight = {},
                                        int64_t reduction = Reduction::Mean);
/// y (ln y - x) of log-probabilities x; log_target: of e^y.
Tensor kl_div(const Tensor& self, const Tensor& target, int64_t reduction = Reduction::Mean,
              bool log_target = false);

// Losses of classes: self is [C], [N, C] or [N, C, ...], target an int64 class for each sample.
// The mean divides by the sum of the targets' weights; samples whose target is ignore_index count
// nowhere. Throws an IndexError on a target that is no class.

/// -w[target] x[target] of log-probabilities x.
Tensor nll_loss(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight = {},
                int64_t reduction = Reduction::Mean, int64_t ignore_index = -100);
/// nll_loss() of [N, C, H, W].
Tensor nll_loss2d(const Tensor& self, const Tensor& target,
                  const std::optional<Tensor>& weight = {}, int64_t reduction = Reduction::Mean,
                  int64_t ignore_index = -100);
/// nll_loss() of any rank.
Tensor nll_loss_nd(const Tensor& self, const Tensor& target,
                   const std::optional<Tensor>& weight = {}, int64_t reduction = Reduction::Mean,
                   int64_t ignore_index = -100);
/// nll_loss(log_softmax(x)), in one step for [N, C]. With label_smoothing s the target is 1 - s at
/// its class plus s / C everywhere. A floating target of self's sizes holds probabilities.
Tensor cross_entropy_loss(const Tensor& self, const Tensor& target,
                          const std::optional<Tensor>& weight = {},
                          int64_t reduction = Reduction::Mean, int64_t ignore_index = -100,
                          double label_smoothing = 0.0);

}  // namespace taper
