#include "taper/ops/linalg_norm.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/grid.h"
#include "taper/ops/linalg.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/sorting.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper::testing {
namespace {

// Singular values come from LAPACK.
constexpr bool kLapack = TAPER_WITH_OPENBLAS;

using Inputs = std::vector<Dense>;
using Kind = ErrorInput::Kind;

/// The largest (smallest) sum of magnitudes of a column (row) of matrix n of [2, 3, 4].
double line_norm(const Dense& x, int64_t n, bool columns, bool largest) {
  std::vector<double> sums(columns ? 4 : 3, 0.0);
  for_each_index({3, 4}, [&](const Index& i) {
    sums[static_cast<size_t>(columns ? i[1] : i[0])] += std::abs(x.at({n, i[0], i[1]}));
  });
  return largest ? *std::max_element(sums.begin(), sums.end())
                 : *std::min_element(sums.begin(), sums.end());
}

/// Singular values of a 2 x 2 matrix, from its trace and determinant.
std::pair<double, double> singular(const Dense& x) {
  const auto& v = x.values;
  const double sum = v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];
  const double det = std::abs(v[0] * v[3] - v[1] * v[2]);
  const double plus = std::sqrt(sum + 2 * det), minus = std::sqrt(std::max(0.0, sum - 2 * det));
  return {(plus + minus) / 2, (plus - minus) / 2};
}

Sample of_pair(std::string label, OpFunction op, double (*f)(double, double)) {
  return {std::move(label), {{{2, 2}}}, std::move(op), [f](const Inputs& x) {
            const auto [large, small] = singular(x[0]);
            return Inputs{{{}, {f(large, small)}}};
          }};
}

OpCase matrix_case() {
  OpCase c{.name = "linalg_matrix_norm"};
  for (const double ord : {1.0, -1.0, double(INFINITY), -double(INFINITY)}) {
    c.samples.push_back({str("ord ", ord),
                         {{{2, 3, 4}}},
                         [ord](const Tensors& x) { return Tensors{linalg_matrix_norm(x[0], ord)}; },
                         mapped({2}, [ord](const Inputs& x, const Index& i) {
                           return line_norm(x[0], i[0], std::abs(ord) == 1, ord > 0);
                         })});
  }
  c.samples.push_back(of_pair(
      "two", [](const Tensors& x) { return Tensors{linalg_matrix_norm(x[0], 2)}; },
      [](double a, double) { return a; }));
  c.samples.push_back(of_pair(
      "nuclear", [](const Tensors& x) { return Tensors{linalg_matrix_norm(x[0], "nuc")}; },
      [](double a, double b) { return a + b; }));
  c.samples.push_back(of_pair(
      "frobenius", [](const Tensors& x) { return Tensors{linalg_matrix_norm(x[0])}; },
      [](double a, double b) { return std::hypot(a, b); }));
  c.dtypes = {kFloat, kDouble};
  c.same_bits = false;  // LAPACK
  c.tolerance = 16;
  c.errors = {{"order",
               [] {
                 linalg_matrix_norm(ones({2, 2}), 3);
               },
               "Order 3 not supported"},
              {"name",
               [] {
                 linalg_matrix_norm(ones({2, 2}), "two");
               },
               "Order two not supported"},
              {"rank", [] { linalg_matrix_norm(ones({2})); }, "at least 2 dimensions", Kind::shape},
              {"dims",
               [] {
                 linalg_matrix_norm(ones({2, 2}), 1, {0, -2});
               },
               "dims must be different", Kind::shape},
              {"integers",
               [] {
                 linalg_matrix_norm(ones({2, 2}, kLong), 1);
               },
               "linalg.matrix_norm", Kind::dtype}};
  return c;
}

