#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/func/gradcheck.h"
#include "taper/taper.h"
#include "tests/ops/complex_case.h"
#include "tests/ops/linalg_case.h"
#include "tests/support/expect_error.h"

// Complex matrices, and eigenvalues of any square ones: tested, as the real ones of
// linalg_test.cpp, by what the factors promise.
namespace taper::testing {
namespace {

using Inputs = std::vector<Dense>;
using Matrix = std::vector<Number>;

Dense identity(int64_t n) {
  Matrix z(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) z[static_cast<size_t>(i * n + i)] = 1;
  return pairs({n, n}, z);
}
Dense zeros_of(std::vector<int64_t> sizes) {
  size_t n = 1;
  for (const int64_t s : sizes) n *= static_cast<size_t>(s);
  return {std::move(sizes), std::vector<double>(n)};
}
Matrix times(const Matrix& a, const Matrix& b, size_t n) {
  Matrix c(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t l = 0; l < n; ++l) c[i * n + j] += a[i * n + l] * b[l * n + j];
    }
  }
  return c;
}
/// The determinant of a 3 x 3 matrix.
Number determinant(const Matrix& a) {
  return a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) +
         a[2] * (a[3] * a[7] - a[4] * a[6]);
}

Tensor plus_identity(const Tensor& x, double by) {
  return x.add(eye(x.size(-1), x.options()).mul(by));
}
Tensor hermitian(const Tensor& x) { return x.add(x.mH()); }
/// What should be 0, as one real number an element.
Tensor distance(const Tensor& a, const Tensor& b) { return as_pairs(a.sub(b)); }

/// A case whose complex arguments are pairs of these sizes (the last, of 2, is added).
OpCase complex_case(std::string name, std::vector<Sample> samples, double tolerance = 100) {
  return linalg_case(std::move(name), std::move(samples), tolerance);
}
Sample sample(std::string label, std::vector<std::vector<int64_t>> sizes, OpFunction op,
              Reference reference) {
  Sample s{std::move(label), {}, {}, std::move(reference)};
  for (auto& size : sizes) {
    size.push_back(2);
    s.args.push_back({std::move(size)});
  }
  s.op = [op = std::move(op)](const Tensors& x) {
    Tensors z;
    for (const Tensor& t : x) z.push_back(as_complex(t));
    Tensors results = op(z);
    for (Tensor& r : results) r = as_pairs(r);
    return results;
  };
  return s;
}
Reference given(std::vector<Dense> also = {}) {
  return [also = std::move(also)](const Inputs& x) {
    Inputs all = {x.back()};
    all.insert(all.end(), also.begin(), also.end());
    return all;
  };
}

std::vector<OpCase> complex_factors() {
  const auto qr_of = [](const char* mode) {
    return [mode](const Tensors& x) {
      const auto [q, r] = linalg_qr(x[0], mode);
      return Tensors{q.matmul(r), q.mH().matmul(q), r.tril(-1)};
    };
  };
  const auto of_square = [](const Tensor& f) { return plus_identity(f.matmul(f.mH()), 1); };
  const auto svd_of = [](const Tensors& x) {
    const auto [u, s, vh] = linalg_svd(x[0], false);
    return Tensors{u.mul(s).matmul(vh), u.mH().matmul(u), vh.matmul(vh.mH())};
  };
  return {
      complex_case(
          "complex_qr",
          {sample("tall", {{4, 3}}, qr_of("reduced"), given({identity(3), zeros_of({3, 3, 2})})),
           sample("square", {{3, 3}}, qr_of("complete"), given({identity(3), zeros_of({3, 3, 2})})),
           sample("wide", {{2, 4}}, qr_of("reduced"), given({identity(2), zeros_of({2, 4, 2})}))}),
      complex_case("complex_cholesky",
                   {sample(
                        "lower", {{3, 3}},
                        [of_square](const Tensors& x) {
                          const Tensor a = of_square(x[0]), l = linalg_cholesky(a);
                          return Tensors{distance(l.matmul(l.mH()), a), l.triu(1)};
                        },
                        [](const Inputs&) {
                          return Inputs{zeros_of({3, 3, 2}), zeros_of({3, 3, 2})};
                        }),
                    sample(
                        "upper, solved", {{3, 3}, {3, 2}},
                        [of_square](const Tensors& x) {
                          const Tensor a = of_square(x[0]), u = linalg_cholesky(a, true);
                          return Tensors{a.matmul(cholesky_solve(x[1], u, true))};
                        },
                        given())}),
      complex_case("complex_eigh",
                   {sample(
                       "hermitian", {{3, 3}},
                       [](const Tensors& x) {
                         const Tensor a = hermitian(x[0]);
                         const auto [w, v] = linalg_eigh(a);
                         return Tensors{distance(v.mul(w).matmul(v.mH()), a), v.mH().matmul(v),
                                        w.sum().sub(real(a.diagonal()).sum())};
                       },
                       [](const Inputs&) {
                         return Inputs{zeros_of({3, 3, 2}), identity(3), zeros_of({})};
                       })}),
      complex_case("complex_svd",
                   {sample("tall", {{4, 2}}, svd_of, given({identity(2), identity(2)})),
                    sample("square", {{3, 3}}, svd_of, given({identity(3), identity(3)})),
                    sample("wide", {{2, 3}}, svd_of, given({identity(2), identity(2)}))}),
      complex_case("complex_svdvals", {sample(
                                          "squares", {{3, 2}},
                                          [](const Tensors& x) {
                                            return Tensors{linalg_svdvals(x[0]).square().sum()};
                                          },
                                          [](const Inputs& x) {
                                            double sum = 0;
                                            for (const double v : x[0].values) sum += v * v;
                                            return Inputs{{{}, {sum}}};
                                          })}),
      complex_case("complex_lu", {sample(
                                     "square", {{3, 3}},
                                     [](const Tensors& x) {
                                       const auto [p, l, u] = linalg_lu(x[0]);
                                       return Tensors{p.matmul(l).matmul(u)};
                                     },
                                     given())}),
  };
}

