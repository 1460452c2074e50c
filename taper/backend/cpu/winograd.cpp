// Longer than other files: the kernels of one target are compiled, and tuned, together.
#include "taper/backend/cpu/winograd.h"

#include <algorithm>

#include "taper/backend/cpu/simd.h"

#ifndef TAPER_WINOGRAD_TYPES
#define TAPER_WINOGRAD_TYPES
namespace taper::cpu {
namespace {

/// Rows of tiles that lie in one image.
struct Segment {
  int64_t image, first, count;
};

/// Calls f(segment, number of its first tile) for the images that rows [first, last) meet.
template <class F>
void each_segment(const WinogradGrid& grid, int64_t first, int64_t last, F f) {
  for (int64_t row = first; row < last;) {
    const int64_t image = row / grid.rows_per_image, top = row % grid.rows_per_image;
    const int64_t count = std::min(grid.rows_per_image - top, last - row);
    f(Segment{image, top, count}, (row - first) * grid.cols);
    row += count;
  }
}

/// From one point's matrix to the next: not a multiple of a page, whose lines share L1's sets.
constexpr int64_t point_stride(int64_t tiles, int64_t channels) { return tiles * channels + 16; }

/// Where a row's parts of the scratch memory lie.
struct Rooms {
  int64_t image, rows, a, b, total;
  Rooms(const WinogradGrid& grid, int64_t count, int64_t a_channels, int64_t b_channels) {
    const int64_t tiles = count * grid.cols, line = (grid.cols * grid.tile + 2) * 16;
    const int64_t deep = std::min(count, grid.rows_per_image);
    const int64_t points = winograd_points(grid.tile);
    image = 0;
    rows = image + (deep * grid.tile + 2) * line;
    a = rows + (grid.tile + 2) * line;
    b = a + points * point_stride(tiles, a_channels);
    total = b + points * point_stride(tiles, b_channels);
  }
};

}  // namespace
}  // namespace taper::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/winograd.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/transpose4-inl.h"
#include "taper/backend/cpu/winograd_products-inl.h"
#include "taper/backend/cpu/winograd_steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX2
namespace {

/// `count` neighbouring pixels of kLanes channels, as [pixel][channel]; `valid` channels exist.
void LoadPixels(const float* from, int64_t channel, int64_t column, int64_t count, int64_t valid,
                float* to) {
  const D d;
  if (valid == kLanes && column == 1 && count >= 4) {
    const int64_t done = TransposeStrip(d, from, channel, to, kLanes, count);
    if (done == count) return;
    TransposeStrip(d, from + count - 4, channel, to + (count - 4) * kLanes, kLanes, int64_t{4});
  } else if (valid == kLanes && channel == 1) {
    for (int64_t i = 0; i < count; ++i) {
      hn::StoreU(hn::LoadU(d, from + i * column), d, to + i * kLanes);
    }
  } else {
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t c = 0; c < kLanes; ++c) {
        to[i * kLanes + c] = c < valid ? from[i * column + c * channel] : 0.0f;
      }
    }
  }
}

HWY_INLINE void ClearPixels(float* to, int64_t count) {
  const D d;
  for (int64_t i = 0; i < count; ++i) hn::StoreU(hn::Zero(d), d, to + i * kLanes);
}

// Rows [top, top + rows) and columns [left, left + columns) of a channel block as [row][column]
// [channel]; zeros outside the image.
void LoadImage(const WinogradImages<const float>& in, int64_t image, int64_t channel, int64_t top,
               int64_t rows, int64_t left, int64_t columns, float* to) {
  const float* plane = in.data + image * in.stride[0] + channel * in.stride[1];
  const int64_t valid = std::min(kLanes, in.channels - channel);
  const int64_t first = std::max<int64_t>(0, -left);
  const int64_t last = std::max(first, std::min(columns, in.width - left));
  // The next block's planes, where they follow: fetched in the order of memory, which the rows of
  // many channels are not.
  const bool follow = in.stride[3] == 1 && in.stride[1] == in.height * in.width &&
                      in.height <= rows && in.stride[1] <= 1024;
  const int64_t lines = follow ? (kLanes * in.stride[1] / 16 + rows - 1) / rows : 0;
  const float* ahead = plane + kLanes * in.stride[1];
  for (int64_t r = 0; r < rows; ++r, to += columns * kLanes) {
    for (int64_t i = 0; i < lines; ++i, ahead += 16) hwy::Prefetch(ahead);
    const int64_t y = top + r;
    if (y < 0 || y >= in.height || valid <= 0) {
      ClearPixels(to, columns);
      continue;
    }
    ClearPixels(to, first);
    LoadPixels(plane + y * in.stride[2] + (left + first) * in.stride[3], in.stride[1], in.stride[3],
               last - first, valid, to + first * kLanes);
    ClearPixels(to + last * kLanes, columns - last);
  }
}

