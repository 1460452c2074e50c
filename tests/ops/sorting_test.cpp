#include "taper/ops/sorting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "taper/base/parallel.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/indexing.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;
using V = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// What each line of x along dim becomes: pick gives values and indices of a line.
Reference by_line(int64_t dim, std::function<std::vector<int64_t>(const V&)> order,
                  bool keepdim = true) {
  return [=](const Inputs& x) {
    const std::vector<int64_t>& sizes = x[0].sizes;
    std::vector<int64_t> out_sizes = sizes, start_sizes = sizes;
    start_sizes[dim] = 1;
    V probe(static_cast<size_t>(sizes[dim]));
    out_sizes[dim] = static_cast<int64_t>(order(probe).size());
    Inputs out(2, Dense{out_sizes,
                        V(static_cast<size_t>(std::accumulate(out_sizes.begin(), out_sizes.end(),
                                                              int64_t{1}, std::multiplies<>())))});
    for_each_index(start_sizes, [&](const Index& start) {
      V line;
      Index at = start;
      for (at[dim] = 0; at[dim] < sizes[dim]; ++at[dim]) line.push_back(x[0].at(at));
      const std::vector<int64_t> chosen = order(line);
      for (size_t k = 0; k < chosen.size(); ++k) {
        at[dim] = static_cast<int64_t>(k);
        int64_t flat = 0;
        for (size_t d = 0; d < at.size(); ++d) flat = flat * out_sizes[d] + at[d];
        out[0].values[flat] = line[chosen[k]];
        out[1].values[flat] = static_cast<double>(chosen[k]);
      }
    });
    if (!keepdim) {
      for (Dense& d : out) d.sizes.erase(d.sizes.begin() + dim);
    }
    return out;
  };
}

std::vector<int64_t> sorted_order(const V& line, bool descending) {
  std::vector<int64_t> order(line.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return descending ? line[a] > line[b] : line[a] < line[b];
  });
  return order;
}

Sample along(std::string label, Index sizes,
             std::function<std::tuple<Tensor, Tensor>(const Tensor&)> op, Reference reference) {
  return {std::move(label),
          {{std::move(sizes)}},
          [op](const Tensors& x) {
            auto [values, indices] = op(x[0]);
            return Tensors{values, indices};
          },
          std::move(reference)};
}

std::vector<OpCase> order_cases() {
  std::vector<OpCase> cases;
  const auto all = [](bool descending) {
    return [descending](const V& line) { return sorted_order(line, descending); };
  };
  const auto best = [](size_t k, bool largest) {
    return [=](const V& line) {
      std::vector<int64_t> order = sorted_order(line, largest);
      order.resize(k);
      return order;
    };
  };
  const std::vector<ScalarType> types = {kFloat, kDouble, kHalf, kBFloat16, kLong,
                                         kInt,   kShort,  kChar, kByte,     kBool};
  OpCase sorting{
      "sort",
      {along(
           "last", {3, 7}, [](const Tensor& x) { return sort(x); }, by_line(1, all(false))),
       along(
           "first, descending", {5, 2}, [](const Tensor& x) { return sort(x, 0, true); },
           by_line(0, all(true))),
       along(
           "long enough for vectors", {2, 300},
           [](const Tensor& x) { return sort(x, true, 1, true); }, by_line(1, all(true)))},
      {{"dim", [] { sort(ones({2}), 1); }, "Dimension out of range", ErrorInput::Kind::index}},
      types};
  cases.push_back(sorting);
  OpCase top{
      "topk",
      {along(
           "largest", {3, 7}, [](const Tensor& x) { return topk(x, 3); },
           by_line(1, best(3, true))),
       along(
           "smallest of the first", {6, 2}, [](const Tensor& x) { return topk(x, 2, 0, false); },
           by_line(0, best(2, false))),
       along(
           "few of many", {1, 4000}, [](const Tensor& x) { return topk(x, 5, 1); },
           by_line(1, best(5, true))),
       along(
           "none", {2, 3}, [](const Tensor& x) { return topk(x, 0); }, by_line(1, best(0, true)))},
      {{"k", [] { topk(ones({3}), 4); }, "selected index k out of range"},
       {"negative", [] { topk(ones({3}), -1); }, "selected index k out of range"}},
      types};
  cases.push_back(top);
  const auto rank = [](int64_t k) {
    return [k](const V& line) {
      return std::vector<int64_t>{line.empty() ? 0 : sorted_order(line, false)[k]};
    };
  };
  cases.push_back({"kthvalue",
                   {along(
                        "second", {3, 5}, [](const Tensor& x) { return kthvalue(x, 2, 1, true); },
                        by_line(1, rank(1))),
                    along(
                        "largest", {4, 2}, [](const Tensor& x) { return kthvalue(x, 4, 0); },
                        by_line(0, rank(3), false))},
                   {{"k", [] { kthvalue(ones({3}), 4); }, "selected number k out of range"},
                    {"zero", [] { kthvalue(ones({3}), 0); }, "selected number k out of range"}},
                   types});
  for (const char* name : {"median", "nanmedian"}) {
    const bool nan = name[0] == 'n';
    cases.push_back({name,
                     {along(
                         "lower of an even number", {3, 4},
                         [nan](const Tensor& x) { return nan ? nanmedian(x, 1) : median(x, 1); },
                         by_line(1, rank(1), false))},
                     {},
                     types});
  }
  return cases;
}
TAPER_OP_CASES(order_cases);

