#include "taper/kernel/reduction.h"

#include <cmath>
#include <functional>
#include <limits>

#include "kernel_test_util.h"
#include "taper/base/parallel.h"

namespace taper {
namespace {

using namespace taper::testing;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

DimVector reduced_sizes(IntArrayRef sizes, uint64_t dims, bool keepdim) {
  DimVector out;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (!(dims >> d & 1)) {
      out.push_back(sizes[d]);
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return out;
}

/// The reduced elements of every output, in order.
std::vector<std::vector<double>> groups(const TensorImplPtr& x, uint64_t dims) {
  int64_t outputs = 1;
  for (int64_t d = 0; d < x->dim(); ++d) outputs *= (dims >> d & 1) ? 1 : x->sizes()[d];
  std::vector<std::vector<double>> all(outputs);
  for (int64_t i = 0; i < x->numel(); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int64_t d = x->dim() - 1; d >= 0; --d) {
      const int64_t index = rest % x->sizes()[d];
      rest /= x->sizes()[d];
      if (!(dims >> d & 1)) {
        at += index * step;
        step *= x->sizes()[d];
      }
    }
    all[at].push_back(get(x, i));
  }
  return all;
}

double naive(const std::vector<double>& v, ReduceOp what) {
  double total = what == ReduceOp::prod ? 1 : 0;
  if (what == ReduceOp::all) total = 1;
  if (what == ReduceOp::amax) total = -INFINITY;
  if (what == ReduceOp::amin) total = INFINITY;
  for (double e : v) {
    switch (what) {
      case ReduceOp::prod:
        total *= e;
        break;
      case ReduceOp::amax:
        total = std::isnan(e) || e > total ? e : total;
        break;
      case ReduceOp::amin:
        total = std::isnan(e) || e < total ? e : total;
        break;
      case ReduceOp::abs_sum:
        total += std::abs(e);
        break;
      case ReduceOp::sq_norm:
        total += e * e;
        break;
      case ReduceOp::any:
        total = total != 0 || e != 0;
        break;
      case ReduceOp::all:
        total = total != 0 && e != 0;
        break;
      case ReduceOp::count:
        total += e != 0;
        break;
      default:
        total += e;
    }
  }
  if (what == ReduceOp::mean) total /= double(v.size());
  if (what == ReduceOp::sq_norm) total = std::sqrt(total);
  return total;
}

TensorImplPtr run(const TensorImplPtr& x, uint64_t dims, ReduceOp what, ScalarType dtype,
                  bool keepdim = false) {
  auto out = fresh(reduced_sizes(x->sizes(), dims, keepdim), dtype);
  reduce_kernel(Device(), mut(out), view(x), dims, what);
  return out;
}

struct Shape {
  std::vector<int64_t> sizes;
  uint64_t dims;
};
const std::vector<Shape> kShapes = {
    {{}, 0},
    {{1}, 1},
    {{7}, 1},
    {{64}, 1},
    {{65}, 1},
    {{4097}, 1},
    {{20000}, 1},
    {{3, 5}, 1},
    {{3, 5}, 2},
    {{3, 5}, 3},
    {{300, 17}, 1},
    {{17, 300}, 2},
    {{17, 300}, 3},
    {{9000, 33}, 1},
    {{2, 3, 4, 5}, 5},
    {{2, 3, 4, 5}, 10},
    {{2, 3, 16, 17}, 13},
    {{5, 3, 20, 20}, 13},
    {{6, 40, 50}, 1},
    {{6, 40, 50}, 3},
    {{6, 40, 50}, 5},
    {{0, 4}, 1},
    {{0, 4}, 2},
    {{4, 0}, 2},
    {{1, 1, 9}, 4},
    {{300, 2, 2}, 1},
    {{2, 1, 3, 1, 5, 1, 2}, 0b1010101},
};

/// Every layout that a shape can come in: as given, dimensions reversed, padded, spread, rotated.
std::vector<TensorImplPtr> layouts(const TensorImplPtr& x) {
  const int64_t rank = x->dim();
  DimVector reversed, rotated;
  for (int64_t d = rank - 1; d >= 0; --d) reversed.push_back(d);
  for (int64_t d = 0; d < rank; ++d) rotated.push_back((d + 1) % rank);
  DimVector same;
  for (int64_t d = 0; d < rank; ++d) same.push_back(d);
  std::vector<TensorImplPtr> all = {
      permuted(x->sizes(), reversed, 0, x->dtype()), permuted(x->sizes(), rotated, 3, x->dtype()),
      permuted(x->sizes(), same, 5, x->dtype()), spread(x->sizes(), x->dtype())};
  for (auto& y : all) copy_values(x, y);
  return all;
}

constexpr ReduceOp kAll[] = {ReduceOp::sum,  ReduceOp::mean,    ReduceOp::prod,    ReduceOp::amax,
                             ReduceOp::amin, ReduceOp::abs_sum, ReduceOp::sq_norm, ReduceOp::any,
                             ReduceOp::all,  ReduceOp::count};

TEST(ReductionKernel, MatchesANaiveLoopInDouble) {
  for (ScalarType dtype : {kFloat, kDouble, kHalf, kBFloat16}) {
    for (const Shape& shape : kShapes) {
      auto x = fresh(shape.sizes, dtype);
      fill_normal(x, 7);
      const auto expected = groups(x, shape.dims);
      for (ReduceOp what : kAll) {
        const bool counts = what >= ReduceOp::any;
        auto out = run(x, shape.dims, what, counts ? kLong : dtype);
        ASSERT_EQ(out->numel(), int64_t(expected.size()));
        for (int64_t i = 0; i < out->numel(); ++i) {
          if (expected[i].empty() && counts) continue;
          const double want = naive(expected[i], what), got = get(out, i);
          if (std::isnan(want) || std::isinf(want)) {
            EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want)));
            continue;
          }
          double scale = std::abs(want);
          if (what == ReduceOp::sum) scale = naive(expected[i], ReduceOp::abs_sum);
          if (what == ReduceOp::mean) {
            scale = naive(expected[i], ReduceOp::abs_sum) / double(expected[i].size());
          }
          const double eps = dtype == kDouble ? 1e-15 : dtype == kFloat ? 2e-7 : 8e-3;
          const double steps = what == ReduceOp::prod ? 100 : 8;
          EXPECT_LE(std::abs(got - want), eps * steps * scale + 1e-40 + (dtype == kHalf ? 1e-7 : 0))
              << "op " << int(what) << " dtype " << toString(dtype) << " sizes "
              << str(IntArrayRef(shape.sizes)) << " dims " << shape.dims;
        }
      }
    }
  }
}