std::vector<OpCase> eigen_cases() {
  OpCase eig =
      complex_case("linalg_eig",
                   {sample(
                       "any", {{3, 3}},
                       [](const Tensors& x) {
                         const auto [w, v] = linalg_eig(x[0]);
                         return Tensors{v.mul(w).matmul(linalg_inv(v)), v.abs().square().sum(0)};
                       },
                       given({{{3}, {1, 1, 1}}}))},
                   1000);  // the condition of the eigenvectors
  Sample of_real;
  of_real.label = "of real numbers";
  of_real.args = {{{4, 4}}};
  of_real.op = [](const Tensors& x) {
    const auto [w, v] = linalg_eig(x[0]);
    return Tensors{as_pairs(v.mul(w).matmul(linalg_inv(v)))};
  };
  of_real.reference = [](const Inputs& x) {
    Matrix z;
    for (const double v : x[0].values) z.emplace_back(v);
    return Inputs{pairs({4, 4}, z)};
  };
  eig.samples.push_back(of_real);
  eig.errors = {{"integers",
                 [] {
                   linalg_eig(ones({2, 2}, kLong));
                 },
                 "Expected a floating point or complex", ErrorInput::Kind::dtype},
                {"not square",
                 [] {
                   linalg_eig(ones({2, 3}));
                 },
                 "A must be batches of square matrices, but they are 2 by 3 matrices"},
                {"not finite",
                 [] {
                   linalg_eig(full({2, 2}, NAN));
                 },
                 "linalg.eig: input tensor should not contain infs or NaNs."}};
  OpCase values = complex_case(
      "linalg_eigvals",
      {sample(
          "sum and product", {{3, 3}},
          [](const Tensors& x) {
            const Tensor w = linalg_eigvals(x[0]);
            return Tensors{w.sum(), w.prod()};
          },
          [](const Inputs& x) {
            const Matrix a = numbers(x[0]);
            return Inputs{pairs({}, {a[0] + a[4] + a[8]}), pairs({}, {determinant(a)})};
          })},
      1000);
  values.errors = {{"vector", [] { linalg_eigvals(ones({2})); }, "at least 2 dimensions"}};
  return {eig, values};
}

