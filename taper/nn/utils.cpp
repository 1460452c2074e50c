#include "taper/nn/utils.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/conv.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/statistics.h"
#include "taper/ops/view.h"

namespace taper::nn::utils {
namespace {

std::vector<Tensor> gradients(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> grads;
  for (const Tensor& parameter : parameters) {
    if (parameter.grad().defined()) grads.push_back(parameter.grad());
  }
  return grads;
}

}  // namespace

double get_total_norm(const std::vector<Tensor>& tensors, double norm_type,
                      bool error_if_nonfinite) {
  NoGradGuard no_grad;
  if (tensors.empty()) return 0;
  // The norms of the tensors are joined in double, so that any number of them adds no error.
  std::vector<double> norms;
  norms.reserve(tensors.size());
  for (const Tensor& tensor : tensors) {
    TAPER_CHECK(tensor.defined(), "get_total_norm: expected tensors, got an undefined one");
    norms.push_back(tensor.norm(norm_type).item<double>());
  }
  const double total = tensor(norms, kDouble).norm(norm_type).item<double>();
  TAPER_CHECK(!error_if_nonfinite || std::isfinite(total),
              "get_total_norm: The total norm of order ", norm_type,
              " for gradients from `parameters` is non-finite, so it cannot be clipped. To disable "
              "this error and scale the gradients with the non-finite norm anyway, set "
              "error_if_nonfinite=false");
  return total;
}

double get_total_norm(const Tensor& tensor, double norm_type, bool error_if_nonfinite) {
  return get_total_norm(std::vector<Tensor>{tensor}, norm_type, error_if_nonfinite);
}

void clip_grads_with_norm_(const std::vector<Tensor>& parameters, double max_norm,
                           double total_norm) {
  NoGradGuard no_grad;
  const double factor = max_norm / (total_norm + 1e-6);
  if (factor >= 1) return;
  for (const Tensor& grad : gradients(parameters)) grad.mul_(factor);
}

void clip_grads_with_norm_(const Tensor& parameter, double max_norm, double total_norm) {
  clip_grads_with_norm_(std::vector<Tensor>{parameter}, max_norm, total_norm);
}

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  const double total = get_total_norm(gradients(parameters), norm_type, error_if_nonfinite);
  clip_grads_with_norm_(parameters, max_norm, total);
  return total;
}

double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  return clip_grad_norm_(std::vector<Tensor>{parameter}, max_norm, norm_type, error_if_nonfinite);
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  NoGradGuard no_grad;
  for (const Tensor& grad : gradients(parameters)) grad.clamp_(-clip_value, clip_value);
}

void clip_grad_value_(const Tensor& parameter, double clip_value) {
  clip_grad_value_(std::vector<Tensor>{parameter}, clip_value);
}

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> parts;
  parts.reserve(parameters.size());
  for (const Tensor& parameter : parameters) parts.push_back(parameter.reshape({-1}));
  return cat(parts);
}

void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters) {
  int64_t total = 0;
  for (const Tensor& parameter : parameters) total += parameter.numel();
  TAPER_CHECK_AS(ShapeError, vector.dim() == 1 && vector.numel() == total,
                 "vector_to_parameters: expected a vector of ", total, " elements, got sizes ",
                 vector.sizes());
  int64_t start = 0;
  for (const Tensor& parameter : parameters) {
    parameter.set_data(vector.detach().narrow(0, start, parameter.numel()).view_as(parameter));
    start += parameter.numel();
  }
}

void convert_conv2d_weight_memory_format(Module& module, MemoryFormat format) {
  const NoGradGuard no_grad;
  const auto convert = [&](const auto* conv) {
    if (conv != nullptr) conv->weight.set_data(conv->weight.contiguous(format));
  };
  convert(dynamic_cast<const Conv2dImpl*>(&module));
  convert(dynamic_cast<const ConvTranspose2dImpl*>(&module));
  for (const auto& child : module.children()) convert_conv2d_weight_memory_format(*child, format);
}

}  // namespace taper::nn::utils
