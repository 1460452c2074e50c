#include "taper/kernel/grid_sampling.h"

#include <cmath>
#include <type_traits>

#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

/// std::floor, which is a call on the oldest processors, of ordinary numbers in line.
template <class T>
T floor_of(T x) {
  if (!(std::abs(x) < T(1 << 30))) return std::floor(x);
  const T whole = static_cast<T>(static_cast<int32_t>(x));
  return whole > x ? whole - 1 : whole;
}

/// A place and its slope in what it was made from.
template <class T>
struct Place {
  T at, slope;
};

template <class T>
Place<T> reflected(T place, int64_t size, bool align_corners) {
  const T low = align_corners ? T(0) : T(-0.5);
  const T span = static_cast<T>(align_corners ? size - 1 : size);
  if (span == 0) return {0, 0};
  const T distance = std::abs(place - low), turns = floor_of(distance / span);
  const T rest = distance - turns * span;
  const T sign = place < low ? T(-1) : T(1);
  const bool even = std::fmod(turns, T(2)) == 0;
  const Place<T> p = even ? Place<T>{rest + low, sign} : Place<T>{span - rest + low, -sign};
  // An infinite place turns for ever.
  return p.at == p.at ? p : Place<T>{0, 0};
}

/// The place inside that stands for one outside. No slope where it is cut off.
template <class T>
Place<T> inside(T place, int64_t size, const GridGeometry& g) {
  if (g.padding == GridPadding::zeros) return {place, 1};
  Place<T> p{place, 1};
  if (g.padding == GridPadding::reflection) p = reflected(place, size, g.align_corners);
  const T last = static_cast<T>(size - 1);
  if (p.at <= 0) return {0, 0};
  return p.at >= last ? Place<T>{last, 0} : p;
}

/// Cubic convolution at distances of at most 1, and from 1 to 2; and their slopes.
template <class T>
struct Cubic {
  static constexpr T a = T(-0.75);
  static T near(T x) { return ((a + 2) * x - (a + 3)) * x * x + 1; }
  static T far(T x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; }
  static T near_slope(T x) { return (3 * (a + 2) * x - 2 * (a + 3)) * x; }
  static T far_slope(T x) { return (3 * a * x - 10 * a) * x + 8 * a; }
};

/// One direction's N taps for one coordinate.
template <class T, int N>
struct AxisTaps {
  int64_t count, size;
  int64_t element[N];
  T weight[N], weight_slope[N];
  T part, slope;  // see grid_parts

  /// One element, which counts once.
  AxisTaps() : count(1), size(1), part(0), slope(0) {
    element[0] = 0;
    weight[0] = 1;
    weight_slope[0] = 0;
  }
  AxisTaps(T coordinate, int64_t direction, const GridGeometry& g)
      : count(N), size(g.size[direction]) {
    if (coordinate != coordinate) coordinate = -1;
    const T n = static_cast<T>(size);
    const T factor = g.align_corners ? (n - 1) / 2 : n / 2;
    const T raw = g.align_corners ? (coordinate + 1) * factor : ((coordinate + 1) * n - 1) / 2;
    Place<T> place{raw, 1};
    if constexpr (N != 4) place = inside(raw, size, g);
    slope = place.slope * factor;
    const T first = N == 1 ? std::nearbyint(place.at) : floor_of(place.at);
    // Neither infinite places nor those outside have taps that count.
    part = std::isfinite(place.at) ? place.at - first : T(0);
    set_elements(first, g);
    set_weights();
  }

 private:
  void set_elements(T first, const GridGeometry& g) {
    for (int t = 0; t < N; ++t) {
      T at = first + static_cast<T>(t);
      if constexpr (N == 4) at = inside(at - 1, size, g).at;
      element[t] = at >= 0 && at <= static_cast<T>(size - 1) ? static_cast<int64_t>(at) : -1;
    }
  }
  void set_weights() {
    using C = Cubic<T>;
    if constexpr (N == 1) {
      weight[0] = 1;
      weight_slope[0] = 0;
    } else if constexpr (N == 2) {
      weight[0] = 1 - part, weight[1] = part;
      weight_slope[0] = -1, weight_slope[1] = 1;
    } else {
      const T rest = 1 - part;
      weight[0] = C::far(part + 1), weight[1] = C::near(part);
      weight[2] = C::near(rest), weight[3] = C::far(rest + 1);
      weight_slope[0] = C::far_slope(part + 1), weight_slope[1] = C::near_slope(part);
      weight_slope[2] = -C::near_slope(rest), weight_slope[3] = -C::far_slope(rest + 1);
    }
  }
};

