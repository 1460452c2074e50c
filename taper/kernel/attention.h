#pragma once

#include "taper/base/random.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Attention without its matrix of weights. q [*, L, E], k [*, S, E], v [*, S, D] and mask [*, L, S]
// have the same leading sizes and any strides; all other tensors are contiguous. One type, float or
// double, for all but a bool mask, which is true where a query may look. Blocks, not threads, say
// in which order is added: threads and layout change no bit.
namespace taper {

/// What shapes the weights beside q and k. Dropout draws by the position in [*, L, S].
struct AttentionRule {
  double scale = 1;
  bool causal = false;  // query i sees the keys up to i
  double dropout = 0;
  CounterKey key;
};

namespace cpu {
void attention(View out, View log_sums, ConstView q, ConstView k, ConstView v, ConstView mask,
               const AttentionRule& rule);
void attention_backward(View grad_q, View grad_k, View grad_v, ConstView grad, ConstView q,
                        ConstView k, ConstView v, ConstView mask, ConstView out, ConstView log_sums,
                        const AttentionRule& rule);
}  // namespace cpu

/// out [*, L, D] = dropout(softmax(scale q k^T + mask)) v, 0 for a query that sees no key;
/// log_sums [*, L] are the logarithms of the softmax's sums (0 where there is no key).
inline constinit Kernel<void(View, View, ConstView, ConstView, ConstView, ConstView,
                             const AttentionRule&)>
    attention_kernel{"attention", &cpu::attention};
/// The gradients of q, k and v from that of out; those whose views are absent are left out.
inline constinit Kernel<void(View, View, View, ConstView, ConstView, ConstView, ConstView,
                             ConstView, ConstView, ConstView, const AttentionRule&)>
    attention_backward_kernel{"attention_backward", &cpu::attention_backward};

}  // namespace taper
