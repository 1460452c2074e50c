#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/taper.h"
#include "tests/ops/linalg_case.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

// Factorisations are tested by what they promise: the factors multiply to the matrix, and have the
// form they should. Each case's reference gives what its op returns, made of such invariants.
namespace taper::testing {
namespace {

using Inputs = std::vector<Dense>;

Dense matmul_of(const Dense& a, const Dense& b) {
  const int64_t m = a.sizes[0], k = a.sizes[1], n = b.sizes[1];
  Dense c{{m, n}, std::vector<double>(static_cast<size_t>(m * n))};
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t l = 0; l < k; ++l) c.values[i * n + j] += a.at({i, l}) * b.at({l, j});
    }
  }
  return c;
}
Dense identity(int64_t n) {
  Dense d{{n, n}, std::vector<double>(static_cast<size_t>(n * n))};
  for (int64_t i = 0; i < n; ++i) d.values[i * n + i] = 1;
  return d;
}
Dense transposed_of(const Dense& a) {
  Dense t{{a.sizes[1], a.sizes[0]}, {}};
  for (int64_t j = 0; j < a.sizes[1]; ++j) {
    for (int64_t i = 0; i < a.sizes[0]; ++i) t.values.push_back(a.at({i, j}));
  }
  return t;
}
/// The inverse by Gauss-Jordan, with the determinant.
Dense inverse_of(const Dense& a, double* determinant = nullptr) {
  const int64_t n = a.sizes[0];
  Dense x = a, y = identity(n);
  double det = 1;
  for (int64_t c = 0; c < n; ++c) {
    int64_t best = c;
    for (int64_t r = c; r < n; ++r) {
      if (std::abs(x.values[r * n + c]) > std::abs(x.values[best * n + c])) best = r;
    }
    if (best != c) det = -det;
    for (int64_t j = 0; j < n; ++j) {
      std::swap(x.values[c * n + j], x.values[best * n + j]);
      std::swap(y.values[c * n + j], y.values[best * n + j]);
    }
    const double pivot = x.values[c * n + c];
    det *= pivot;
    for (int64_t j = 0; j < n; ++j) {
      x.values[c * n + j] /= pivot;
      y.values[c * n + j] /= pivot;
    }
    for (int64_t r = 0; r < n; ++r) {
      const double factor = x.values[r * n + c];
      if (r == c) continue;
      for (int64_t j = 0; j < n; ++j) {
        x.values[r * n + j] -= factor * x.values[c * n + j];
        y.values[r * n + j] -= factor * y.values[c * n + j];
      }
    }
  }
  if (determinant != nullptr) *determinant = det;
  return y;
}
/// The argument plus a multiple of the identity, which makes it well conditioned, as ops and as
/// numbers.
Tensor shifted(const Tensor& x, double by) { return x.add(eye(x.size(-1), x.options()).mul(by)); }
Dense shifted(Dense x, double by) {
  const int64_t n = x.sizes[0];
  for (int64_t i = 0; i < n; ++i) x.values[i * n + i] += by;
  return x;
}

OpCase matrix_case(std::string name, std::vector<Sample> samples, double tolerance = 50) {
  return linalg_case(std::move(name), std::move(samples), tolerance);
}
Sample sample(std::string label, std::vector<std::vector<int64_t>> sizes, OpFunction op,
              Reference reference) {
  Sample s{std::move(label), {}, std::move(op), std::move(reference)};
  for (auto& size : sizes) s.args.push_back({std::move(size)});
  return s;
}

/// [A, I, 0] from Q R, Q^T Q and R's lower triangle.
Tensors qr_invariants(const Tensor& q, const Tensor& r) {
  return {q.matmul(r), q.mT().matmul(q), r.tril(-1)};
}
Reference qr_promise(int64_t columns, int64_t rows_of_r) {
  return [=](const Inputs& x) {
    const int64_t n = x[0].sizes[1];
    return Inputs{x[0],
                  identity(columns),
                  {{rows_of_r, n}, std::vector<double>(static_cast<size_t>(rows_of_r * n))}};
  };
}

