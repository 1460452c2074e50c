#include <algorithm>

#include "taper/backend/cpu/conv.h"
#include "taper/backend/cpu/gemm.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

/// Sizes of one group's matrices: columns[depth, pixels], weight[filters, depth].
struct GroupSizes {
  int64_t groups, channels, filters, depth, pixels;
  explicit GroupSizes(const ConvShape& s)
      : groups(s.geometry.groups),
        channels(s.channels / groups),
        filters(s.out_channels / groups),
        depth(channels * s.kernel_height * s.kernel_width),
        pixels(s.out_height * s.out_width) {}
};

/// Units (an image's group each) that are worth a thread.
int64_t grain_of(const GroupSizes& z) {
  const int64_t work = z.depth * z.pixels * z.filters;
  return std::max<int64_t>(1, 100000 / std::max<int64_t>(1, work));
}

// Calls f(row of columns, output row y, input row) for each line of pixels that a kernel element
// sees; input row is -1 outside the image.
template <class F>
void each_line(const ConvShape& s, int64_t channels, F f) {
  const ConvGeometry& g = s.geometry;
  int64_t row = 0;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < s.kernel_height; ++i) {
      for (int64_t j = 0; j < s.kernel_width; ++j, ++row) {
        for (int64_t y = 0; y < s.out_height; ++y) {
          const int64_t in_y = y * g.stride[0] - g.padding[0] + i * g.dilation[0];
          f(row, c, j, y, in_y >= 0 && in_y < s.height ? in_y : -1);
        }
      }
    }
  }
}

// Output columns [first, last) whose input column lies in the image.
void valid_columns(const ConvShape& s, int64_t j, int64_t& first, int64_t& last) {
  const ConvGeometry& g = s.geometry;
  const int64_t shift = g.padding[1] - j * g.dilation[1];
  const int64_t step = g.stride[1];
  first = shift <= 0 ? 0 : (shift + step - 1) / step;
  last = s.width + shift <= 0 ? 0 : (s.width + shift - 1) / step + 1;
  first = std::min(first, s.out_width);
  last = std::clamp(last, first, s.out_width);
}

template <class T>
void im2col(const ConvShape& s, const Block4<const T>& x, const T* image, int64_t channels,
            T* columns) {
  const int64_t pixels = s.out_height * s.out_width;
  each_line(s, channels, [&](int64_t row, int64_t c, int64_t j, int64_t y, int64_t in_y) {
    T* to = columns + row * pixels + y * s.out_width;
    if (in_y < 0) {
      std::fill_n(to, s.out_width, T(0));
      return;
    }
    int64_t first, last;
    valid_columns(s, j, first, last);
    const int64_t step = s.geometry.stride[1] * x.stride[3];
    const T* from = image + c * x.stride[1] + in_y * x.stride[2] +
                    (j * s.geometry.dilation[1] - s.geometry.padding[1]) * x.stride[3];
    std::fill_n(to, first, T(0));
    if (step == 1) {
      std::copy(from + first, from + last, to + first);
    } else {
      for (int64_t q = first; q < last; ++q) to[q] = from[q * step];
    }
    std::fill(to + last, to + s.out_width, T(0));
  });
}

template <class T>
void col2im(const ConvShape& s, const Block4<T>& x, T* image, int64_t channels, const T* columns) {
  const int64_t pixels = s.out_height * s.out_width;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < s.height; ++i) {
      T* row = image + c * x.stride[1] + i * x.stride[2];
      for (int64_t j = 0; j < s.width; ++j) row[j * x.stride[3]] = T(0);
    }
  }
  each_line(s, channels, [&](int64_t row, int64_t c, int64_t j, int64_t y, int64_t in_y) {
    if (in_y < 0) return;
    int64_t first, last;
    valid_columns(s, j, first, last);
    const int64_t step = s.geometry.stride[1] * x.stride[3];
    T* to = image + c * x.stride[1] + in_y * x.stride[2] +
            (j * s.geometry.dilation[1] - s.geometry.padding[1]) * x.stride[3];
    const T* from = columns + row * pixels + y * s.out_width;
    for (int64_t q = first; q < last; ++q) to[q * step] += from[q];
  });
}

