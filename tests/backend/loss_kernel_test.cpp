#include "taper/kernel/loss.h"

#include <cmath>

#include "kernel_test_util.h"
#include "taper/base/error.h"
#include "taper/base/parallel.h"

namespace taper {
namespace {

using namespace taper::testing;

double pair_value(PairLoss loss, double d, double beta) {
  const double a = std::abs(d);
  if (loss == PairLoss::mse) return d * d;
  if (loss == PairLoss::l1) return a;
  if (loss == PairLoss::smooth_l1) return a < beta ? d * d / (2 * beta) : a - beta / 2;
  return a <= beta ? d * d / 2 : beta * (a - beta / 2);
}
constexpr PairLoss kPairs[] = {PairLoss::mse, PairLoss::l1, PairLoss::smooth_l1, PairLoss::huber};

TEST(LossKernel, PairsMatchTheFormulasAndTheirSlopes) {
  const int threads = get_num_threads();
  for (ScalarType dtype : {kFloat, kDouble}) {
    const double eps = dtype == kDouble ? 1e-12 : 1e-5;
    for (int64_t n : {1, 7, 100, 150000}) {
      auto x = fresh({n}, dtype), y = fresh({n}, dtype), g = fresh({n}, dtype);
      fill_normal(x, 1);
      fill_normal(y, 2);
      fill_normal(g, 3);
      for (PairLoss loss : kPairs) {
        auto each = fresh({n}, dtype), slope = fresh({n}, dtype);
        pair_loss_kernel(Device(), mut(each), view(x), view(y), loss, 0.7, 0.0);
        pair_loss_backward_kernel(Device(), mut(slope), view(g), view(x), view(y), loss, 0.7, 1.0);
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) {
          const double d = get(x, i) - get(y, i), h = 1e-6;
          const double want = pair_value(loss, d, 0.7);
          ASSERT_NEAR(get(each, i), want, eps * (1 + want));
          const double numeric =
              (pair_value(loss, d + h, 0.7) - pair_value(loss, d - h, 0.7)) / (2 * h);
          // Central differences are off near the kink.
          if (std::abs(d) > 1e-4) {
            ASSERT_NEAR(get(slope, i), numeric * get(g, i), 1e-4 * (1 + std::abs(get(g, i))));
          }
          sum += want;
        }
        std::vector<uint8_t> seen;
        for (int t : {1, 2, 3}) {
          set_num_threads(t);
          auto total = fresh({}, dtype);
          pair_loss_kernel(Device(), mut(total), view(x), view(y), loss, 0.7, 1.0 / double(n));
          EXPECT_NEAR(get(total, 0), sum / double(n), eps * (1 + sum / double(n)));
          if (seen.empty()) seen = bits(total);
          EXPECT_EQ(bits(total), seen);
        }
        auto one = fresh({}, dtype), from_one = fresh({n}, dtype);
        set(one, 0, 2);
        pair_loss_backward_kernel(Device(), mut(from_one), view(one), view(x), view(y), loss, 0.7,
                                  0.5);
        for (int64_t i = 0; i < n; ++i) {
          ASSERT_NEAR(get(from_one, i) * get(g, i), get(slope, i), eps * (1 + std::abs(get(g, i))));
        }
      }
    }
  }
  set_num_threads(threads);
}

TEST(LossKernel, CrossEntropyMatchesDoubleWithWeightsSmoothingAndIgnoredRows) {
  for (ScalarType dtype : {kFloat, kDouble}) {
    const double eps = dtype == kDouble ? 1e-12 : 2e-5;
    for (int64_t classes : {1, 3, 10, 1000, 5000}) {
      for (double s : {0.0, 0.1}) {
        for (bool weighted : {false, true}) {
          const int64_t rows = 9;
          auto x = fresh({rows, classes}, dtype), w = fresh({classes}, dtype);
          auto target = fresh({rows}, kLong), factor = fresh({rows}, dtype);
          fill_normal(x, 1, 3);
          fill_normal(factor, 2);
          for (int64_t c = 0; c < classes; ++c) set(w, c, weighted ? 0.5 + double(c % 3) : 1);
          for (int64_t i = 0; i < rows; ++i) set(target, i, double(i * 7 % classes));
          set(target, 4, -100);
          auto loss = fresh({rows}, dtype), wt = fresh({rows}, dtype), lse = fresh({rows}, dtype);
          auto grad = fresh({rows, classes}, dtype);
          const ConstView weight = weighted ? ConstView(view(w)) : ConstView();
          cross_entropy_kernel(Device(), mut(loss), mut(wt), mut(lse), view(x), view(target),
                               weight, -100, s);
          cross_entropy_backward_kernel(Device(), mut(grad), view(factor), view(x), view(lse),
                                        view(target), weight, -100, s);
          for (int64_t i = 0; i < rows; ++i) {
            double sum = 0, all = 0;
            for (int64_t c = 0; c < classes; ++c) sum += std::exp(get(x, i * classes + c));
            for (int64_t c = 0; c < classes; ++c) all += get(w, c);
            const double l = std::log(sum);
            const int64_t t = int64_t(get(target, i));
            double want = 0;
            if (t >= 0) {
              want = (1 - s) * get(w, t) * (l - get(x, i * classes + t));
              for (int64_t c = 0; c < classes; ++c) {
                want += s / double(classes) * get(w, c) * (l - get(x, i * classes + c));
              }
            }
            ASSERT_NEAR(get(loss, i), want, eps * (1 + want));
            ASSERT_EQ(get(wt, i), t >= 0 ? get(w, t) : 0);
            for (int64_t c = 0; c < classes; ++c) {
              double slope = 0;
              if (t >= 0) {
                const double p = std::exp(get(x, i * classes + c) - l);
                slope = p * ((1 - s) * get(w, t) + s * all / double(classes)) -
                        (c == t ? (1 - s) * get(w, t) : 0) - s / double(classes) * get(w, c);
              }
              ASSERT_NEAR(get(grad, i * classes + c), slope * get(factor, i), eps * 10);
            }
          }
        }
      }
    }
  }
}

TEST(LossKernel, NllTakesClassesInTheSecondDimension) {
  auto x = permuted({2, 5, 3}, {0, 2, 1}, 0), target = fresh({2, 3}, kLong);
  auto w = fresh({5});
  fill_normal(x, 1);
  fill_normal(w, 2);
  for (int64_t i = 0; i < 6; ++i) set(target, i, double(i % 5));
  set(target, 2, 7);  // ignored
  auto loss = fresh({2, 3}), wt = fresh({2, 3}), grad = fresh({2, 5, 3}), factor = fresh({2, 3});
  fill_normal(factor, 3);
  nll_loss_kernel(Device(), mut(loss), mut(wt), view(x), view(target), view(w), 7);
  nll_loss_backward_kernel(Device(), mut(grad), view(factor), view(target), view(w), 7);
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t k = 0; k < 3; ++k) {
      const int64_t i = n * 3 + k, t = int64_t(get(target, i));
      for (int64_t c = 0; c < 5; ++c) {
        const float want = c == t ? -float(get(w, c)) * float(get(factor, i)) : 0;
        EXPECT_NEAR(get(grad, (n * 5 + c) * 3 + k), want, 1e-6);
      }
      if (t == 7) {
        EXPECT_EQ(get(loss, i), 0);
        EXPECT_EQ(get(wt, i), 0);
      } else {
        EXPECT_NEAR(get(loss, i), -get(w, t) * get(x, (n * 5 + t) * 3 + k), 1e-6);
        EXPECT_EQ(get(wt, i), get(w, t));
      }
    }
  }
}

TEST(LossKernel, ATargetThatIsNoClassThrows) {
  auto x = fresh({1, 3}), target = fresh({1}, kLong);
  fill_normal(x, 1);
  auto loss = fresh({1}), wt = fresh({1}), lse = fresh({1});
  for (double bad : {3.0, -1.0}) {
    set(target, 0, bad);
    try {
      cross_entropy_kernel(Device(), mut(loss), mut(wt), mut(lse), view(x), view(target),
                           ConstView(), -100, 0.0);
      FAIL() << "no error";
    } catch (const IndexError& e) {
      EXPECT_NE(std::string(e.what()).find("is out of bounds"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace taper
