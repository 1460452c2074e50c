#include "taper/kernel/pooling.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "taper/backend/cpu/pool2x2.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

namespace taper::cpu {
namespace {

/// One channel of one image.
template <class T>
struct Plane {
  T* data;
  int64_t row, col;
  T& at(int64_t y, int64_t x) const { return data[y * row + x * col]; }
};

template <class T, class V>
Plane<T> plane(const V& v, int64_t index) {
  const int64_t image = index / v.size(1), channel = index % v.size(1);
  auto* data = v.template data<std::remove_const_t<T>>();
  return {data + image * v.stride(0) + channel * v.stride(1), v.stride(2), v.stride(3)};
}

// Calls f(number of the plane) for all planes; `work` is what one costs.
template <class F>
void each_plane(ConstView v, int64_t work, F f) {
  parallel_for(0, v.size(0) * v.size(1), std::max<int64_t>(1, 32768 / std::max<int64_t>(1, work)),
               [&](int64_t first, int64_t last) {
                 for (int64_t p = first; p < last; ++p) f(p);
               });
}

template <class F>
void visit_numbers(const char* op, ScalarType dtype, F f) {
  visit_dtype(dtype, [&](auto tag) {
    if constexpr (std::is_same_v<decltype(tag), bool>) {
      TAPER_CHECK_AS(DTypeError, false, op, ": \"", op, "\" not implemented for 'Bool'");
    } else {
      f(tag);
    }
  });
}

bool is_2x2(const PoolGeometry& g, ConstView input, ConstView out) {
  const auto both = [](const int64_t(&v)[2], int64_t x) { return v[0] == x && v[1] == x; };
  return !g.adaptive && both(g.kernel, 2) && both(g.stride, 2) && both(g.padding, 0) &&
         both(g.dilation, 1) && input.dtype() == kFloat32 && input.stride(3) == 1 &&
         out.stride(3) == 1 && 2 * out.size(2) <= input.size(2) && 2 * out.size(3) <= input.size(3);
}

/// The part of a window inside the image: elements first, first + 1 ... of `step`, below last.
struct Span {
  int64_t first, last;  // numbers within the window
  int64_t origin;       // where number 0 lies
};
Span span(const PoolGeometry& g, int d, int64_t out, int64_t size, int64_t windows) {
  if (g.adaptive) {
    const int64_t first = out * size / windows;
    return {0, ((out + 1) * size + windows - 1) / windows - first, first};
  }
  const int64_t origin = out * g.stride[d] - g.padding[d], step = g.dilation[d];
  const int64_t first = origin >= 0 ? 0 : (-origin + step - 1) / step;
  const int64_t last = origin >= size ? 0 : (size - origin + step - 1) / step;
  return {first, std::min(last, g.kernel[d]), origin};
}

template <class T>
T lowest() {
  if constexpr (std::is_integral_v<T>) {
    return std::numeric_limits<T>::lowest();
  } else {
    return T(-std::numeric_limits<float>::infinity());
  }
}

template <class T, class Note>
void max_plane(const Plane<const T>& in, int64_t height, int64_t width, const Plane<T>& out,
               int64_t out_height, int64_t out_width, const PoolGeometry& g, Note note) {
  for (int64_t y = 0; y < out_height; ++y) {
    const Span rows = span(g, 0, y, height, out_height);
    for (int64_t x = 0; x < out_width; ++x) {
      const Span cols = span(g, 1, x, width, out_width);
      if (rows.first >= rows.last || cols.first >= cols.last) {
        // Wide dilation: nothing of the window lies in the image, and no place is noted.
        out.at(y, x) = lowest<T>();
        note(y * out_width + x, 0, -1);
        continue;
      }
      int64_t best_i = rows.first, best_j = cols.first;
      T best = in.at(rows.origin + best_i * g.dilation[0], cols.origin + best_j * g.dilation[1]);
      for (int64_t i = rows.first; i < rows.last; ++i) {
        for (int64_t j = cols.first; j < cols.last; ++j) {
          const T v = in.at(rows.origin + i * g.dilation[0], cols.origin + j * g.dilation[1]);
          if (v > best || v != v) {
            best = v;
            best_i = i;
            best_j = j;
          }
        }
      }
      out.at(y, x) = best;
      note(y * out_width + x, best_i * g.kernel[1] + best_j,
           (rows.origin + best_i * g.dilation[0]) * width + cols.origin + best_j * g.dilation[1]);
    }
  }
}

/// Turns either kind of index into a row and a column of the image.
struct Place {
  int64_t row, col;
};
Place place(int64_t index, int64_t width) {
  return index < 0 ? Place{-1, -1} : Place{index / width, index % width};
}
Place place(uint8_t index, int64_t y, int64_t x, const PoolGeometry& g) {
  return {y * g.stride[0] - g.padding[0] + index / g.kernel[1] * g.dilation[0],
          x * g.stride[1] - g.padding[1] + index % g.kernel[1] * g.dilation[1]};
}

// Calls f(y, x, place) for each output of a plane; the place may lie outside the image.
template <class F>
void each_place(ConstView indices, int64_t p, int64_t width, const PoolGeometry& g, F f) {
  const int64_t rows = indices.size(2), cols = indices.size(3);
  if (indices.dtype() == kByte) {
    const uint8_t* at = indices.data<uint8_t>() + p * rows * cols;
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = 0; x < cols; ++x) f(y, x, place(*at++, y, x, g));
    }
  } else {
    const int64_t* at = indices.data<int64_t>() + p * rows * cols;
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = 0; x < cols; ++x) f(y, x, place(*at++, width));
    }
  }
}