// A channel block's planes through L1, so that they are written in the order of memory.
HWY_INLINE void StorePlanes(const float* from, int64_t pixels, float* room, float* to) {
  const D d;
  for (int64_t c = 0; c < kLanes; c += 4) {
    for (int64_t p = 0; p < pixels; p += kLanes) {
      p = std::min(p, pixels - kLanes);
      TransposeStrip(d, from + p * kLanes + c, kLanes, room + c * pixels + p, pixels, int64_t{4});
    }
  }
  // The next block's planes follow: on their way while its results are computed.
  for (int64_t i = 0; i < pixels * kLanes; i += kLanes) {
    hwy::Prefetch(to + pixels * kLanes + i);
    hn::StoreU(hn::LoadU(d, room + i), d, to + i);
  }
}

// The other way: `count` rows of tiles, whose pixels lie as [row][column][channel], to the image.
void StoreImage(const WinogradImages<float>& out, int64_t image, int64_t channel, int64_t top,
                int64_t rows, const float* from, float* room) {
  const D d;
  float* to = out.data + image * out.stride[0] + channel * out.stride[1] + top * out.stride[2];
  const int64_t valid = std::min(kLanes, out.channels - channel);
  const int64_t pixels = rows * out.width;
  int64_t done = 0;
  if (valid == kLanes && out.stride[3] == 1 && out.stride[1] == pixels && pixels >= kLanes &&
      pixels <= 512) {
    StorePlanes(from, pixels, room, to);
    done = pixels;
  } else if (valid == kLanes && out.stride[3] == 1 && pixels >= kLanes) {
    // Whole vectors of pixels, four channels at a time; the last one overlaps its neighbour.
    for (int64_t c = 0; c < kLanes; c += 4) {
      for (int64_t p = 0; p < pixels; p += kLanes) {
        p = std::min(p, pixels - kLanes);
        TransposeStrip(d, from + p * kLanes + c, kLanes, to + c * out.stride[1] + p, out.stride[1],
                       int64_t{4});
      }
    }
    done = pixels;
  } else if (valid == kLanes && out.stride[1] == 1) {
    for (; done < pixels; ++done) {
      hn::StoreU(hn::LoadU(d, from + done * kLanes), d, to + done * out.stride[3]);
    }
  }
  for (; done < pixels; ++done) {
    for (int64_t c = 0; c < valid; ++c) {
      to[done * out.stride[3] + c * out.stride[1]] = from[done * kLanes + c];
    }
  }
}

// A channel block of a row of tiles, whose pixels lie as [row][column][channel], to its points: the
// rows first, then the columns of each tile. From kFrom pixels, kStep apart from tile to tile.
template <int kFrom, int kStep, int kTo, class Step>
HWY_INLINE void TilePoints(const float* image, int64_t tiles, int64_t columns, float* rows,
                           float* to, int64_t stride, int64_t channels, Step step) {
  const D d;
  const int64_t line = columns * kLanes;
  for (int64_t x = 0; x < line; x += kLanes) {
    V in[kFrom], out[kTo];
    for (int i = 0; i < kFrom; ++i) in[i] = hn::LoadU(d, image + i * line + x);
    step(in, out);
    for (int i = 0; i < kTo; ++i) hn::StoreU(out[i], d, rows + i * line + x);
  }
  for (int64_t t = 0; t < tiles; ++t, to += channels) {
    const float* tile = rows + t * kStep * kLanes;
    for (int i = 0; i < kTo; ++i) {
      V in[kFrom], out[kTo];
      for (int j = 0; j < kFrom; ++j) in[j] = hn::LoadU(d, tile + i * line + j * kLanes);
      step(in, out);
      for (int j = 0; j < kTo; ++j) hn::StoreU(out[j], d, to + (kTo * i + j) * stride);
    }
  }
}

