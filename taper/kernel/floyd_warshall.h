#pragma once

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

namespace cpu {
void floyd_warshall(View distances, View predecessors);
}

/// distances (contiguous [n, n], Float or Double, 0 or less on the diagonal): in place, the length
/// of the shortest walk from each row's node to each column's, +inf where there is none.
/// predecessors, which may be absent (contiguous, Int for Float and Long for Double): the node
/// before the column's, given for walks of one edge. With negative cycles, some of the diagonal
/// ends below 0 and the rest is unspecified.
inline constinit Kernel<void(View, View)> floyd_warshall_kernel{"floyd_warshall",
                                                                &cpu::floyd_warshall};

}  // namespace taper
