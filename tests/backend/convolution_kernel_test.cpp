#include "taper/kernel/convolution.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/backend/tensor_util.h"

namespace taper::test {
namespace {

struct Case {
  int64_t images, channels, height, width, filters, kernel_height, kernel_width;
  ConvGeometry g;
  bool last = false;  // channels-last memory
};

/// A convolution's tensors and, by loops in double, its results.
struct Problem {
  int64_t out_height, out_width;
  TensorImplPtr input, weight, bias, out, grad_out, grad_input, grad_weight, grad_bias;
  std::vector<double> want_out, want_input, want_weight, want_bias;

  Problem(const Case& c, ScalarType dtype)
      : out_height(c.g.out_size(0, c.height, c.kernel_height)),
        out_width(c.g.out_size(1, c.width, c.kernel_width)) {
    const auto make = [&](std::vector<int64_t> s, uint32_t seed) {
      return c.last ? channels_last(s, dtype, seed) : tensor(s, dtype, seed);
    };
    const int64_t depth = c.channels / c.g.groups;
    input = make({c.images, c.channels, c.height, c.width}, 1);
    weight = make({c.filters, depth, c.kernel_height, c.kernel_width}, 2);
    bias = tensor({c.filters}, dtype, 3);
    out = make({c.images, c.filters, out_height, out_width}, 4);
    grad_out = make({c.images, c.filters, out_height, out_width}, 5);
    grad_input = make({c.images, c.channels, c.height, c.width}, 6);
    grad_weight = make({c.filters, depth, c.kernel_height, c.kernel_width}, 7);
    grad_bias = tensor({c.filters}, dtype, 8);
    compute(c);
  }

  void compute(const Case& c) {
    const auto x = values(input), w = values(weight), b = values(bias), g = values(grad_out);
    want_out.assign(out->numel(), 0);
    want_input.assign(x.size(), 0);
    want_weight.assign(w.size(), 0);
    want_bias.assign(b.size(), 0);
    const int64_t depth = c.channels / c.g.groups, filters = c.filters / c.g.groups;
    for (int64_t n = 0; n < c.images; ++n) {
      for (int64_t o = 0; o < c.filters; ++o) {
        for (int64_t y = 0; y < out_height; ++y) {
          for (int64_t q = 0; q < out_width; ++q) {
            const int64_t at = ((n * c.filters + o) * out_height + y) * out_width + q;
            double sum = b[o];
            want_bias[o] += g[at];
            for (int64_t e = 0; e < depth; ++e) {
              for (int64_t i = 0; i < c.kernel_height; ++i) {
                for (int64_t j = 0; j < c.kernel_width; ++j) {
                  const int64_t in_y = y * c.g.stride[0] - c.g.padding[0] + i * c.g.dilation[0];
                  const int64_t in_x = q * c.g.stride[1] - c.g.padding[1] + j * c.g.dilation[1];
                  if (in_y < 0 || in_y >= c.height || in_x < 0 || in_x >= c.width) continue;
                  const int64_t channel = o / filters * depth + e;
                  const int64_t source =
                      ((n * c.channels + channel) * c.height + in_y) * c.width + in_x;
                  const int64_t tap = ((o * depth + e) * c.kernel_height + i) * c.kernel_width + j;
                  sum += x[source] * w[tap];
                  want_input[source] += g[at] * w[tap];
                  want_weight[tap] += g[at] * x[source];
                }
              }
            }
            want_out[at] = sum;
          }
        }
      }
    }
  }