bool inside(Place at, ConstView image) {
  return at.row >= 0 && at.row < image.size(2) && at.col >= 0 && at.col < image.size(3);
}

template <class T>
void clear(const Plane<T>& p, int64_t height, int64_t width) {
  for (int64_t y = 0; y < height; ++y) {
    if (p.col == 1) {
      std::fill_n(p.data + y * p.row, width, T(0));
    } else {
      for (int64_t x = 0; x < width; ++x) p.at(y, x) = T(0);
    }
  }
}

void spread_2x2(View grad_input, ConstView grad_out, ConstView indices) {
  const int64_t height = grad_input.size(2), width = grad_input.size(3);
  const int64_t rows = grad_out.size(2), cols = grad_out.size(3);
  each_plane(grad_input, height * width / 4, [&](int64_t p) {
    const auto to = plane<float>(grad_input, p);
    const auto from = plane<const float>(grad_out, p);
    const uint8_t* index = indices.data<uint8_t>() + p * rows * cols;
    max_pool2x2_spread_plane(from.data, from.row, index, to.data, to.row, rows, cols);
    if (width > 2 * cols) {
      for (int64_t y = 0; y < 2 * rows; ++y) {
        std::fill(&to.at(y, 2 * cols), &to.at(y, 0) + width, 0.0f);
      }
    }
    for (int64_t y = 2 * rows; y < height; ++y) std::fill_n(&to.at(y, 0), width, 0.0f);
  });
}

/// Sums of half types are formed in float32, of Long in Long.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

/// The elements [first, last) that an average takes, and how many it counts.
struct Window {
  int64_t first, last, count;
};
using Windows = std::vector<Window>;

Windows average_windows(const PoolGeometry& g, int d, int64_t in, int64_t out) {
  Windows w(out);
  for (int64_t i = 0; i < out; ++i) {
    const int64_t first = i * g.stride[d] - g.padding[d];
    const int64_t last = std::min(first + g.kernel[d], in + g.padding[d]);
    w[i] = {std::max<int64_t>(first, 0), std::min(last, in), last - first};
    if (!g.count_include_pad) w[i].count = w[i].last - w[i].first;
  }
  return w;
}
Windows adaptive_windows(int64_t in, int64_t out) {
  Windows w(out);
  for (int64_t i = 0; i < out; ++i) {
    const int64_t first = i * in / out, last = ((i + 1) * in + out - 1) / out;
    w[i] = {first, last, last - first};
  }
  return w;
}

