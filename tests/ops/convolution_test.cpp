#include "taper/ops/convolution.h"

#include "taper/autograd/autograd.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

struct Setting {
  int64_t stride[2] = {1, 1}, padding[2] = {0, 0}, dilation[2] = {1, 1}, groups = 1;
};

Dense with_sizes(Dense d, Sizes sizes) {
  d.sizes = std::move(sizes);
  return d;
}

// The definition, on [n, c, h, w].
Dense convolve(const Dense& x, const Dense& w, const std::vector<double>& bias, const Setting& s) {
  const auto room = [&](int d) {
    return (x.sizes[d + 2] + 2 * s.padding[d] - s.dilation[d] * (w.sizes[d + 2] - 1) - 1) /
               s.stride[d] +
           1;
  };
  Dense out{{x.sizes[0], w.sizes[0], room(0), room(1)}, {}};
  const int64_t filters = w.sizes[0] / s.groups;
  for_each_index(out.sizes, [&](const Sizes& at) {
    double sum = bias.empty() ? 0 : bias[at[1]];
    for_each_index({w.sizes[1], w.sizes[2], w.sizes[3]}, [&](const Sizes& tap) {
      const int64_t row = at[2] * s.stride[0] + tap[1] * s.dilation[0] - s.padding[0];
      const int64_t col = at[3] * s.stride[1] + tap[2] * s.dilation[1] - s.padding[1];
      if (row < 0 || row >= x.sizes[2] || col < 0 || col >= x.sizes[3]) return;
      sum += x.at({at[0], at[1] / filters * w.sizes[1] + tap[0], row, col}) *
             w.at({at[1], tap[0], tap[1], tap[2]});
    });
    out.values.push_back(sum);
  });
  return out;
}

Sample sample2d(const std::string& label, std::vector<Sizes> sizes, Setting s) {
  Sample sample;
  sample.label = label;
  for (Sizes& size : sizes) sample.args.push_back({size});
  sample.op = [s](const Tensors& x) {
    const std::optional<Tensor> bias = x.size() > 2 ? std::optional(x[2]) : std::nullopt;
    return Tensors{conv2d(x[0], x[1], bias, s.stride, s.padding, s.dilation, s.groups)};
  };
  sample.reference = [s](const std::vector<Dense>& x) {
    const bool batched = x[0].sizes.size() == 4;
    Sizes in = x[0].sizes;
    if (!batched) in.insert(in.begin(), 1);
    Dense out =
        convolve(with_sizes(x[0], in), x[1], x.size() > 2 ? x[2].values : std::vector<double>(), s);
    if (!batched) out.sizes.erase(out.sizes.begin());
    return std::vector<Dense>{out};
  };
  return sample;
}

Sample sample1d(const std::string& label, std::vector<Sizes> sizes, int64_t stride, int64_t padding,
                int64_t dilation, int64_t groups) {
  Sample sample;
  sample.label = label;
  for (Sizes& size : sizes) sample.args.push_back({size});
  sample.op = [=](const Tensors& x) {
    const std::optional<Tensor> bias = x.size() > 2 ? std::optional(x[2]) : std::nullopt;
    return Tensors{conv1d(x[0], x[1], bias, stride, padding, dilation, groups)};
  };
  sample.reference = [=](const std::vector<Dense>& x) {
    const bool batched = x[0].sizes.size() == 3;
    const Setting s{{1, stride}, {0, padding}, {1, dilation}, groups};
    const auto rows = [](const Dense& d, bool lead) {
      Sizes sizes = d.sizes;
      sizes.insert(sizes.end() - 1, 1);
      if (!lead) sizes.insert(sizes.begin(), 1);
      return with_sizes(d, sizes);
    };
    Dense out = convolve(rows(x[0], batched), rows(x[1], true),
                         x.size() > 2 ? x[2].values : std::vector<double>(), s);
    out.sizes.erase(out.sizes.end() - 2);
    if (!batched) out.sizes.erase(out.sizes.begin());
    return std::vector<Dense>{out};
  };
  return sample;
}