std::vector<OpCase> complex_systems() {
  const auto solved = [](bool left) {
    return [left](const Tensors& x) {
      const Tensor a = plus_identity(x[0], 5), X = linalg_solve(a, x[1], left);
      return Tensors{left ? a.matmul(X) : X.matmul(a)};
    };
  };
  const auto by_triangle = [](bool upper, bool left, bool unit) {
    return [=](const Tensors& x) {
      Tensor a = plus_identity(x[0], 4);
      const Tensor X = linalg_solve_triangular(a, x[1], upper, left, unit);
      a = upper ? a.triu(unit ? 1 : 0) : a.tril(unit ? -1 : 0);
      if (unit) a = plus_identity(a, 1);
      return Tensors{left ? a.matmul(X) : X.matmul(a)};
    };
  };
  const auto by_lu = [](bool left, bool adjoint) {
    return [=](const Tensors& x) {
      const Tensor a = plus_identity(x[0], 3);
      const auto [lu, pivots] = linalg_lu_factor(a);
      const Tensor X = linalg_lu_solve(lu, pivots, x[1], left, adjoint);
      const Tensor m = adjoint ? a.mH() : a;
      return Tensors{left ? m.matmul(X) : X.matmul(m)};
    };
  };
  const auto pinv_of = [](const Tensors& x) {
    const Tensor p = linalg_pinv(x[0]);
    return Tensors{x[0].matmul(p).matmul(x[0]), distance(p.matmul(x[0]), p.matmul(x[0]).mH()),
                   distance(x[0].matmul(p), x[0].matmul(p).mH())};
  };
  const std::vector<std::vector<int64_t>> tall = {{3, 3}, {3, 2}}, wide = {{3, 3}, {2, 3}};
  std::vector<OpCase> cases = {
      complex_case("complex_solve", {sample("left", tall, solved(true), given()),
                                     sample("right", wide, solved(false), given())}),
      complex_case("complex_solve_triangular",
                   {sample("upper", tall, by_triangle(true, true, false), given()),
                    sample("lower of ones", tall, by_triangle(false, true, true), given()),
                    sample("right", wide, by_triangle(true, false, false), given())}),
      complex_case("complex_lu_solve",
                   {sample("left", tall, by_lu(true, false), given()),
                    sample("right", wide, by_lu(false, false), given()),
                    sample("adjoint", tall, by_lu(true, true), given()),
                    sample("adjoint right", wide, by_lu(false, true), given())}),
      complex_case("complex_inv", {sample(
                                      "shifted", {{3, 3}},
                                      [](const Tensors& x) {
                                        const Tensor a = plus_identity(x[0], 4);
                                        return Tensors{a.matmul(linalg_inv(a))};
                                      },
                                      [](const Inputs&) { return Inputs{identity(3)}; })}),
      complex_case("complex_det",
                   {sample(
                       "three", {{3, 3}},
                       [](const Tensors& x) {
                         const auto [sign, log] = linalg_slogdet(x[0]);
                         return Tensors{linalg_det(x[0]), sign.mul(log.exp()), logdet(x[0]).exp()};
                       },
                       [](const Inputs& x) {
                         const Dense det = pairs({}, {determinant(numbers(x[0]))});
                         return Inputs{det, det, det};
                       })}),
      complex_case(
          "complex_pinv",
          {sample("tall", {{4, 2}}, pinv_of, given({zeros_of({2, 2, 2}), zeros_of({4, 4, 2})})),
           sample("wide", {{2, 3}}, pinv_of, given({zeros_of({3, 3, 2}), zeros_of({2, 2, 2})})),
           sample(
               "hermitian", {{3, 3}},
               [](const Tensors& x) {
                 const Tensor a = plus_identity(hermitian(x[0]), 6);
                 return Tensors{a.matmul(
                     linalg_pinv(a, std::optional<double>(), std::optional<double>(), true))};
               },
               [](const Inputs&) { return Inputs{identity(3)}; })},
          1000),  // the condition squared
      complex_case(
          "complex_matrix_exp",
          {sample(
              "series", {{3, 3}}, [](const Tensors& x) { return Tensors{linalg_matrix_exp(x[0])}; },
              [](const Inputs& x) {
                const Matrix a = numbers(x[0]);
                Matrix sum = numbers(identity(3)), term = sum;
                for (int k = 1; k < 60; ++k) {
                  term = times(term, a, 3);
                  for (Number& v : term) v /= k;
                  for (size_t i = 0; i < 9; ++i) sum[i] += term[i];
                }
                return Inputs{pairs({3, 3}, sum)};
              })}),
      complex_case("complex_householder_product", {sample(
                                                      "of qr", {{4, 3}, {4, 2}},
                                                      [](const Tensors& x) {
                                                        const auto [packed, tau] =
                                                            geqrf(x[0].detach());
                                                        const Tensor q =
                                                            linalg_householder_product(packed, tau);
                                                        const Tensor turned =
                                                            ormqr(packed, tau, x[1], true, true);
                                                        return Tensors{
                                                            ormqr(packed, tau, turned),
                                                            distance(q, std::get<0>(linalg_qr(
                                                                            x[0].detach())))};
                                                      },
                                                      given({zeros_of({4, 3, 2})}))}),
  };
  return cases;
}

