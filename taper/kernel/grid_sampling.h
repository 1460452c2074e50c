#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// The places of a grid as taps (see kernel/sampling.h). A grid is [images, places, directions], its
// last coordinate the image's first direction; float32 or float64; all operands are contiguous.
namespace taper {

enum class GridMode : uint8_t { linear, nearest, cubic };
enum class GridPadding : uint8_t { zeros, border, reflection };

/// The images that a grid reads: sizes by direction, and its two modes.
struct GridGeometry {
  int64_t directions = 2;
  int64_t size[3] = {1, 1, 1};
  GridMode mode = GridMode::linear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;

  /// Taps of one direction.
  constexpr int64_t taps() const {
    return mode == GridMode::nearest ? 1 : mode == GridMode::linear ? 2 : 4;
  }
};

namespace cpu {
void grid_taps(View index, View weight, ConstView grid, const GridGeometry& geometry);
void grid_taps_backward(View grad_grid, ConstView grad_weight, ConstView grid,
                        const GridGeometry& geometry);
void grid_parts(View part, View slope, ConstView grid, const GridGeometry& geometry);
}  // namespace cpu

/// index [places of all images, taps of all directions] (int64), among the elements of all images,
/// -1 outside; and weight, likewise.
inline constinit Kernel<void(View, View, ConstView, const GridGeometry&)> grid_taps_kernel{
    "grid_taps", &cpu::grid_taps};
/// The grid's gradient from the weights'.
inline constinit Kernel<void(View, ConstView, ConstView, const GridGeometry&)>
    grid_taps_backward_kernel{"grid_taps_backward", &cpu::grid_taps_backward};
/// Of each coordinate: how far behind an element its place lies, which the weights of its direction
/// are functions of, and the slope of that.
inline constinit Kernel<void(View, View, ConstView, const GridGeometry&)> grid_parts_kernel{
    "grid_parts", &cpu::grid_parts};

}  // namespace taper