template <class F>
void visit_averaged(const char* op, ScalarType dtype, bool with_long, F f) {
  visit_dtype(dtype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (!std::is_integral_v<T> || std::is_same_v<T, int64_t>) {
      if (!std::is_integral_v<T> || with_long) return f(tag);
    }
    TAPER_CHECK_AS(DTypeError, false, op, ": \"", op, "\" not implemented for '", dtype, "'");
  });
}

void average(const char* op, bool with_long, View out, ConstView input, const Windows& rows,
             const Windows& cols, int64_t divisor) {
  visit_averaged(op, out.dtype(), with_long, [&](auto tag) {
    using T = decltype(tag);
    each_plane(input, input.size(2) * input.size(3), [&](int64_t p) {
      const auto in = plane<const T>(input, p);
      const auto to = plane<T>(out, p);
      for (size_t y = 0; y < rows.size(); ++y) {
        for (size_t x = 0; x < cols.size(); ++x) {
          Sum<T> sum = 0;
          for (int64_t i = rows[y].first; i < rows[y].last; ++i) {
            for (int64_t j = cols[x].first; j < cols[x].last; ++j) sum += in.at(i, j);
          }
          const int64_t count = divisor != 0 ? divisor : rows[y].count * cols[x].count;
          const bool empty = rows[y].first >= rows[y].last || cols[x].first >= cols[x].last;
          to.at(y, x) = empty ? T(0) : T(sum / static_cast<Sum<T>>(count));
        }
      }
    });
  });
}

template <class T>
void spread_average(const Plane<Sum<T>>& to, const Plane<const T>& from, const Windows& rows,
                    const Windows& cols, int64_t divisor) {
  for (size_t y = 0; y < rows.size(); ++y) {
    for (size_t x = 0; x < cols.size(); ++x) {
      const int64_t count = divisor != 0 ? divisor : rows[y].count * cols[x].count;
      if (rows[y].first >= rows[y].last || cols[x].first >= cols[x].last) continue;
      const Sum<T> share = static_cast<Sum<T>>(from.at(y, x)) / static_cast<Sum<T>>(count);
      for (int64_t i = rows[y].first; i < rows[y].last; ++i) {
        for (int64_t j = cols[x].first; j < cols[x].last; ++j) to.at(i, j) += share;
      }
    }
  }
}

void average_backward(const char* op, bool with_long, View grad_input, ConstView grad_out,
                      const Windows& rows, const Windows& cols, int64_t divisor) {
  const int64_t height = grad_input.size(2), width = grad_input.size(3);
  visit_averaged(op, grad_input.dtype(), with_long, [&](auto tag) {
    using T = decltype(tag);
    each_plane(grad_input, height * width, [&](int64_t p) {
      const auto from = plane<const T>(grad_out, p);
      const auto to = plane<T>(grad_input, p);
      if constexpr (std::is_same_v<T, Sum<T>>) {
        clear(to, height, width);
        spread_average<T>(to, from, rows, cols, divisor);
      } else {
        Scratch<float> sums(height * width);
        const Plane<float> wide{sums.data(), width, 1};
        clear(wide, height, width);
        spread_average<T>(wide, from, rows, cols, divisor);
        for (int64_t y = 0; y < height; ++y) {
          for (int64_t x = 0; x < width; ++x) to.at(y, x) = T(wide.at(y, x));
        }
      }
    });
  });
}

}  // namespace