std::vector<OpCase> quantile_cases() {
  std::vector<OpCase> cases;
  const Reference quarter_and_end = [](const Inputs& x) {
    Dense out{{2, 3}, {}};
    for (const double q : {0.3, 1.0}) {
      for (int64_t r = 0; r < 3; ++r) {
        V line;
        for (int64_t c = 0; c < 5; ++c) line.push_back(x[0].at({r, c}));
        std::sort(line.begin(), line.end());
        const double rank = q * 4;
        const size_t low = static_cast<size_t>(rank), high = std::min<size_t>(low + 1, 4);
        out.values.push_back(line[low] + (rank - double(low)) * (line[high] - line[low]));
      }
    }
    return Inputs{out};
  };
  for (const char* name : {"quantile", "nanquantile"}) {
    const bool nan = name[0] == 'n';
    OpCase c{name,
             {{"two of each row",
               {{{3, 5}}},
               [nan](const Tensors& x) {
                 const Tensor q = tensor({0.3, 1.0}, x[0].options());
                 return Tensors{nan ? nanquantile(x[0], q, 1) : quantile(x[0], q, 1)};
               },
               quarter_and_end}},
             {},
             {kFloat, kDouble}};
    c.errors = {{"q", [] { quantile(ones({3}), 1.5); }, "q must be in the range [0, 1]"},
                {"qs",
                 [] {
                   quantile(ones({3}), tensor({0.5, -1.0}));
                 },
                 "q values must be in the range [0, 1]"},
                {"empty", [] { quantile(ones({0}), 0.5); }, "input tensor must be non-empty"},
                {"type", [] { quantile(ones({3}, kLong), tensor({0.5})); },
                 "must be either float or double dtype", ErrorInput::Kind::dtype},
                {"mode", [] { quantile(ones({3}), 0.5, std::nullopt, false, "cubic"); },
                 "must be one of linear, lower, higher, midpoint or nearest, but got cubic"}};
    cases.push_back(c);
  }
  return cases;
}
TAPER_OP_CASES(quantile_cases);

V values(const Tensor& t) { return to_dense(t).values; }

TEST(Sorting, NanIsTheLargestAndZerosAreEqual) {
  const Tensor x = tensor({3.0, kNan, -kInf, 0.0, kInf, -0.0});
  EXPECT_EQ(values(argsort(x)), (V{2, 3, 5, 0, 4, 1}));
  EXPECT_EQ(values(argsort(x, 0, true)), (V{1, 4, 0, 3, 5, 2}));
  EXPECT_TRUE(std::signbit(std::get<0>(sort(x))[2].item<float>()));
  EXPECT_EQ(values(std::get<1>(topk(x, 2))), (V{1, 4}));
  EXPECT_EQ(values(std::get<1>(topk(x.to(kDouble), 2))), (V{1, 4}));
  EXPECT_EQ(std::get<1>(x.median(0)).item<int64_t>(), 1);
  EXPECT_EQ(x.nanmedian().item<float>(), 0);
  EXPECT_TRUE(std::isnan(x.median().item<float>()));
  EXPECT_TRUE(std::isnan(tensor({kNan}).nanmedian().item<float>()));
  EXPECT_TRUE(std::isnan(empty({0}).median().item<float>()));
}

