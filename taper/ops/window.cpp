#include "taper/ops/window.h"

#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// Makes a window in double from its function of x = n / N in [0, 1].
template <class F>
Tensor window(const char* op, int64_t length, bool periodic, const TensorOptions& options,
              F&& shape) {
  TAPER_CHECK(length >= 0, op, " requires non-negative window_length, got window_length=", length);
  TAPER_CHECK_AS(DTypeError, isFloatingType(options.dtype()), op,
                 " expects floating point dtypes, got: ", options.dtype());
  if (length <= 1) return ones({length}, options);
  Tensor values = new_tensor(op, {length}, kDouble);
  const double most = static_cast<double>(periodic ? length : length - 1);
  double* out = values.data_ptr<double>();
  for (int64_t n = 0; n < length; ++n) out[n] = shape(static_cast<double>(n) / most);
  Tensor result = values.to(options.dtype());
  if (options.requires_grad()) result.set_requires_grad(true);
  return result;
}

/// The modified Bessel function of order 0, by its series.
double bessel_i0(double x) {
  double term = 1, sum = 1;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= x * x / (4.0 * k * k);
    sum += term;
  }
  return sum;
}

}  // namespace

Tensor hann_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  return window("hann_window", window_length, periodic, options, [](double x) {
    const double s = std::sin(kPi * x);
    return s * s;
  });
}
Tensor hamming_window(int64_t window_length, bool periodic, double alpha, double beta,
                      const TensorOptions& options) {
  return window("hamming_window", window_length, periodic, options,
                [=](double x) { return alpha - beta * std::cos(2 * kPi * x); });
}
Tensor blackman_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  return window("blackman_window", window_length, periodic, options, [](double x) {
    return 0.42 - 0.5 * std::cos(2 * kPi * x) + 0.08 * std::cos(4 * kPi * x);
  });
}
Tensor bartlett_window(int64_t window_length, bool periodic, const TensorOptions& options) {
  return window("bartlett_window", window_length, periodic, options,
                [](double x) { return 1 - std::abs(2 * x - 1); });
}
Tensor kaiser_window(int64_t window_length, bool periodic, double beta,
                     const TensorOptions& options) {
  TAPER_CHECK(std::abs(beta) <= 700, "kaiser_window: expected |beta| <= 700, got ", beta);
  return window("kaiser_window", window_length, periodic, options, [beta](double x) {
    const double y = 2 * x - 1;
    return bessel_i0(beta * std::sqrt(std::max(0.0, 1 - y * y))) / bessel_i0(beta);
  });
}

}  // namespace taper