std::vector<OpCase> factor_cases() {
  std::vector<OpCase> cases;
  const auto reduced = [](const Tensors& x) {
    const auto [q, r] = linalg_qr(x[0]);
    return qr_invariants(q, r);
  };
  OpCase qr_case = matrix_case("linalg_qr", {sample("tall", {{4, 3}}, reduced, qr_promise(3, 3)),
                                             sample("square", {{3, 3}}, reduced, qr_promise(3, 3)),
                                             sample("wide", {{2, 4}}, reduced, qr_promise(2, 2)),
                                             sample(
                                                 "complete", {{3, 3}},
                                                 [](const Tensors& x) {
                                                   const auto [q, r] = linalg_qr(x[0], "complete");
                                                   return qr_invariants(q, r);
                                                 },
                                                 qr_promise(3, 3))});
  qr_case.errors = {
      {"mode",
       [] {
         linalg_qr(ones({2, 2}), "full");
       },
       "qr received unrecognized mode 'full' but expected one of 'reduced' (default), 'r', or "
       "'complete'"},
      {"vector", [] { linalg_qr(ones({2})); },
       "linalg.qr: The input tensor A must have at least 2 dimensions."},
      {"integers",
       [] {
         linalg_qr(ones({2, 2}, kLong));
       },
       "linalg.qr: Expected a floating point or complex tensor as input. Got Long",
       ErrorInput::Kind::dtype},
      {"half",
       [] {
         linalg_qr(ones({2, 2}, kHalf));
       },
       "\"geqrf_cpu\" not implemented for 'Half'", ErrorInput::Kind::dtype}};
  cases.push_back(qr_case);
  OpCase cholesky_case = matrix_case(
      "linalg_cholesky", {sample(
                              "lower", {{3, 3}},
                              [](const Tensors& x) {
                                const Tensor a = shifted(x[0].matmul(x[0].mT()), 1);
                                const Tensor l = linalg_cholesky(a);
                                return Tensors{l.matmul(l.mT()), l.triu(1)};
                              },
                              [](const Inputs& x) {
                                return Inputs{shifted(matmul_of(x[0], transposed_of(x[0])), 1),
                                              {{3, 3}, std::vector<double>(9)}};
                              }),
                          sample(
                              "upper", {{3, 3}},
                              [](const Tensors& x) {
                                const Tensor u =
                                    linalg_cholesky(shifted(x[0].matmul(x[0].mT()), 1), true);
                                return Tensors{u.mT().matmul(u)};
                              },
                              [](const Inputs& x) {
                                return Inputs{shifted(matmul_of(x[0], transposed_of(x[0])), 1)};
                              })});
  cholesky_case.errors = {
      {"not positive", [] { linalg_cholesky(eye(3).neg()); },
       "the input is not positive-definite (the leading minor of order 1 is not"},
      {"not square",
       [] {
         linalg_cholesky(ones({2, 3}));
       },
       "A must be batches of square matrices, but they are 2 by 3 matrices"}};
  cases.push_back(cholesky_case);
  OpCase eigen =
      matrix_case("linalg_eigh",
                  {sample(
                      "symmetric", {{3, 3}},
                      [](const Tensors& x) {
                        const auto [w, v] = linalg_eigh(x[0].add(x[0].mT()));
                        const Tensor order = w.slice(0, 1).sub(w.slice(0, 0, -1));
                        return Tensors{v.mul(w).matmul(v.mT()), v.mT().matmul(v), relu(neg(order))};
                      },
                      [](const Inputs& x) {
                        Dense sum = x[0];
                        for (int64_t i = 0; i < 9; ++i)
                          sum.values[i] += transposed_of(x[0]).values[i];
                        return Inputs{sum, identity(3), {{2}, {0, 0}}};
                      })});
  eigen.errors = {{"triangle", [] { linalg_eigh(eye(2), "X"); },
                   "Expected UPLO argument to be 'L' or 'U', but got X"}};
  cases.push_back(eigen);
  cases.push_back(
      matrix_case("linalg_eigvalsh", {sample(
                                         "sums", {{3, 3}},
                                         [](const Tensors& x) {
                                           const Tensor w = linalg_eigvalsh(x[0].add(x[0].mT()));
                                           return Tensors{w.sum(), w.square().sum()};
                                         },
                                         [](const Inputs& x) {
                                           double trace = 0, squares = 0;
                                           for (int64_t i = 0; i < 3; ++i) {
                                             trace += 2 * x[0].at({i, i});
                                             for (int64_t j = 0; j < 3; ++j) {
                                               const double s = x[0].at({i, j}) + x[0].at({j, i});
                                               squares += s * s;
                                             }
                                           }
                                           return Inputs{{{}, {trace}}, {{}, {squares}}};
                                         })}));
  const auto singular = [](const Tensors& x) {
    const auto [u, s, vh] = linalg_svd(x[0], false);
    return Tensors{u.mul(s).matmul(vh), u.mT().matmul(u), vh.matmul(vh.mT())};
  };
  const auto promise = [](int64_t k) {
    return [k](const Inputs& x) { return Inputs{x[0], identity(k), identity(k)}; };
  };
  cases.push_back(matrix_case("linalg_svd", {sample("tall", {{4, 2}}, singular, promise(2)),
                                             sample("square", {{3, 3}}, singular, promise(3)),
                                             sample("wide", {{2, 3}}, singular, promise(2))}));
  cases.push_back(
      matrix_case("linalg_svdvals",
                  {sample(
                      "squares", {{3, 2}},
                      [](const Tensors& x) { return Tensors{linalg_svdvals(x[0]).square().sum()}; },
                      [](const Inputs& x) {
                        double sum = 0;
                        for (const double v : x[0].values) sum += v * v;
                        return Inputs{{{}, {sum}}};
                      })}));
  cases.push_back(
      matrix_case("linalg_lu", {sample(
                                   "square", {{3, 3}},
                                   [](const Tensors& x) {
                                     const auto [p, l, u] = linalg_lu(x[0]);
                                     return Tensors{p.matmul(l).matmul(u), l.triu(1), u.tril(-1)};
                                   },
                                   [](const Inputs& x) {
                                     const Dense zero{{3, 3}, std::vector<double>(9)};
                                     return Inputs{x[0], zero, zero};
                                   })}));
  return cases;
}