// Dense [rows, pixels] of one image's group from any strides, or the memory itself.
template <class T>
const T* dense_pixels(const Block4<const T>& x, const T* image, int64_t channels, int64_t height,
                      int64_t width, T* copy) {
  if (x.stride[3] == 1 && x.stride[2] == width && x.stride[1] == height * width) return image;
  T* to = copy;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < height; ++i) {
      const T* row = image + c * x.stride[1] + i * x.stride[2];
      for (int64_t j = 0; j < width; ++j) *to++ = row[j * x.stride[3]];
    }
  }
  return copy;
}

// The weight of all groups as one dense matrix [filters, depth].
template <class T>
void dense_weight(const ConvShape& s, const Block4<const T>& w, T* to) {
  const GroupSizes z(s);
  for (int64_t o = 0; o < s.out_channels; ++o) {
    const T* filter =
        dense_pixels(w, w.data + o * w.stride[0], z.channels, s.kernel_height, s.kernel_width, to);
    if (filter != to) std::copy_n(filter, z.depth, to);
    to += z.depth;
  }
}

template <class T>
void forward(const ConvForward<T>& c) {
  const ConvShape& s = c.shape;
  const GroupSizes z(s);
  Scratch<T> weight(s.out_channels * z.depth);
  dense_weight(s, c.weight, weight.data());
  const bool direct = c.out.stride[3] == 1 && c.out.stride[2] == s.out_width;
  // The units are images, or image and group; few of them leave the threads to the GEMM.
  const int64_t units = s.images * z.groups;
  const auto unit = [&](int64_t u, T* columns, bool parallel) {
    const int64_t image = u / z.groups, group = u % z.groups;
    im2col(s, c.input,
           c.input.data + image * c.input.stride[0] + group * z.channels * c.input.stride[1],
           z.channels, columns);
    T* const target = c.out.data + image * c.out.stride[0] + group * z.filters * c.out.stride[1];
    T* const result = direct ? target : columns + z.depth * z.pixels;
    GemmArgs<T> g{.m = z.filters,
                  .n = z.pixels,
                  .k = z.depth,
                  .a = weight.data() + group * z.filters * z.depth,
                  .a_row = z.depth,
                  .a_col = 1,
                  .b = columns,
                  .b_row = z.pixels,
                  .b_col = 1,
                  .c = result,
                  .c_row = direct ? c.out.stride[1] : z.pixels,
                  .bias = c.bias == nullptr ? nullptr : c.bias + group * z.filters,
                  .bias_per_row = true};
    parallel ? gemm_parallel(g) : gemm_serial(g);
    if (direct) return;
    for (int64_t o = 0; o < z.filters; ++o) {
      for (int64_t p = 0; p < z.pixels; ++p) {
        target[o * c.out.stride[1] + p / s.out_width * c.out.stride[2] +
               p % s.out_width * c.out.stride[3]] = result[o * z.pixels + p];
      }
    }
  };
  const size_t count = (z.depth + (direct ? 0 : z.filters)) * z.pixels;
  if (units < get_num_threads() && grain_of(z) == 1) {
    Scratch<T> columns(count);
    for (int64_t u = 0; u < units; ++u) unit(u, columns.data(), true);
    return;
  }
  parallel_for(0, units, grain_of(z), [&](int64_t first, int64_t last) {
    Scratch<T> columns(count);
    for (int64_t u = first; u < last; ++u) unit(u, columns.data(), false);
  });
}

template <class T>
void input_gradient(const ConvBackward<T>& c) {
  const ConvShape& s = c.shape;
  const GroupSizes z(s);
  Scratch<T> weight(s.out_channels * z.depth);
  dense_weight(s, c.weight, weight.data());
  parallel_for(0, s.images * z.groups, grain_of(z), [&](int64_t first, int64_t last) {
    Scratch<T> columns((z.depth + z.filters) * z.pixels);
    for (int64_t u = first; u < last; ++u) {
      const int64_t image = u / z.groups, group = u % z.groups;
      const T* grad = dense_pixels(
          c.grad_out,
          c.grad_out.data + image * c.grad_out.stride[0] + group * z.filters * c.grad_out.stride[1],
          z.filters, s.out_height, s.out_width, columns.data() + z.depth * z.pixels);
      gemm_serial(GemmArgs<T>{.m = z.depth,
                              .n = z.pixels,
                              .k = z.filters,
                              .a = weight.data() + group * z.filters * z.depth,
                              .a_row = 1,
                              .a_col = z.depth,
                              .b = grad,
                              .b_row = z.pixels,
                              .b_col = 1,
                              .c = columns.data(),
                              .c_row = z.pixels});
      col2im(s, c.grad_input,
             c.grad_input.data + image * c.grad_input.stride[0] +
                 group * z.channels * c.grad_input.stride[1],
             z.channels, static_cast<const T*>(columns.data()));
    }
  });
}