void max_pool2d(View out, View indices, ConstView input, const PoolGeometry& g) {
  const int64_t height = input.size(2), width = input.size(3);
  const int64_t rows = out.size(2), cols = out.size(3);
  const bool bytes = indices.defined() && indices.dtype() == kByte;
  if (is_2x2(g, input, out) && (bytes || !indices.defined())) {
    return each_plane(input, height * width / 4, [&](int64_t p) {
      const auto in = plane<const float>(input, p);
      const auto to = plane<float>(out, p);
      uint8_t* const index = bytes ? indices.data<uint8_t>() + p * rows * cols : nullptr;
      max_pool2x2_plane(in.data, in.row, to.data, to.row, index, rows, cols);
    });
  }
  visit_numbers("max_pool2d", out.dtype(), [&](auto tag) {
    using T = decltype(tag);
    each_plane(input, rows * cols * g.kernel[0] * g.kernel[1], [&](int64_t p) {
      const auto in = plane<const T>(input, p);
      const auto to = plane<T>(out, p);
      const int64_t base = p * rows * cols;
      if (bytes) {
        uint8_t* index = indices.data<uint8_t>() + base;
        max_plane(in, height, width, to, rows, cols, g, [&](int64_t at, int64_t number, int64_t) {
          index[at] = static_cast<uint8_t>(number);
        });
      } else if (indices.defined()) {
        int64_t* index = indices.data<int64_t>() + base;
        max_plane(in, height, width, to, rows, cols, g,
                  [&](int64_t at, int64_t, int64_t flat) { index[at] = flat; });
      } else {
        max_plane(in, height, width, to, rows, cols, g, [](int64_t, int64_t, int64_t) {});
      }
    });
  });
}

void max_pool2d_gather(View out, ConstView source, ConstView indices, const PoolGeometry& g) {
  visit_numbers("max_pool2d_gather", out.dtype(), [&](auto tag) {
    using T = decltype(tag);
    each_plane(out, out.size(2) * out.size(3), [&](int64_t p) {
      const auto from = plane<const T>(source, p);
      const auto to = plane<T>(out, p);
      each_place(indices, p, source.size(3), g, [&](int64_t y, int64_t x, Place at) {
        to.at(y, x) = inside(at, source) ? from.at(at.row, at.col) : T(0);
      });
    });
  });
}

void max_pool2d_scatter(View grad_input, ConstView grad_out, ConstView indices,
                        const PoolGeometry& g) {
  if (indices.dtype() == kByte && is_2x2(g, grad_input, grad_out)) {
    return spread_2x2(grad_input, grad_out, indices);
  }
  const int64_t height = grad_input.size(2), width = grad_input.size(3);
  visit_numbers("max_pool2d_scatter", grad_input.dtype(), [&](auto tag) {
    using T = decltype(tag);
    each_plane(grad_input, height * width, [&](int64_t p) {
      const auto to = plane<T>(grad_input, p);
      const auto from = plane<const T>(grad_out, p);
      clear(to, height, width);
      each_place(indices, p, width, g, [&](int64_t y, int64_t x, Place at) {
        if (!inside(at, grad_input)) return;
        T& sum = to.at(at.row, at.col);
        sum = static_cast<T>(sum + from.at(y, x));
      });
    });
  });
}

void avg_pool2d(View out, ConstView input, const PoolGeometry& g) {
  average("avg_pool2d", true, out, input, average_windows(g, 0, input.size(2), out.size(2)),
          average_windows(g, 1, input.size(3), out.size(3)), g.divisor);
}

void avg_pool2d_backward(View grad_input, ConstView grad_out, const PoolGeometry& g) {
  average_backward("avg_pool2d_backward", true, grad_input, grad_out,
                   average_windows(g, 0, grad_input.size(2), grad_out.size(2)),
                   average_windows(g, 1, grad_input.size(3), grad_out.size(3)), g.divisor);
}

void adaptive_avg_pool2d(View out, ConstView input) {
  average("adaptive_avg_pool2d", false, out, input, adaptive_windows(input.size(2), out.size(2)),
          adaptive_windows(input.size(3), out.size(3)), 0);
}

void adaptive_avg_pool2d_backward(View grad_input, ConstView grad_out) {
  average_backward("adaptive_avg_pool2d_backward", false, grad_input, grad_out,
                   adaptive_windows(grad_input.size(2), grad_out.size(2)),
                   adaptive_windows(grad_input.size(3), grad_out.size(3)), 0);
}

}  // namespace taper::cpu
