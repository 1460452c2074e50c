#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Losses. Elements are float32 or float64, the same for all tensors of a call; class targets are
// int64. Sums have a fixed order.
namespace taper {

/// Losses of pairs of elements; d = x - y.
enum class PairLoss : uint8_t {
  mse,        ///< d * d
  l1,         ///< |d|
  smooth_l1,  ///< d * d / (2 beta) for |d| < beta, else |d| - beta / 2
  huber,      ///< d * d / 2 for |d| <= beta, else beta * (|d| - beta / 2)
};

namespace cpu {
void pair_loss(View out, ConstView x, ConstView y, PairLoss loss, double beta, double scale);
void pair_loss_backward(View grad_x, ConstView grad, ConstView x, ConstView y, PairLoss loss,
                        double beta, double scale);
void cross_entropy(View loss, View weights, View lse, ConstView x, ConstView target,
                   ConstView weight, int64_t ignore_index, double smoothing);
void cross_entropy_backward(View grad_x, ConstView factor, ConstView x, ConstView lse,
                            ConstView target, ConstView weight, int64_t ignore_index,
                            double smoothing);
void nll_loss(View loss, View weights, ConstView x, ConstView target, ConstView weight,
              int64_t ignore_index);
void nll_loss_backward(View grad_x, ConstView factor, ConstView target, ConstView weight,
                       int64_t ignore_index);
}  // namespace cpu

/// Contiguous x and y of one shape. scale 0: out of that shape gets each loss; else out, of one
/// element, gets scale times their sum.
inline constinit Kernel<void(View, ConstView, ConstView, PairLoss, double, double)>
    pair_loss_kernel{"pair_loss", &cpu::pair_loss};
/// grad * scale * d loss / d x; grad has one element or the shape of x.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, PairLoss, double, double)>
    pair_loss_backward_kernel{"pair_loss_backward", &cpu::pair_loss_backward};

/// Rows of classes [N, C], contiguous. By row: loss = w[t] (1 - s) (lse - x[t]) + s / C sum over c
/// of w[c] (lse - x[c]), the weight w[t], and lse = ln(sum of e^x); 0 for an ignored row. Throws
/// IndexError on a target that is no class.
inline constinit Kernel<void(View, View, View, ConstView, ConstView, ConstView, int64_t, double)>
    cross_entropy_kernel{"cross_entropy", &cpu::cross_entropy};
/// factor: one element for each row, the gradient of its loss.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView, ConstView, int64_t,
                             double)>
    cross_entropy_backward_kernel{"cross_entropy_backward", &cpu::cross_entropy_backward};

/// x [N, C, ...] of any strides with targets [N, ...] (contiguous, as the outputs): loss =
/// -w[t] x[t] and the weight w[t]; 0 where ignored.
inline constinit Kernel<void(View, View, ConstView, ConstView, ConstView, int64_t)> nll_loss_kernel{
    "nll_loss", &cpu::nll_loss};
/// grad_x (contiguous): 0, and -w[t] * factor at the targets.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, int64_t)>
    nll_loss_backward_kernel{"nll_loss_backward", &cpu::nll_loss_backward};

}  // namespace taper
