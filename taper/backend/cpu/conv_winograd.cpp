#include <algorithm>

#include "taper/backend/cpu/conv.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/backend/cpu/winograd.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

// Points and results of one block of tiles stay in L2 beside the filters.
constexpr int64_t kBlockBytes = 1 << 20;

template <class T>
WinogradImages<T> images_of(const Block4<T>& b, int64_t channels, int64_t height, int64_t width) {
  WinogradImages<T> v{b.data, {}, channels, height, width};
  std::copy_n(b.stride, 4, v.stride);
  return v;
}

/// Adjacent columns or adjacent channels.
template <class T>
bool dense_enough(const Block4<T>& b) {
  return b.stride[3] == 1 || b.stride[1] == 1;
}
/// The rows of a plane follow each other too.
template <class T>
bool rows_follow(const Block4<T>& b, int64_t width) {
  return dense_enough(b) && b.stride[2] == width * b.stride[3];
}

bool is_plain_3x3(const ConvShape& s) {
  const ConvGeometry& g = s.geometry;
  for (int d = 0; d < 2; ++d) {
    if (g.stride[d] != 1 || g.dilation[d] != 1 || g.padding[d] > 2) return false;
  }
  return g.groups == 1 && s.kernel_height == 3 && s.kernel_width == 3;
}

// Fewer channels or pixels would leave vectors and tiles empty.
bool is_large_enough(const ConvShape& s) {
  return s.channels >= 16 && s.out_channels >= 16 && std::min(s.height, s.width) >= 4 &&
         s.out_height * s.out_width >= 16 && s.images > 0;
}

bool suits(const ConvShape& s) {
  return is_plain_3x3(s) && is_large_enough(s) && winograd_enabled() && winograd_supported();
}

/// Tiles of the size that takes fewer products.
WinogradGrid grid_of(int64_t height, int64_t width) {
  const auto grid = [&](int64_t tile) {
    return WinogradGrid{tile, (height + tile - 1) / tile, (width + tile - 1) / tile};
  };
  const auto products = [](const WinogradGrid& g) {
    return g.rows_per_image * g.cols * winograd_points(g.tile);
  };
  const WinogradGrid four = grid(4), five = grid(5);
  return products(five) < products(four) ? five : four;
}

int64_t filter_bytes(int64_t tile, int64_t depth, int64_t count) {
  return winograd_points(tile) * depth * winograd_channels(count) * 4;
}

// Few tiles do not pay for the transforms of many filters (measured).
bool repays(const ConvShape& s, const WinogradGrid& grid, int64_t bytes_per_tile) {
  return s.images * grid.rows_per_image * grid.cols * bytes_per_tile >=
         filter_bytes(grid.tile, s.channels, s.out_channels);
}

/// Rows of tiles of one block, whole images where one fits: by the shape alone. Filters that do not
/// stay in L2 pass by once for each block, which then has to be large.
int64_t rows_per_block(const WinogradGrid& grid, int64_t depth, int64_t count) {
  const int64_t channels = winograd_channels(depth) + winograd_channels(count);
  const int64_t tile_bytes = winograd_points(grid.tile) * channels * 4;
  const bool stays = filter_bytes(grid.tile, depth, count) <= 2 * kBlockBytes;
  const int64_t tiles = stays ? std::clamp<int64_t>(kBlockBytes / tile_bytes, 24, 96) : 96;
  const int64_t rows = std::max<int64_t>(1, tiles / grid.cols);
  return rows < grid.rows_per_image ? rows : rows / grid.rows_per_image * grid.rows_per_image;
}

/// Transforms filters given as [k, c] by the strides.
void transform_filters(int64_t tile, const float* data, const int64_t (&stride)[4], int64_t depth,
                       int64_t count, float* to) {
  WinogradFilters f{tile, data, {}, depth, count, to};
  std::copy_n(stride, 4, f.stride);
  parallel_for(0, depth, std::max<int64_t>(1, 4096 / count),
               [&](int64_t first, int64_t last) { winograd_filters(f, first, last); });
}

void map_blocks(const WinogradMap& m, int64_t images) {
  const int64_t rows = images * m.grid.rows_per_image;
  // Few rows are cut finer, for the threads.
  const int64_t least = (24 + m.grid.cols - 1) / m.grid.cols;
  const int64_t block =
      std::min(rows_per_block(m.grid, m.in.channels, m.out.channels), std::max(rows / 4, least));
  parallel_for(0, (rows + block - 1) / block, 1, [&](int64_t from, int64_t to) {
    Scratch<float> scratch(winograd_map_scratch(m, block));
    for (int64_t b = from; b < to; ++b) {
      winograd_map(m, b * block, std::min(rows, (b + 1) * block), scratch.data());
    }
  });
}

}  // namespace

