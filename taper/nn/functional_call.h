#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/call.h"

namespace taper TAPER_API {
namespace nn {

/// While it lives, the parameters and buffers of a module have been exchanged for other tensors, by
/// their full names; what is tied is exchanged together. Names that the module does not have are
/// left out, or, when strict, are an error, as are names that are missing. Throws when two tensors
/// are given for one that is tied, and when a tensor's member is not known (see
/// Module::register_parameter). One thread may use the module meanwhile.
class TensorExchange {
 public:
  TensorExchange(Module& module, const OrderedDict<std::string, Tensor>& tensors,
                 bool strict = false);
  ~TensorExchange();
  TensorExchange(const TensorExchange&) = delete;
  TensorExchange& operator=(const TensorExchange&) = delete;

 private:
  struct Step {
    std::shared_ptr<Module> owner;  // null for the root
    Module* module;
    std::string name;
    Tensor before, given;
  };
  void exchange(const Step& step, const Tensor& tensor);

  std::vector<Step> steps_;
};

struct FunctionalCallOptions {
  /// Whether names that are missing or unknown are an error.
  TAPER_ARG(bool, strict) = false;
};

namespace detail {

/// The module of a holder, of a shared_ptr, or the module itself.
template <class M>
auto& module_of(M& module) {
  if constexpr (std::is_base_of_v<Module, M>) {
    return module;
  } else if constexpr (requires { module.ptr(); }) {
    return *module.ptr();
  } else {
    return *module;
  }
}

template <class M, class... Args>
auto call_module(M& module, Args&&... args) {
  if constexpr (requires { typename M::ContainedType; }) {
    std::remove_const_t<M> holder = module;
    return holder(std::forward<Args>(args)...);
  } else {
    return call(module_of(module), std::forward<Args>(args)...);
  }
}

}  // namespace detail

/// Calls a module (or holder) with its parameters and buffers exchanged for those given, by their
/// full names, for the time of the call: TensorExchange. Gradients flow to the given tensors.
template <class M, class... Args>
auto functional_call(M&& module, const OrderedDict<std::string, Tensor>& tensors,
                     FunctionalCallOptions options, Args&&... args) {
  const TensorExchange exchange(detail::module_of(module), tensors, options.strict());
  return detail::call_module(module, std::forward<Args>(args)...);
}
template <class M, class... Args>
auto functional_call(M&& module, const OrderedDict<std::string, Tensor>& tensors, Args&&... args) {
  return functional_call(module, tensors, FunctionalCallOptions(), std::forward<Args>(args)...);
}

}  // namespace nn
}  // namespace taper
