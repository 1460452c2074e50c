#include "taper/kernel/pooling.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>

#include "tests/backend/tensor_util.h"

namespace taper::test {
namespace {

struct Case {
  int64_t images, channels, height, width, out_height, out_width;
  PoolGeometry g;
};

Case pool(std::vector<int64_t> in, std::vector<int64_t> out, PoolGeometry g) {
  return {in[0], in[1], in[2], in[3], out[0], out[1], g};
}

std::vector<Case> max_cases() {
  const auto g = [](int64_t k, int64_t s, int64_t p, int64_t d) {
    return PoolGeometry{{k, k}, {s, s}, {p, p}, {d, d}, true, 0};
  };
  return {
      pool({2, 3, 28, 28}, {14, 14}, g(2, 2, 0, 1)), pool({1, 2, 7, 9}, {3, 4}, g(2, 2, 0, 1)),
      pool({2, 2, 64, 66}, {32, 33}, g(2, 2, 0, 1)), pool({2, 3, 9, 8}, {5, 4}, g(3, 2, 1, 1)),
      pool({1, 2, 7, 7}, {4, 4}, g(2, 2, 0, 1)),     pool({2, 1, 10, 11}, {6, 7}, g(3, 1, 0, 2)),
      pool({1, 1, 6, 6}, {6, 6}, g(3, 1, 1, 1)),     pool({1, 1, 4, 4}, {1, 1}, g(4, 4, 0, 1))};
}

// The largest element's place by PyTorch's rule, for each output; -1 never.
std::vector<int64_t> places(const Case& c, const std::vector<double>& x) {
  std::vector<int64_t> at;
  for (int64_t p = 0; p < c.images * c.channels; ++p) {
    for (int64_t y = 0; y < c.out_height; ++y) {
      for (int64_t q = 0; q < c.out_width; ++q) {
        int64_t best = -1;
        for (int64_t i = 0; i < c.g.kernel[0]; ++i) {
          for (int64_t j = 0; j < c.g.kernel[1]; ++j) {
            const int64_t row = y * c.g.stride[0] - c.g.padding[0] + i * c.g.dilation[0];
            const int64_t col = q * c.g.stride[1] - c.g.padding[1] + j * c.g.dilation[1];
            if (row < 0 || row >= c.height || col < 0 || col >= c.width) continue;
            const double v = x[(p * c.height + row) * c.width + col];
            const int64_t here = row * c.width + col;
            if (best < 0 || v > x[p * c.height * c.width + best] || std::isnan(v)) best = here;
          }
        }
        at.push_back(best);
      }
    }
  }
  return at;
}

void check_max(const Case& c, const TensorImplPtr& input, ScalarType index_type) {
  const auto x = values(input);
  const auto at = places(c, x);
  const std::vector<int64_t> out_sizes{c.images, c.channels, c.out_height, c.out_width};
  const auto out = tensor(out_sizes, input->dtype(), 1);
  const auto indices = tensor(out_sizes, index_type, 1);
  max_pool2d_kernel(kCPU, write(out), write(indices), read(input), c.g);
  const int64_t plane = c.height * c.width, out_plane = c.out_height * c.out_width;
  std::vector<double> want(at.size()), spread(x.size(), 0);
  const auto grad = tensor(out_sizes, input->dtype(), 7);
  const auto g = values(grad);
  for (size_t i = 0; i < at.size(); ++i) {
    const int64_t source = static_cast<int64_t>(i) / out_plane * plane + at[i];
    want[i] = x[source];
    spread[source] += g[i];
  }
  EXPECT_EQ(worst_error(values(out), want), 0);
  if (index_type == kLong) {
    EXPECT_EQ(values(indices), std::vector<double>(at.begin(), at.end()));
  }
  const auto bare = tensor(out_sizes, input->dtype(), 2);
  max_pool2d_kernel(kCPU, write(bare), View(), read(input), c.g);
  EXPECT_EQ(worst_error(values(bare), want), 0);
  max_pool2d_gather_kernel(kCPU, write(bare), read(input), read(indices), c.g);
  EXPECT_EQ(worst_error(values(bare), want), 0);
  const auto grad_input = tensor({c.images, c.channels, c.height, c.width}, input->dtype(), 3);
  max_pool2d_scatter_kernel(kCPU, write(grad_input), read(grad), read(indices), c.g);
  EXPECT_LE(worst_error(values(grad_input), spread), tolerance(input->dtype()));
}

TEST(PoolingKernel, MaxAgreesWithLoops) {
  for (const int threads : {1, 2, 4}) {
    const Threads scope(threads);
    for (const Case& c : max_cases()) {
      for (const ScalarType dtype : {kFloat, kDouble, kBFloat16, kHalf, kInt, kLong, kByte}) {
        for (const ScalarType index_type : {kLong, kByte}) {
          const std::vector<int64_t> sizes{c.images, c.channels, c.height, c.width};
          check_max(c, tensor(sizes, dtype, 5), index_type);
          check_max(c, channels_last(sizes, dtype, 6), index_type);
        }
      }
    }
  }
}

TEST(PoolingKernel, MaxPropagatesNan) {
  for (const Case& c : max_cases()) {
    const auto input = tensor({c.images, c.channels, c.height, c.width}, kFloat, 5);
    for (int64_t i = 0; i < input->numel(); i += 11) {
      set_value(*input, i, std::numeric_limits<double>::quiet_NaN());
    }
    check_max(c, input, kByte);
    check_max(c, input, kLong);
  }
}

struct Window {
  int64_t first, last, count;
};

// The mean over windows and its transpose, by loops.
template <class Rows, class Cols>
void check_average(const Case& c, ScalarType dtype, bool last, Rows rows, Cols cols,
                   const std::function<void(View, ConstView)>& forward,
                   const std::function<void(View, ConstView)>& backward) {
  const std::vector<int64_t> in{c.images, c.channels, c.height, c.width};
  const std::vector<int64_t> res{c.images, c.channels, c.out_height, c.out_width};
  const auto make = [&](const std::vector<int64_t>& s, uint32_t seed) {
    return last ? channels_last(s, dtype, seed) : tensor(s, dtype, seed);
  };
  const auto input = make(in, 1), out = make(res, 2), grad = make(res, 3), grad_input = make(in, 4);
  const auto x = values(input), g = values(grad);
  std::vector<double> want(g.size()), spread(x.size(), 0);
  for (size_t at = 0; at < want.size(); ++at) {
    const int64_t p = at / (c.out_height * c.out_width);
    const Window r = rows(at / c.out_width % c.out_height), q = cols(at % c.out_width);
    const double count = c.g.divisor != 0 ? c.g.divisor : r.count * q.count;
    for (int64_t i = r.first; i < r.last; ++i) {
      for (int64_t j = q.first; j < q.last; ++j) {
        want[at] += x[(p * c.height + i) * c.width + j] / count;
        spread[(p * c.height + i) * c.width + j] += g[at] / count;
      }
    }
  }
  forward(write(out), read(input));
  backward(write(grad_input), read(grad));
  EXPECT_LE(worst_error(values(out), want), tolerance(dtype));
  EXPECT_LE(worst_error(values(grad_input), spread), tolerance(dtype));
}

TEST(PoolingKernel, AverageAgreesWithLoops) {
  for (Case c : max_cases()) {
    if (c.g.dilation[0] != 1) continue;
    for (const ScalarType dtype : {kFloat, kDouble, kHalf, kBFloat16}) {
      for (int mask = 0; mask < 8; ++mask) {
        c.g.count_include_pad = mask & 1;
        c.g.divisor = mask & 2 ? 3 : 0;
        const auto window = [&](int d, int64_t size) {
          return [&c, d, size](int64_t i) {
            const int64_t first = i * c.g.stride[d] - c.g.padding[d];
            const int64_t last = std::min(first + c.g.kernel[d], size + c.g.padding[d]);
            Window w{std::max<int64_t>(first, 0), std::min(last, size), last - first};
            if (!c.g.count_include_pad) w.count = w.last - w.first;
            return w;
          };
        };
        check_average(
            c, dtype, mask & 4, window(0, c.height), window(1, c.width),
            [&](View o, ConstView i) { avg_pool2d_kernel(kCPU, o, i, c.g); },
            [&](View o, ConstView i) { avg_pool2d_backward_kernel(kCPU, o, i, c.g); });
      }
    }
  }
}

TEST(PoolingKernel, AdaptiveAverageAgreesWithLoops) {
  for (const auto& s : {std::array<int64_t, 4>{7, 5, 3, 2}, std::array<int64_t, 4>{4, 4, 1, 1},
                        std::array<int64_t, 4>{3, 3, 5, 7}, std::array<int64_t, 4>{6, 6, 6, 6}}) {
    Case c{2, 3, s[0], s[1], s[2], s[3], {}};
    const auto window = [](int64_t in, int64_t out) {
      return [in, out](int64_t i) {
        const int64_t first = i * in / out, last = ((i + 1) * in + out - 1) / out;
        return Window{first, last, last - first};
      };
    };
    for (const ScalarType dtype : {kFloat, kDouble, kBFloat16}) {
      check_average(
          c, dtype, false, window(s[0], s[2]), window(s[1], s[3]),
          [](View o, ConstView i) { adaptive_avg_pool2d_kernel(kCPU, o, i); },
          [](View o, ConstView i) { adaptive_avg_pool2d_backward_kernel(kCPU, o, i); });
    }
  }
}

TEST(PoolingKernel, RefusesDtypesWithoutMeaning) {
  const auto input = tensor({1, 1, 4, 4}, kBool, 1), out = tensor({1, 1, 2, 2}, kBool, 1);
  PoolGeometry g{{2, 2}, {2, 2}, {0, 0}, {1, 1}, true, 0};
  EXPECT_THROW(max_pool2d_kernel(kCPU, write(out), View(), read(input), g), DTypeError);
  EXPECT_THROW(avg_pool2d_kernel(kCPU, write(out), read(input), g), DTypeError);
  const auto whole = tensor({1, 1, 4, 4}, kInt, 1), whole_out = tensor({1, 1, 2, 2}, kInt, 1);
  EXPECT_THROW(adaptive_avg_pool2d_kernel(kCPU, write(whole_out), read(whole)), DTypeError);
}

}  // namespace
}  // namespace taper::test
