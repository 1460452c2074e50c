#include "taper/ops/linalg_systems.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/taper.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

double largest(const Tensor& t) { return t.numel() == 0 ? 0 : t.abs().max().item<double>(); }

Tensor samples(IntArrayRef sizes, uint64_t seed) {
  manual_seed(seed);
  return randn(sizes, kDouble);
}

#if TAPER_WITH_OPENBLAS
TEST(Lstsq, OfFullRankSolvesTheNormalEquations) {
  const Tensor A = samples({5, 3}, 1), B = samples({5, 2}, 2);
  const auto [x, residuals, rank, singular] = linalg_lstsq(A, B, std::nullopt, "gelsd");
  EXPECT_LT(largest(A.t().matmul(A.matmul(x).sub(B))), 1e-13);
  EXPECT_LT(largest(residuals.sub(A.matmul(x).sub(B).square().sum(0))), 1e-13);
  EXPECT_EQ(rank.item<int64_t>(), 3);
  EXPECT_LT(largest(singular.sub(linalg_svdvals(A))), 1e-14);
}

TEST(Lstsq, TheDriverSaysWhatIsReturned) {
  const Tensor A = samples({2, 4, 3}, 3), B = samples({2, 4, 2}, 4);
  for (const char* driver : {"gels", "gelsy", "gelsd", "gelss"}) {
    const auto [x, residuals, rank, singular] = linalg_lstsq(A, B, std::nullopt, driver);
    const std::string_view name = driver;
    EXPECT_EQ(x.sizes(), IntArrayRef({2, 3, 2}));
    EXPECT_EQ(residuals.numel(), name == "gelsy" ? 0 : 4) << driver;
    EXPECT_EQ(rank.numel(), name == "gels" ? 0 : 2) << driver;
    EXPECT_EQ(singular.numel(), name == "gelsd" || name == "gelss" ? 6 : 0) << driver;
  }
  EXPECT_ERROR(Error, linalg_lstsq(A, B, std::nullopt, "qr"), "should be one of");
}

TEST(Lstsq, WithoutFullRankTheNormIsLeast) {
  const Tensor A = tensor({{1.0, 1.0}, {2.0, 2.0}, {0.0, 0.0}}, kDouble);
  const Tensor b = tensor({2.0, 4.0, 7.0}, kDouble);
  const auto [x, residuals, rank, singular] = linalg_lstsq(A, b);
  EXPECT_LT(largest(x.sub(1)), 1e-14);  // of all x with x0 + x1 = 2 the shortest
  EXPECT_EQ(rank.item<int64_t>(), 1);
  EXPECT_EQ(x.sizes(), IntArrayRef({2}));
  EXPECT_ERROR(Error, linalg_lstsq(A, b, std::nullopt, "gels"), "does not have full rank");
  // A tolerance decides the rank.
  const Tensor D = diag(tensor({1.0, 1e-3}, kDouble));
  EXPECT_EQ(std::get<2>(linalg_lstsq(D, eye(2, kDouble), 1e-2)).item<int64_t>(), 1);
}

TEST(Lstsq, WideMatricesVectorsAndGradients) {
  const Tensor A = samples({2, 3, 5}, 5), b = samples({2, 3}, 6);
  const Tensor x = std::get<0>(linalg_lstsq(A, b));
  EXPECT_EQ(x.sizes(), IntArrayRef({2, 5}));
  EXPECT_LT(largest(A.matmul(x.unsqueeze(-1)).squeeze(-1).sub(b)), 1e-13);
  const auto solve = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{std::get<0>(linalg_lstsq(t[0], t[1]))};
  };
  EXPECT_TRUE(
      gradcheck(solve, {samples({4, 2}, 7).requires_grad_(), samples({4, 2}, 8).requires_grad_()}));
}

TEST(Lstsq, ErrorsNameTheArgument) {
  EXPECT_ERROR(ShapeError, linalg_lstsq(ones({2}), ones({2})), "linalg.lstsq");
  EXPECT_ERROR(ShapeError, linalg_lstsq(ones({3, 2}), ones({2, 2})), "should match other.size(-2)");
  EXPECT_ERROR(DTypeError, linalg_lstsq(ones({3, 2}), ones({3, 2}, kDouble)), "same dtype");
}