// The batch is cut into at most kParts parts by its size alone, and their sums are added in order:
// the result does not depend on the threads.
template <class T>
void weight_gradient(const ConvBackward<T>& c) {
  constexpr int64_t kParts = 16;
  const ConvShape& s = c.shape;
  const GroupSizes z(s);
  const int64_t filter_count = s.out_channels * z.depth;
  const int64_t room =
      std::max<int64_t>(1, (int64_t{8} << 20) / std::max<int64_t>(1, filter_count));
  const int64_t parts = std::clamp<int64_t>(s.images, 1, std::min(kParts, room));
  const bool wants_weight = c.grad_weight.data != nullptr;
  Scratch<T> sums(parts * (filter_count + s.out_channels));
  const int64_t per_part = std::max<int64_t>(1, s.images * z.groups / parts);
  parallel_for(0, parts, (grain_of(z) + per_part - 1) / per_part, [&](int64_t first, int64_t last) {
    Scratch<T> columns((z.depth + z.filters) * z.pixels);
    for (int64_t part = first; part < last; ++part) {
      T* const sum = sums.data() + part * (filter_count + s.out_channels);
      std::fill_n(sum, filter_count + s.out_channels, T(0));
      for (int64_t image = s.images * part / parts; image < s.images * (part + 1) / parts;
           ++image) {
        for (int64_t group = 0; group < z.groups; ++group) {
          const T* grad = dense_pixels(c.grad_out,
                                       c.grad_out.data + image * c.grad_out.stride[0] +
                                           group * z.filters * c.grad_out.stride[1],
                                       z.filters, s.out_height, s.out_width,
                                       columns.data() + z.depth * z.pixels);
          for (int64_t o = 0; o < z.filters; ++o) {
            T total = 0;
            for (int64_t p = 0; p < z.pixels; ++p) total += grad[o * z.pixels + p];
            sum[filter_count + group * z.filters + o] += total;
          }
          if (!wants_weight) continue;
          im2col(s, c.input,
                 c.input.data + image * c.input.stride[0] + group * z.channels * c.input.stride[1],
                 z.channels, columns.data());
          gemm_serial(GemmArgs<T>{.m = z.filters,
                                  .n = z.depth,
                                  .k = z.pixels,
                                  .a = grad,
                                  .a_row = z.pixels,
                                  .a_col = 1,
                                  .b = columns.data(),
                                  .b_row = 1,
                                  .b_col = z.pixels,
                                  .c = sum + group * z.filters * z.depth,
                                  .c_row = z.depth,
                                  .beta = 1});
        }
      }
    }
  });
  for (int64_t part = 1; part < parts; ++part) {
    const T* sum = sums.data() + part * (filter_count + s.out_channels);
    for (int64_t i = 0; i < filter_count + s.out_channels; ++i) sums[i] += sum[i];
  }
  if (c.grad_bias != nullptr) std::copy_n(sums.data() + filter_count, s.out_channels, c.grad_bias);
  if (!wants_weight) return;
  const Block4<T>& w = c.grad_weight;
  const T* from = sums.data();
  for (int64_t o = 0; o < s.out_channels; ++o) {
    for (int64_t i = 0; i < z.channels; ++i) {
      for (int64_t y = 0; y < s.kernel_height; ++y) {
        for (int64_t x = 0; x < s.kernel_width; ++x) {
          w.data[o * w.stride[0] + i * w.stride[1] + y * w.stride[2] + x * w.stride[3]] = *from++;
        }
      }
    }
  }
}

template <class T>
void backward(const ConvBackward<T>& c) {
  if (c.grad_input.data != nullptr) input_gradient(c);
  if (c.grad_weight.data != nullptr || c.grad_bias != nullptr) weight_gradient(c);
}

}  // namespace

void conv_im2col(const ConvForward<float>& c) { forward(c); }
void conv_im2col(const ConvForward<double>& c) { forward(c); }
void conv_im2col(const ConvBackward<float>& c) { backward(c); }
void conv_im2col(const ConvBackward<double>& c) { backward(c); }

}  // namespace taper::cpu