TEST(ReductionKernel, SameBitsInAnyLayoutAndAtAnyThreadCount) {
  const int threads = get_num_threads();
  for (ScalarType dtype : {kFloat, kDouble, kBFloat16}) {
    for (const Shape& shape : kShapes) {
      auto x = fresh(shape.sizes, dtype);
      fill_normal(x, 11);
      for (ReduceOp what : {ReduceOp::sum, ReduceOp::prod, ReduceOp::sq_norm}) {
        set_num_threads(1);
        const auto expected = bits(run(x, shape.dims, what, dtype));
        for (int n : {1, 2, 3}) {
          set_num_threads(n);
          EXPECT_EQ(bits(run(x, shape.dims, what, dtype, true)), expected);
          for (auto& y : layouts(x)) {
            EXPECT_EQ(bits(run(y, shape.dims, what, dtype)), expected)
                << "sizes " << str(IntArrayRef(shape.sizes)) << " dims " << shape.dims
                << " strides " << str(y->strides());
          }
        }
      }
    }
  }
  set_num_threads(threads);
}

TEST(ReductionKernel, ThreadsShareOneLongSumWithoutChangingIt) {
  const int threads = get_num_threads();
  for (auto sizes : {std::vector<int64_t>{1 << 20}, {300000, 3}, {64, 16384}, {3, 300001}}) {
    for (uint64_t dims : {1, 2, 3}) {
      if (dims > 1 && sizes.size() == 1) continue;
      auto x = fresh(sizes);
      fill_normal(x, 5);
      set_num_threads(1);
      const auto one = bits(run(x, dims, ReduceOp::sum, kFloat));
      for (int n : {2, 4}) {
        set_num_threads(n);
        EXPECT_EQ(bits(run(x, dims, ReduceOp::sum, kFloat)), one);
      }
    }
  }
  set_num_threads(threads);
}

