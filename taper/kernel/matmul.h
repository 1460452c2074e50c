#pragma once

#include <cstdint>

#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

/// The matrices of a product as strides into the views' memory, so that transposed, folded and
/// expanded operands need no tensor of their own.
struct MatmulGeometry {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  int64_t out_batch = 0, out_row = 0, out_col = 1;
  int64_t a_batch = 0, a_row = 0, a_col = 1;
  int64_t b_batch = 0, b_row = 0, b_col = 1;
};

namespace cpu {
void matmul(View out, ConstView a, ConstView b, ConstView bias, const MatmulGeometry& geometry,
            Scalar alpha, Scalar beta);
}

/// out[m, n] = beta * out + alpha * a[m, k] b[k, n] + bias, per batch. One dtype for all, any but
/// Bool; half types accumulate in float32; integers wrap. bias has n values and may be absent.
/// With beta = 0 the old out is not read. out overlaps no operand.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, const MatmulGeometry&, Scalar,
                             Scalar)>
    matmul_kernel{"matmul", &cpu::matmul};

/// Whether bfloat16 products and convolutions may use the processor's instructions for them; their
/// sums are float32 either way. On by default.
bool bf16_kernels_enabled();
void set_bf16_kernels_enabled(bool enabled);

}  // namespace taper
