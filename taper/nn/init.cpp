#include "taper/nn/init.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/creation.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/random.h"

namespace taper::nn::init {
namespace {

double gain_over_fan(const Tensor& tensor, double a, FanModeType mode,
                     NonlinearityType nonlinearity) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  const int64_t fan = mode.is<enumtype::kFanIn>() ? fan_in : fan_out;
  return calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(fan));
}

/// How many skip_init() calls this thread is in.
constinit thread_local int skips = 0;

/// A tensor without elements has no fan and needs no values.
bool warn_if_empty(const Tensor& tensor) {
  if (tensor.numel() != 0) return false;
  warn("Initializing zero-element tensors is a no-op");
  return true;
}

}  // namespace

detail::SkipInit::SkipInit() { ++skips; }
detail::SkipInit::~SkipInit() { --skips; }

double calculate_gain(NonlinearityType nonlinearity, double param) {
  if (nonlinearity.is<enumtype::kTanh>()) return 5.0 / 3.0;
  if (nonlinearity.is<enumtype::kReLU>()) return std::sqrt(2.0);
  if (nonlinearity.is<enumtype::kLeakyReLU>()) return std::sqrt(2.0 / (1 + param * param));
  return 1;
}

std::pair<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor) {
  TAPER_CHECK_AS(ShapeError, tensor.dim() >= 2,
                 "init: Fan in and fan out can not be computed for tensor with fewer than 2 "
                 "dimensions, got sizes ",
                 tensor.sizes());
  int64_t receptive_field = 1;
  for (int64_t d = 2; d < tensor.dim(); ++d) receptive_field *= tensor.size(d);
  return {tensor.size(1) * receptive_field, tensor.size(0) * receptive_field};
}

Tensor constant_(Tensor tensor, Scalar value) {
  if (skips != 0) return tensor;
  NoGradGuard no_grad;
  return tensor.fill_(value);
}

Tensor zeros_(Tensor tensor) {
  if (skips != 0) return tensor;
  NoGradGuard no_grad;
  return tensor.zero_();
}

Tensor ones_(Tensor tensor) { return constant_(std::move(tensor), 1); }

Tensor eye_(Tensor matrix) {
  if (skips != 0) return matrix;
  TAPER_CHECK_AS(ShapeError, matrix.dim() == 2,
                 "init: Only tensors with 2 dimensions are supported, got sizes ", matrix.sizes());
  NoGradGuard no_grad;
  matrix.zero_();
  matrix.diagonal().fill_(1);
  return matrix;
}

Tensor dirac_(Tensor tensor, int64_t groups) {
  if (skips != 0) return tensor;
  TAPER_CHECK_AS(ShapeError, tensor.dim() >= 3 && tensor.dim() <= 5,
                 "init: Only tensors with 3, 4, or 5 dimensions are supported, got sizes ",
                 tensor.sizes());
  TAPER_CHECK_AS(ShapeError, groups > 0 && tensor.size(0) % groups == 0,
                 "init: dim 0 must be divisible by groups, got ", tensor.size(0), " and ", groups);
  NoGradGuard no_grad;
  tensor.zero_();
  const int64_t outputs = tensor.size(0) / groups;
  Tensor middle = tensor;
  for (int64_t d = tensor.dim() - 1; d >= 2; --d) {
    if (tensor.size(d) == 0) return tensor;
    middle = middle.select(d, tensor.size(d) / 2);
  }
  for (int64_t g = 0; g < groups; ++g) middle.narrow(0, g * outputs, outputs).diagonal().fill_(1);
  return tensor;
}

Tensor uniform_(Tensor tensor, double low, double high) {
  if (skips != 0) return tensor;
  NoGradGuard no_grad;
  return tensor.uniform_(low, high);
}

Tensor normal_(Tensor tensor, double mean, double std) {
  if (skips != 0) return tensor;
  NoGradGuard no_grad;
  return tensor.normal_(mean, std);
}

Tensor trunc_normal_(Tensor tensor, double mean, double std, double a, double b) {
  if (skips != 0) return tensor;
  TAPER_CHECK(std > 0 && a <= b, "init: trunc_normal_ expected std > 0 and a <= b, got std=", std,
              ", a=", a, ", b=", b);
  if (mean < a - 2 * std || mean > b + 2 * std) {
    warn(
        "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values "
        "may be incorrect.");
  }
  NoGradGuard no_grad;
  // Draws from the part of [-1, 1] that the inverse of the distribution maps to [a, b].
  const auto place = [&](double x) { return std::erf((x - mean) / std / std::sqrt(2.0)); };
  tensor.uniform_(place(a), place(b));
  return tensor.erfinv_().mul_(std * std::sqrt(2.0)).add_(mean).clamp_(a, b);
}

Tensor sparse_(Tensor matrix, double sparsity, double std) {
  if (skips != 0) return matrix;
  TAPER_CHECK_AS(ShapeError, matrix.dim() == 2,
                 "init: Only tensors with 2 dimensions are supported, got sizes ", matrix.sizes());
  TAPER_CHECK(sparsity >= 0 && sparsity <= 1, "init: sparse_ expected a sparsity in [0, 1], got ",
              sparsity);
  NoGradGuard no_grad;
  matrix.normal_(0, std);
  const int64_t rows = matrix.size(0);
  const auto zeros = static_cast<int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
  for (int64_t column = 0; column < matrix.size(1); ++column) {
    const Tensor places = randperm(rows).narrow(0, 0, zeros);
    matrix.select(1, column).index_fill_(0, places, 0);
  }
  return matrix;
}

Tensor orthogonal_(Tensor tensor, double gain) {
  if (skips != 0) return tensor;
  TAPER_CHECK_AS(ShapeError, tensor.dim() >= 2,
                 "init: Only tensors with 2 or more dimensions are supported, got sizes ",
                 tensor.sizes());
  if (tensor.numel() == 0) return tensor;
  NoGradGuard no_grad;
  const int64_t rows = tensor.size(0), columns = tensor.numel() / rows;
  Tensor drawn = empty({rows, columns}, tensor.options()).normal_(0, 1);
  if (rows < columns) drawn = drawn.t();
  auto [q, r] = linalg_qr(drawn);
  // With the signs of r's diagonal the matrix is uniform (Mezzadri, 2006).
  q = q.mul(r.diagonal().sign());
  if (rows < columns) q = q.t();
  return tensor.copy_(q.reshape(tensor.sizes())).mul_(gain);
}

Tensor xavier_uniform_(Tensor tensor, double gain) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
  const double bound = std::sqrt(3.0) * std;
  return uniform_(std::move(tensor), -bound, bound);
}

Tensor xavier_normal_(Tensor tensor, double gain) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  return normal_(std::move(tensor), 0,
                 gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out)));
}

Tensor kaiming_uniform_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  if (warn_if_empty(tensor)) return tensor;
  const double bound = std::sqrt(3.0) * gain_over_fan(tensor, a, mode, nonlinearity);
  return uniform_(std::move(tensor), -bound, bound);
}

Tensor kaiming_normal_(Tensor tensor, double a, FanModeType mode, NonlinearityType nonlinearity) {
  if (warn_if_empty(tensor)) return tensor;
  const double std = gain_over_fan(tensor, a, mode, nonlinearity);
  return normal_(std::move(tensor), 0, std);
}

}  // namespace taper::nn::init
