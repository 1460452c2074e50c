#pragma once

#include <optional>
#include <string>
#include <utility>

#include "taper/nn/cloneable.h"
#include "taper/nn/parametrize.h"

namespace taper TAPER_API {
namespace nn::utils {
namespace parametrizations {

/// W = g v / ||v||, where the norm is over all dimensions but dim (over all without one). The
/// parametrization of weight_norm(); right_inverse(W) gives g = ||W|| and v = W.
class WeightNormImpl : public Cloneable<WeightNormImpl> {
 public:
  explicit WeightNormImpl(std::optional<int64_t> dim = 0) : dim_(dim) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& weight_g, const Tensor& weight_v);
  std::pair<Tensor, Tensor> right_inverse(const Tensor& weight);

 private:
  std::optional<int64_t> dim_;
};

/// W / sigma, where sigma = u^T W v is the largest singular value of W as a matrix with rows of
/// dimension dim, as the power method has found it; a vector is divided by its norm. u and v are
/// the buffers _u and _v; each forward() in training takes n_power_iterations more steps. The
/// parametrization of spectral_norm() (Miyato et al., 2018).
class SpectralNormImpl : public Cloneable<SpectralNormImpl> {
 public:
  explicit SpectralNormImpl(const Tensor& weight, int64_t n_power_iterations = 1, int64_t dim = 0,
                            double eps = 1e-12);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& weight);
  Tensor right_inverse(const Tensor& value) { return value; }

 private:
  void iterate(const Tensor& matrix, int64_t steps);

  int64_t n_power_iterations_, dim_;
  double eps_;
  Tensor u_, v_;
};

namespace detail {
void weight_norm(Module& module, const std::string& name, std::optional<int64_t> dim);
void spectral_norm(Module& module, const std::string& name, int64_t n_power_iterations, double eps,
                   std::optional<int64_t> dim);
}  // namespace detail

/// Parametrizes a tensor of a module (or holder) as W = g v / ||v||: its length and direction are
/// trained apart (Salimans and Kingma, 2016). The norms are over all dimensions but dim, or over
/// all. The originals are original0 = g and original1 = v. Returns the module.
template <class M>
M weight_norm(M&& module, const std::string& name = "weight", std::optional<int64_t> dim = 0) {
  detail::weight_norm(nn::detail::module_of(module), name, dim);
  return std::forward<M>(module);
}

/// Parametrizes a tensor of a module (or holder) as W / sigma(W): SpectralNormImpl. Without a dim
/// it is 1 for transposed convolutions, else 0. Returns the module.
template <class M>
M spectral_norm(M&& module, const std::string& name = "weight", int64_t n_power_iterations = 1,
                double eps = 1e-12, std::optional<int64_t> dim = std::nullopt) {
  detail::spectral_norm(nn::detail::module_of(module), name, n_power_iterations, eps, dim);
  return std::forward<M>(module);
}

}  // namespace parametrizations

namespace detail {
void weight_norm(Module& module, const std::string& name, std::optional<int64_t> dim);
void remove_weight_norm(Module& module, const std::string& name);
void spectral_norm(Module& module, const std::string& name, int64_t n_power_iterations, double eps,
                   std::optional<int64_t> dim);
void remove_spectral_norm(Module& module, const std::string& name);
}  // namespace detail

/// As parametrizations::weight_norm(), in the form of older files: the parameters <name>_g and
/// <name>_v take the place of the parameter. Returns the module.
template <class M>
M weight_norm(M&& module, const std::string& name = "weight", std::optional<int64_t> dim = 0) {
  detail::weight_norm(nn::detail::module_of(module), name, dim);
  return std::forward<M>(module);
}
/// Ends weight_norm(): the parameter is what it computed. Throws when there is none.
template <class M>
M remove_weight_norm(M&& module, const std::string& name = "weight") {
  detail::remove_weight_norm(nn::detail::module_of(module), name);
  return std::forward<M>(module);
}

/// As parametrizations::spectral_norm(), in the form of older files: the parameter <name>_orig and
/// the buffers <name>_u and <name>_v take the place of the parameter. Returns the module.
template <class M>
M spectral_norm(M&& module, const std::string& name = "weight", int64_t n_power_iterations = 1,
                double eps = 1e-12, std::optional<int64_t> dim = std::nullopt) {
  detail::spectral_norm(nn::detail::module_of(module), name, n_power_iterations, eps, dim);
  return std::forward<M>(module);
}
/// Ends spectral_norm(): the parameter is what it computed. Throws when there is none.
template <class M>
M remove_spectral_norm(M&& module, const std::string& name = "weight") {
  detail::remove_spectral_norm(nn::detail::module_of(module), name);
  return std::forward<M>(module);
}

}  // namespace nn::utils
}  // namespace taper