// One channel block of a row of tiles from its points to pixels [row][column][channel].
template <int M>
void ResultPixels(const float* points, int64_t stride, int64_t channels, const WinogradGrid& grid,
                  const float* bias, int64_t width, float* image) {
  const D d;
  const V shift = bias != nullptr ? hn::LoadU(d, bias) : hn::Zero(d);
  for (int64_t t = 0; t < grid.cols; ++t, points += channels) {
    V half[M + 2][M];
    for (int i = 0; i < M + 2; ++i) {
      V in[M + 2];
      for (int j = 0; j < M + 2; ++j) in[j] = hn::LoadU(d, points + ((M + 2) * i + j) * stride);
      ResultStep(in, half[i]);
    }
    const int64_t columns = std::min<int64_t>(M, width - t * M);
    float* const tile = image + t * M * kLanes;
    for (int64_t x = 0; x < columns; ++x) {
      V in[M + 2], out[M];
      for (int i = 0; i < M + 2; ++i) in[i] = half[i][x];
      ResultStep(in, out);
      for (int y = 0; y < M; ++y) {
        hn::StoreU(hn::Add(out[y], shift), d, tile + (y * width + x) * kLanes);
      }
    }
  }
}

/// Points of all channels of the input's rows [first, last) of tiles.
template <int M>
void InputPoints(const WinogradImages<const float>& in, const WinogradGrid& grid,
                 const int64_t (&pad)[2], int64_t first, int64_t last, float* image, float* rows,
                 float* to) {
  const int64_t channels = winograd_channels(in.channels), columns = grid.cols * M + 2;
  const int64_t stride = point_stride((last - first) * grid.cols, channels);
  each_segment(grid, first, last, [&](const Segment& s, int64_t tile) HWY_ATTR {
    for (int64_t c = 0; c < channels; c += kLanes) {
      LoadImage(in, s.image, c, s.first * M - pad[0], s.count * M + 2, -pad[1], columns, image);
      for (int64_t r = 0; r < s.count; ++r) {
        TilePoints<M + 2, M, M + 2>(image + r * M * columns * kLanes, grid.cols, columns, rows,
                                    to + (tile + r * grid.cols) * channels + c, stride, channels,
                                    [](const V(&x)[M + 2], V(&y)[M + 2])
                                        HWY_ATTR { InputStep(x, y); });
      }
    }
  });
}

template <int M>
void MapTiles(const WinogradMap& m, int64_t first, int64_t last, float* scratch) {
  const int64_t depth = winograd_channels(m.in.channels);
  const int64_t count = winograd_channels(m.out.channels);
  const int64_t tiles = (last - first) * m.grid.cols;
  const Rooms at(m.grid, last - first, depth, count);
  float *const image = scratch + at.image, *const a = scratch + at.a, *const b = scratch + at.b;
  InputPoints<M>(m.in, m.grid, m.pad, first, last, image, scratch + at.rows, a);
  const int64_t a_stride = point_stride(tiles, depth), b_stride = point_stride(tiles, count);
  for (int64_t point = 0; point < winograd_points(M); ++point) {
    const Product p{a + point * a_stride,
                    depth,
                    1,
                    m.filters + point * m.in.channels * count,
                    0,
                    b + point * b_stride,
                    count,
                    m.in.channels,
                    false};
    Multiply(p, tiles, count, m.in.channels);
  }
  each_segment(m.grid, first, last, [&](const Segment& s, int64_t tile) HWY_ATTR {
    const int64_t top = s.first * M;
    for (int64_t k = 0; k < m.out.channels; k += kLanes) {
      for (int64_t r = 0; r < s.count; ++r) {
        ResultPixels<M>(b + (tile + r * m.grid.cols) * count + k, b_stride, count, m.grid,
                        m.bias != nullptr ? m.bias + k : nullptr, m.out.width,
                        image + r * M * m.out.width * kLanes);
      }
      StoreImage(m.out, s.image, k, top, std::min(s.count * M, m.out.height - top), image,
                 scratch + at.a);
    }
  });
}