std::vector<OpCase> solve_cases() {
  std::vector<OpCase> cases;
  OpCase solve = matrix_case(
      "linalg_solve",
      {sample(
           "matrix", {{3, 3}, {3, 2}},
           [](const Tensors& x) { return Tensors{linalg_solve(shifted(x[0], 5), x[1])}; },
           [](const Inputs& x) { return Inputs{matmul_of(inverse_of(shifted(x[0], 5)), x[1])}; }),
       sample(
           "from the right", {{3, 3}, {2, 3}},
           [](const Tensors& x) { return Tensors{linalg_solve(shifted(x[0], 5), x[1], false)}; },
           [](const Inputs& x) { return Inputs{matmul_of(x[1], inverse_of(shifted(x[0], 5)))}; }),
       sample(
           "vector", {{2, 2}, {2}},
           [](const Tensors& x) { return Tensors{linalg_solve(shifted(x[0], 5), x[1])}; },
           [](const Inputs& x) {
             Dense column{{2, 1}, x[1].values};
             return Inputs{{{2}, matmul_of(inverse_of(shifted(x[0], 5)), column).values}};
           })});
  solve.errors = {{"singular",
                   [] {
                     linalg_solve(zeros({2, 2}), ones({2}));
                   },
                   "linalg.solve: The solver failed because the input matrix is singular."},
                  {"sizes",
                   [] {
                     linalg_solve(eye(2), ones({3, 1}));
                   },
                   "Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)"},
                  {"types", [] { linalg_solve(eye(2), ones({2}, kDouble)); },
                   "Expected A and B to have the same dtype", ErrorInput::Kind::dtype}};
  cases.push_back(solve);
  const auto triangle = [](bool upper, bool left, bool unit) {
    return [=](const Tensors& x) {
      return Tensors{linalg_solve_triangular(shifted(x[0], 4), x[1], upper, left, unit)};
    };
  };
  const auto solved = [](bool upper, bool left, bool unit) {
    return [=](const Inputs& x) {
      Dense t = shifted(x[0], 4);
      for (int64_t i = 0; i < 3; ++i) {
        for (int64_t j = 0; j < 3; ++j) {
          if (upper ? j < i : j > i) t.values[i * 3 + j] = 0;
          if (i == j && unit) t.values[i * 3 + j] = 1;
        }
      }
      const Dense inverse = inverse_of(t);
      return Inputs{left ? matmul_of(inverse, x[1]) : matmul_of(x[1], inverse)};
    };
  };
  cases.push_back(matrix_case(
      "linalg_solve_triangular",
      {sample("upper", {{3, 3}, {3, 2}}, triangle(true, true, false), solved(true, true, false)),
       sample("lower of ones", {{3, 3}, {3, 2}}, triangle(false, true, true),
              solved(false, true, true)),
       sample("from the right", {{3, 3}, {2, 3}}, triangle(true, false, false),
              solved(true, false, false))}));
  const auto by_lu = [](bool left, bool adjoint) {
    return [=](const Tensors& x) {
      const auto [lu, pivots] = linalg_lu_factor(shifted(x[0], 3));
      return Tensors{linalg_lu_solve(lu, pivots, x[1], left, adjoint)};
    };
  };
  const auto lu_solved = [](bool left, bool adjoint) {
    return [=](const Inputs& x) {
      Dense inverse = inverse_of(shifted(x[0], 3));
      if (adjoint) inverse = transposed_of(inverse);
      return Inputs{left ? matmul_of(inverse, x[1]) : matmul_of(x[1], inverse)};
    };
  };
  cases.push_back(
      matrix_case("linalg_lu_solve",
                  {sample("left", {{3, 3}, {3, 2}}, by_lu(true, false), lu_solved(true, false)),
                   sample("right", {{3, 3}, {2, 3}}, by_lu(false, false), lu_solved(false, false)),
                   sample("adjoint", {{3, 3}, {3, 2}}, by_lu(true, true), lu_solved(true, true)),
                   sample("adjoint from the right", {{3, 3}, {2, 3}}, by_lu(false, true),
                          lu_solved(false, true))}));
  OpCase inv = matrix_case(
      "linalg_inv", {sample(
                        "shifted", {{3, 3}},
                        [](const Tensors& x) { return Tensors{linalg_inv(shifted(x[0], 4))}; },
                        [](const Inputs& x) { return Inputs{inverse_of(shifted(x[0], 4))}; })});
  inv.errors = {{"singular",
                 [] {
                   linalg_inv(diag(tensor({1.0, 0.0})));
                 },
                 "The diagonal element 2 is zero, the inversion could not be completed because the "
                 "input matrix is singular."}};
  cases.push_back(inv);
  const auto determinant_of = [](const Inputs& x) {
    double det = 0;
    inverse_of(x[0], &det);
    return det;
  };
  cases.push_back(
      matrix_case("linalg_det",
                  {sample(
                      "three", {{3, 3}}, [](const Tensors& x) { return Tensors{linalg_det(x[0])}; },
                      [=](const Inputs& x) {
                        return Inputs{{{}, {determinant_of(x)}}};
                      })}));
  cases.push_back(matrix_case(
      "linalg_slogdet",
      {sample(
          "three", {{3, 3}},
          [](const Tensors& x) {
            const auto [sign, log] = linalg_slogdet(x[0]);
            return Tensors{sign, log};
          },
          [=](const Inputs& x) {
            const double det = determinant_of(x);
            return Inputs{{{}, {det < 0 ? -1.0 : 1.0}}, {{}, {std::log(std::abs(det))}}};
          })}));
  cases.push_back(matrix_case(
      "logdet",
      {sample(
          "positive", {{3, 3}}, [](const Tensors& x) { return Tensors{logdet(shifted(x[0], 5))}; },
          [](const Inputs& x) {
            double det = 0;
            inverse_of(shifted(x[0], 5), &det);
            return Inputs{{{}, {std::log(det)}}};
          })}));
  // Of full rank: (A^T A)^-1 A^T, or A^T (A A^T)^-1.
  const auto pseudo = [](const Inputs& x) {
    const Dense t = transposed_of(x[0]);
    if (x[0].sizes[0] >= x[0].sizes[1]) {
      return Inputs{matmul_of(inverse_of(matmul_of(t, x[0])), t)};
    }
    return Inputs{matmul_of(t, inverse_of(matmul_of(x[0], t)))};
  };
  const auto pinv = [](const Tensors& x) { return Tensors{linalg_pinv(x[0])}; };
  cases.push_back(
      matrix_case("linalg_pinv",
                  {sample("tall", {{4, 2}}, pinv, pseudo), sample("wide", {{2, 3}}, pinv, pseudo)},
                  500));  // the condition squared
  cases.push_back(matrix_case(
      "linalg_matrix_power",
      {sample(
           "cube", {{3, 3}}, [](const Tensors& x) { return Tensors{linalg_matrix_power(x[0], 3)}; },
           [](const Inputs& x) { return Inputs{matmul_of(x[0], matmul_of(x[0], x[0]))}; }),
       sample(
           "of the inverse", {{2, 2}},
           [](const Tensors& x) { return Tensors{linalg_matrix_power(shifted(x[0], 4), -2)}; },
           [](const Inputs& x) {
             const Dense i = inverse_of(shifted(x[0], 4));
             return Inputs{matmul_of(i, i)};
           }),
       sample(
           "none", {{2, 2}}, [](const Tensors& x) { return Tensors{linalg_matrix_power(x[0], 0)}; },
           [](const Inputs&) { return Inputs{identity(2)}; })}));
  cases.push_back(matrix_case(
      "linalg_matrix_exp",
      {sample(
          "series", {{3, 3}}, [](const Tensors& x) { return Tensors{linalg_matrix_exp(x[0])}; },
          [](const Inputs& x) {
            Dense sum = identity(3), term = identity(3);
            for (int k = 1; k < 60; ++k) {
              term = matmul_of(term, x[0]);
              for (double& v : term.values) v /= k;
              for (size_t i = 0; i < 9; ++i) sum.values[i] += term.values[i];
            }
            return Inputs{sum};
          })}));
  cases.push_back(matrix_case(
      "cholesky_solve", {sample(
                            "lower", {{3, 2}, {3, 3}},
                            [](const Tensors& x) {
                              const Tensor l = shifted(x[1].tril(), 4);
                              return Tensors{cholesky_solve(x[0], l), cholesky_inverse(l),
                                             cholesky_solve(x[0], l.mT(), true)};
                            },
                            [](const Inputs& x) {
                              Dense l = shifted(x[1], 4);
                              for (int64_t i = 0; i < 3; ++i) {
                                for (int64_t j = i + 1; j < 3; ++j) l.values[i * 3 + j] = 0;
                              }
                              const Dense inverse = inverse_of(matmul_of(l, transposed_of(l)));
                              const Dense solved = matmul_of(inverse, x[0]);
                              return Inputs{solved, inverse, solved};
                            })}));
  cases.push_back(matrix_case(
      "linalg_multi_dot", {sample(
                              "vector, matrix, matrix, vector", {{2}, {2, 3}, {3, 2}, {2}},
                              [](const Tensors& x) { return Tensors{linalg_multi_dot(x)}; },
                              [](const Inputs& x) {
                                const Dense row{{1, 2}, x[0].values}, column{{2, 1}, x[3].values};
                                const Dense all =
                                    matmul_of(matmul_of(row, matmul_of(x[1], x[2])), column);
                                return Inputs{{{}, all.values}};
                              })}));
  return cases;
}