std::vector<OpCase> ldl_cases() {
  const auto by_ldl = [](bool is_hermitian) {
    return [=](const Tensors& x) {
      const Tensor half = x[0].detach();
      const Tensor a = is_hermitian ? half.add(half.mH()) : half.add(half.mT());
      const auto [ld, pivots] = linalg_ldl_factor(a, is_hermitian);
      return Tensors{a.matmul(linalg_ldl_solve(ld, pivots, x[1], is_hermitian))};
    };
  };
  OpCase ldl = complex_case("linalg_ldl_solve",
                            {sample("symmetric", {{4, 4}, {4, 2}}, by_ldl(false), given()),
                             sample("hermitian", {{4, 4}, {4, 2}}, by_ldl(true), given())},
                            2000);  // the condition of an indefinite matrix
  const auto solve_with = [](const std::vector<int>& pivots, int64_t rows) {
    return [=] { linalg_ldl_solve(eye(2), tensor(pivots).to(kInt), ones({rows, 1})); };
  };
  ldl.errors = {
      {"pivots beyond", solve_with({1, 3}, 2),
       "pivots must be those of linalg.ldl_factor, got 3 at place 1 for 2 rows"},
      {"half a block", solve_with({1, -2}, 2), "got -2 at place 1"},
      {"zero", solve_with({0, 1}, 2), "got 0 at place 0"},
      {"sizes", solve_with({1, 2}, 3), "Incompatible shapes of A and B", ErrorInput::Kind::shape},
      {"type of pivots",
       [] {
         linalg_ldl_solve(eye(2), ones({2}), ones({2, 1}));
       },
       "Expected pivots to be integers", ErrorInput::Kind::dtype},
      {"number of pivots", solve_with({1, 2, 3}, 2),
       "Expected LD.shape[:-1] and pivots.shape to be the same", ErrorInput::Kind::shape}};
  return {ldl};
}

#if TAPER_WITH_OPENBLAS
TAPER_OP_CASES(complex_factors);
TAPER_OP_CASES(eigen_cases);
TAPER_OP_CASES(complex_systems);
TAPER_OP_CASES(ldl_cases);

double largest(const Tensor& t) { return t.abs().max().item<double>(); }
Tensor random(IntArrayRef sizes) { return randn(sizes, kComplexDouble); }

TEST(LinalgComplex, TypesAndShapes) {
  manual_seed(1);
  const Tensor A = random({2, 3, 3}).to(kComplexFloat);
  const auto [w, v] = linalg_eigh(hermitian(A));
  EXPECT_EQ(w.scalar_type(), kFloat);
  EXPECT_EQ(v.scalar_type(), kComplexFloat);
  EXPECT_EQ(linalg_svdvals(A).scalar_type(), kFloat);
  EXPECT_EQ(std::get<1>(linalg_slogdet(A)).scalar_type(), kFloat);
  EXPECT_EQ(linalg_eigvals(ones({2, 2})).scalar_type(), kComplexFloat);
  EXPECT_EQ(linalg_matrix_rank(A).scalar_type(), kLong);
}

TEST(LinalgComplex, EigenvaluesOfBatchesAndEmptyOnes) {
  manual_seed(2);
  const Tensor A = randn({2, 3, 4, 4}, kDouble);
  const auto [w, v] = linalg_eig(A);
  EXPECT_EQ(w.sizes(), IntArrayRef({2, 3, 4}));
  EXPECT_LT(largest(A.to(kComplexDouble).matmul(v).sub(v.mul(w.unsqueeze(-2)))), 1e-12);
  EXPECT_LT(largest(linalg_eigvals(A).sum(-1).sub(w.sum(-1))), 1e-12);
  EXPECT_EQ(std::get<1>(linalg_eig(empty({2, 0, 0}))).sizes(), IntArrayRef({2, 0, 0}));
  EXPECT_EQ(linalg_eigvals(empty({0, 3, 3})).sizes(), IntArrayRef({0, 3}));
  // A rotation by a right angle: i and -i.
  const Tensor turn = linalg_eigvals(tensor({{0.0, -1.0}, {1.0, 0.0}}, kDouble));
  EXPECT_LT(largest(real(turn)), 1e-15);
  EXPECT_LT(largest(turn.prod().sub(1)), 1e-15);
}

