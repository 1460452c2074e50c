#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/nn/functional_call.h"

namespace taper TAPER_API {
namespace nn::utils::prune {

/// How much to prune: a whole number is a count, a floating one a share. Throws a ConfigError when
/// it is negative, or a share above 1.
class Amount {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number> Amount(Number value)
      : Amount(static_cast<double>(value), std::is_integral_v<Number>) {}
  /// Of so many; throws a ConfigError when that is more than there are.
  int64_t of(int64_t size) const;

 private:
  Amount(double value, bool is_count);

  double value_;
  bool is_count_;
};

/// What a method looks at when a part is pruned already: the elements that are left, the channels
/// that are left, or everything.
enum class PruningType { kUnstructured, kStructured, kGlobal };

/// Chooses which elements of a tensor to prune. torch.nn.utils.prune.BasePruningMethod.
class BasePruningMethod {
 public:
  virtual ~BasePruningMethod() = default;
  virtual PruningType type() const { return PruningType::kUnstructured; }
  /// The dimension of the channels, of a structured method.
  virtual int64_t dim() const { return 0; }
  /// A mask of t's sizes, 0 where default_mask is 0 or t is to be pruned, 1 elsewhere; the less
  /// important elements of t are the ones to prune.
  virtual Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const = 0;
  /// t with what the mask prunes as zeros.
  Tensor prune(const Tensor& t, const Tensor& default_mask = {},
               const Tensor& importance_scores = {}) const;
};

/// Prunes nothing.
class Identity : public BasePruningMethod {
 public:
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;
};

/// Prunes elements at random.
class RandomUnstructured : public BasePruningMethod {
 public:
  explicit RandomUnstructured(Amount amount) : amount_(amount) {}
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

 private:
  Amount amount_;
};

/// Prunes the elements of the smallest magnitude.
class L1Unstructured : public BasePruningMethod {
 public:
  explicit L1Unstructured(Amount amount) : amount_(amount) {}
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

 private:
  Amount amount_;
};

/// Prunes channels along dim at random.
class RandomStructured : public BasePruningMethod {
 public:
  explicit RandomStructured(Amount amount, int64_t dim = -1) : amount_(amount), dim_(dim) {}
  PruningType type() const override { return PruningType::kStructured; }
  int64_t dim() const override { return dim_; }
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

 private:
  Amount amount_;
  int64_t dim_;
};

/// Prunes the channels along dim that have the smallest n-norm.
class LnStructured : public BasePruningMethod {
 public:
  LnStructured(Amount amount, double n, int64_t dim = -1) : amount_(amount), n_(n), dim_(dim) {}
  PruningType type() const override { return PruningType::kStructured; }
  int64_t dim() const override { return dim_; }
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

 private:
  Amount amount_;
  double n_;
  int64_t dim_;
};

/// Prunes where a mask is 0.
class CustomFromMask : public BasePruningMethod {
 public:
  explicit CustomFromMask(Tensor mask) : mask_(std::move(mask)) {}
  PruningType type() const override { return PruningType::kGlobal; }
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

 private:
  Tensor mask_;
};

/// Methods for pruning again and again: a mask comes from the method added last, which looks at
/// what the ones before left. torch.nn.utils.prune.PruningContainer.
class PruningContainer : public BasePruningMethod {
 public:
  using Method = std::shared_ptr<const BasePruningMethod>;
  PruningContainer() = default;
  explicit PruningContainer(const std::vector<Method>& methods);
  /// Throws on null.
  void add_pruning_method(Method method);
  PruningType type() const override { return PruningType::kGlobal; }
  /// Throws where there is no method.
  Tensor compute_mask(const Tensor& t, const Tensor& default_mask) const override;

  size_t size() const { return methods_.size(); }
  /// Throws an IndexError.
  const Method& operator[](size_t i) const;
  std::vector<Method>::const_iterator begin() const { return methods_.begin(); }
  std::vector<Method>::const_iterator end() const { return methods_.end(); }

 private:
  std::vector<Method> methods_;
};

namespace detail {
void apply(Module& module, const std::string& name, const BasePruningMethod& method,
           const Tensor& importance_scores);
void remove(Module& module, const std::string& name);
bool is_pruned(const Module& module);
}  // namespace detail

/// A parameter of a module, by name, and what tells the importance of its elements (its own values
/// when undefined).
struct PruneTarget {
  template <class M>
  PruneTarget(M&& module, std::string name, Tensor importance_scores = {})
      : module(&nn::detail::module_of(module)),
        name(std::move(name)),
        importance_scores(std::move(importance_scores)) {}
  Module* module;
  std::string name;
  Tensor importance_scores;
};

/// Prunes a parameter of a module (or holder): <name>_orig, the parameter itself, and the buffer
/// <name>_mask take its place, and each call computes their product before forward(). What is
/// pruned again loses more. All functions below return the module.
template <class M>
M apply(M&& module, const std::string& name, const BasePruningMethod& method,
        const Tensor& importance_scores = {}) {
  detail::apply(nn::detail::module_of(module), name, method, importance_scores);
  return std::forward<M>(module);
}
template <class M>
M identity(M&& module, const std::string& name) {
  return apply(std::forward<M>(module), name, Identity());
}
template <class M>
M random_unstructured(M&& module, const std::string& name, Amount amount) {
  return apply(std::forward<M>(module), name, RandomUnstructured(amount));
}
template <class M>
M l1_unstructured(M&& module, const std::string& name, Amount amount,
                  const Tensor& importance_scores = {}) {
  return apply(std::forward<M>(module), name, L1Unstructured(amount), importance_scores);
}
template <class M>
M random_structured(M&& module, const std::string& name, Amount amount, int64_t dim) {
  return apply(std::forward<M>(module), name, RandomStructured(amount, dim));
}
template <class M>
M ln_structured(M&& module, const std::string& name, Amount amount, double n, int64_t dim,
                const Tensor& importance_scores = {}) {
  return apply(std::forward<M>(module), name, LnStructured(amount, n, dim), importance_scores);
}
template <class M>
M custom_from_mask(M&& module, const std::string& name, const Tensor& mask) {
  return apply(std::forward<M>(module), name, CustomFromMask(mask));
}
/// Prunes the least important elements of all targets together, with an unstructured method.
void global_unstructured(const std::vector<PruneTarget>& parameters,
                         const BasePruningMethod& method);

/// Makes the pruning lasting: the parameter has its name again, and zeros. Throws when it was not
/// pruned.
template <class M>
M remove(M&& module, const std::string& name) {
  detail::remove(nn::detail::module_of(module), name);
  return std::forward<M>(module);
}
/// Whether the module or one below it has a pruned parameter.
template <class M>
bool is_pruned(const M& module) {
  return detail::is_pruned(nn::detail::module_of(module));
}

}  // namespace nn::utils::prune
}  // namespace taper