#if TAPER_WITH_OPENBLAS
TAPER_OP_CASES(factor_cases);
TAPER_OP_CASES(solve_cases);

double largest(const Tensor& t) { return t.abs().max().item<double>(); }

TEST(Linalg, QrShapesAndStrides) {
  const Tensor A = randn({2, 4, 3}, kDouble);
  const auto [q, r] = linalg_qr(A);
  EXPECT_EQ(q.sizes(), IntArrayRef({2, 4, 3}));
  EXPECT_EQ(r.sizes(), IntArrayRef({2, 3, 3}));
  EXPECT_EQ(q[0].strides(), IntArrayRef({1, 4}));
  EXPECT_EQ(r[0].strides(), IntArrayRef({1, 3}));
  EXPECT_LT(largest(q.matmul(r).sub(A)), 1e-14);
  const auto [full_q, full_r] = linalg_qr(A, "complete");
  EXPECT_EQ(full_q.sizes(), IntArrayRef({2, 4, 4}));
  EXPECT_EQ(full_r.sizes(), IntArrayRef({2, 4, 3}));
  EXPECT_LT(largest(full_q.mT().matmul(full_q).sub(eye(4, kDouble))), 1e-14);
  const auto [no_q, only_r] = linalg_qr(A, "r");
  EXPECT_EQ(no_q.sizes(), IntArrayRef({0}));
  EXPECT_TRUE(only_r.equal(r));
  EXPECT_NEAR(std::get<1>(linalg_qr(tensor({{1., 2.}, {3., 4.}, {5., 6.}})))[0][0].item<double>(),
              -5.9161, 1e-4);
  EXPECT_TRUE(std::get<1>(linalg_qr(eye(3))).equal(eye(3)));
  EXPECT_EQ(std::get<0>(linalg_qr(empty({0, 3}))).sizes(), IntArrayRef({0, 0}));
  EXPECT_TRUE(std::get<0>(linalg_qr(empty({3, 0}), "complete")).equal(eye(3)));
  EXPECT_EQ(std::get<1>(linalg_qr(empty({3, 0}), "complete")).sizes(), IntArrayRef({3, 0}));
  EXPECT_EQ(std::get<0>(linalg::qr(A)).sizes(), q.sizes());
}

