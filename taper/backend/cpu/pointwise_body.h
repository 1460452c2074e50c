#pragma once

#include "taper/backend/cpu/pointwise_loop.h"

// Kernel bodies: each names its row in the file's table, ops().
namespace taper::cpu {

inline void run1(const TileOp& op, View out, const Operand& x, Params params, ScalarType compute) {
  const Operand* in[] = {&x};
  run_tiles(op, out, in, 1, params, compute);
}
inline void run2(const TileOp& op, View out, const Operand& a, const Operand& b, Params params,
                 ScalarType compute) {
  const Operand* in[] = {&a, &b};
  run_tiles(op, out, in, 2, params, compute);
}
inline void run3(const TileOp& op, View out, const Operand& a, const Operand& b, const Operand& c,
                 Params params, ScalarType compute) {
  const Operand* in[] = {&a, &b, &c};
  run_tiles(op, out, in, 3, params, compute);
}

}  // namespace taper::cpu

/// Once a file, after its targets: ops(), the table that function() gives for this machine.
#define TAPER_OPS_TABLE(Ops, function)                                \
  HWY_EXPORT(function);                                               \
  namespace cpu {                                                     \
  namespace {                                                         \
  const Ops& ops() {                                                  \
    static const Ops* const table = HWY_DYNAMIC_DISPATCH(function)(); \
    return *table;                                                    \
  }                                                                   \
  }                                                                   \
  }

#define TAPER_BODY1(name)                                                    \
  void name(View out, const Operand& x, Params params, ScalarType compute) { \
    run1(ops().name, out, x, params, compute);                               \
  }
#define TAPER_BODY2(name)                                                                      \
  void name(View out, const Operand& a, const Operand& b, Params params, ScalarType compute) { \
    run2(ops().name, out, a, b, params, compute);                                              \
  }
#define TAPER_BODY3(name)                                                                  \
  void name(View out, const Operand& a, const Operand& b, const Operand& c, Params params, \
            ScalarType compute) {                                                          \
    run3(ops().name, out, a, b, c, params, compute);                                       \
  }
