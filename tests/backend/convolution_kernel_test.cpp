#include "taper/kernel/convolution.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "taper/backend/cpu/conv.h"
#include "taper/backend/cpu/winograd.h"
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

double worst_difference(const std::vector<double>& got, const std::vector<double>& want) {
  if (got.size() != want.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double e = std::abs(got[i] - want[i]);
    worst = std::isnan(e) ? INFINITY : std::max(worst, e);
  }
  return worst;
}

/// Checks all four results in units of the largest wanted value.
void expect_close(const Problem& p, double limit, const std::string& what) {
  const auto check = [&](const TensorImplPtr& got, const std::vector<double>& want,
                         const char* name) {
    double largest = 0;
    for (const double v : want) largest = std::max(largest, std::abs(v));
    EXPECT_LE(worst_difference(values(got), want), limit * largest) << name << " of " << what;
  };
  check(p.out, p.want_out, "out");
  check(p.grad_input, p.want_input, "grad_input");
  check(p.grad_weight, p.want_weight, "grad_weight");
  check(p.grad_bias, p.want_bias, "grad_bias");
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
        expect_close(p, tolerance(dtype), "case " + std::to_string(i) + (last ? " last" : ""));
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

// Sizes around the tiles of the fast ways: 4x4 results, vectors of channels, whole planes.
TEST(ConvolutionKernel, ThreeByThreeOnOddSizes) {
  const int64_t channels[][2] = {{1, 1}, {1, 5},   {1, 33},  {3, 5},   {3, 33},
                                 {5, 3}, {33, 17}, {17, 33}, {32, 64}, {64, 48}};
  const int64_t sizes[][2] = {{1, 1}, {1, 9}, {4, 4}, {5, 7}, {14, 14}, {9, 18}, {17, 6}};
  for (const auto& channel : channels) {
    for (const auto& size : sizes) {
      for (const int64_t images : {1, 7}) {
        for (const int64_t pad : {0, 1, 2}) {
          if (size[0] + 2 * pad < 3 || size[1] + 2 * pad < 3) continue;
          // The loops in double take their time: many large images in few cases only.
          if (images * channel[0] * channel[1] * size[0] * size[1] > 400000) continue;
          const Case c{images,     channel[0], size[0], size[1],
                       channel[1], 3,          3,       {{1, 1}, {pad, pad}, {1, 1}, 1}};
          const Problem p(c, kFloat);
          p.run(c.g);
          expect_close(p, 1e-5,
                       "case " + std::to_string(channel[0]) + " to " + std::to_string(channel[1]) +
                           " channels, " + std::to_string(images) + " of " +
                           std::to_string(size[0]) + "x" + std::to_string(size[1]) + ", padding " +
                           std::to_string(pad));
        }
      }
    }
  }
}

template <class T, class Tensor>
cpu::Block4<T> block(const Tensor& t) {
  cpu::Block4<T> b{static_cast<T*>(t->data()), {}};
  for (int64_t d = 0; d < 4; ++d) b.stride[d] = t->strides()[d];
  return b;
}

// Each fast way takes the shapes that it is for, and is not passed by.
TEST(ConvolutionKernel, FastWaysServeTheirShapes) {
  const Case few[] = {{7, 1, 9, 10, 33, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
                      {1, 3, 65, 70, 5, 3, 3, {{1, 1}, {2, 0}, {1, 1}, 1}},
                      {2, 1, 12, 9, 6, 5, 5, {{1, 1}, {2, 2}, {1, 1}, 1}}};
  const Case large[] = {{7, 33, 14, 14, 17, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
                        {1, 16, 9, 21, 33, 3, 3, {{1, 1}, {0, 2}, {1, 1}, 1}},
                        {9, 16, 7, 5, 16, 3, 3, {{1, 1}, {2, 1}, {1, 1}, 1}}};
  for (const bool winograd : {false, true}) {
    if (winograd && !cpu::winograd_supported()) continue;
    for (size_t i = 0; i < std::size(few); ++i) {
      const Case& c = winograd ? large[i] : few[i];
      const Problem p(c, kFloat);
      const cpu::ConvShape shape{c.images,       c.channels,   c.height,    c.width,
                                 c.filters,      p.out_height, p.out_width, c.kernel_height,
                                 c.kernel_width, c.g};
      const cpu::ConvForward<float> forward{shape, block<float>(p.out), block<const float>(p.input),
                                            block<const float>(p.weight),
                                            static_cast<const float*>(p.bias->data())};
      const cpu::ConvBackward<float> backward{shape,
                                              block<const float>(p.grad_out),
                                              block<const float>(p.input),
                                              block<const float>(p.weight),
                                              block<float>(p.grad_input),
                                              block<float>(p.grad_weight),
                                              static_cast<float*>(p.grad_bias->data())};
      if (winograd) {
        EXPECT_TRUE(conv_winograd(forward));
        EXPECT_TRUE(conv_winograd_input(backward));
        EXPECT_TRUE(conv_winograd_weight(backward));
      } else {
        EXPECT_TRUE(conv_taps(forward));
        EXPECT_TRUE(conv_taps_weight(backward));
        conv_im2col(cpu::ConvBackward<float>{shape,
                                             backward.grad_out,
                                             backward.input,
                                             backward.weight,
                                             backward.grad_input,
                                             {},
                                             nullptr});
      }
      expect_close(p, 1e-5,
                   std::string(winograd ? "winograd " : "taps ") + std::to_string(c.channels) +
                       " to " + std::to_string(c.filters));
    }
  }
}

TEST(ConvolutionKernel, UnequalPaddingAndKernels) {
  const Case all[] = {
      {3, 16, 9, 11, 16, 3, 3, {{1, 1}, {0, 2}, {1, 1}, 1}},
      {3, 20, 11, 9, 18, 3, 3, {{1, 1}, {2, 1}, {1, 1}, 1}},
      {2, 16, 9, 9, 16, 3, 3, {{1, 1}, {3, 3}, {1, 1}, 1}},
      {7, 1, 10, 13, 6, 5, 5, {{1, 1}, {2, 2}, {1, 1}, 1}},
      {7, 2, 10, 13, 9, 1, 5, {{1, 1}, {0, 4}, {1, 1}, 1}},
      {2, 3, 9, 8, 6, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 3}},
  };
  for (size_t i = 0; i < std::size(all); ++i) {
    for (const bool last : {false, true}) {
      Case c = all[i];
      c.last = last;
      const Problem p(c, kFloat);
      p.run(c.g);
      expect_close(p, 1e-5, "case " + std::to_string(i) + (last ? " channels last" : ""));
    }
  }
}

TEST(ConvolutionKernel, ReadsStridedMemory) {
  for (const int64_t channels : {1, 16, 20}) {
    const Case c{3, channels, 9, 10, 24, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
    Problem p(c, kFloat);
    // Every second column of wider rows; rows apart; images and channels exchanged.
    p.input = strided({3, channels, 9, 10}, {180, 540, 20, 2}, kFloat, 11);
    p.grad_out = strided({3, 24, 9, 10}, {120, 360, 12, 1}, kFloat, 12);
    p.weight = strided({24, channels, 3, 3}, {1, 24, 72 * channels, 24 * channels}, kFloat, 13);
    p.grad_input = strided({3, channels, 9, 10}, {110, 330, 11, 1}, kFloat, 14);
    p.out = strided({3, 24, 9, 10}, {90, 270, 1, 9}, kFloat, 15);
    p.compute(c);
    p.run(c.g);
    expect_close(p, 1e-5, std::to_string(channels) + " channels");
  }
}

/// Values of a normal distribution, as a network's are.
void fill_normal(const TensorImplPtr& t, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal;
  auto* data = static_cast<float*>(t->data());
  for (int64_t i = 0; i < t->numel(); ++i) data[i] = normal(engine);
}

TEST(ConvolutionKernel, WinogradStaysWithinTolerance) {
  for (const int64_t channels : {64, 256}) {
    const Case c{2, channels, 14, 14, 64, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}};
    Problem p(c, kFloat);
    fill_normal(p.input, 1);
    fill_normal(p.weight, 2);
    fill_normal(p.grad_out, 3);
    p.compute(c);
    for (const bool enabled : {false, true}) {
      const bool before = winograd_enabled();
      set_winograd_enabled(enabled);
      p.run(c.g);
      set_winograd_enabled(before);
      expect_close(p, enabled ? 2e-5 : 1e-6, std::to_string(channels) + " channels");
    }
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