TEST(ReductionKernel, IntegersSumInInt64AndWrap) {
  for (ScalarType dtype : {kByte, kChar, kShort, kInt, kLong, kBool}) {
    auto x = fresh({3, 1000}, dtype);
    for (int64_t i = 0; i < x->numel(); ++i) set(x, i, double(i % 120));
    const auto expected = groups(x, 2);
    for (auto& y : layouts(x)) {
      auto out = run(y, 2, ReduceOp::sum, kLong);
      for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(get(out, i), naive(expected[i], ReduceOp::sum));
      auto most = run(y, 2, ReduceOp::amax, dtype);
      for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(get(most, i), naive(expected[i], ReduceOp::amax));
      auto every = run(y, 2, ReduceOp::all, kBool);
      for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(get(every, i), 0);
    }
  }
  auto big = fresh({2}, kLong);
  static_cast<int64_t*>(big->data())[0] = std::numeric_limits<int64_t>::max();
  static_cast<int64_t*>(big->data())[1] = 1;
  auto out = run(big, 1, ReduceOp::sum, kLong);
  EXPECT_EQ(*static_cast<int64_t*>(out->data()), std::numeric_limits<int64_t>::min());
}

TEST(ReductionKernel, NanWinsAndSpecialValuesPass) {
  for (int64_t n : {1, 5, 70, 5000}) {
    for (int64_t where : {int64_t(0), n / 2, n - 1}) {
      auto x = fresh({n, 3});
      fill_normal(x, 3);
      set(x, where * 3 + 1, kNan);
      for (auto& y : layouts(x)) {
        for (ReduceOp what : {ReduceOp::amax, ReduceOp::amin, ReduceOp::sum}) {
          auto out = run(y, 1, what, kFloat);
          EXPECT_FALSE(std::isnan(get(out, 0)));
          EXPECT_TRUE(std::isnan(get(out, 1)))
              << n << " " << where << " op " << int(what) << str(y->strides());
          EXPECT_FALSE(std::isnan(get(out, 2)));
        }
      }
    }
  }
  auto x = fresh({3});
  set(x, 0, INFINITY);
  set(x, 1, -INFINITY);
  set(x, 2, 1);
  EXPECT_TRUE(std::isnan(get(run(x, 1, ReduceOp::sum, kFloat), 0)));
  auto zero = fresh({1});
  set(zero, 0, -0.0);
  EXPECT_FALSE(std::signbit(get(run(zero, 1, ReduceOp::sum, kFloat), 0)));
}

TEST(ReductionKernel, SumOfManyFloatsIsAccurate) {
  auto x = fresh({1 << 22});
  float* p = static_cast<float*>(x->data());
  for (int64_t i = 0; i < x->numel(); ++i) p[i] = 0.1f;
  const double want = double(0.1f) * double(x->numel());
  EXPECT_NEAR(get(run(x, 1, ReduceOp::sum, kFloat), 0) / want, 1, 1e-6);
}

TEST(ReductionKernel, PositionsAreTheFirstAndNanWins) {
  for (ScalarType dtype : {kFloat, kDouble, kHalf, kInt, kByte}) {
    for (const Shape& shape : kShapes) {
      auto x = fresh(shape.sizes, dtype);
      // Few distinct values: many ties.
      for (int64_t i = 0; i < x->numel(); ++i) set(x, i, double(i * 7919 % 13));
      if (isFloatingType(dtype) && x->numel() > 40) set(x, 20, kNan);
      const auto all = groups(x, shape.dims);
      if (all.empty() || all[0].empty()) continue;
      auto inputs = layouts(x);
      inputs.push_back(x);
      for (bool largest : {true, false}) {
        for (auto& y : inputs) {
          const DimVector sizes = reduced_sizes(shape.sizes, shape.dims, false);
          auto v = fresh(sizes, dtype);
          auto at = fresh(sizes, kLong);
          max_with_index_kernel(Device(), mut(v), mut(at), view(y), shape.dims, largest);
          for (size_t i = 0; i < all.size(); ++i) {
            size_t best = 0;
            for (size_t k = 1; k < all[i].size(); ++k) {
              const double a = all[i][k], b = all[i][best];
              if (!std::isnan(b) && (std::isnan(a) || (largest ? a > b : a < b))) best = k;
            }
            ASSERT_EQ(get(at, i), double(best)) << str(IntArrayRef(shape.sizes)) << shape.dims;
            const double got = get(v, i);
            EXPECT_TRUE(got == all[i][best] || (std::isnan(got) && std::isnan(all[i][best])));
          }
        }
      }
    }
  }
}