Tensor zeros(Sizes sizes, ScalarType dtype = kFloat) {
  Dense d{sizes, {}};
  for_each_index(sizes, [&](const Sizes&) { d.values.push_back(0); });
  return to_tensor(d, dtype);
}

OpCase conv2d_case() {
  OpCase c;
  c.name = "conv2d";
  c.samples = {
      sample2d("padded", {{2, 2, 4, 5}, {3, 2, 3, 3}, {3}}, {{1, 1}, {1, 1}, {1, 1}, 1}),
      sample2d("one channel", {{2, 1, 5, 4}, {3, 1, 3, 3}, {3}}, {{1, 1}, {1, 1}, {1, 1}, 1}),
      sample2d("strided", {{1, 2, 7, 6}, {3, 2, 3, 2}, {3}}, {{2, 3}, {1, 0}, {1, 1}, 1}),
      sample2d("dilated, no bias", {{1, 2, 5, 6}, {2, 2, 2, 3}}, {{1, 1}, {1, 2}, {3, 2}, 1}),
      sample2d("groups", {{1, 4, 4, 4}, {6, 2, 3, 3}, {6}}, {{1, 1}, {1, 1}, {1, 1}, 2}),
      sample2d("depthwise", {{1, 3, 5, 4}, {3, 1, 3, 3}, {3}}, {{1, 1}, {0, 0}, {1, 1}, 3}),
      sample2d("unbatched", {{2, 5, 5}, {3, 2, 1, 1}, {3}}, {{1, 1}, {0, 0}, {1, 1}, 1}),
      sample2d("empty", {{0, 2, 5, 5}, {3, 2, 3, 3}, {3}}, {{1, 1}, {0, 0}, {1, 1}, 1})};
  c.same_bits = false;  // a strided input goes another way
  c.tolerance = 8;
  c.errors = {
      {"channels",
       [] {
         conv2d(zeros({1, 2, 5, 5}), zeros({4, 3, 3, 3}));
       },
       "Given groups=1, weight of size [4, 3, 3, 3], expected input[1, 2, 5, 5] to have 3 "
       "channels, but got 2 channels instead",
       ErrorInput::Kind::shape},
      {"rank",
       [] {
         conv2d(zeros({5, 5}), zeros({4, 3, 3, 3}));
       },
       "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [5, 5]",
       ErrorInput::Kind::shape},
      {"kernel",
       [] {
         conv2d(zeros({1, 1, 2, 2}), zeros({1, 1, 3, 3}));
       },
       "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size "
       "can't be greater than actual input size",
       ErrorInput::Kind::shape},
      {"bias",
       [] {
         conv2d(zeros({1, 1, 4, 4}), zeros({2, 1, 3, 3}), zeros({3}));
       },
       "expected bias to be 1-dimensional with 2 elements, but got bias of size [3] instead",
       ErrorInput::Kind::shape},
      {"stride",
       [] {
         conv2d(zeros({1, 1, 4, 4}), zeros({2, 1, 3, 3}), {}, 0);
       },
       "non-positive stride is not supported", ErrorInput::Kind::shape},
      {"padding",
       [] {
         conv2d(zeros({1, 1, 4, 4}), zeros({2, 1, 3, 3}), {}, 1, -1);
       },
       "negative padding is not supported", ErrorInput::Kind::shape},
      {"groups",
       [] {
         conv2d(zeros({1, 4, 4, 4}), zeros({3, 2, 3, 3}), {}, 1, 0, 1, 2);
       },
       "expected weight to be divisible by 2 at dimension 0", ErrorInput::Kind::shape},
      {"stride list",
       [] {
         conv2d(zeros({1, 1, 4, 4}), zeros({2, 1, 3, 3}), {}, {1, 1, 1});
       },
       "expected stride to be a single integer value or a list of 2 values",
       ErrorInput::Kind::shape},
      {"types",
       [] {
         conv2d(zeros({1, 1, 4, 4}), zeros({2, 1, 3, 3}, kDouble));
       },
       "Input type (Float) and weight type (Double) should be the same", ErrorInput::Kind::dtype},
      {"integers",
       [] {
         conv2d(zeros({1, 1, 4, 4}, kLong), zeros({2, 1, 3, 3}, kLong));
       },
       "expected a floating-point tensor", ErrorInput::Kind::dtype}};
  return c;
}