TEST(Sorting, ExtremesOfIntegers) {
  const Tensor x = tensor({int64_t{5}, INT64_MIN, INT64_MAX, int64_t{-1}});
  EXPECT_EQ(values(argsort(x)), (V{1, 3, 0, 2}));
  EXPECT_EQ(values(argsort(tensor({5, -128, 127}).to(kChar), -1, true)), (V{2, 0, 1}));
  EXPECT_EQ(values(argsort(tensor({5, 200, 0}).to(kByte))), (V{2, 0, 1}));
}

TEST(Sorting, LongLinesAreInOrder) {
  manual_seed(5);
  for (const ScalarType type : {kFloat, kDouble, kInt, kLong, kHalf}) {
    const Tensor x = randint(-300, 300, {3, 5000}).to(type);
    const auto [sorted, order] = x.sort(1);
    EXPECT_TRUE(sorted.equal(x.gather(1, order))) << toString(type);
    const Tensor step = sorted.slice(1, 1).ge(sorted.slice(1, 0, -1));
    EXPECT_TRUE(step.all().item<bool>()) << toString(type);
    // Stable: among equals the indices ascend.
    const Tensor equal = sorted.slice(1, 1).eq(sorted.slice(1, 0, -1));
    const Tensor ascend = order.slice(1, 1).gt(order.slice(1, 0, -1));
    EXPECT_TRUE(logical_or(logical_not(equal), ascend).all().item<bool>()) << toString(type);
    const auto [best, at] = x.topk(70, 1, false);
    EXPECT_TRUE(best.equal(sorted.slice(1, 0, 70))) << toString(type);
    EXPECT_TRUE(at.equal(order.slice(1, 0, 70))) << toString(type);
    EXPECT_TRUE(std::get<1>(x.kthvalue(1000, 1)).equal(order.select(1, 999))) << toString(type);
  }
}

TEST(Sorting, ModeIsTheMostFrequent) {
  const auto [value, index] = mode(tensor({{3, 1, 3, 1, 2}, {7, 7, 5, 7, 5}}));
  EXPECT_EQ(values(value), (V{1, 7}));
  EXPECT_EQ(values(index), (V{3, 3}));
  EXPECT_EQ(std::get<0>(mode(tensor(4.0))).item<float>(), 4);
}

TEST(Sorting, QuantileModes) {
  const Tensor x = tensor({4.0, 1.0, 2.0, 3.0});
  const auto at = [&](std::string_view how) {
    return quantile(x, 0.4, std::nullopt, false, how).item<float>();
  };
  EXPECT_FLOAT_EQ(at("linear"), 2.2f);
  EXPECT_EQ(at("lower"), 2);
  EXPECT_EQ(at("higher"), 3);
  EXPECT_EQ(at("midpoint"), 2.5);
  EXPECT_EQ(at("nearest"), 2);
  EXPECT_EQ(quantile(x.view({2, 2}), 0.5, std::nullopt, true).sizes(), IntArrayRef({1, 1}));
  EXPECT_EQ(quantile(x.view({2, 2}), tensor({0.5, 0.1, 0.2}), 0, true).sizes(),
            IntArrayRef({3, 1, 2}));
  EXPECT_TRUE(std::isnan(quantile(tensor({1.0, kNan}), 0.0).item<float>()));
  EXPECT_EQ(nanquantile(tensor({1.0, kNan, 3.0}), 1.0).item<float>(), 3);
  EXPECT_TRUE(std::isnan(nanquantile(tensor({kNan, kNan}), 0.5).item<float>()));
}

