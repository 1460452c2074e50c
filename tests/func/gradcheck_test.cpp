#include "taper/func/gradcheck.h"

#include <gtest/gtest.h>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Tensors = std::vector<Tensor>;

Tensor random_numbers(IntArrayRef sizes) {
  return complex(randn(sizes, kDouble), randn(sizes, kDouble)).requires_grad_();
}

TEST(Gradcheck, ComplexFunctions) {
  manual_seed(0);
  const Tensor z = random_numbers({2, 3}), x = randn({3}, kDouble).requires_grad_();
  const TensorFunction f = [](const Tensors& t) {
    return Tensors{t[0].mul(t[0].conj()).mul(t[1]), abs(t[0]), t[0].exp().sum()};
  };
  EXPECT_TRUE(gradcheck(f, {z, x}));
  EXPECT_TRUE(gradgradcheck(f, {z, x}));
  // Not contiguous, and without elements.
  EXPECT_TRUE(gradcheck(f, {random_numbers({3, 2}).detach().mT().requires_grad_(), x}));
  EXPECT_TRUE(
      gradcheck([](const Tensors& t) { return Tensors{t[0].mul(2)}; }, {random_numbers({0, 2})}));
}

/// x^2 whose gradient is right for real numbers alone.
Tensor wrong_square(const Tensor& x) {
  const Tensor fixed = x.detach();
  return x.mul(fixed.conj()).mul(2).sub(fixed.mul(fixed.conj()).mul(2)).add(fixed.mul(fixed));
}

TEST(Gradcheck, FindsWhatIsWrongInOnePart) {
  const Tensor real = ones({1}, kDouble);
  const auto square = [](const Tensors& t) { return Tensors{wrong_square(t[0])}; };
  const Tensor on_axis = complex(real, real.mul(0)).requires_grad_();
  EXPECT_TRUE(gradcheck([](const Tensors& t) { return Tensors{t[0].mul(t[0])}; }, {on_axis}));
  EXPECT_ERROR(
      Error, gradcheck(square, {complex(real, real).requires_grad_()}),
      "gradcheck: Jacobian mismatch for output 0 element 0 (imaginary part) with respect to "
      "input 0 element 0 (real part)");
  EXPECT_ERROR(DTypeError, gradcheck(square, {ones({1}, kComplexFloat).requires_grad_()}),
               "requires grad and has dtype ComplexFloat, expected Double or ComplexDouble");
}

}  // namespace
}  // namespace taper