  void run(const ConvGeometry& g) const {
    conv2d_kernel(kCPU, write(out), read(input), read(weight), read(bias), g);
    conv2d_backward_kernel(kCPU, write(grad_input), write(grad_weight), write(grad_bias),
                           read(grad_out), read(input), read(weight), g);
  }
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {1, 1, 5, 5, 1, 3, 3, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {2, 3, 8, 9, 4, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {5, 1, 12, 12, 32, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {3, 16, 10, 10, 32, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {2, 4, 11, 7, 6, 3, 2, {{2, 3}, {1, 0}, {1, 1}, 1}},
      {2, 4, 13, 14, 8, 3, 3, {{1, 2}, {2, 1}, {2, 3}, 1}},
      {2, 8, 9, 9, 12, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 4}},
      {3, 16, 8, 8, 16, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 16}},
      {2, 5, 6, 6, 7, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {2, 3, 1, 20, 4, 1, 5, {{1, 2}, {0, 2}, {1, 1}, 1}},
      {37, 2, 6, 6, 3, 5, 5, {{1, 1}, {2, 2}, {1, 1}, 1}},
      {2, 3, 7, 7, 4, 3, 3, {{3, 3}, {3, 3}, {1, 1}, 1}},
  };
  return all;
}

class ConvolutionKernelDtypes : public testing::TestWithParam<ScalarType> {};

TEST_P(ConvolutionKernelDtypes, AgreesWithLoops) {
  const ScalarType dtype = GetParam();
  for (const int threads : {1, 2, 4}) {
    const Threads scope(threads);
    // More threads than cores are slow: a few cases show that they work.
    const size_t count = threads <= 2 ? cases().size() : 4;
    for (size_t i = 0; i < count; ++i) {
      for (const bool last : {false, true}) {
        Case c = cases()[i];
        c.last = last;
        const Problem p(c, dtype);
        p.run(c.g);
        const double limit = tolerance(dtype);
        EXPECT_LE(worst_error(values(p.out), p.want_out), limit) << "case " << i << last;
        EXPECT_LE(worst_error(values(p.grad_input), p.want_input), limit) << "case " << i << last;
        EXPECT_LE(worst_error(values(p.grad_weight), p.want_weight), limit) << "case " << i << last;
        EXPECT_LE(worst_error(values(p.grad_bias), p.want_bias), limit) << "case " << i << last;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ConvolutionKernelDtypes,
                         testing::Values(kFloat, kDouble, kHalf, kBFloat16),
                         [](const auto& info) { return toString(info.param); });

TEST(ConvolutionKernel, BitsDoNotDependOnThreads) {
  const Case c{21, 16, 14, 14, 32, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
  const auto run = [&](int threads) {
    const Threads scope(threads);
    const Problem p(c, kFloat);
    p.run(c.g);
    return p;
  };
  const Problem one = run(1), two = run(2);
  const auto same = [](const TensorImplPtr& a, const TensorImplPtr& b) {
    return std::memcmp(a->data(), b->data(), a->numel() * sizeof(float)) == 0;
  };
  EXPECT_TRUE(same(one.out, two.out));
  EXPECT_TRUE(same(one.grad_input, two.grad_input));
  EXPECT_TRUE(same(one.grad_weight, two.grad_weight));
  EXPECT_TRUE(same(one.grad_bias, two.grad_bias));
}

TEST(ConvolutionKernel, ComputesOnlyWhatIsAskedFor) {
  const Case c{4, 3, 8, 8, 5, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
  const Problem p(c, kFloat);
  conv2d_backward_kernel(kCPU, write(p.grad_input), View(), View(), read(p.grad_out), ConstView(),
                         read(p.weight), c.g);
  EXPECT_LE(worst_error(values(p.grad_input), p.want_input), 2e-5);
  conv2d_backward_kernel(kCPU, View(), View(), write(p.grad_bias), read(p.grad_out), read(p.input),
                         read(p.weight), c.g);
  EXPECT_LE(worst_error(values(p.grad_bias), p.want_bias), 2e-5);
  conv2d_backward_kernel(kCPU, View(), write(p.grad_weight), View(), read(p.grad_out),
                         read(p.input), ConstView(), c.g);
  EXPECT_LE(worst_error(values(p.grad_weight), p.want_weight), 2e-5);
}

TEST(ConvolutionKernel, ReadsExpandedGradients) {
  // The gradient of sum(): one value, all strides zero.
  const Case c{3, 4, 6, 6, 5, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
  Problem p(c, kFloat);
  p.grad_out = strided({3, 5, 6, 6}, {0, 0, 0, 0}, kFloat, 9);
  p.compute(c);
  p.run(c.g);
  EXPECT_LE(worst_error(values(p.grad_input), p.want_input), 2e-5);
  EXPECT_LE(worst_error(values(p.grad_weight), p.want_weight), 2e-5);
}

TEST(ConvolutionKernel, WinogradStaysWithinTolerance) {
  const Case c{8, 64, 14, 14, 64, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
  for (const bool enabled : {false, true}) {
    const bool before = winograd_enabled();
    set_winograd_enabled(enabled);
    const Problem p(c, kFloat);
    p.run(c.g);
    set_winograd_enabled(before);
    EXPECT_LE(worst_error(values(p.out), p.want_out), 5e-5) << enabled;
    EXPECT_LE(worst_error(values(p.grad_input), p.want_input), 5e-5) << enabled;
    EXPECT_LE(worst_error(values(p.grad_weight), p.want_weight), 5e-5) << enabled;
  }
}

TEST(ConvolutionKernel, EmptyBatch) {
  const Case c{0, 3, 8, 8, 5, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
  const Problem p(c, kFloat);
  p.run(c.g);
  for (const double v : values(p.grad_weight)) EXPECT_EQ(v, 0);
  for (const double v : values(p.grad_bias)) EXPECT_EQ(v, 0);
}

}  // namespace
}  // namespace taper::test