/// The taps of one place; two directions have a first one of one element in front.
template <class T, int N>
struct PlaceTaps {
  AxisTaps<T, N> axis[3];

  PlaceTaps(const T* coordinates, const GridGeometry& g) {
    for (int64_t d = 0; d < g.directions; ++d) {
      axis[3 - g.directions + d] = AxisTaps<T, N>(coordinates[g.directions - 1 - d], d, g);
    }
  }
  // Calls f(tap of each direction) in row-major order.
  template <class F>
  void each(F f) const {
    for (int64_t i = 0; i < axis[0].count; ++i) {
      for (int j = 0; j < N; ++j) {
        for (int k = 0; k < N; ++k) f(i, j, k);
      }
    }
  }
};

// Calls f(number of the place, its taps) for all places of a grid.
template <class T, int N, class F>
void each_place(ConstView grid, const GridGeometry& g, F f) {
  const int64_t places = grid.size(0) * grid.size(1);
  const T* const coordinates = grid.data<T>();
  parallel_for(0, places, 512, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) f(p, PlaceTaps<T, N>(coordinates + p * g.directions, g));
  });
}

// Calls f(a number of the grid's type, the constant number of taps of a direction).
template <class F>
void visit(ConstView grid, const GridGeometry& g, F f) {
  const auto with_taps = [&](auto tag) {
    switch (g.mode) {
      case GridMode::nearest:
        return f(tag, std::integral_constant<int, 1>());
      case GridMode::linear:
        return f(tag, std::integral_constant<int, 2>());
      default:
        return f(tag, std::integral_constant<int, 4>());
    }
  };
  grid.dtype() == kDouble ? with_taps(double()) : with_taps(float());
}

}  // namespace

void grid_taps(View index, View weight, ConstView grid, const GridGeometry& g) {
  const int64_t pixels = g.size[0] * g.size[1] * g.size[2], each = index.size(1);
  visit(grid, g, [&](auto tag, auto count) {
    using T = decltype(tag);
    constexpr int N = decltype(count)::value;
    each_place<T, N>(grid, g, [&](int64_t p, const PlaceTaps<T, N>& taps) {
      const auto& a = taps.axis;
      const int64_t image = p / grid.size(1) * pixels;
      int64_t* to = index.data<int64_t>() + p * each;
      T* w = weight.data<T>() + p * each;
      taps.each([&](int64_t i, int j, int k) {
        const int64_t x = a[0].element[i], y = a[1].element[j], z = a[2].element[k];
        const bool valid = x >= 0 && y >= 0 && z >= 0;
        *to++ = valid ? image + (x * a[1].size + y) * a[2].size + z : -1;
        *w++ = a[0].weight[i] * a[1].weight[j] * a[2].weight[k];
      });
    });
  });
}

void grid_taps_backward(View grad_grid, ConstView grad_weight, ConstView grid,
                        const GridGeometry& g) {
  const int64_t each = grad_weight.size(1);
  visit(grid, g, [&](auto tag, auto count) {
    using T = decltype(tag);
    constexpr int N = decltype(count)::value;
    each_place<T, N>(grid, g, [&](int64_t p, const PlaceTaps<T, N>& taps) {
      const auto& a = taps.axis;
      const T* grad = grad_weight.data<T>() + p * each;
      T sum[3] = {0, 0, 0};
      taps.each([&](int64_t i, int j, int k) {
        const T u = a[0].weight[i], v = a[1].weight[j], w = a[2].weight[k];
        sum[0] += *grad * a[0].weight_slope[i] * v * w;
        sum[1] += *grad * u * a[1].weight_slope[j] * w;
        sum[2] += *grad * u * v * a[2].weight_slope[k];
        ++grad;
      });
      T* to = grad_grid.data<T>() + p * g.directions;
      for (int64_t d = 0; d < g.directions; ++d) to[d] = sum[2 - d] * a[2 - d].slope;
    });
  });
}

void grid_parts(View part, View slope, ConstView grid, const GridGeometry& g) {
  visit(grid, g, [&](auto tag, auto count) {
    using T = decltype(tag);
    constexpr int N = decltype(count)::value;
    each_place<T, N>(grid, g, [&](int64_t p, const PlaceTaps<T, N>& taps) {
      for (int64_t d = 0; d < g.directions; ++d) {
        part.data<T>()[p * g.directions + d] = taps.axis[2 - d].part;
        slope.data<T>()[p * g.directions + d] = taps.axis[2 - d].slope;
      }
    });
  });
}

}  // namespace taper::cpu
