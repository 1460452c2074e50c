#include "taper/kernel/normalization.h"

#include <cmath>

#include "kernel_test_util.h"
#include "taper/base/parallel.h"

namespace taper {
namespace {

using namespace taper::testing;

struct Threads {
  int before = get_num_threads();
  ~Threads() { set_num_threads(before); }
};

TEST(LayerNormKernel, ForwardAndBackwardMatchTheFormulas) {
  const Threads restore;
  for (ScalarType dtype : {kFloat, kDouble}) {
    const double eps = dtype == kDouble ? 1e-11 : 1e-5;
    for (int64_t rows : {1, 7, 200}) {
      for (int64_t n : {1, 5, 16, 100, 5000}) {
        auto x = fresh({rows, n}, dtype), g = fresh({rows, n}, dtype);
        auto w = fresh({n}, dtype), b = fresh({n}, dtype);
        fill_normal(x, 1, 2);
        for (int64_t i = 0; i < x->numel(); ++i) set(x, i, get(x, i) + 5);
        fill_normal(g, 2);
        fill_normal(w, 3);
        fill_normal(b, 4);
        std::vector<uint8_t> seen;
        for (int threads : {1, 2, 3}) {
          set_num_threads(threads);
          auto out = fresh({rows, n}, dtype), mean = fresh({rows}, dtype);
          auto rstd = fresh({rows}, dtype), gx = fresh({rows, n}, dtype);
          auto gw = fresh({n}, dtype), gb = fresh({n}, dtype);
          layer_norm_kernel(Device(), mut(out), mut(mean), mut(rstd), view(x), view(w), view(b), n,
                            1e-5);
          layer_norm_backward_kernel(Device(), mut(gx), mut(gw), mut(gb), view(g), view(x),
                                     view(mean), view(rstd), view(w), n);
          auto now = bits(gw);
          for (auto& t : {out, gx, gb}) {
            for (uint8_t byte : bits(t)) now.push_back(byte);
          }
          if (seen.empty()) seen = now;
          EXPECT_EQ(now, seen);
          std::vector<double> want_w(n), want_b(n);
          for (int64_t r = 0; r < rows; ++r) {
            double m = 0, var = 0, flat = 0, along = 0;
            for (int64_t i = 0; i < n; ++i) m += get(x, r * n + i) / double(n);
            for (int64_t i = 0; i < n; ++i) var += std::pow(get(x, r * n + i) - m, 2) / double(n);
            const double s = 1 / std::sqrt(var + 1e-5);
            for (int64_t i = 0; i < n; ++i) {
              const double xhat = (get(x, r * n + i) - m) * s, gi = get(g, r * n + i);
              ASSERT_NEAR(get(out, r * n + i), xhat * get(w, i) + get(b, i), 10 * eps);
              flat += gi * get(w, i) / double(n);
              along += gi * get(w, i) * xhat / double(n);
              want_w[i] += gi * xhat;
              want_b[i] += gi;
            }
            for (int64_t i = 0; i < n; ++i) {
              const double xhat = (get(x, r * n + i) - m) * s;
              const double want = s * (get(g, r * n + i) * get(w, i) - flat - xhat * along);
              // A row of one has variance 0: rstd is large.
              ASSERT_NEAR(get(gx, r * n + i), want, eps * 10 * (1 + s));
            }
          }
          for (int64_t i = 0; i < n; ++i) {
            ASSERT_NEAR(get(gw, i), want_w[i], eps * 20 * (1 + std::abs(want_w[i])));
            ASSERT_NEAR(get(gb, i), want_b[i], eps * 20 * (1 + std::abs(want_b[i])));
          }
        }
      }
    }
  }
}

struct BatchCase {
  std::vector<int64_t> sizes;
};
const std::vector<BatchCase> kBatches = {{{40, 7}},       {{300, 130}},      {{3, 5, 11}},
                                         {{4, 20, 6, 6}}, {{3, 18, 30, 30}}, {{2, 1, 20, 20}}};

TensorImplPtr channels_last(const TensorImplPtr& x) {
  DimVector order{0};
  for (int64_t d = 2; d < x->dim(); ++d) order.push_back(d);
  order.push_back(1);
  auto y = permuted(x->sizes(), order, 0, x->dtype());
  copy_values(x, y);
  return y;
}
TensorImplPtr like(const TensorImplPtr& x) { return TensorImpl::empty_like(*x, x->dtype()); }

TEST(BatchNormKernel, SumsAndPassesMatchInBothLayouts) {
  const Threads restore;
  for (ScalarType dtype : {kFloat, kDouble}) {
    const double eps = dtype == kDouble ? 1e-12 : 5e-6;
    for (const BatchCase& c : kBatches) {
      const int64_t channels = c.sizes[1];
      auto x = fresh(c.sizes, dtype), g = fresh(c.sizes, dtype);
      fill_normal(x, 1);
      fill_normal(g, 2);
      auto mean = fresh({channels}, dtype), scale = fresh({channels}, dtype);
      auto bias = fresh({channels}, dtype);
      fill_normal(mean, 3);
      fill_normal(scale, 4);
      fill_normal(bias, 5);
      const int64_t spatial = x->numel() / c.sizes[0] / channels;
      std::vector<double> want_g(channels), want_gx(channels), size_g(channels), size_gx(channels);
      for (int64_t i = 0; i < x->numel(); ++i) {
        const int64_t ch = i / spatial % channels;
        const double gx = get(g, i) * (get(x, i) - get(mean, ch));
        want_g[ch] += get(g, i);
        want_gx[ch] += gx;
        size_g[ch] += std::abs(get(g, i));
        size_gx[ch] += std::abs(gx);
      }
      std::vector<uint8_t> seen;
      for (int threads : {1, 2, 3}) {
        for (bool last : {false, true}) {
          set_num_threads(threads);
          auto xl = last ? channels_last(x) : x;
          auto gl = last ? channels_last(g) : g;
          auto out = like(xl), gx = like(xl), plain = like(xl);
          auto s1 = fresh({channels}, dtype), s2 = fresh({channels}, dtype);
          channel_affine_kernel(Device(), mut(out), view(xl), view(mean), view(scale), view(bias));
          batch_norm_sums_kernel(Device(), mut(s1), mut(s2), view(gl), view(xl), view(mean));
          batch_norm_grad_kernel(Device(), mut(gx), view(gl), view(xl), view(mean), view(bias),
                                 view(mean), view(scale));
          batch_norm_grad_kernel(Device(), mut(plain), view(gl), ConstView(), ConstView(),
                                 ConstView(), ConstView(), view(scale));
          auto now = bits(s1);
          for (auto& t : {s2, out, gx, plain}) {
            for (uint8_t byte : bits(t)) now.push_back(byte);
          }
          if (seen.empty()) seen = now;
          EXPECT_EQ(now, seen) << str(IntArrayRef(c.sizes)) << last << threads;
          for (int64_t ch = 0; ch < channels; ++ch) {
            ASSERT_NEAR(get(s1, ch), want_g[ch], eps * size_g[ch]);
            ASSERT_NEAR(get(s2, ch), want_gx[ch], eps * size_gx[ch]);
          }
          for (int64_t i = 0; i < x->numel(); ++i) {
            const int64_t ch = i / spatial % channels;
            const double centred = get(x, i) - get(mean, ch);
            ASSERT_NEAR(get(out, i), centred * get(scale, ch) + get(bias, ch), 20 * eps);
            const double inner = get(g, i) - get(bias, ch) - centred * get(mean, ch);
            ASSERT_NEAR(get(gx, i), inner * get(scale, ch), 100 * eps);
            ASSERT_NEAR(get(plain, i), get(g, i) * get(scale, ch), 20 * eps);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace taper
