#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/nn/any_module.h"
#include "taper/nn/functional_call.h"

namespace taper TAPER_API {
namespace nn::utils::parametrize {
namespace detail {

/// right_inverse() of a module whose type is only known here: its tensor, or its tensors.
struct Inverse {
  std::vector<Tensor> tensors;
  bool is_tensor;
};
/// One parametrization of a list. Its inverse is null when it has none, and none when it cannot
/// tell.
struct Step {
  AnyModule module;
  std::optional<Inverse> (*inverse)(Module& module, const Tensor& value);
};

template <class P>
std::optional<Inverse> call_right_inverse(Module& module, const Tensor& value) {
  auto result = dynamic_cast<P&>(module).right_inverse(value);
  using R = decltype(result);
  if constexpr (std::is_same_v<R, Tensor>) {
    return Inverse{{std::move(result)}, true};
  } else if constexpr (std::is_same_v<R, std::optional<Tensor>>) {
    if (!result) return std::nullopt;
    return Inverse{{*std::move(result)}, true};
  } else {
    static_assert(nn::detail::may_hold_tensors<R>,
                  "right_inverse() returns a Tensor, or several as a vector, array, pair or tuple");
    std::vector<Tensor*> found;
    nn::detail::find_tensors(result, found);
    Inverse inverse{{}, false};
    for (const Tensor* tensor : found) {
      inverse.tensors.push_back(tensor != nullptr ? *tensor : Tensor());
    }
    return inverse;
  }
}

template <class P>
Step make_step(std::shared_ptr<P> parametrization) {
  Step step{AnyModule(std::move(parametrization)), nullptr};
  if constexpr (requires(P & p, const Tensor& t) { p.right_inverse(t); }) {
    step.inverse = &call_right_inverse<P>;
  }
  return step;
}
template <class P>
Step make_step(const ModuleHolder<P>& parametrization) {
  return make_step(parametrization.ptr());
}
template <class P>
requires std::is_base_of_v<Module, std::remove_cvref_t<P>> Step make_step(P&& parametrization) {
  return make_step(std::make_shared<std::remove_cvref_t<P>>(std::forward<P>(parametrization)));
}

void register_step(Module& module, const std::string& name, Step step, bool unsafe);
bool is_parametrized(const Module& module);
bool is_parametrized(const Module& module, const std::string& name);
void remove(Module& module, const std::string& name, bool leave_parametrized);
void assign(Module& module, const std::string& name, const Tensor& value);

}  // namespace detail

/// The parametrizations of one tensor, named "0", "1", ..., and what they compute it from: the
/// parameter (or buffer) "original", or, where the first one's right_inverse() gives several,
/// "original0", "original1", ...
class ParametrizationList : public Module {
 public:
  /// The first one, and the tensor that it is for; throws when what it computes is of another type
  /// or shape, unless it is unsafe.
  ParametrizationList(detail::Step step, const Tensor& original, bool is_parameter, bool unsafe);

  /// The tensor, computed: each parametrization of what the one before gives.
  Tensor forward();
  /// Gives the originals the values for which forward() is to give this one, outside the graph.
  /// Throws when a parametrization has no right_inverse().
  void right_inverse(const Tensor& value);
  /// Adds one behind the others, checked as the first is.
  void append(detail::Step step, bool unsafe);

  /// Whether there is one original, and how many there are.
  bool is_tensor() const { return is_tensor_; }
  size_t ntensors() const { return count_; }
  Tensor original(size_t index = 0) const;
  bool is_parameter() const { return is_parameter_; }
  /// What the parametrizations computed when they were checked; once.
  Tensor take_value() { return std::move(value_); }

  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

 protected:
  Tensor* tensor_member(const std::string& name) override;

 private:
  std::string original_name(size_t index) const;
  static Tensor run(detail::Step& step, ValueList arguments);
  void check_value(const Tensor& value, const Tensor& before, bool unsafe) const;

  std::vector<detail::Step> steps_;
  size_t count_ = 1;
  bool is_tensor_ = true;
  bool is_parameter_ = true;
  Tensor value_;
};

/// From now on, calls of the module compute its tensor of this name from an original: forward(X) of
/// the parametrization, or of all that are registered for the name, one after another. The tensor's
/// member is set before each call's forward(), the last value stays. X is the tensor as it is, or
/// what the parametrization's right_inverse(tensor) gives for it: a tensor, or several, which are
/// then forward()'s arguments (Lezcano-Casado, 2019). The originals are in parametrizations.<name>.
/// Throws when the module has no such tensor, its member is not known, or the parametrization
/// changes type or shape and is not unsafe; then nothing has changed. module is a module or its
/// holder, and is returned. torch.nn.utils.parametrize.register_parametrization.
template <class M, class P>
M register_parametrization(M&& module, const std::string& name, P&& parametrization,
                           bool unsafe = false) {
  detail::register_step(nn::detail::module_of(module), name,
                        detail::make_step(std::forward<P>(parametrization)), unsafe);
  return std::forward<M>(module);
}

/// Whether the module has a parametrization, or one for this name.
template <class M>
bool is_parametrized(const M& module) {
  return detail::is_parametrized(nn::detail::module_of(module));
}
template <class M>
bool is_parametrized(const M& module, const std::string& name) {
  return detail::is_parametrized(nn::detail::module_of(module), name);
}

/// Ends the parametrizations of a name. The tensor stays as they computed it, or, unless
/// leave_parametrized, is the original again, which throws where that is more than one tensor. An
/// only original keeps its identity. Returns the module.
template <class M>
M remove_parametrizations(M&& module, const std::string& name, bool leave_parametrized = true) {
  detail::remove(nn::detail::module_of(module), name, leave_parametrized);
  return std::forward<M>(module);
}

/// Gives a parametrized tensor a value through right_inverse(), as Python's assignment does.
template <class M>
void assign(M&& module, const std::string& name, const Tensor& value) {
  detail::assign(nn::detail::module_of(module), name, value);
}

/// While it lives, this thread's calls compute each parametrized tensor once.
class [[nodiscard]] cached {
 public:
  cached();
  ~cached();
  cached(const cached&) = delete;
  cached& operator=(const cached&) = delete;
};

}  // namespace nn::utils::parametrize
}  // namespace taper
