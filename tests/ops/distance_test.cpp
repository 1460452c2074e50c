#include "taper/ops/distance.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

double length(const std::vector<double>& v, double p) {
  double sum = 0, most = 0;
  for (const double x : v) {
    if (p == 0) sum += x != 0;
    sum += p > 0 && !std::isinf(p) ? std::pow(std::abs(x), p) : 0;
    most = std::max(most, std::abs(x));
  }
  return std::isinf(p) ? most : p == 0 ? sum : std::pow(sum, 1 / p);
}

/// The p-norm of row i of a minus row j of b, plus eps.
double distance(const Dense& a, int64_t i, const Dense& b, int64_t j, double p, double eps = 0) {
  const int64_t size = a.sizes.back();
  std::vector<double> v;
  for (int64_t k = 0; k < size; ++k) {
    v.push_back(a.values[i * size + k] - b.values[j * size + k] + eps);
  }
  return length(v, p);
}

OpCase pairwise_case() {
  OpCase c{.name = "pairwise_distance"};
  for (const double p : {2.0, 1.0, 3.0, 0.5}) {
    c.samples.push_back(
        {str("p ", p),
         {{{4, 3}}, {{4, 3}}},
         [p](const Tensors& x) { return Tensors{pairwise_distance(x[0], x[1], p)}; },
         [p](const std::vector<Dense>& x) {
           Dense out{{4}, {}};
           for (int64_t n = 0; n < 4; ++n) {
             out.values.push_back(distance(x[0], n, x[1], n, p, 1e-6));
           }
           return std::vector<Dense>{out};
         }});
  }
  c.samples.push_back(
      {"broadcast, keepdim",
       {{{4, 3}}, {{3}}},
       [](const Tensors& x) { return Tensors{pairwise_distance(x[0], x[1], INFINITY, 0.1, true)}; },
       [](const std::vector<Dense>& x) {
         Dense out{{4, 1}, {}};
         for (int64_t n = 0; n < 4; ++n) {
           out.values.push_back(distance(x[0], n, x[1], 0, INFINITY, 0.1));
         }
         return std::vector<Dense>{out};
       }});
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 8;  // roots of sums
  c.errors = {{"truth values", [] { pairwise_distance(zeros({2}, kBool), zeros({2}, kBool)); },
               "Subtraction", ErrorInput::Kind::dtype},
              {"sizes", [] { pairwise_distance(zeros({2}), zeros({3})); },
               "must match the size of tensor b", ErrorInput::Kind::shape}};
  return c;
}

OpCase cosine_case() {
  OpCase c{.name = "cosine_similarity"};
  c.samples = {{"columns",
                {{{2, 3, 4}}, {{3, 4}}},
                [](const Tensors& x) { return Tensors{cosine_similarity(x[0], x[1], 1)}; },
                [](const std::vector<Dense>& x) {
                  Dense out{{2, 4}, {}};
                  for_each_index(out.sizes, [&](const std::vector<int64_t>& at) {
                    double ab = 0, aa = 0, bb = 0;
                    for (int64_t k = 0; k < 3; ++k) {
                      const double a = x[0].at({at[0], k, at[1]}), b = x[1].at({k, at[1]});
                      ab += a * b;
                      aa += a * a;
                      bb += b * b;
                    }
                    out.values.push_back(ab / std::sqrt(aa * bb));
                  });
                  return std::vector<Dense>{out};
                }}};
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 4;
  c.errors = {{"dim", [] { cosine_similarity(zeros({2}), zeros({2}), 1); },
               "Dimension out of range", ErrorInput::Kind::index}};
  return c;
}

