#pragma once

#include "taper/ops/loss.h"

// Connectionist temporal classification (https://www.cs.toronto.edu/~graves/icml_2006.pdf).
namespace taper TAPER_API {

/// -ln of the probability of all paths through log_probs, [t, n, c] or [t, c], ln of probabilities,
/// that give the targets once repetitions and blanks are taken out. targets are int64 or int32
/// classes, [n, s] or all samples' one after another. The mean is that of the losses, each over its
/// number of targets. zero_infinity: a loss without a path, and its gradient, are 0. The gradient
/// is that of probabilities that add up to 1, as log_softmax gives them. Throws an IndexError on a
/// target that is no class.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, IntArrayRef input_lengths,
                IntArrayRef target_lengths, int64_t blank = 0, int64_t reduction = Reduction::Mean,
                bool zero_infinity = false);
/// The lengths as integer tensors.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank = 0,
                int64_t reduction = Reduction::Mean, bool zero_infinity = false);

}  // namespace taper