TEST(LinalgComplex, LossesOfPhasesAreRefused) {
  manual_seed(3);
  const Tensor A = random({3, 3}).requires_grad_(), H = hermitian(A);
  const auto loss = [](const Tensor& v) { return real(v.sum()).add(imag(v.mul(v).sum())); };
  const char* const text = "in the complex case are specified up to multiplication by e^{i phi}";
  EXPECT_ERROR(Error, loss(std::get<1>(linalg_eig(A))).backward(), text);
  EXPECT_ERROR(Error, loss(std::get<1>(linalg_eigh(H))).backward(), text);
  EXPECT_ERROR(Error, loss(std::get<0>(linalg_svd(A, false))).backward(), text);
  EXPECT_ERROR(Error, loss(std::get<2>(linalg_svd(A, false))).backward(), text);
}

TEST(LinalgComplex, DerivativesOfCondensedResults) {
  manual_seed(4);
  const auto check = [](const TensorFunction& f, const Tensor& A) {
    EXPECT_TRUE(gradcheck(f, {A.requires_grad_()}));
    EXPECT_TRUE(gradgradcheck(f, {A.requires_grad_()}));
  };
  check(
      [](const std::vector<Tensor>& x) {
        const auto [q, r] = linalg_qr(x[0]);
        return std::vector<Tensor>{q, r};
      },
      random({4, 3}));
  check(
      [](const std::vector<Tensor>& x) {
        const auto [p, l, u] = linalg_lu(x[0]);
        return std::vector<Tensor>{l, u};
      },
      random({3, 4}));
  check(
      [](const std::vector<Tensor>& x) {
        const auto [X, residuals, rank, s] =
            linalg_lstsq(x[0], ones({4, 1}, kComplexDouble), {}, "gelss");
        return std::vector<Tensor>{X, residuals};
      },
      random({4, 2}));
  check(
      [](const std::vector<Tensor>& x) {
        return std::vector<Tensor>{linalg_matrix_norm(x[0], "nuc"), linalg_matrix_norm(x[0], 2),
                                   linalg_matrix_norm(x[0], 1), linalg_cond(x[0])};
      },
      random({3, 3}));
}

TEST(LinalgComplex, GradientOfASingularDeterminantIsTheCofactors) {
  manual_seed(5);
  const Tensor column = random({3, 1}), A = column.matmul(column.mT()).add(0).detach();
  const Tensor B = cat({A.narrow(0, 0, 2), A.narrow(0, 0, 1).add(random({1, 3}))}, 0);
  EXPECT_TRUE(
      gradcheck([](const std::vector<Tensor>& x) { return std::vector<Tensor>{linalg_det(x[0])}; },
                {B.requires_grad_()}));
}

TEST(LinalgComplex, LeastSquaresAndRanks) {
  manual_seed(6);
  const Tensor A = random({5, 3}), B = random({5, 2});
  const auto [X, residuals, rank, s] = linalg_lstsq(A, B, {}, "gelsd");
  EXPECT_LT(largest(A.mH().matmul(A.matmul(X).sub(B))), 1e-13);
  EXPECT_EQ(rank.item<int64_t>(), 3);
  EXPECT_EQ(residuals.scalar_type(), kDouble);
  EXPECT_LT(largest(residuals.sub(A.matmul(X).sub(B).abs().square().sum(0))), 1e-13);
  EXPECT_LT(largest(s.sub(linalg_svdvals(A))), 1e-13);
  EXPECT_EQ(linalg_matrix_rank(A.matmul(A.mH())).item<int64_t>(), 3);
  EXPECT_EQ(
      linalg_matrix_rank(A.matmul(A.mH()), {}, std::optional<double>(1e-10), true).item<int64_t>(),
      3);
}