TEST(TensorSystems, InverseAndSolution) {
  const Tensor A = samples({2, 3, 6}, 9);
  const Tensor inverse = linalg_tensorinv(A, 2);
  EXPECT_EQ(inverse.sizes(), IntArrayRef({6, 2, 3}));
  const Tensor unit = tensordot(inverse, A, {1, 2}, {0, 1});
  EXPECT_LT(largest(unit.sub(eye(6, kDouble))), 1e-13);
  const Tensor B = samples({2, 3}, 10);
  const Tensor x = linalg_tensorsolve(A, B);
  EXPECT_EQ(x.sizes(), IntArrayRef({6}));
  EXPECT_LT(largest(tensordot(A, x, {2}, {0}).sub(B)), 1e-13);
  const Tensor moved = linalg_tensorsolve(A.permute({2, 0, 1}), B, IntArrayRef({0}));
  EXPECT_LT(largest(moved.sub(x)), 1e-13);
  EXPECT_ERROR(ShapeError, linalg_tensorinv(ones({2, 3, 5})), "5 != 6");
  EXPECT_ERROR(Error, linalg_tensorinv(ones({2, 2}), 0), "strictly positive integer");
  EXPECT_ERROR(ShapeError, linalg_tensorsolve(ones({2, 3}), ones({3})), "linalg.tensorsolve");
}

#endif

TEST(Householder, ProductsAreThoseOfTheReflections) {
  const Tensor A = samples({2, 5, 3}, 11), tau = samples({2, 3}, 12);
  Tensor whole = eye(5, kDouble).expand({2, 5, 5}).clone();
  for (int64_t i = 0; i < 3; ++i) {
    Tensor v = A.narrow(2, i, 1).clone();
    v.narrow(1, 0, i).zero_();
    v.narrow(1, i, 1).fill_(1);
    const Tensor H =
        eye(5, kDouble).sub(tau.narrow(1, i, 1).unsqueeze(-1).mul(v.matmul(v.transpose(1, 2))));
    whole = whole.matmul(H);
  }
  EXPECT_LT(largest(linalg_householder_product(A, tau).sub(whole.narrow(2, 0, 3))), 1e-13);
  EXPECT_LT(largest(orgqr(A, tau).sub(whole.narrow(2, 0, 3))), 1e-13);
  const Tensor C = samples({2, 5, 5}, 13), W = whole.transpose(1, 2);
  EXPECT_LT(largest(ormqr(A, tau, C).sub(whole.matmul(C))), 1e-12);
  EXPECT_LT(largest(ormqr(A, tau, C, true, true).sub(W.matmul(C))), 1e-12);
  EXPECT_LT(largest(ormqr(A, tau, C, false).sub(C.matmul(whole))), 1e-12);
  EXPECT_LT(largest(ormqr(A, tau, C, false, true).sub(C.matmul(W))), 1e-12);
  const auto product = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{linalg_householder_product(t[0], t[1])};
  };
  EXPECT_TRUE(gradcheck(product,
                        {samples({4, 2}, 14).requires_grad_(), samples({2}, 15).requires_grad_()}));
  Tensor alone = ones({3, 2}, requires_grad());
  linalg_householder_product(alone, empty({0})).sum().backward();
  EXPECT_EQ(largest(alone.grad()), 0);
  EXPECT_ERROR(ShapeError, linalg_householder_product(ones({2, 3}), ones({2})),
               "greater than or equal to input.shape[-1]");
  EXPECT_ERROR(ShapeError, linalg_householder_product(ones({3, 2}), ones({3})), "tau.shape[-1]");
  EXPECT_ERROR(ShapeError, ormqr(ones({3, 2}), ones({2}), ones({4, 4})), "must be equal to");
}

#if TAPER_WITH_OPENBLAS
TEST(Norms, FrobeniusAndNuclear) {
  const Tensor A = tensor({{3.0, 0.0}, {0.0, -4.0}}, kDouble);
  EXPECT_DOUBLE_EQ(frobenius_norm(A).item<double>(), 5);
  EXPECT_EQ(frobenius_norm(A, {1}, true).sizes(), IntArrayRef({2, 1}));
  EXPECT_NEAR(nuclear_norm(A).item<double>(), 7, 1e-14);
  EXPECT_EQ(nuclear_norm(A.unsqueeze(0), {1, 2}).sizes(), IntArrayRef({1}));
  EXPECT_ERROR(ShapeError, nuclear_norm(ones({2})), "Expected a tensor with 2 dimensions");
  EXPECT_ERROR(Error, frobenius_norm(ones({2, 2, 2}), {0, 1, 2}), "at most 2 dimensions");
}

#endif

TEST(Nanmean, LeavesNotANumberOut) {
  const Tensor x = tensor({{1.0f, NAN, 5.0f}, {NAN, NAN, NAN}});
  EXPECT_EQ(x.nanmean().item<float>(), 3);
  EXPECT_EQ(x.nanmean(1).select(0, 0).item<float>(), 3);
  EXPECT_TRUE(x.nanmean(1).select(0, 1).isnan().item<bool>());
  EXPECT_ERROR(DTypeError, ones({2}, kLong).nanmean(),
               "nanmean(): expected input to have floating");
}

}  // namespace
}  // namespace taper::testing
