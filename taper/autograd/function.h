#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "taper/autograd/autograd.h"
#include "taper/autograd/node.h"
#include "taper/autograd/saved_data.h"
#include "taper/base/function.h"

namespace taper TAPER_API {

namespace autograd {
using taper::Edge;
using taper::Node;
namespace detail {
class CustomNode;
class CustomCall;
}  // namespace detail

/// What the forward of a custom function leaves for its backward, and tells autograd.
class AutogradContext {
 public:
  /// Plain values. Tensors belong in save_for_backward: an output kept here is refused, as it and
  /// the graph would keep each other alive.
  SavedData saved_data;

  /// In forward, once: the tensors that backward needs, usually arguments or results; undefined
  /// ones keep their place. Their versions are checked and saved-tensor hooks see them.
  void save_for_backward(variable_list tensors);
  /// In backward: the saved tensors. Throws when one was written to since, or when they were freed.
  /// In jvp: those of save_for_forward, if it was called.
  variable_list get_saved_variables() const;
  /// In forward, once: the tensors that jvp needs. They live until it has run.
  void save_for_forward(variable_list tensors);
  /// In forward: arguments that it wrote to. Each must be returned.
  void mark_dirty(const variable_list& inputs);
  /// In forward: results that carry no gradient.
  void mark_non_differentiable(const variable_list& outputs);
  /// Whether backward gets zeros for a result that got no gradient, and jvp for an argument that
  /// has no tangent (the default), or an undefined tensor.
  void set_materialize_grads(bool value) { materialize_grads_ = value; }
  /// Whether the i-th entry of what backward returns is wanted. Throws when there is none.
  bool needs_input_grad(size_t i) const;

 private:
  friend class detail::CustomNode;
  friend class detail::CustomCall;
  explicit AutogradContext(detail::CustomNode& node) : node_(node) {}

  detail::CustomNode& node_;
  variable_list to_save_, to_forward_, dirty_, non_differentiable_;
  bool in_forward_ = true;
  const variable_list* for_jvp_ = nullptr;  // while jvp runs
  bool materialize_grads_ = true;
};

namespace detail {

using CustomBackward = variable_list (*)(AutogradContext*, variable_list);

/// The jvp of a custom function, or null.
template <class X>
constexpr CustomBackward jvp_of() {
  if constexpr (requires(AutogradContext * context, variable_list tangents) {
                  X::jvp(context, tangents);
                }) {
    return [](AutogradContext* context, variable_list tangents) {
      return variable_list(X::jvp(context, std::move(tangents)));
    };
  } else {
    return nullptr;
  }
}

/// One apply(): collects the tensors among the arguments, then joins the results to a node.
class CustomCall {
 public:
  CustomCall(const std::type_info& type, CustomBackward backward, CustomBackward jvp);
  ~CustomCall();
  CustomCall(const CustomCall&) = delete;
  CustomCall& operator=(const CustomCall&) = delete;

  template <class Argument>
  void add(const Argument& argument) {
    if constexpr (std::is_convertible_v<const Argument&, const Tensor&>) {
      add_tensor(static_cast<const Tensor&>(argument));
    } else if constexpr (std::is_same_v<Argument, std::optional<Tensor>>) {
      add_tensor(argument.value_or(Tensor()));
    } else if constexpr (std::is_same_v<Argument, std::vector<Tensor>> ||
                         std::is_same_v<Argument, TensorList> ||
                         std::is_same_v<Argument, std::vector<std::optional<Tensor>>>) {
      for (const auto& element : argument) add(element);
    } else {
      add_tensor(Tensor());
    }
  }
  AutogradContext* context();
  void finish(const std::vector<Tensor*>& outputs);

 private:
  void add_tensor(const Tensor& tensor);
  void set_history(Tensor& output, uint32_t output_nr, size_t num_outputs);
  void save(const variable_list& to_save, const std::vector<Tensor*>& outputs);
  bool is_input(const Tensor& t) const;
  void give_tangents(const std::vector<Tensor*>& outputs, const variable_list& saved);

  IntrusivePtr<CustomNode> node_;
  CustomBackward jvp_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> arguments_, tangents_;  // one per argument, while tangents are computed
  bool recording_ = false;
};

inline void collect(Tensor& output, std::vector<Tensor*>& to) { to.push_back(&output); }
inline void collect(std::vector<Tensor>& outputs, std::vector<Tensor*>& to) {
  for (Tensor& output : outputs) to.push_back(&output);
}
template <class... T>
void collect(std::tuple<T...>& outputs, std::vector<Tensor*>& to) {
  static_assert((std::is_same_v<T, Tensor> && ...), "the elements of the tuple must be Tensors");
  std::apply([&](T&... output) { (to.push_back(&output), ...); }, outputs);
}

}  // namespace detail
}  // namespace autograd

/// An op with a gradient of one's own:
///
///     struct Cube : autograd::Function<Cube> {
///       static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
///         ctx->save_for_backward({x});
///         return x * x * x;
///       }
///       static autograd::variable_list backward(autograd::AutogradContext* ctx,
///                                               autograd::variable_list grads) {
///         const Tensor x = ctx->get_saved_variables()[0];
///         return {grads[0] * 3 * x * x};
///       }
///     };
///     Tensor y = Cube::apply(x);
///
/// forward takes the context and any arguments and runs without recording; it returns a Tensor, a
/// vector or a tuple of Tensors. backward gets one gradient per result and returns one per argument
/// of forward, an undefined one for what is no tensor; a list of tensors counts as its elements.
/// What it computes with ops is differentiable again. For forward mode a function has a
///
///     static autograd::variable_list jvp(autograd::AutogradContext* ctx,
///                                        autograd::variable_list tangents);
///
/// which gets one tangent per argument and returns one per result. torch.autograd.Function.
template <class T>
class Function {
 public:
  template <class X = T, class... Args>
  static auto apply(Args&&... args) {
    using Context = autograd::AutogradContext;
    autograd::detail::CustomCall call(
        typeid(X),
        [](Context* context, std::vector<Tensor> grads) {
          return std::vector<Tensor>(X::backward(context, std::move(grads)));
        },
        autograd::detail::jvp_of<X>());
    (call.add(args), ...);
    const auto forward = [&] {
      NoRecordGuard no_record;
      return X::forward(call.context(), std::forward<Args>(args)...);
    };
    auto result = forward();
    std::vector<Tensor*> outputs;
    autograd::detail::collect(result, outputs);
    call.finish(outputs);
    return result;
  }
};

namespace autograd {
using taper::Function;
}  // namespace autograd

}  // namespace taper