// Adds the pixels of each channel, row by row.
void AddPixels(const float* image, int64_t rows, int64_t columns, float* sums) {
  const D d;
  V total = hn::LoadU(d, sums);
  for (int64_t r = 0; r < rows; ++r) {
    V even = hn::Zero(d), odd = hn::Zero(d);
    int64_t x = 0;
    for (; x + 2 <= columns; x += 2, image += 2 * kLanes) {
      even = hn::Add(even, hn::LoadU(d, image));
      odd = hn::Add(odd, hn::LoadU(d, image + kLanes));
    }
    if (x < columns) {
      even = hn::Add(even, hn::LoadU(d, image));
      image += kLanes;
    }
    total = hn::Add(total, hn::Add(even, odd));
  }
  hn::StoreU(total, d, sums);
}

template <int M>
void SumTiles(const WinogradSum& s, int64_t first, int64_t last, bool fresh, float* scratch) {
  const int64_t depth = winograd_channels(s.in.channels);
  const int64_t count = winograd_channels(s.grad.channels);
  const int64_t tiles = (last - first) * s.grid.cols;
  const Rooms at(s.grid, last - first, depth, count);
  float *const image = scratch + at.image, *const rows = scratch + at.rows;
  float *const a = scratch + at.a, *const b = scratch + at.b;
  InputPoints<M>(s.in, s.grid, s.pad, first, last, image, rows, a);
  const int64_t a_stride = point_stride(tiles, depth), b_stride = point_stride(tiles, count);
  const int64_t columns = s.grid.cols * M;
  if (fresh) std::fill_n(s.bias, count, 0.0f);
  each_segment(s.grid, first, last, [&](const Segment& g, int64_t tile) HWY_ATTR {
    for (int64_t k = 0; k < count; k += kLanes) {
      LoadImage(s.grad, g.image, k, g.first * M, g.count * M, 0, columns, image);
      AddPixels(image, g.count * M, columns, s.bias + k);
      for (int64_t r = 0; r < g.count; ++r) {
        TilePoints<M, M, M + 2>(image + r * M * columns * kLanes, s.grid.cols, columns, rows,
                                b + (tile + r * s.grid.cols) * count + k, b_stride, count,
                                [](const V(&x)[M], V(&y)[M + 2]) HWY_ATTR { GradientStep(x, y); });
      }
    }
  });
  for (int64_t point = 0; point < winograd_points(M); ++point) {
    const Product p{a + point * a_stride,
                    1,
                    depth,
                    b + point * b_stride,
                    count,
                    s.points + point * s.in.channels * count,
                    count,
                    tiles,
                    !fresh};
    Multiply(p, s.in.channels, count, 0);
  }
}

// The transform in both directions of one vector of filters.
template <int M>
void FilterPoints(const float* taps, float* to, int64_t stride) {
  const D d;
  V half[M + 2][3];
  for (int j = 0; j < 3; ++j) {
    V in[3], out[M + 2];
    for (int i = 0; i < 3; ++i) in[i] = hn::LoadU(d, taps + (3 * i + j) * kLanes);
    FilterStep(in, out);
    for (int i = 0; i < M + 2; ++i) half[i][j] = out[i];
  }
  for (int i = 0; i < M + 2; ++i) {
    V out[M + 2];
    FilterStep(half[i], out);
    for (int j = 0; j < M + 2; ++j) hn::StoreU(out[j], d, to + ((M + 2) * i + j) * stride);
  }
}