TEST(Linalg, QrModesWithoutAGradientSaySo) {
  const Tensor A = randn({4, 3}).requires_grad_();
  EXPECT_ERROR(Error, std::get<1>(linalg_qr(A, "r")).sum().backward(),
               "The derivative of linalg.qr depends on Q, which is not computed when mode='r'");
  EXPECT_ERROR(Error, std::get<0>(linalg_qr(A, "complete")).sum().backward(),
               "not differentiable when mode='complete' and nrows > ncols");
  EXPECT_ERROR(Error, std::get<0>(linalg_svd(A)).sum().backward(), "use full_matrices=false");
}

TEST(Linalg, SingularMatrices) {
  const Tensor A = tensor({{1., 2.}, {2., 4.}}, kDouble);
  EXPECT_EQ(linalg_det(A).item<double>(), 0);
  EXPECT_TRUE(std::isinf(std::get<1>(linalg_slogdet(A)).item<double>()));
  EXPECT_EQ(linalg_matrix_rank(A).item<int64_t>(), 1);
  EXPECT_EQ(linalg_matrix_rank(eye(3)).item<int64_t>(), 3);
  EXPECT_EQ(linalg_matrix_rank(tensor({{5., 0.}, {0., 1.}}), 2.0).item<int64_t>(), 1);
  const Tensor p = linalg_pinv(A);
  EXPECT_LT(largest(A.matmul(p).matmul(A).sub(A)), 1e-14);
  EXPECT_LT(largest(linalg_pinv(A, 1e-15, true).sub(p)), 1e-14);
  // The determinant's gradient is the matrix of cofactors.
  const Tensor x = A.clone().requires_grad_();
  linalg_det(x).backward();
  EXPECT_LT(largest(x.grad().sub(tensor({{4., -2.}, {-2., 1.}}, kDouble))), 1e-14);
  EXPECT_TRUE(std::isnan(logdet(diag(tensor({1.0, -1.0}))).item<float>()));
  EXPECT_ERROR(Error, linalg_inv(stack({eye(2), zeros({2, 2})})), "(Batch element 1)");
}