TEST(Sorting, SearchFindsPlaces) {
  const Tensor bounds = tensor({1.0, 3.0, 3.0, 5.0});
  const Tensor x = tensor({{0.0, 3.0}, {5.0, 9.0}});
  EXPECT_EQ(values(searchsorted(bounds, x)), (V{0, 1, 3, 4}));
  EXPECT_EQ(values(searchsorted(bounds, x, false, true)), (V{0, 3, 4, 4}));
  EXPECT_EQ(values(searchsorted(bounds, x, false, false, "right")), (V{0, 3, 4, 4}));
  EXPECT_EQ(searchsorted(bounds, x, true).scalar_type(), kInt);
  EXPECT_EQ(searchsorted(bounds, 4).item<int64_t>(), 3);
  EXPECT_EQ(values(searchsorted(tensor({{1, 2}, {5, 6}}), tensor({{2}, {2}}))), (V{1, 0}));
  EXPECT_EQ(values(searchsorted(tensor({5, 1, 3}), tensor({2, 4}), false, false, std::nullopt,
                                tensor({1, 2, 0}))),
            (V{1, 2}));
  EXPECT_EQ(values(bucketize(tensor({3.0, 6.0}), bounds)), (V{1, 4}));
  EXPECT_EQ(bucketize(3, bounds, false, true).item<int64_t>(), 3);
  EXPECT_ERROR(ConfigError, searchsorted(bounds, x, false, true, "left"),
               "side and right can't be set to opposites");
  EXPECT_ERROR(ShapeError, searchsorted(ones({2, 2}), ones({3, 1})), "must match");
  EXPECT_ERROR(DTypeError, searchsorted(bounds, tensor({1})), "should have same dtype");
  EXPECT_ERROR(ShapeError, bucketize(x, ones({2, 2})), "must be 1 dimension, but got dim(2)");
}

TEST(Sorting, UniqueElementsAndRows) {
  const auto [distinct, inverse, counts] = _unique2(tensor({{3, 1}, {1, 7}}), true, true, true);
  EXPECT_EQ(values(distinct), (V{1, 3, 7}));
  EXPECT_EQ(values(inverse), (V{1, 0, 0, 2}));
  EXPECT_EQ(inverse.sizes(), IntArrayRef({2, 2}));
  EXPECT_EQ(values(counts), (V{2, 1, 1}));
  const auto [runs, run_of, lengths] = unique_consecutive(tensor({1, 1, 2, 1}), true, true);
  EXPECT_EQ(values(runs), (V{1, 2, 1}));
  EXPECT_EQ(values(run_of), (V{0, 0, 1, 2}));
  EXPECT_EQ(values(lengths), (V{2, 1, 1}));
  const Tensor rows = tensor({{2, 1}, {1, 9}, {2, 1}, {1, 3}});
  const auto [table, row_of, times] = unique_dim(rows, 0, true, true, true);
  EXPECT_EQ(values(table), (V{1, 3, 1, 9, 2, 1}));
  EXPECT_EQ(values(row_of), (V{2, 1, 2, 0}));
  EXPECT_EQ(values(times), (V{1, 1, 2}));
  EXPECT_EQ(values(std::get<0>(unique_dim(rows.t(), 1))), (V{1, 1, 2, 3, 9, 1}));
  EXPECT_EQ(std::get<0>(unique_dim_consecutive(tensor({{1, 2}, {1, 2}, {3, 4}}), 0)).size(0), 2);
  EXPECT_EQ(std::get<0>(_unique2(empty({0}))).numel(), 0);
  EXPECT_EQ(std::get<1>(_unique2(ones({3}))).numel(), 0);
}

TEST(Sorting, IsIn) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(values(isin(x, tensor({4, 1}))), (V{1, 0, 0, 1}));
  EXPECT_EQ(values(isin(x, tensor({4, 1}), false, true)), (V{0, 1, 1, 0}));
  EXPECT_EQ(values(isin(x, tensor({2.5, 2.0}))), (V{0, 1, 0, 0}));
  EXPECT_EQ(values(isin(x, empty({0}, kLong))), (V{0, 0, 0, 0}));
}

}  // namespace
}  // namespace taper