bool conv_winograd(const ConvForward<float>& c) {
  const ConvShape& s = c.shape;
  if (!suits(s) || !dense_enough(c.input) || !rows_follow(c.out, s.out_width)) return false;
  const WinogradGrid grid = grid_of(s.out_height, s.out_width);
  if (!repays(s, grid, 512 << 10)) return false;
  const int64_t count = winograd_channels(s.out_channels);
  const int64_t filter_size = winograd_points(grid.tile) * s.channels * count;
  Scratch<float> filters(filter_size + count);
  transform_filters(grid.tile, c.weight.data, c.weight.stride, s.channels, s.out_channels,
                    filters.data());
  float* const bias = filters.data() + filter_size;
  if (c.bias != nullptr) {
    std::copy_n(c.bias, s.out_channels, bias);
    std::fill(bias + s.out_channels, bias + count, 0.0f);
  }
  const ConvGeometry& g = s.geometry;
  map_blocks({images_of(c.input, s.channels, s.height, s.width),
              images_of(c.out, s.out_channels, s.out_height, s.out_width),
              grid,
              {g.padding[0], g.padding[1]},
              filters.data(),
              c.bias != nullptr ? bias : nullptr},
             s.images);
  return true;
}

bool conv_winograd_input(const ConvBackward<float>& c) {
  const ConvShape& s = c.shape;
  if (!suits(s) || !dense_enough(c.grad_out) || !rows_follow(c.grad_input, s.width)) return false;
  const WinogradGrid grid = grid_of(s.height, s.width);
  if (!repays(s, grid, 512 << 10)) return false;
  // The gradient is the correlation with the filters turned by 180 degrees, their channels and
  // counts swapped.
  const int64_t* w = c.weight.stride;
  const int64_t stride[4] = {w[1], w[0], -w[2], -w[3]};
  Scratch<float> filters(winograd_points(grid.tile) * s.out_channels *
                         winograd_channels(s.channels));
  transform_filters(grid.tile, c.weight.data + 2 * w[2] + 2 * w[3], stride, s.out_channels,
                    s.channels, filters.data());
  const ConvGeometry& g = s.geometry;
  map_blocks({images_of(c.grad_out, s.out_channels, s.out_height, s.out_width),
              images_of(c.grad_input, s.channels, s.height, s.width),
              grid,
              {2 - g.padding[0], 2 - g.padding[1]},
              filters.data(),
              nullptr},
             s.images);
  return true;
}

// The rows of tiles are cut into slices by the shape alone, and the slices' sums are added in
// order: the result does not depend on the threads.
bool conv_winograd_weight(const ConvBackward<float>& c) {
  const ConvShape& s = c.shape;
  if (!suits(s) || !dense_enough(c.input) || !dense_enough(c.grad_out)) return false;
  const WinogradGrid grid = grid_of(s.out_height, s.out_width);
  if (!repays(s, grid, 64 << 10)) return false;
  const ConvGeometry& g = s.geometry;
  const int64_t count = winograd_channels(s.out_channels), matrix = s.channels * count;
  WinogradSum sum{images_of(c.input, s.channels, s.height, s.width),
                  images_of(c.grad_out, s.out_channels, s.out_height, s.out_width),
                  grid,
                  {g.padding[0], g.padding[1]},
                  nullptr,
                  nullptr};
  const int64_t rows = s.images * sum.grid.rows_per_image;
  const int64_t slices =
      std::clamp<int64_t>(rows * sum.grid.cols / 192, std::min<int64_t>(rows, 4), 16);
  // Whole images where there are enough of them.
  const int64_t unit = s.images >= slices ? sum.grid.rows_per_image : 1;
  const int64_t block = rows_per_block(sum.grid, s.channels, s.out_channels);
  const int64_t part = 9 * matrix + count;
  Scratch<float> parts(slices * part);
  parallel_for(0, slices, 1, [&](int64_t from, int64_t to) {
    const int64_t room = winograd_sum_scratch(sum, block);
    Scratch<float> scratch(room + winograd_points(sum.grid.tile) * matrix);
    WinogradSum mine = sum;
    mine.points = scratch.data() + room;
    for (int64_t k = from; k < to; ++k) {
      mine.bias = parts.data() + k * part + 9 * matrix;
      const int64_t first = rows / unit * k / slices * unit;
      const int64_t last = rows / unit * (k + 1) / slices * unit;
      for (int64_t row = first; row < last; row += block) {
        winograd_sum(mine, row, std::min(last, row + block), row == first, scratch.data());
      }
      winograd_taps(sum.grid.tile, mine.points, s.channels, s.out_channels,
                    parts.data() + k * part);
    }
  });
  float* const total = parts.data();
  parallel_for(0, part, 8192, [&](int64_t first, int64_t last) {
    for (int64_t k = 1; k < slices; ++k) {
      const float* from = total + k * part;
      for (int64_t i = first; i < last; ++i) total[i] += from[i];
    }
  });
  if (c.grad_bias != nullptr) std::copy_n(total + 9 * matrix, s.out_channels, c.grad_bias);
  const Block4<float>& w = c.grad_weight;
  parallel_for(0, s.out_channels, std::max<int64_t>(1, 4096 / s.channels),
               [&](int64_t first, int64_t last) {
                 for (int64_t k = first; k < last; ++k) {
                   for (int64_t e = 0; e < s.channels; ++e) {
                     float* to = w.data + k * w.stride[0] + e * w.stride[1];
                     for (int tap = 0; tap < 9; ++tap) {
                       to[tap / 3 * w.stride[2] + tap % 3 * w.stride[3]] =
                           total[tap * matrix + e * count + k];
                     }
                   }
                 }
               });
  return true;
}

}  // namespace taper::cpu