TEST(LinalgComplex, Ldl) {
  manual_seed(7);
  const Tensor half = randn({4, 4}, kDouble), A = half.add(half.mT()), B = randn({4, 2}, kDouble);
  const auto [ld, pivots, info] = linalg_ldl_factor_ex(A);
  EXPECT_EQ(pivots.scalar_type(), kInt);
  EXPECT_EQ(info.item<int>(), 0);
  EXPECT_LT(largest(A.matmul(linalg_ldl_solve(ld, pivots, B)).sub(B)), 1e-12);
  // The other triangle is not read.
  EXPECT_TRUE(equal(std::get<0>(linalg_ldl_factor(A.tril())), ld));
  const auto [none, rows, place] = linalg_ldl_factor_ex(zeros({2, 2}));
  EXPECT_EQ(place.item<int>(), 1);
  EXPECT_ERROR(Error, linalg_ldl_factor(zeros({2, 2})),
               "linalg.ldl_factor: The diagonal element 1");
  EXPECT_EQ(linalg_ldl_solve(ld.expand({3, 4, 4}), pivots.expand({3, 4}), B).sizes(),
            IntArrayRef({3, 4, 2}));
  EXPECT_EQ(linalg_ldl_solve(empty({0, 0}), empty({0}, kInt), empty({0, 2})).sizes(),
            IntArrayRef({0, 2}));
  const Tensor x = A.clone().requires_grad_();
  const auto [with_grad, swaps] = linalg_ldl_factor(x);
  EXPECT_ERROR(Error, with_grad.sum().backward(),
               "the derivative for 'linalg.ldl_factor' is not implemented");
  EXPECT_ERROR(Error, linalg_ldl_solve(ld.clone().requires_grad_(), pivots, B).sum().backward(),
               "the derivative with respect to LD is not implemented");
  EXPECT_ERROR(Error, std::get<0>(geqrf(x)).sum().backward(), "the derivative for 'geqrf' is not");
}

TEST(LinalgComplex, FormsThatReturnInfo) {
  const Tensor singular = tensor({{1.0, 2.0}, {2.0, 4.0}}, kDouble), one = eye(2, kDouble);
  const auto code = [](const Tensor& info) { return info.item<int>(); };
  EXPECT_EQ(code(std::get<1>(linalg_inv_ex(singular))), 2);
  EXPECT_EQ(code(std::get<1>(linalg_inv_ex(one))), 0);
  EXPECT_TRUE(equal(std::get<0>(linalg_inv_ex(one)), one));
  EXPECT_EQ(code(std::get<1>(linalg_solve_ex(singular, one))), 2);
  EXPECT_TRUE(equal(std::get<0>(linalg_solve_ex(one, singular, false)), singular));
  EXPECT_EQ(code(std::get<1>(linalg_cholesky_ex(neg(one)))), 1);
  EXPECT_TRUE(equal(std::get<0>(linalg_cholesky_ex(one)), one));
  EXPECT_EQ(code(std::get<2>(linalg_lu_factor_ex(singular))), 2);
  EXPECT_ERROR(Error, linalg_inv_ex(singular, true),
               "linalg.inv_ex: The diagonal element 2 is zero");
  EXPECT_ERROR(Error, linalg_solve_ex(singular, one, true, true),
               "linalg.solve_ex: The solver failed");
  EXPECT_ERROR(Error, linalg_cholesky_ex(neg(one), false, true),
               "linalg.cholesky_ex: The factorization");
  EXPECT_ERROR(Error, linalg_lu_factor_ex(singular, true, true),
               "linalg.lu_factor_ex: U[2,2] is zero");
  EXPECT_ERROR(Error, linalg_lu_factor(one, false),
               "LU without pivoting is not implemented on the CPU");
  EXPECT_EQ(std::get<1>(linalg_inv_ex(stack({one, singular}))).sizes(), IntArrayRef({2}));
}

TEST(LinalgComplex, OlderNames) {
  manual_seed(8);
  const Tensor A = plus_identity(random({3, 3}), 3), B = random({3, 2});
  const auto [lu, pivots] = linalg_lu_factor(A);
  EXPECT_LT(largest(A.matmul(B.lu_solve(lu, pivots)).sub(B)), 1e-13);
  const auto [X, copy] = B.triangular_solve(A, true, true);
  EXPECT_LT(largest(A.triu().mT().matmul(X).sub(B)), 1e-13);
  EXPECT_TRUE(equal(copy, A));
  EXPECT_LT(largest(linalg::eigvals(A).sum().sub(A.trace())), 1e-12);
}
#else
TEST(LinalgComplex, SaysThatItWasBuiltWithoutLapack) {
  EXPECT_FALSE(complex_factors().empty() || eigen_cases().empty() || complex_systems().empty() ||
               ldl_cases().empty());
  EXPECT_ERROR(Error, linalg_eig(ones({2, 2})), "built without LAPACK");
  EXPECT_ERROR(Error, linalg_ldl_factor(eye(2)), "built without LAPACK");
}
#endif

}  // namespace
}  // namespace taper::testing
