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

// Losses of margins.

/// x where y is 1, max(0, margin - x) where y is -1.
Tensor hinge_embedding_loss(const Tensor& self, const Tensor& target, double margin = 1.0,
                            int64_t reduction = Reduction::Mean);
/// max(0, -y (x1 - x2) + margin).
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin = 0.0, int64_t reduction = Reduction::Mean);
/// 1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1: x [n, d] and y [n], or
/// x [d] and y [].
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin = 0.0, int64_t reduction = Reduction::Mean);
/// ln(1 + e^(-y x)).
Tensor soft_margin_loss(const Tensor& self, const Tensor& target,
                        int64_t reduction = Reduction::Mean);
/// Sum over the classes j but the target's t of w[t] max(0, margin - x[t] + x[j])^p / C: x [n, C]
/// or [C], an int64 class for each sample, p 1 or 2. Throws an IndexError on a target that is no
/// class.
Tensor multi_margin_loss(const Tensor& self, const Tensor& target, const Scalar& p = 1,
                         const Scalar& margin = 1, const std::optional<Tensor>& weight = {},
                         int64_t reduction = Reduction::Mean);
/// Sum over the targets t and the classes j that are none of max(0, 1 - (x[t] - x[j])) / C: x and
/// target are [n, C] or [C]; a sample's int64 targets end at the first -1.
Tensor multilabel_margin_loss(const Tensor& self, const Tensor& target,
                              int64_t reduction = Reduction::Mean);
/// max(0, |a - p| - |a - n| + margin), distances by pairwise_distance(); with swap the lesser of
/// |a - n| and |p - n| counts.
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin = 1.0, double p = 2, double eps = 1e-6, bool swap = false,
                           int64_t reduction = Reduction::Mean);

/// e^x - y x with log_input, else x - y ln(x + eps); full adds Stirling's y ln y - y + ln(2 pi y) /
/// 2 where y > 1.
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full,
                        double eps, int64_t reduction);

}  // namespace taper
