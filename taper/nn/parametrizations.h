#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

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

/// Matrices with orthonormal columns (rows where those are fewer), made of any: base times the
/// exponential of a skew-symmetric matrix, its Cayley transform, or a product of Householder
/// reflections. The parametrization of orthogonal(); right_inverse(Q) sets the buffer base to Q,
/// made orthogonal where it is not (Lezcano-Casado and Martinez-Rubio, 2019). Needs LAPACK.
class OrthogonalImpl : public Cloneable<OrthogonalImpl> {
 public:
  OrthogonalImpl(const Tensor& weight, const std::string& orthogonal_map);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& x);
  Tensor right_inverse(const Tensor& q);

 private:
  enum class Map : uint8_t { kMatrixExp, kCayley, kHouseholder };
  std::vector<int64_t> shape_;
  Map map_;
  Tensor base_;
};

namespace detail {
void weight_norm(Module& module, const std::string& name, std::optional<int64_t> dim);
void spectral_norm(Module& module, const std::string& name, int64_t n_power_iterations, double eps,
                   std::optional<int64_t> dim);
void orthogonal(Module& module, const std::string& name, const std::string& orthogonal_map);
/// The tensor of a module that is to be parametrized; throws, naming op, when there is none.
Tensor weight_of(Module& module, const std::string& name, const char* op);
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

/// Parametrizes a matrix, or a batch of matrices, of a module (or holder) as orthogonal:
/// OrthogonalImpl. orthogonal_map is "matrix_exp", "cayley" or "householder"; empty is the first
/// for square matrices and the last for others. Python's use_trivialization is always on. Returns
/// the module.
template <class M>
M orthogonal(M&& module, const std::string& name = "weight",
             const std::string& orthogonal_map = std::string()) {
  detail::orthogonal(nn::detail::module_of(module), name, orthogonal_map);
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