TEST(Linalg, Batches) {
  const Tensor A = randn({3, 2, 4, 4}, kDouble).add(eye(4, kDouble).mul(4)),
               B = randn({2, 4, 1}, kDouble);
  const Tensor X = linalg_solve(A, B);
  EXPECT_EQ(X.sizes(), IntArrayRef({3, 2, 4, 1}));
  EXPECT_LT(largest(A.matmul(X).sub(B)), 1e-13);
  const Tensor inverse = A.inverse();
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_LT(largest(inverse[i][1].sub(linalg_inv(A[i][1]))), 1e-14);
    EXPECT_NEAR(A.det()[i][0].item<double>(), A[i][0].det().item<double>(), 1e-9);
  }
  const auto [p, l, u] = linalg_lu(randn({2, 3, 5}, kDouble));
  EXPECT_EQ(l.sizes(), IntArrayRef({2, 3, 3}));
  EXPECT_EQ(u.sizes(), IntArrayRef({2, 3, 5}));
  const auto [values, vectors] = linalg_eigh(A.add(A.mT()));
  EXPECT_LT(largest(vectors.mul(values.unsqueeze(-2)).matmul(vectors.mT()).sub(A.add(A.mT()))),
            1e-13);
  const auto [U, S, V] = randn({2, 5, 3}, kDouble).svd();
  EXPECT_EQ(V.sizes(), IntArrayRef({2, 3, 3}));
  const auto [FU, FS, FVh] = linalg_svd(randn({5, 3}, kDouble));
  EXPECT_LT(largest(FU.mT().matmul(FU).sub(eye(5, kDouble))), 1e-14);
}