TEST(ReductionKernel, VarianceAgreesWithTwoPassesInDoubleEvenFarFromZero) {
  const int threads = get_num_threads();
  for (ScalarType dtype : {kFloat, kDouble}) {
    for (double centre : {0.0, 1000.0}) {
      for (const Shape& shape : kShapes) {
        auto x = fresh(shape.sizes, dtype);
        fill_normal(x, 13);
        for (int64_t i = 0; i < x->numel(); ++i) set(x, i, get(x, i) + centre);
        const auto all = groups(x, shape.dims);
        const DimVector sizes = reduced_sizes(shape.sizes, shape.dims, false);
        std::vector<uint8_t> first;
        auto inputs = layouts(x);
        inputs.push_back(x);
        for (auto& y : inputs) {
          for (int n : {1, 2}) {
            set_num_threads(n);
            auto v = fresh(sizes, dtype), m = fresh(sizes, dtype);
            var_kernel(Device(), mut(v), mut(m), view(y), shape.dims, 1, false);
            if (first.empty()) first = bits(v);
            EXPECT_EQ(bits(v), first) << str(IntArrayRef(shape.sizes)) << shape.dims;
            for (size_t i = 0; i < all.size(); ++i) {
              double mean = 0, m2 = 0;
              for (double e : all[i]) mean += e / double(all[i].size());
              for (double e : all[i]) m2 += (e - mean) * (e - mean);
              if (all[i].size() < 2) {
                EXPECT_TRUE(std::isnan(get(v, i)));
                continue;
              }
              const double want = m2 / double(all[i].size() - 1);
              const double eps = dtype == kFloat ? 2e-6 : 1e-11;
              EXPECT_NEAR(get(v, i), want, eps * want);
              EXPECT_NEAR(get(m, i), mean, (dtype == kFloat ? 1e-6 : 1e-14) * (1 + std::abs(mean)));
            }
          }
        }
      }
    }
  }
  set_num_threads(threads);
}

TEST(ReductionKernel, CumulateRunsAlongAnyDimension) {
  for (ScalarType dtype : {kFloat, kInt}) {
    auto x = fresh({3, 600, 2}, dtype);
    for (int64_t i = 0; i < x->numel(); ++i) set(x, i, double(i % 7) - 3);
    for (auto& y : layouts(x)) {
      auto out = fresh({3, 600, 2}, dtype == kInt ? kLong : dtype);
      cumulate_kernel(Device(), mut(out), view(y), 1, Scan::sum);
      auto reverse = fresh({3, 600, 2}, dtype == kInt ? kLong : dtype);
      cumulate_kernel(Device(), mut(reverse), view(y), 1, Scan::sum_from_end);
      for (int64_t a = 0; a < 3; ++a) {
        for (int64_t c = 0; c < 2; ++c) {
          double total = 0;
          for (int64_t b = 0; b < 600; ++b) {
            const int64_t i = (a * 600 + b) * 2 + c;
            total += get(x, i);
            ASSERT_EQ(get(out, i), total);
          }
          for (int64_t b = 0; b < 600; ++b) {
            const int64_t i = (a * 600 + b) * 2 + c;
            ASSERT_EQ(get(reverse, i), total);
            total -= get(x, i);
          }
        }
      }
    }
  }
  auto number = fresh({});
  set(number, 0, 4);
  auto out = fresh({});
  cumulate_kernel(Device(), mut(out), view(number), 0, Scan::product);
  EXPECT_EQ(get(out, 0), 4);
}

}  // namespace
}  // namespace taper
