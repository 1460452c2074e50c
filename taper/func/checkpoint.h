#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/autograd/saved_tensors_hooks.h"
#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace utils {

struct CheckpointOptions {
  /// The recomputation draws the same random numbers from the default generator, which afterwards
  /// continues as if nothing had been drawn.
  bool preserve_rng_state = true;
};

namespace detail {

class CheckpointFrame;

/// While it lives, what ops save is not kept but marked, to be computed again.
class CheckpointScope {
 public:
  CheckpointScope(const CheckpointOptions& options, std::vector<Tensor> arguments,
                  Function<void(const std::vector<Tensor>&)> again);
  ~CheckpointScope();
  CheckpointScope(const CheckpointScope&) = delete;
  CheckpointScope& operator=(const CheckpointScope&) = delete;
  /// The forward ended without an exception.
  void finish();

 private:
  std::shared_ptr<CheckpointFrame> frame_;
  autograd::graph::saved_tensors_hooks hooks_;
};

template <class Fn, size_t... I>
auto call(Fn& fn, const std::vector<Tensor>& arguments, std::index_sequence<I...>) {
  return fn(arguments[I]...);
}

}  // namespace detail

/// fn(arguments...), keeping none of what it computes on the way: a backward that needs these
/// tensors calls fn again (once per backward, with the same arguments and random numbers). fn takes
/// Tensors, returns anything, must compute the same each time and is copied into the graph;
/// tensors that it captures are held by it. Calls may be nested. A backward throws when the
/// recomputation saves another number of tensors, or other sizes or types, and when an argument or
/// a leaf that fn used was written to since. torch.utils.checkpoint, non-reentrant.
template <class Fn, class... Arguments>
requires(std::is_convertible_v<const Arguments&, const Tensor&>&&...) auto checkpoint(
    const CheckpointOptions& options, Fn fn, const Arguments&... arguments) {
  using All = std::index_sequence_for<Arguments...>;
  const std::vector<Tensor> list{arguments...};
  detail::CheckpointScope scope(options, list, [fn](const std::vector<Tensor>& given) mutable {
    (void)detail::call(fn, given, All());
  });
  auto result = detail::call(fn, list, All());
  scope.finish();
  return result;
}
template <class Fn, class... Arguments>
requires(std::is_convertible_v<const Arguments&, const Tensor&>&&...) auto checkpoint(
    Fn fn, const Arguments&... arguments) {
  return checkpoint(CheckpointOptions(), std::move(fn), arguments...);
}

}  // namespace utils
}  // namespace taper
