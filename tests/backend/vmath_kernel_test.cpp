// Accuracy of the vector functions against the C library in long double, over all exponents.
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
Real gelu(Real x) { return times(x, std::erfc(-x * std::sqrt(Real(0.5))) / 2); }
Real gelu_tanh(Real x) {
  const Real k = 2 * std::sqrt(2 / std::acos(Real(-1)));
  return times(x, sigmoid(k * (x + Real(0.044715L) * x * x * x)));
}

struct Function {
  const UnaryKernel& kernel;
  Real (*exact)(Real);
  double ulp, ulp_double;  // what float32 and float64 may be off by
};
const Function kFunctions[] = {
    {exp_kernel, [](Real x) { return std::exp(x); }, 1, 1},
    {exp2_kernel, [](Real x) { return std::exp2(x); }, 1, 1},
    {expm1_kernel, [](Real x) { return std::expm1(x); }, 1, 1},
    {log_kernel, [](Real x) { return std::log(x); }, 1, 1},
    {log1p_kernel, [](Real x) { return std::log1p(x); }, 1, 1},
    {log2_kernel, [](Real x) { return std::log2(x); }, 1, 1},
    {log10_kernel, [](Real x) { return std::log10(x); }, 1, 2},
    {tanh_kernel, [](Real x) { return std::tanh(x); }, 1, 3},
    {sigmoid_kernel, sigmoid, 1, 3},
    {silu_kernel, [](Real x) { return times(x, sigmoid(x)); }, 1, 4},
    {gelu_kernel, gelu, 1, 1e9},
    {gelu_tanh_kernel, gelu_tanh, 1, 1e9},
    {erf_kernel, [](Real x) { return std::erf(x); }, 2, 2},
    {erfc_kernel, [](Real x) { return std::erfc(x); }, 1, 3},
    {sin_kernel, [](Real x) { return std::sin(x); }, 1, 1},
    {cos_kernel, [](Real x) { return std::cos(x); }, 1, 1},
    {tan_kernel, [](Real x) { return std::tan(x); }, 1, 2},
};

// Every exponent with some mantissas, both signs; a dense range around 0; the special values.
template <class T>
std::vector<T> samples() {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr int kMantissa = std::numeric_limits<T>::digits - 1;
  constexpr Bits kExponents = Bits(1) << (sizeof(T) * 8 - 1 - kMantissa);
  std::vector<T> x;
  Bits state = 12345;
  for (Bits e = 0; e + 1 < kExponents; ++e) {
    for (int i = 0; i < 24; ++i) {
      state = state * Bits(6364136223846793005u) + Bits(1442695040888963407u);
      const Bits mantissa = i == 0 ? 0 : (state >> 7) & ((Bits(1) << kMantissa) - 1);
      const T value = std::bit_cast<T>((e << kMantissa) | mantissa);
      x.push_back(value);
      x.push_back(-value);
    }
  }
  for (int i = -12000; i <= 12000; ++i) x.push_back(static_cast<T>(i) * T(0.00173));
  const T infinity = std::numeric_limits<T>::infinity();
  for (T v : {infinity, -infinity, std::numeric_limits<T>::quiet_NaN()}) x.push_back(v);
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

template <class T>
void check(const Function& f, double bound) {
  const std::vector<T> x = samples<T>();
  const int64_t n = static_cast<int64_t>(x.size());
  TensorImplPtr in = TensorImpl::empty("test", {n}, scalar_type_of<T>);
  TensorImplPtr out = TensorImpl::empty("test", {n}, scalar_type_of<T>);
  std::copy(x.begin(), x.end(), static_cast<T*>(in->data()));
  f.kernel(Device(), View(out.get()), Operand(in.get()), {}, scalar_type_of<T>);
  for (int64_t i = 0; i < n; ++i) {
    const T got = static_cast<const T*>(out->data())[i];
    const Real exact = f.exact(x[i]);
    const T want = static_cast<T>(exact);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << f.kernel.name() << "(" << x[i] << ") = " << got;
    } else if (std::isinf(want)) {
      ASSERT_EQ(got, want) << f.kernel.name() << "(" << x[i] << ")";
    } else if (exact == 0) {
      ASSERT_EQ(got, T(0)) << f.kernel.name() << "(" << x[i] << ")";
      ASSERT_EQ(std::signbit(got), std::signbit(want)) << f.kernel.name() << "(" << x[i] << ")";
    } else if (sizeof(T) == 4 || std::abs(exact) > Real(1e-290)) {
      // A product in double of a subnormal factor has lost that factor's last bits.
      ASSERT_LE(ulps(got, exact), bound)
          << f.kernel.name() << "(" << x[i] << ") = " << got << ", exactly " << double(exact);
    }
  }
}

TEST(VectorMath, Float32IsWithinItsBound) {
  for (const Function& f : kFunctions) check<float>(f, f.ulp);
}
TEST(VectorMath, Float64IsWithinItsBound) {
  for (const Function& f : kFunctions) {
    if (f.ulp_double < 1e9) check<double>(f, f.ulp_double);
  }
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