OpCase pdist_case() {
  OpCase c{.name = "pdist"};
  for (const double p : {2.0, 1.0, 2.5, double(INFINITY)}) {
    c.samples.push_back({str("p ", p),
                         {{{5, 3}}},
                         [p](const Tensors& x) { return Tensors{pdist(x[0], p)}; },
                         [p](const std::vector<Dense>& x) {
                           Dense out{{10}, {}};
                           for (int64_t i = 0; i < 5; ++i) {
                             for (int64_t j = i + 1; j < 5; ++j) {
                               out.values.push_back(distance(x[0], i, x[0], j, p));
                             }
                           }
                           return std::vector<Dense>{out};
                         }});
  }
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 8;
  c.errors = {{"rank", [] { pdist(zeros({2})); }, "pdist only supports 2D tensors, got: 1D",
               ErrorInput::Kind::shape},
              {"p",
               [] {
                 pdist(zeros({2, 2}), -1);
               },
               "pdist only supports non-negative p values"},
              {"integers",
               [] {
                 pdist(zeros({2, 2}, kLong));
               },
               "pdist only supports float tensors", ErrorInput::Kind::dtype}};
  return c;
}

Sample cdist_sample(const std::string& label, std::vector<int64_t> a, std::vector<int64_t> b,
                    double p, std::optional<int64_t> mode) {
  return {label,
          {{a}, {b}},
          [=](const Tensors& x) { return Tensors{cdist(x[0], x[1], p, mode)}; },
          [=](const std::vector<Dense>& x) {
            const int64_t n = a[a.size() - 2], k = b[b.size() - 2];
            Dense out{a, {}};
            out.sizes.back() = k;
            const int64_t batches = out.sizes.size() == 3 ? a[0] : 1;
            const bool shared = b.size() < a.size();
            for_each_index({batches, n, k}, [&](const std::vector<int64_t>& i) {
              out.values.push_back(
                  distance(x[0], i[0] * n + i[1], x[1], (shared ? 0 : i[0] * k) + i[2], p));
            });
            return std::vector<Dense>{out};
          }};
}

OpCase cdist_case() {
  OpCase c{.name = "cdist"};
  c.samples = {cdist_sample("euclidean", {4, 3}, {5, 3}, 2, {}),
               cdist_sample("by product", {2, 4, 3}, {2, 5, 3}, 2, 1),
               cdist_sample("batch against one", {2, 4, 3}, {5, 3}, 1, {}),
               cdist_sample("root", {4, 3}, {2, 3}, 0.5, 2)};
  c.dtypes = {kFloat, kDouble};
  c.same_bits = false;  // a matrix product
  c.tolerance = 32;     // differences of squares
  c.errors = {
      {"columns",
       [] {
         cdist(zeros({2, 3}), zeros({2, 4}));
       },
       "X1 and X2 must have the same number of columns. X1: 3 X2: 4", ErrorInput::Kind::shape},
      {"rank",
       [] {
         cdist(zeros({3}), zeros({2, 3}));
       },
       "cdist only supports at least 2D tensors, X1 got: 1D", ErrorInput::Kind::shape},
      {"p",
       [] {
         cdist(zeros({2, 3}), zeros({2, 3}), -1);
       },
       "cdist only supports non-negative p values"},
      {"mode",
       [] {
         cdist(zeros({2, 3}), zeros({2, 3}), 2, 3);
       },
       "possible modes: 0, 1, 2"}};
  return c;
}

std::vector<OpCase> distance_ops() {
  return {pairwise_case(), cosine_case(), pdist_case(), cdist_case()};
}
TAPER_OP_CASES(distance_ops);

TEST(Distance, OfEqualRowsIsZeroWithGradientZero) {
  for (const double p : {0.5, 1.0, 2.0, 3.0}) {
    for (const int64_t mode : {1, 2}) {
      Tensor x = ones({2, 3}, kDouble).requires_grad_();
      const Tensor d = cdist(x, x, p, mode);
      d.sum().backward();
      for (const double v : to_dense(d).values) EXPECT_EQ(v, 0) << p;
      for (const double v : to_dense(x.grad()).values) EXPECT_EQ(v, 0) << p;
    }
  }
}

TEST(Distance, ManyRowsTakeTheProductAndAgree) {
  const Tensor a = rand({40, 6}, kDouble), b = rand({3, 6}, kDouble);
  const Dense fast = to_dense(cdist(a, b)), exact = to_dense(cdist(a, b, 2, 2));
  for (size_t i = 0; i < exact.values.size(); ++i) {
    EXPECT_NEAR(fast.values[i], exact.values[i], 1e-12);
  }
}

}  // namespace
}  // namespace taper::testing