std::vector<OpCase> norms() {
  OpCase cond{.name = "linalg_cond"};
  cond.samples = {
      of_pair(
          "two", [](const Tensors& x) { return Tensors{linalg_cond(x[0])}; },
          [](double a, double b) { return a / b; }),
      of_pair(
          "two, inverse", [](const Tensors& x) { return Tensors{linalg_cond(x[0], -2)}; },
          [](double a, double b) { return b / a; })};
  cond.dtypes = {kDouble};
  cond.same_bits = false;
  cond.tolerance = 1e4;  // loses the digits that it measures
  cond.errors = {{"rank", [] { linalg_cond(ones({2})); }, "linalg.cond", Kind::shape},
                 {"singular",
                  [] {
                    linalg_cond(ones({2, 2}), 1);
                  },
                  "singular"}};
  OpCase vector{.name = "linalg_vector_norm"};
  vector.samples = {{"rows",
                     {{{3, 4}}},
                     [](const Tensors& x) { return Tensors{linalg_vector_norm(x[0], 2, 1)}; },
                     mapped({3}, [](const Inputs& x, const Index& i) {
                       double sum = 0;
                       for (int64_t k = 0; k < 4; ++k) sum += std::pow(x[0].at({i[0], k}), 2);
                       return std::sqrt(sum);
                     })}};
  vector.errors = {{"integers", [] { linalg_vector_norm(ones({2}, kLong)); }, "linalg.vector_norm",
                    Kind::dtype}};
  OpCase vecdot{.name = "linalg_vecdot"};
  vecdot.samples = {{"broadcast",
                     {{{3, 4}}, {{4}}},
                     [](const Tensors& x) { return Tensors{linalg_vecdot(x[0], x[1])}; },
                     mapped({3}, [](const Inputs& x, const Index& i) {
                       double sum = 0;
                       for (int64_t k = 0; k < 4; ++k) sum += x[0].at({i[0], k}) * x[1].at({k});
                       return sum;
                     })}};
  vecdot.tolerance = 8;  // half types round each product
  vecdot.errors = {{"types", [] { linalg_vecdot(ones({2}), ones({2}, kDouble)); }, "linalg.vecdot",
                    Kind::dtype}};
  std::vector<OpCase> cases = {vector, vecdot};
  if (kLapack) {
    cases.push_back(matrix_case());
    cases.push_back(cond);
  }
  return cases;
}
TAPER_OP_CASES(norms);

TEST(LinalgNorm, OneNameForVectorsAndMatrices) {
  const Tensor A = arange(24, kDouble).sub(7).view({2, 3, 4}), M = A[0];
  EXPECT_TRUE(equal(linalg_norm(A), linalg_vector_norm(A)));
  EXPECT_TRUE(equal(linalg_norm(M, 1), linalg_matrix_norm(M, 1)));
  EXPECT_TRUE(equal(linalg_norm(M, "fro"), linalg_matrix_norm(M)));
  EXPECT_TRUE(equal(linalg::norm(A, 1, {1}), linalg_vector_norm(A, 1, {1})));
  EXPECT_TRUE(equal(linalg_norm(A, INFINITY, {0, 2}), linalg_matrix_norm(A, INFINITY, {0, 2})));
  EXPECT_TRUE(equal(linalg_norm(A, std::nullopt, {0, 2}), linalg_vector_norm(A, 2, {0, 2})));
  EXPECT_ERROR(ShapeError, linalg_norm(A, 1), "the input must be 1D or 2D. Got 3D");
  EXPECT_ERROR(ShapeError, linalg_norm(A, "fro"), "the input must be 2D with the order 'fro'");
  EXPECT_ERROR(ShapeError, linalg_norm(A, 2, {0, 1, 2}), "it must be of length 1 or 2");
  EXPECT_ERROR(ShapeError, linalg_norm(A, "nuc", {0}), "it must be of length 2");
}

TEST(LinalgNorm, NamesOfOtherOps) {
  const Tensor a = tensor({{1.0, 0.0, 0.0}}, kDouble), b = tensor({{0.0, 1.0, 0.0}}, kDouble);
  EXPECT_TRUE(equal(linalg_cross(a, b), tensor({{0.0, 0.0, 1.0}}, kDouble)));
  EXPECT_ERROR(ShapeError, linalg_cross(a, b[0]), "must have the same number of dimensions");
  const Tensor A = arange(8, kDouble).view({2, 2, 2});
  EXPECT_TRUE(equal(linalg_diagonal(A), A.diagonal(0, -2, -1)));
  EXPECT_TRUE(equal(linalg_matmul(A, A), A.matmul(A)));
  EXPECT_TRUE(equal(linalg_vander(tensor({2, 3}), 3), tensor({{1, 2, 4}, {1, 3, 9}})));
  EXPECT_ERROR(Error, linalg_vander(tensor({2, 3}), 1), "N must be greater than 1, got 1");
  EXPECT_ERROR(ShapeError, linalg_vander(ones({})), "no N is given");
  EXPECT_ERROR(DTypeError, linalg_vander(ones({2}, kBool)), "Boolean tensors are not supported");
}

TEST(LinalgNorm, DimensionsKeepTheirPlaces) {
  const Tensor x = ones({2, 3, 4}, kDouble);
  for (const char* ord : {"fro", "nuc"}) {
    if (!kLapack && ord[0] == 'n') continue;
    EXPECT_EQ(linalg::matrix_norm(x, ord, {2, 0}, true).sizes(), (std::vector<int64_t>{1, 3, 1}));
    EXPECT_EQ(linalg::matrix_norm(x, ord, {2, 0}).sizes(), (std::vector<int64_t>{3}));
  }
  EXPECT_EQ(linalg::matrix_norm(x, 1, {2, 0}).sizes(), (std::vector<int64_t>{3}));
  EXPECT_EQ(linalg::matrix_norm(x, 1, {2, 0})[0].item<double>(), 4);
  EXPECT_EQ(linalg::vector_norm(x, INFINITY).item<double>(), 1);
}

}  // namespace
}  // namespace taper::testing
