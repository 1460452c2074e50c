#include "taper/ops/differences.h"

#include "taper/ops/creation.h"
#include "tests/support/mapped.h"

namespace taper::testing {
namespace {

using Inputs = std::vector<Dense>;
using Kind = ErrorInput::Kind;

/// Slopes of a line v of values at points p by the parabola through three neighbours.
double slope_at(const std::vector<double>& v, const std::vector<double>& p, size_t i, int order) {
  const size_t n = v.size();
  const auto parabola = [&](size_t first) {
    const double x0 = p[first], x1 = p[first + 1], x2 = p[first + 2], x = p[i];
    return v[first] * (2 * x - x1 - x2) / ((x0 - x1) * (x0 - x2)) +
           v[first + 1] * (2 * x - x0 - x2) / ((x1 - x0) * (x1 - x2)) +
           v[first + 2] * (2 * x - x0 - x1) / ((x2 - x0) * (x2 - x1));
  };
  if (i > 0 && i + 1 < n) return parabola(i - 1);
  if (order == 2) return parabola(i == 0 ? 0 : n - 3);
  const size_t k = i == 0 ? 0 : n - 2;
  return (v[k + 1] - v[k]) / (p[k + 1] - p[k]);
}

OpCase diff_case() {
  OpCase c{.name = "diff"};
  c.samples = {
      {"once",
       {{{3, 4}}},
       [](const Tensors& x) { return Tensors{x[0].diff()}; },
       mapped({3, 3},
              [](const Inputs& x, const Index& i) {
                return x[0].at({i[0], i[1] + 1}) - x[0].at(i);
              })},
      {"twice, first dimension",
       {{{4, 2}}},
       [](const Tensors& x) { return Tensors{x[0].diff(2, 0)}; },
       mapped({2, 2},
              [](const Inputs& x, const Index& i) {
                return x[0].at({i[0] + 2, i[1]}) - 2 * x[0].at({i[0] + 1, i[1]}) + x[0].at(i);
              })},
      {"with ends",
       {{{2, 2}}, {{2, 1}}, {{2, 1}}},
       [](const Tensors& x) { return Tensors{x[0].diff(1, 1, x[1], x[2])}; },
       mapped({2, 3}, [](const Inputs& x, const Index& i) {
         const double line[] = {x[1].at({i[0], 0}), x[0].at({i[0], 0}), x[0].at({i[0], 1}),
                                x[2].at({i[0], 0})};
         return line[i[1] + 1] - line[i[1]];
       })}};
  c.tolerance = 2;
  c.errors = {{"number", [] { ones({}).diff(); }, "at least one-dimensional", Kind::shape},
              {"order", [] { ones({2}).diff(-1); }, "order must be non-negative but got -1"},
              {"rank",
               [] {
                 ones({2}).diff(1, 0, ones({1, 1}));
               },
               "prepend or append to be the same dimension as input", Kind::shape}};
  return c;
}

double area(const Inputs& x, int64_t row, int64_t k, bool points) {
  const double width = points ? x[1].at({k + 1}) - x[1].at({k}) : 0.5;
  return width * (x[0].at({row, k}) + x[0].at({row, k + 1})) / 2;
}

std::vector<OpCase> area_cases() {
  OpCase whole{.name = "trapezoid"}, running{.name = "cumulative_trapezoid"};
  for (const bool points : {false, true}) {
    std::vector<Arg> args = {{{2, 4}}};
    if (points) args.push_back({{4}});
    whole.samples.push_back({points ? "points" : "dx", args,
                             [points](const Tensors& x) {
                               return Tensors{points ? trapezoid(x[0], x[1])
                                                     : trapezoid(x[0], 0.5, 1)};
                             },
                             mapped({2}, [points](const Inputs& x, const Index& i) {
                               double sum = 0;
                               for (int64_t k = 0; k < 3; ++k) sum += area(x, i[0], k, points);
                               return sum;
                             })});
    running.samples.push_back({points ? "points" : "dx", args,
                               [points](const Tensors& x) {
                                 return Tensors{points ? cumulative_trapezoid(x[0], x[1])
                                                       : cumulative_trapezoid(x[0], 0.5, 1)};
                               },
                               mapped({2, 3}, [points](const Inputs& x, const Index& i) {
                                 double sum = 0;
                                 for (int64_t k = 0; k <= i[1]; ++k) {
                                   sum += area(x, i[0], k, points);
                                 }
                                 return sum;
                               })});
  }
  whole.tolerance = running.tolerance = 8;  // sums of half types, rounded between steps
  whole.errors = {{"points", [] { trapezoid(ones({3}), ones({2})); },
                   "There must be one `x` value for each sample point", Kind::shape},
                  {"bool", [] { trapezoid(ones({3}, kBool)); }, "bool", Kind::dtype}};
  running.errors = {{"points", [] { cumulative_trapezoid(ones({3}), ones({2})); },
                     "There must be one `x` value for each sample point", Kind::shape}};
  return {whole, running};
}

using V = std::vector<double>;

OpCase gradient_case() {
  OpCase c{.name = "gradient"};
  for (const int order : {1, 2}) {
    c.samples.push_back({str("spacing, order ", order),
                         {{{2, 5}}},
                         [order](const Tensors& x) { return gradient(x[0], 0.5, 1, order); },
                         mapped({2, 5}, [order](const Inputs& x, const Index& i) {
                           std::vector<double> v, p;
                           for (int64_t k = 0; k < 5; ++k) {
                             v.push_back(x[0].at({i[0], k}));
                             p.push_back(0.5 * static_cast<double>(k));
                           }
                           return slope_at(v, p, static_cast<size_t>(i[1]), order);
                         })});
    c.samples.push_back(
        {str("points, order ", order),
         {{{4}}},
         [order](const Tensors& x) {
           const Tensor p = tensor({0.0, 1.0, 3.0, 3.5});
           return gradient(x[0], std::vector<Tensor>{p}, 0, order);
         },
         mapped({4}, [order](const Inputs& x, const Index& i) {
           return slope_at(x[0].values, {0, 1, 3, 3.5}, static_cast<size_t>(i[0]), order);
         })});
  }
  c.samples.push_back(
      {"a spacing for each dimension",
       {{{3, 4}}},
       [](const Tensors& x) {
         return gradient(x[0], {0.5, 2}, {1, 0});
       },
       [](const Inputs& x) {
         Dense across{{3, 4}, {}}, down{{3, 4}, {}};
         for_each_index({3, 4}, [&](const Index& i) {
           V row, column;
           for (int64_t k = 0; k < 4; ++k) row.push_back(x[0].at({i[0], k}));
           for (int64_t k = 0; k < 3; ++k) column.push_back(x[0].at({k, i[1]}));
           across.values.push_back(slope_at(row, {0, 0.5, 1, 1.5}, static_cast<size_t>(i[1]), 1));
           down.values.push_back(slope_at(column, {0, 2, 4}, static_cast<size_t>(i[0]), 1));
         });
         return Inputs{across, down};
       }});
  c.tolerance = 16;  // quotients of differences, rounded between steps
  c.errors = {{"order", [] { gradient(ones({3}), 1, {}, 3); }, "only supports edge_order=1"},
              {"size", [] { gradient(ones({2}), 1, {}, 2); }, "at least edge_order+1", Kind::shape},
              {"twice",
               [] {
                 gradient(ones({3, 3}), 1, {0, -2});
               },
               "appears multiple times", Kind::shape},
              {"spacings",
               [] {
                 gradient(ones({3, 3}), {1.0, 2.0, 3.0});
               },
               "or a list of length 2, got a list of length 3", Kind::shape},
              {"points", [] { gradient(ones({3}), std::vector<Tensor>{ones({2})}); },
               "one point for each value", Kind::shape}};
  return c;
}

std::vector<OpCase> differences() {
  std::vector<OpCase> cases = area_cases();
  cases.push_back(diff_case());
  cases.push_back(gradient_case());
  return cases;
}
TAPER_OP_CASES(differences);

TEST(Differences, OfTruthValuesSayWhereTheyChange) {
  EXPECT_EQ(to_dense(tensor({true, false, false, true}).diff()).values,
            (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(ones({1}).diff(5).numel(), 0);
  EXPECT_EQ(trapz(tensor({1.0, 2.0})).item<float>(), 1.5f);
  EXPECT_EQ(trapezoid(zeros({2, 0})).sizes(), IntArrayRef(2));
  EXPECT_EQ(gradient(ones({3, 4})).size(), 2u);
}

}  // namespace
}  // namespace taper::testing