template <int M>
void FilterTiles(const WinogradFilters& f, int64_t first, int64_t last) {
  const int64_t count = winograd_channels(f.count), stride = f.depth * count;
  for (int64_t c = first; c < last; ++c) {
    float* strip = f.to;
    for (int64_t left = count / kLanes, k = 0; left > 0;) {
      const int vecs = StripVecs(left);
      for (int v = 0; v < vecs; ++v, k += kLanes) {
        HWY_ALIGN float taps[9 * kLanes] = {};
        for (int64_t q = 0; q < std::min(kLanes, f.count - k); ++q) {
          const float* from = f.data + (k + q) * f.stride[0] + c * f.stride[1];
          for (int tap = 0; tap < 9; ++tap) {
            taps[tap * kLanes + q] = from[tap / 3 * f.stride[2] + tap % 3 * f.stride[3]];
          }
        }
        FilterPoints<M>(taps, strip + (c * vecs + v) * kLanes, stride);
      }
      strip += f.depth * vecs * kLanes;
      left -= vecs;
    }
  }
}

template <int M>
void TapTiles(const float* points, int64_t depth, int64_t count, float* to) {
  const D d;
  const int64_t stride = depth * winograd_channels(count);
  for (int64_t at = 0; at < stride; at += kLanes) {
    V half[3][M + 2];
    for (int j = 0; j < M + 2; ++j) {
      V in[M + 2], out[3];
      for (int i = 0; i < M + 2; ++i)
        in[i] = hn::LoadU(d, points + ((M + 2) * i + j) * stride + at);
      TapStep(in, out);
      for (int i = 0; i < 3; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < 3; ++i) {
      V out[3];
      TapStep(half[i], out);
      for (int j = 0; j < 3; ++j) hn::StoreU(out[j], d, to + (3 * i + j) * stride + at);
    }
  }
}

}  // namespace

void Map(const WinogradMap& m, int64_t first, int64_t last, float* scratch) {
  m.grid.tile == 4 ? MapTiles<4>(m, first, last, scratch) : MapTiles<5>(m, first, last, scratch);
}
void Sum(const WinogradSum& s, int64_t first, int64_t last, bool fresh, float* scratch) {
  s.grid.tile == 4 ? SumTiles<4>(s, first, last, fresh, scratch)
                   : SumTiles<5>(s, first, last, fresh, scratch);
}
void Filters(const WinogradFilters& f, int64_t first, int64_t last) {
  f.tile == 4 ? FilterTiles<4>(f, first, last) : FilterTiles<5>(f, first, last);
}
void Taps(int64_t tile, const float* points, int64_t depth, int64_t count, float* to) {
  tile == 4 ? TapTiles<4>(points, depth, count, to) : TapTiles<5>(points, depth, count, to);
}
bool Supported() { return true; }
#else
void Map(const WinogradMap&, int64_t, int64_t, float*) {}
void Sum(const WinogradSum&, int64_t, int64_t, bool, float*) {}
void Filters(const WinogradFilters&, int64_t, int64_t) {}
void Taps(int64_t, const float*, int64_t, int64_t, float*) {}
bool Supported() { return false; }
#endif

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {
HWY_EXPORT(Map);
HWY_EXPORT(Sum);
HWY_EXPORT(Filters);
HWY_EXPORT(Taps);
HWY_EXPORT(Supported);
}  // namespace

bool winograd_supported() { return HWY_DYNAMIC_DISPATCH(Supported)(); }
void winograd_filters(const WinogradFilters& f, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(Filters)(f, first, last);
}
int64_t winograd_map_scratch(const WinogradMap& m, int64_t rows) {
  return Rooms(m.grid, rows, winograd_channels(m.in.channels), winograd_channels(m.out.channels))
      .total;
}
int64_t winograd_sum_scratch(const WinogradSum& s, int64_t rows) {
  return Rooms(s.grid, rows, winograd_channels(s.in.channels), winograd_channels(s.grad.channels))
      .total;
}
void winograd_map(const WinogradMap& m, int64_t first, int64_t last, float* scratch) {
  HWY_DYNAMIC_DISPATCH(Map)(m, first, last, scratch);
}
void winograd_sum(const WinogradSum& s, int64_t first, int64_t last, bool fresh, float* scratch) {
  HWY_DYNAMIC_DISPATCH(Sum)(s, first, last, fresh, scratch);
}
void winograd_taps(int64_t tile, const float* points, int64_t depth, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(Taps)(tile, points, depth, count, to);
}

}  // namespace taper::cpu
#endif
