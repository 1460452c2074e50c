// bfloat16 products and convolutions by the processor's instructions, against the same in float32.
// Where there are none, both are one way.
#include <gtest/gtest.h>

#include <functional>

#include "taper/kernel/matmul.h"
#include "taper/taper.h"

namespace taper {
namespace {

Tensor narrow(IntArrayRef sizes) { return randn(sizes).to(kBFloat16); }

std::vector<Tensor> on_both_ways(const std::function<std::vector<Tensor>()>& compute, bool fast) {
  struct Scope {
    explicit Scope(bool enabled) { set_bf16_kernels_enabled(enabled); }
    ~Scope() { set_bf16_kernels_enabled(true); }
  } scope(fast);
  return compute();
}

// The sums are float32 in both: after one rounding they are the same or neighbours.
void expect_close(const std::function<std::vector<Tensor>()>& compute) {
  const std::vector<Tensor> fast = on_both_ways(compute, true), wide = on_both_ways(compute, false);
  ASSERT_EQ(fast.size(), wide.size());
  for (size_t i = 0; i < fast.size(); ++i) {
    EXPECT_EQ(fast[i].scalar_type(), kBFloat16);
    ASSERT_EQ(fast[i].sizes(), wide[i].sizes());
    const Tensor want = wide[i].to(kDouble), error = (fast[i].to(kDouble) - want).abs();
    const double scale = want.abs().mean().item<double>();
    const Tensor bound = want.abs() * 0x1p-7 + 1e-4 * scale;
    EXPECT_TRUE((error <= bound).all().item<bool>()) << "result " << i << " of " << fast.size();
  }
}

TEST(Bf16Kernel, ProductsOfMatrices) {
  manual_seed(1);
  for (const auto& [m, n, k] : {std::tuple{64, 48, 96},
                                {33, 65, 129},
                                {1, 257, 300},
                                {300, 1, 257},
                                {130, 70, 1},
                                {7, 11, 4000}}) {
    const Tensor a = narrow({m, k}), b = narrow({k, n}), at = narrow({k, m}).t();
    const Tensor bt = narrow({n, k}).t(), c = narrow({m, n}), bias = narrow({n});
    const Tensor gaps = narrow({m, 2 * k + 3}).slice(1, 1, k + 1),
                 steps = narrow({m, 2 * k}).slice(1, 0, 2 * k, 2);
    expect_close([&] {
      return std::vector<Tensor>{a.mm(b),
                                 at.mm(b),
                                 a.mm(bt),
                                 at.mm(bt),
                                 gaps.mm(b),
                                 steps.mm(bt),
                                 c.addmm(a, b),
                                 c.addmm(a, bt, 0.5, -2),
                                 bias.addmm(a, b),
                                 bias.addmm(a, b, 1, 3),
                                 linear(a, bt.t(), bias),
                                 linear(at, b.t())};
    });
  }
}

TEST(Bf16Kernel, ProductsOfBatches) {
  manual_seed(2);
  const Tensor a = narrow({5, 40, 24}), b = narrow({5, 24, 36}), one = narrow({24, 36});
  const Tensor swapped = narrow({24, 5, 36}).transpose(0, 1), c = narrow({5, 40, 36});
  expect_close([&] {
    return std::vector<Tensor>{a.bmm(b),
                               a.matmul(one),
                               a.bmm(one.expand({5, 24, 36})),
                               a.bmm(swapped),
                               b.transpose(1, 2).bmm(a.transpose(1, 2)),
                               c.baddbmm(a, b),
                               c.baddbmm(a, b, 0, 0.25)};
  });
  Tensor out = empty({36, 5, 40}, kBFloat16);
  expect_close([&] {
    Tensor columns = out.permute({1, 2, 0});
    bmm_out(columns, a, b);
    return std::vector<Tensor>{columns.clone()};
  });
}

TEST(Bf16Kernel, WhatIsNoNumberStaysNone) {
  Tensor a = ones({32, 64}, kBFloat16), b = ones({64, 32}, kBFloat16);
  a[3][5].fill_(std::numeric_limits<double>::quiet_NaN());
  b[7][9].fill_(std::numeric_limits<double>::infinity());
  const Tensor c = a.mm(b);
  EXPECT_TRUE(c[3].isnan().all().item<bool>());
  EXPECT_TRUE(c[4][9].isinf().item<bool>());
  EXPECT_EQ(c[4][8].item<double>(), 64);
  EXPECT_EQ(a.slice(1, 0, 0).mm(b.slice(0, 0, 0)).abs().sum().item<double>(), 0);
}

TEST(Bf16Kernel, SameBitsInEveryRun) {
  manual_seed(3);
  const Tensor a = narrow({128, 512}), b = narrow({512, 128});
  EXPECT_TRUE(a.mm(b).equal(a.mm(b)));
}

void convolve(const Tensor& x, const Tensor& w, int64_t stride, int64_t padding, int64_t groups) {
  const Tensor bias = narrow({w.size(0)});
  expect_close([&] {
    std::vector<Tensor> in = {x.detach(), w.detach(), bias.detach()};
    for (Tensor& t : in) t.requires_grad_();
    const Tensor out = conv2d(in[0], in[1], in[2], stride, padding, 1, groups);
    manual_seed(9);
    out.backward(narrow(out.sizes()));
    return std::vector<Tensor>{out.detach(), in[0].grad(), in[1].grad(), in[2].grad()};
  });
}

TEST(Bf16Kernel, ConvolutionsAndTheirGradients) {
  manual_seed(4);
  for (const auto& [images, channels, filters, size, kernel, stride, padding, groups] :
       {std::tuple{3, 16, 32, 12, 3, 1, 1, 1},
        {17, 8, 24, 9, 3, 2, 1, 1},
        {2, 32, 16, 8, 1, 1, 0, 1},
        {4, 3, 8, 16, 5, 1, 2, 1},
        {3, 16, 16, 10, 3, 1, 1, 4},
        {1, 5, 7, 11, 3, 2, 0, 1},
        {6, 64, 128, 4, 3, 1, 1, 1}}) {
    const Tensor x = narrow({images, channels, size, size});
    const Tensor w = narrow({filters, channels / groups, kernel, kernel});
    convolve(x, w, stride, padding, groups);
    convolve(x.contiguous(MemoryFormat::ChannelsLast), w, stride, padding, groups);
  }
}

}  // namespace
}  // namespace taper