TEST(Linalg, LuOfRectangularMatricesHasAGradient) {
  for (const auto& sizes : {std::vector<int64_t>{3, 5}, {5, 3}, {2, 4, 3}}) {
    const Tensor A = randn(sizes, kDouble).set_requires_grad(true);
    const auto factors = [](const std::vector<Tensor>& x) {
      const auto [p, l, u] = linalg_lu(x[0]);
      return std::vector<Tensor>{l, u};
    };
    EXPECT_TRUE(gradcheck(factors, {A}));
    EXPECT_TRUE(gradgradcheck(factors, {A}));
  }
}

TEST(Linalg, MatrixPowerZeroHasAGradientOfZeros) {
  const Tensor A = ones({2, 2}, requires_grad());
  matrix_power(A, 0).sum().backward();
  EXPECT_EQ(to_dense(A.grad()).values, std::vector<double>(4, 0));
}

TEST(Linalg, MatrixExpInFloat32IsExactToFloat32) {
  const Tensor A = full({3, 3}, 4.0, kDouble).add(eye(3, kDouble));
  const Tensor exact = matrix_exp(A);
  EXPECT_LT(largest(matrix_exp(A.to(kFloat)).to(kDouble).div(exact).sub(1)), 2e-7);
}

TEST(Linalg, SingularValuesOfWhatIsNotFiniteAreRefused) {
  EXPECT_ERROR(Error, linalg_svdvals(full({2, 2}, NAN)), "contained non-finite values");
}

