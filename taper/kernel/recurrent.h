#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// What one step of a recurrent layer does to its elements, between the matrix products. Everything
// is contiguous and of one type, float or double: rows of samples, a gate's columns side by side.
namespace taper {

enum class RecurrentCell : uint8_t { kTanh, kRelu, kLstm, kGru };

/// How many gates' columns a cell has.
inline constexpr int64_t gate_count(RecurrentCell cell) {
  return cell == RecurrentCell::kLstm ? 4 : cell == RecurrentCell::kGru ? 3 : 1;
}

/// What the gradient of a step reads and writes. gates is what the step left there.
struct RecurrentGradients {
  View gates;       // out: the gradient of the gates' sums
  View hidden;      // out, GRU: that of the state's part of the sums
  View output;      // in: the gradient of the output; out, GRU: its way around the gates
  View state;       // in and out, LSTM: the gradient of the cell state, of the one before
  ConstView later;  // what is to be added to the gradient of the output; may be absent
};

namespace cpu {
void recurrent_step(RecurrentCell cell, View gates, ConstView hidden, ConstView before, View state,
                    View out);
void recurrent_step_backward(RecurrentCell cell, const RecurrentGradients& grads, ConstView gates,
                             ConstView hidden, ConstView before, ConstView state);
}  // namespace cpu

/// gates [n, gates * h] holds the gates' sums, and their values afterwards; out [n, h] gets the
/// output.
///   tanh, relu: out = f(gates).
///   LSTM: state = f * before + i * g, out = o * tanh(state); gates i, f, g, o.
///   GRU:  gates r, z, n are sigmoid(x + h), sigmoid(x + h), tanh(x + r h), with h of hidden;
///         out = n + z (before - n).
inline constinit Kernel<void(RecurrentCell, View, ConstView, ConstView, View, View)>
    recurrent_step_kernel{"recurrent_step", &cpu::recurrent_step};
/// Its gradients.
inline constinit Kernel<void(RecurrentCell, const RecurrentGradients&, ConstView, ConstView,
                             ConstView, ConstView)>
    recurrent_step_backward_kernel{"recurrent_step_backward", &cpu::recurrent_step_backward};

}  // namespace taper
