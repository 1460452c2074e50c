#pragma once

#include <cstdint>

// The parts of Winograd's convolution, for one thread each: a tile of 4x4 (5x5) results of a 3x3
// kernel comes from 36 (49) products, "points", of transformed inputs and transformed filters.
// Channels are the lanes of the vectors; their counts are rounded up to whole vectors of 16.
namespace taper::cpu {

constexpr int64_t winograd_points(int64_t tile) { return (tile + 2) * (tile + 2); }

constexpr int64_t winograd_channels(int64_t channels) { return (channels + 15) / 16 * 16; }

/// Images whose columns, or whose channels, are adjacent.
template <class T>
struct WinogradImages {
  T* data;
  int64_t stride[4];
  int64_t channels, height, width;
};

/// Rows of tiles, numbered through all images; each has `cols` tiles of `tile` x `tile` results.
struct WinogradGrid {
  int64_t tile, rows_per_image, cols;
};

/// filters[k, c, i, j] at any strides -> points of [c, k], in strips as the products read them.
struct WinogradFilters {
  int64_t tile;
  const float* data;
  int64_t stride[4];
  int64_t depth, count;  // c, k
  float* to;             // points * depth * winograd_channels(count)
};

/// out = correlation of in, padded by `pad` zeros, with the filters, + bias.
struct WinogradMap {
  WinogradImages<const float> in;
  WinogradImages<float> out;
  WinogradGrid grid;
  int64_t pad[2];
  const float* filters;  // transformed
  const float* bias;     // winograd_channels(out.channels), or null
};

/// The gradient of the filters, as points of [c, k], and of the bias.
struct WinogradSum {
  WinogradImages<const float> in, grad;
  WinogradGrid grid;
  int64_t pad[2];
  float* points;  // of every product, in.channels * winograd_channels(grad.channels)
  float* bias;    // winograd_channels(grad.channels)
};

/// False on machines without the vector instructions that these kernels are written for.
bool winograd_supported();

/// Channels [first, last) of the filters.
void winograd_filters(const WinogradFilters& f, int64_t first, int64_t last);

/// Floats of scratch memory that `rows` rows of tiles need.
int64_t winograd_map_scratch(const WinogradMap& m, int64_t rows);
int64_t winograd_sum_scratch(const WinogradSum& s, int64_t rows);

/// Rows [first, last) of tiles.
void winograd_map(const WinogradMap& m, int64_t first, int64_t last, float* scratch);
/// The same; adds to points and bias unless `fresh`.
void winograd_sum(const WinogradSum& s, int64_t first, int64_t last, bool fresh, float* scratch);

/// Points of [c, k] -> to[tap, c, k] of the nine taps.
void winograd_taps(int64_t tile, const float* points, int64_t depth, int64_t count, float* to);

}  // namespace taper::cpu