TEST(Linalg, TolerancesOfSingularValues) {
  const Tensor A = diag(tensor({8.0, 2.0, 0.5}, kDouble)), both = stack({A, A.mul(2)});
  const Tensor each = tensor({1.0, 0.2}, kDouble);
  const auto ranks = [](const Tensor& t) { return to_dense(t).values; };
  using V = std::vector<double>;
  EXPECT_EQ(ranks(linalg_matrix_rank(A, std::optional<Tensor>(each))), (V{2, 3}));
  EXPECT_EQ(ranks(linalg_matrix_rank(both, std::nullopt, std::optional<Tensor>(each))), (V{0, 2}));
  EXPECT_EQ(ranks(linalg_matrix_rank(both, tensor(3.0))), (V{1, 2}));
  EXPECT_EQ(ranks(linalg_matrix_rank(A, 0.1, std::optional<double>(0.1))), (V{2}));
  EXPECT_EQ(ranks(linalg_matrix_rank(A, 0.1, 0.1)), (V{2}));
  // An absolute bound alone: none that is relative. Of 0: the default.
  EXPECT_EQ(ranks(linalg_matrix_rank(A.mul(1e-20).add(A.mul(0)), 1e-30, std::nullopt)), (V{3}));
  EXPECT_EQ(ranks(linalg_matrix_rank(diag(tensor({1.0, 1e-18}, kDouble)), 0.0, std::nullopt)),
            (V{1}));
  EXPECT_EQ(ranks(linalg_pinv(A, each.select(0, 0)).diagonal()), (V{0, 0, 0}));
  EXPECT_LT(largest(linalg_pinv(A, 1.0, std::nullopt).sub(diag(tensor({0.125, 0.5, 0.0})))), 1e-14);
  // A repeated for two tolerances gathers both gradients: d/dx of 1/x is -1/x^2 where it counts.
  const Tensor x = A.clone().requires_grad_();
  const Tensor p = linalg_pinv(x, std::optional<Tensor>(each));
  EXPECT_EQ(p.sizes(), IntArrayRef({2, 3, 3}));
  EXPECT_LT(largest(p.diagonal(0, 1, 2).sub(tensor({{0.125, 0.5, 0.0}, {0.125, 0.5, 2.0}}))),
            1e-14);
  p.diagonal(0, 1, 2).sum().backward();
  EXPECT_LT(largest(x.grad().diagonal().sub(tensor({-2.0 / 64, -0.5, -4.0}, kDouble))), 1e-12);
  EXPECT_ERROR(ShapeError, linalg_pinv(both, ones({3})), "size");
}

TEST(Linalg, EmptyMatrices) {
  EXPECT_EQ(std::get<0>(linalg_qr(empty({5, 0}))).sizes(), IntArrayRef({5, 0}));
  EXPECT_EQ(linalg_det(empty({0, 0})).item<float>(), 1);
  EXPECT_EQ(linalg_inv(empty({2, 0, 0})).sizes(), IntArrayRef({2, 0, 0}));
  EXPECT_EQ(linalg_svdvals(empty({0, 3})).sizes(), IntArrayRef({0}));
  EXPECT_EQ(linalg_eigvalsh(empty({0, 0})).numel(), 0);
  EXPECT_EQ(linalg_cholesky(empty({0, 0})).numel(), 0);
  EXPECT_EQ(linalg_pinv(empty({0, 3})).sizes(), IntArrayRef({3, 0}));
  EXPECT_EQ(linalg_matrix_rank(empty({2, 0, 3})).sizes(), IntArrayRef({2}));
}
#else
TEST(Linalg, SaysThatItWasBuiltWithoutLapack) {
  EXPECT_FALSE(factor_cases().empty() || solve_cases().empty());
  EXPECT_ERROR(Error, linalg_qr(ones({2, 2})), "built without LAPACK");
  EXPECT_ERROR(Error, linalg_inv(eye(2)), "built without LAPACK");
}
#endif

}  // namespace
}  // namespace taper::testing
