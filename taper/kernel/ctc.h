#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Connectionist temporal classification. float32 or float64; all operands are contiguous. plan
// [n, 3] (int64) holds for each sample where its targets begin, how many it has, and its steps.
namespace taper {

namespace cpu {
void ctc_loss(View loss, View alpha, ConstView log_probs, ConstView targets, ConstView plan,
              int64_t blank);
void ctc_loss_backward(View grad, ConstView factor, ConstView loss, ConstView alpha,
                       ConstView log_probs, ConstView targets, ConstView plan, int64_t blank,
                       bool zero_infinity);
}  // namespace cpu

/// loss[n] = -ln of the probability of all paths through log_probs [t, n, c] that give the targets.
/// alpha [n, t, 2 most targets + 1]: ln of the probability of all their beginnings.
inline constinit Kernel<void(View, View, ConstView, ConstView, ConstView, int64_t)> ctc_loss_kernel{
    "ctc_loss", &cpu::ctc_loss};
/// factor[n] (e^log_probs - the share of the paths that pass each class at each step); 0 behind a
/// sample's steps and, with zero_infinity, where its loss is infinite.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView, ConstView, ConstView,
                             int64_t, bool)>
    ctc_loss_backward_kernel{"ctc_loss_backward", &cpu::ctc_loss_backward};

}  // namespace taper
