#pragma once

#include "taper/kernel/matmul.h"

namespace taper::cpu {

/// The matmul of bfloat16 views, with sums in float32. False, and nothing done, where oneDNN or the
/// processor has no fast way, or where it does not pay.
bool matmul_onednn(View out, ConstView a, ConstView b, ConstView bias, const MatmulGeometry& g,
                   Scalar alpha, Scalar beta);

}  // namespace taper::cpu
