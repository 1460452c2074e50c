// Accuracy of the vector functions in float64 against the C library in long double, over all
// exponents; tests/ops/accuracy_test.cpp has float32.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "taper/core/tensor_impl.h"
#include "taper/kernel/pointwise.h"

namespace taper {
namespace {

using Real = long double;

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
Real times(Real x, Real factor) {
  // The product PyTorch takes: NaN at -infinity, where the factor is 0.
  return x == std::numeric_limits<Real>::infinity() ? x : x * factor;
}

struct Function {
  const UnaryKernel& kernel;
  Real (*exact)(Real);
  double ulp;
};
const Function kFunctions[] = {
    {exp_kernel, [](Real x) { return std::exp(x); }, 1},
    {exp2_kernel, [](Real x) { return std::exp2(x); }, 1},
    {expm1_kernel, [](Real x) { return std::expm1(x); }, 1},
    {log_kernel, [](Real x) { return std::log(x); }, 1},
    {log1p_kernel, [](Real x) { return std::log1p(x); }, 1},
    {log2_kernel, [](Real x) { return std::log2(x); }, 1},
    {log10_kernel, [](Real x) { return std::log10(x); }, 2},
    {tanh_kernel, [](Real x) { return std::tanh(x); }, 3},
    {sigmoid_kernel, sigmoid, 3},
    {silu_kernel, [](Real x) { return times(x, sigmoid(x)); }, 4},
    {erf_kernel, [](Real x) { return std::erf(x); }, 2},
    {erfc_kernel, [](Real x) { return std::erfc(x); }, 3},
    {sin_kernel, [](Real x) { return std::sin(x); }, 1},
    {cos_kernel, [](Real x) { return std::cos(x); }, 1},
    {tan_kernel, [](Real x) { return std::tan(x); }, 2},
};

// Every exponent with some mantissas, both signs; a dense range around 0; the special values.
std::vector<double> samples() {
  constexpr int kMantissa = std::numeric_limits<double>::digits - 1;
  constexpr uint64_t kExponents = uint64_t{1} << (63 - kMantissa);
  std::vector<double> x;
  uint64_t state = 12345;
  for (uint64_t e = 0; e + 1 < kExponents; ++e) {
    for (int i = 0; i < 24; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const uint64_t mantissa = i == 0 ? 0 : (state >> 7) & ((uint64_t{1} << kMantissa) - 1);
      const double value = std::bit_cast<double>((e << kMantissa) | mantissa);
      x.push_back(value);
      x.push_back(-value);
    }
  }
  for (int i = -12000; i <= 12000; ++i) x.push_back(i * 0.00173);
  const double infinity = std::numeric_limits<double>::infinity();
  for (double v : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) x.push_back(v);
  return x;
}

// Distance in units of the last place of the exact value's neighbours, subnormals included.
template <class T>
double ulps(T got, Real exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  exponent = std::max(exponent - std::numeric_limits<T>::digits,
                      std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs((Real(got) - exact) / std::ldexp(Real(1), exponent)));
}

void check(const Function& f) {
  const std::vector<double> x = samples();
  const int64_t n = static_cast<int64_t>(x.size());
  TensorImplPtr in = TensorImpl::empty("test", {n}, kDouble);
  TensorImplPtr out = TensorImpl::empty("test", {n}, kDouble);
  std::copy(x.begin(), x.end(), static_cast<double*>(in->data()));
  f.kernel(Device(), View(out.get()), Operand(in.get()), {}, kDouble);
  for (int64_t i = 0; i < n; ++i) {
    const double got = static_cast<const double*>(out->data())[i];
    const Real exact = f.exact(x[i]);
    const double want = static_cast<double>(exact);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << f.kernel.name() << "(" << x[i] << ") = " << got;
    } else if (std::isinf(want)) {
      ASSERT_EQ(got, want) << f.kernel.name() << "(" << x[i] << ")";
    } else if (exact == 0) {
      ASSERT_EQ(got, 0) << f.kernel.name() << "(" << x[i] << ")";
      ASSERT_EQ(std::signbit(got), std::signbit(want)) << f.kernel.name() << "(" << x[i] << ")";
    } else if (std::abs(exact) > Real(1e-290)) {
      // A product of a subnormal factor has lost that factor's last bits.
      ASSERT_LE(ulps(got, exact), f.ulp)
          << f.kernel.name() << "(" << x[i] << ") = " << got << ", exactly " << want;
    }
  }
}

TEST(VectorMath, Float64IsWithinItsBound) {
  for (const Function& f : kFunctions) check(f);
}

TEST(VectorMath, PowerSpecialCases) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const std::vector<float> bases{0.0f,  -0.0f, 1,    -1,  2,      -2,   0.5f,
                                 -0.5f, inf,   -inf, nan, 1e-40f, 3e38f};
  const std::vector<float> exponents{0.0f,        -0.0f, 1,    -1,    2,      -2,
                                     3,           -3,    0.5f, -0.5f, 1e10f,  -1e10f,
                                     16777217.0f, inf,   -inf, nan,   100.25f};
  for (float base : bases) {
    for (float exponent : exponents) {
      TensorImplPtr a = TensorImpl::empty("test", {1}, kFloat),
                    r = TensorImpl::empty("test", {1}, kFloat);
      TensorImplPtr b = TensorImpl::empty("test", {1}, kFloat);
      *static_cast<float*>(a->data()) = base;
      *static_cast<float*>(b->data()) = exponent;
      pow_kernel(Device(), View(r.get()), Operand(a.get()), Operand(b.get()), {}, kFloat);
      const float got = *static_cast<float*>(r->data());
      const float want = static_cast<float>(std::pow(double(base), double(exponent)));
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(got)) << base << "^" << exponent << " = " << got;
      } else if (want == 0 || std::isinf(want)) {
        EXPECT_EQ(got, want) << base << "^" << exponent;
        EXPECT_EQ(std::signbit(got), std::signbit(want)) << base << "^" << exponent;
      } else {
        EXPECT_LE(ulps(got, std::pow(Real(base), Real(exponent))), 1) << base << "^" << exponent;
      }
    }
  }
}

}  // namespace
}  // namespace taper
