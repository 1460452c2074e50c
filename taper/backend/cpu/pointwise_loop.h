#pragma once

#include <cstdint>

#include "taper/kernel/pointwise.h"

// The driver of pointwise kernels: it walks over any layout in runs of contiguous elements of one
// type, and calls a tile function on each.
namespace taper::cpu {

/// An op's numbers as tile functions read them.
struct TileParams {
  double real[4], imag[4];
  int64_t whole[4];
  template <class T>
  T get(int i) const {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(real[i]);
    } else if constexpr (is_complex_v<T>) {
      return T(Complex<double>(real[i], imag[i]));
    } else {
      return static_cast<T>(whole[i]);
    }
  }
};

/// out[i] = f(in[0][i], in[1][i] ...) for i < n; all contiguous, of the function's type. Equal
/// inputs give equal bits wherever they stand in a tile, and for any n.
using TileFn = void (*)(void* out, const void* const* in, int64_t n, const TileParams& params);

/// The types that tile functions come in.
enum TileType : uint8_t {
  kTileF32,
  kTileF64,
  kTileI32,
  kTileI64,
  kTileI16,
  kTileI8,
  kTileU8,
  kTileBool,
  kTileC64,
  kTileC128,
  kTileTypes
};

/// One op of one Highway target. A missing small integer type is computed in int32.
struct TileOp {
  const char* name;
  TileFn tile[kTileTypes];
  bool predicate = false;    ///< the result is bool
  bool real_result = false;  ///< a complex type's result is of its real type
  bool mask_first = false;   ///< the first input is bool
  bool costly = false;       ///< about 0.5 ns an element, not 0.1: worth threads earlier
};

/// The functions on complex numbers of the op of this name; throws a DTypeError where it has none.
const TileOp& complex_op(const char* name, ScalarType compute);

void run_tiles(const TileOp& op, View out, const Operand* const* inputs, int count, Params params,
               ScalarType compute);

}  // namespace taper::cpu
