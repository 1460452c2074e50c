#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace autograd::graph {

namespace detail {
/// A pair of hooks without its types; pack is also given the tensor before it was detached.
struct Hooks {
  Function<std::shared_ptr<void>(const Tensor&, const Tensor&)> pack;
  Function<Tensor(void*)> unpack;
};
}  // namespace detail

/// While it lives, each tensor that an op of this thread saves for its backward passes through
/// pack, and what pack returned through unpack when a backward needs it: pack(Tensor) -> P,
/// unpack(P) -> a Tensor of the same values, sizes and type. Of nested guards the innermost counts.
/// Versions are not checked, as the memory is the hooks'. pack may not write to its argument.
/// torch.autograd.graph.saved_tensors_hooks.
class saved_tensors_hooks {
 public:
  template <class Pack, class Unpack>
  saved_tensors_hooks(Pack pack, Unpack unpack)
      : saved_tensors_hooks(make(std::move(pack), std::move(unpack))) {}
  explicit saved_tensors_hooks(std::shared_ptr<const detail::Hooks> hooks);
  ~saved_tensors_hooks();
  saved_tensors_hooks(const saved_tensors_hooks&) = delete;
  saved_tensors_hooks& operator=(const saved_tensors_hooks&) = delete;

  const std::shared_ptr<const detail::Hooks>& hooks() const { return hooks_; }

 private:
  template <class Pack, class Unpack>
  static std::shared_ptr<const detail::Hooks> make(Pack pack, Unpack unpack) {
    using Packed = std::decay_t<std::invoke_result_t<Pack&, const Tensor&>>;
    static_assert(std::is_invocable_r_v<Tensor, Unpack&, Packed&>,
                  "unpack takes what pack returns, and gives a Tensor");
    auto hooks = std::make_shared<detail::Hooks>();
    hooks->pack = [pack = std::move(pack)](const Tensor& t, const Tensor&) mutable {
      return std::shared_ptr<void>(std::make_shared<Packed>(pack(t)));
    };
    hooks->unpack = [unpack = std::move(unpack)](void* packed) mutable -> Tensor {
      return unpack(*static_cast<Packed*>(packed));
    };
    return hooks;
  }

  std::shared_ptr<const detail::Hooks> hooks_;
  mutable const saved_tensors_hooks* outer_;
};

/// Saved tensors are kept as copies in the CPU's memory, on their own device again when used.
/// torch.autograd.graph.save_on_cpu.
class save_on_cpu : public saved_tensors_hooks {
 public:
  save_on_cpu();
};

}  // namespace autograd::graph
}  // namespace taper
