#pragma once

#include <initializer_list>
#include <type_traits>
#include <utility>

#include "taper/autograd/node.h"
#include "taper/base/thread_state.h"

namespace taper {

/// Tensors by reference, for the life of a call: a braced list, or a TensorList.
class TensorArgs {
 public:
  struct Arg {
    const TensorImpl* impl;
    Arg(const Tensor& t) : impl(t.impl_ptr()) {}
    Arg(const std::optional<Tensor>& t) : impl(t ? t->impl_ptr() : nullptr) {}
    Arg(const TensorImpl* i = nullptr) : impl(i) {}
  };
  TensorArgs() = default;
  // The braced list lives until the end of the full expression, which this object does not outlive.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
  TensorArgs(std::initializer_list<Arg> args) : args_(args.begin()), count_(args.size()) {}
#pragma GCC diagnostic pop
  TensorArgs(TensorList list) : list_(list.data()), count_(list.size()) {}
  TensorArgs(const std::vector<Tensor>& list) : TensorArgs(TensorList(list)) {}

  size_t size() const { return count_; }
  const TensorImpl* operator[](size_t i) const {
    return args_ != nullptr ? args_[i].impl : list_[i].impl_ptr();
  }

 private:
  const Arg* args_ = nullptr;
  const Tensor* list_ = nullptr;
  size_t count_ = 0;
};

/// What a backward sees: the gradients of the outputs, the saved tensors, the inputs that want a
/// gradient; and where it puts what it computes.
class Backward {
 public:
  Backward(const Node& node, GradList& grads, GradList& saved, GradList& out)
      : node_(node), grads_(grads), saved_(saved), out_(out) {}

  /// Gradient of output i. With one output it is always defined; with several it may not be.
  const Tensor& grad(size_t i = 0) const { return grads_[i]; }
  /// The i-th tensor of the record's save list, undefined where that was.
  const Tensor& saved(size_t i) const { return saved_[i]; }
  size_t num_saved() const { return saved_.size(); }
  size_t num_inputs() const { return node_.num_inputs(); }
  bool wants(size_t input) const { return node_.next_edge(input).valid(); }
  /// Sizes and type of an input that wants a gradient.
  IntArrayRef sizes(size_t input) const { return meta(input).sizes; }
  ScalarType dtype(size_t input) const { return meta(input).dtype; }
  /// Sizes and type of an output.
  const OutputMeta& output(size_t i = 0) const { return node_.output_meta(i); }
  void set(size_t input, Tensor grad) { out_[input] = std::move(grad); }

 private:
  const OutputMeta& meta(size_t input) const {
    const Edge& edge = node_.next_edge(input);
    return edge.node->output_meta(edge.output_nr);
  }

  const Node& node_;
  GradList& grads_;
  GradList& saved_;
  GradList& out_;
};

using BackwardFunction = Function<void(Backward&)>;

/// What a forward rule sees: the tangents of the inputs; and where it puts those of the outputs.
class Forward {
 public:
  Forward(const GradList& tangents, GradList& out) : tangents_(tangents), out_(out) {}

  /// Tangent of an input, undefined when it has none.
  const Tensor& tangent(size_t input) const { return tangents_[input]; }
  bool has(size_t input) const { return tangents_[input].defined(); }
  /// Adds to the tangent of an output.
  void add(size_t output, Tensor tangent) {
    Tensor& sum = out_[output];
    sum = sum.defined() ? sum.add(tangent) : std::move(tangent);
  }

 private:
  const GradList& tangents_;
  GradList& out_;
};

/// A callable void(Forward&) by reference, for the life of a call.
class ForwardRule {
 public:
  ForwardRule() = default;
  template <class F>
  requires(!std::is_same_v<F, ForwardRule>) ForwardRule(const F& f)
      : object_(&f), call_([](const void* object, Forward& forward) {
          (*static_cast<const F*>(object))(forward);
        }) {}

  explicit operator bool() const { return call_ != nullptr; }
  void operator()(Forward& forward) const { call_(object_, forward); }

 private:
  const void* object_ = nullptr;
  void (*call_)(const void*, Forward&) = nullptr;
};

/// One op's entry into the graph. The backward captures plain parameters only, never a tensor:
/// tensors go through `save`, where their version is checked and hooks can see them. An input of
/// an in-place op whose old value the backward needs is saved through Out::keep.
struct Record {
  const char* name;
  TensorArgs outputs;
  TensorArgs inputs;
  /// Inputs or outputs that the backward needs; undefined entries keep their place.
  TensorArgs save = {};
  /// The first output is the first input, overwritten.
  bool inplace = false;
  /// Complex saved tensors reach the backward as they are. Otherwise it gets their conjugates,
  /// which makes the formula of a function's real derivative right for complex numbers too.
  bool unconjugated = false;
  /// The op has asked wants_grad() for its inputs already.
  bool wanted = false;
  /// An element of the output depends on one element of each input: as the Jacobian is diagonal,
  /// the backward computes tangents too.
  bool pointwise = false;
  BackwardFunction backward;
  /// The outputs' tangents, run at once and without recording tangents. Without a rule they come
  /// from the geometry (views), the backward (pointwise), or the backward of the backward.
  ForwardRule jvp = {};
};

namespace detail {
void record(const Record& record);
}

/// Whether nothing else sees a gradient's memory, so that it may be overwritten.
inline bool solely_owned(const Tensor& grad) {
  return grad.use_count() == 1 && !grad.is_view() && grad.impl().storage()->use_count() == 1;
}

/// True when gradients are on and one of the tensors takes part in a graph, or when forward mode is
/// and one has a tangent.
bool wants_grad(const TensorArgs& tensors);

/// Adds a node to the graph when a gradient is wanted, and gives the outputs tangents when the
/// inputs have some; otherwise costs one branch.
inline void record(const Record& r) {
  if (thread_state.recording()) detail::record(r);
}

}  // namespace taper