OpCase conv1d_case() {
  OpCase c;
  c.name = "conv1d";
  c.samples = {sample1d("padded", {{2, 3, 9}, {4, 3, 3}, {4}}, 1, 1, 1, 1),
               sample1d("strided, dilated", {{1, 2, 12}, {3, 2, 3}}, 2, 2, 2, 1),
               sample1d("groups, unbatched", {{4, 8}, {4, 2, 2}, {4}}, 1, 0, 1, 2)};
  c.same_bits = false;
  c.tolerance = 8;
  c.errors = {{"rank",
               [] {
                 conv1d(zeros({5}), zeros({4, 3, 3}));
               },
               "Expected 2D (unbatched) or 3D (batched) input to conv1d", ErrorInput::Kind::shape},
              {"kernel",
               [] {
                 conv1d(zeros({1, 1, 2}), zeros({1, 1, 3}));
               },
               "Calculated padded input size per channel: (2). Kernel size: (3).",
               ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> convolution_ops() { return {conv2d_case(), conv1d_case()}; }
TAPER_OP_CASES(convolution_ops);

Tensor counted(Sizes sizes) {
  Dense d{sizes, {}};
  for_each_index(sizes, [&](const Sizes&) {
    d.values.push_back(static_cast<double>(d.values.size() % 7) - 3);
  });
  return to_tensor(d, kFloat);
}

TEST(Convolution, SamePaddingKeepsTheSize) {
  for (const int64_t kernel : {1, 2, 3, 4}) {
    const Tensor x = counted({1, 1, 6, 7}), w = counted({1, 1, kernel, kernel});
    const Tensor out = conv2d(x, w, {}, 1, "same");
    EXPECT_EQ(out.sizes(), x.sizes()) << kernel;
    // An even kernel reads one element more behind than in front.
    const int64_t before = (kernel - 1) / 2;
    double want = 0;
    const Dense dx = to_dense(x), dw = to_dense(w);
    for_each_index({kernel, kernel}, [&](const Sizes& t) {
      const int64_t row = 2 + t[0] - before, col = 3 + t[1] - before;
      want += dx.at({0, 0, row, col}) * dw.at({0, 0, t[0], t[1]});
    });
    EXPECT_EQ(to_dense(out).at({0, 0, 2, 3}), want) << kernel;
  }
  EXPECT_THROW(conv2d(counted({1, 1, 6, 6}), counted({1, 1, 3, 3}), {}, 2, "same"), ShapeError);
  EXPECT_THROW(conv2d(counted({1, 1, 6, 6}), counted({1, 1, 3, 3}), {}, 1, "full"), Error);
}

TEST(Convolution, ChannelsLastInputGivesChannelsLastResult) {
  const Tensor x = counted({2, 3, 5, 5}), w = counted({4, 3, 3, 3}), b = counted({4});
  const Tensor want = conv2d(x, w, b, 1, 1);
  const Tensor got = conv2d(x.contiguous(MemoryFormat::ChannelsLast), w, b, 1, 1);
  EXPECT_TRUE(got.is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(want.is_contiguous());
  EXPECT_EQ(to_dense(got).values, to_dense(want).values);
}

TEST(Convolution, FrozenInputGetsNoGradient) {
  const Tensor x = counted({2, 1, 6, 6});
  Tensor w = counted({3, 1, 3, 3});
  w.requires_grad_();
  const Tensor out = conv2d(x, w, {}, 1, 1);
  out.backward(out.detach());
  EXPECT_TRUE(w.grad().defined());
  EXPECT_FALSE(x.grad().defined());
}

}  // namespace
}  // namespace taper::testing
