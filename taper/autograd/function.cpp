#include "taper/autograd/function.h"

#include <algorithm>
#include <memory>
#include <string>

#include "taper/autograd/forward.h"
#include "taper/autograd/saved_tensor.h"
#include "taper/autograd/variable.h"
#include "taper/base/demangle.h"
#include "taper/base/spin_lock.h"

namespace taper::autograd {
namespace {

/// ScaleBackward for my::Scale, as Python names the node of a class.
std::string node_name(const std::type_info& type) {
  std::string name = demangle(type);
  name.resize(std::min(name.find('<'), name.size()));
  const size_t scope = name.rfind("::");
  return (scope == std::string::npos ? name : name.substr(scope + 2)) + "Backward";
}

bool holds(const variable_list& list, const Tensor& t) {
  return std::any_of(list.begin(), list.end(), [&](const Tensor& x) { return x.is_same(t); });
}

Tensor zeros_for(const OutputMeta& meta) {
  Tensor zeros(TensorImpl::empty("zeros", meta.sizes, meta.dtype));
  zeros.zero_();
  return zeros;
}

}  // namespace

namespace detail {

/// The node of a custom function. It owns the context, and runs the backward on it.
class CustomNode final : public Node {
 public:
  CustomNode(const std::type_info& type, CustomBackward backward)
      : Node(""), text_(node_name(type)), backward_(backward) {
    name_ = text_.c_str();
  }

  void apply(GradList& grads, GradList& out, bool release) override {
    variable_list given;
    for (size_t i = 0; i < grads.size(); ++i) {
      Tensor& grad = given.emplace_back(std::move(grads[i]));
      const OutputMeta& meta = output_meta(i);
      if (!grad.defined() && context.materialize_grads_ && meta.dtype != ScalarType::Undefined) {
        grad = zeros_for(meta);
      }
    }
    const bool saves = !saved_.empty();
    variable_list results = backward_(&context, std::move(given));
    check(results);
    for (size_t i = 0; i < num_inputs(); ++i) {
      if (next_edge(i).valid()) out[i] = std::move(results[i]);
    }
    if (!release || !saves) return;
    std::vector<Saved> freed;  // outside the lock
    SpinLock lock(lock_);
    released_ = true;
    freed.swap(saved_);
  }

  std::vector<Tensor> saved_tensors() override {
    SpinLock lock(lock_);
    std::vector<Tensor> tensors;
    for (const Saved& s : saved_) tensors.emplace_back(s.plain.tensor);
    return tensors;
  }

  variable_list unpack() {
    std::vector<std::shared_ptr<const PackedTensor>> packed;
    variable_list tensors;
    {
      SpinLock lock(lock_);
      if (released_) fail_released(name());
      for (const Saved& s : saved_) s.plain.check_version(name());
      for (Saved& s : saved_) {
        tensors.push_back(s.plain.restore(*this, false));
        packed.push_back(s.packed);
      }
    }
    // The hooks are the program's: they run without the lock.
    for (size_t i = 0; i < packed.size(); ++i) {
      if (packed[i]) tensors[i] = packed[i]->unpack(name(), this);
    }
    return tensors;
  }

  void save(const TensorImpl* impl, int output_nr) {
    Saved& s = saved_.emplace_back();
    if (thread_state.saved_hooks == nullptr) {
      if (impl == nullptr) return;
      SavedTensor::check_savable(name(), *impl);
      s.plain = SavedTensor(*impl, output_nr);
    } else {
      s.packed = std::make_shared<PackedTensor>(name(), impl, output_nr, thread_state.saved_hooks);
    }
  }
  void add_undefined_output() { outputs_.emplace_back(); }

  AutogradContext context{*this};

 private:
  struct Saved {
    SavedTensor plain;
    std::shared_ptr<const PackedTensor> packed;
  };

  void check(const variable_list& results) const {
    const size_t expected = num_inputs();
    bool right = results.size() >= expected;
    for (size_t i = expected; i < results.size(); ++i) right &= !results[i].defined();
    TAPER_CHECK(right, "function ", name(), " returned an incorrect number of gradients (expected ",
                expected, ", got ", results.size(), ")");
    for (size_t i = 0; i < expected; ++i) {
      TAPER_CHECK(!results[i].defined() || is_tensor_[i], "function ", name(),
                  " returned a gradient different than None at position ", i + 1,
                  ", but the corresponding forward input was not a Variable");
      TAPER_CHECK_AS(DTypeError,
                     !results[i].defined() || isDifferentiableType(results[i].scalar_type()),
                     "function ", name(), " returned a gradient of type ", results[i].scalar_type(),
                     " at position ", i + 1, ", expected a floating point type");
    }
  }

  friend class CustomCall;
  std::string text_;
  CustomBackward backward_;
  std::vector<bool> is_tensor_;
  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
  bool released_ = false;
  std::vector<Saved> saved_;
};

CustomCall::CustomCall(const std::type_info& type, CustomBackward backward, CustomBackward jvp)
    : node_(IntrusivePtr<CustomNode>::adopt(new CustomNode(type, backward))), jvp_(jvp) {}

CustomCall::~CustomCall() = default;

void CustomCall::add_tensor(const Tensor& tensor) {
  const bool wanted = thread_state.grad_enabled && tensor.defined() && tensor.requires_grad();
  node_->add_edge(wanted ? gradient_edge(tensor.impl()) : Edge());
  node_->is_tensor_.push_back(tensor.defined());
  recording_ |= wanted;
  if (tensor.defined()) inputs_.push_back(tensor);
  if (thread_state.forward_enabled) {
    arguments_.push_back(tensor);
    tangents_.push_back(tensor.defined() ? tangent_of(tensor.impl()) : Tensor());
  }
}

AutogradContext* CustomCall::context() { return &node_->context; }

bool CustomCall::is_input(const Tensor& t) const { return holds(inputs_, t); }

void CustomCall::finish(const std::vector<Tensor*>& outputs) {
  AutogradContext& context = node_->context;
  context.in_forward_ = false;
  // Not in the context when this throws: what it holds, the node holds.
  const variable_list to_save = std::exchange(context.to_save_, {});
  const variable_list to_forward = std::exchange(context.to_forward_, {});
  variable_list results;
  for (Tensor* output : outputs) results.push_back(*output);
  for (const Tensor& dirty : context.dirty_) {
    TAPER_CHECK(
        holds(results, dirty), node_->name(),
        ": Some elements marked as dirty during the forward method were not returned as "
        "output. The inputs that are modified inplace must all be outputs of the Function.");
    TAPER_CHECK(is_input(dirty), node_->name(),
                ": Only input Tensors should be given to ctx.mark_dirty().");
    dirty.impl().bump_version();
  }
  for (const Tensor& result : results) {
    if (result.defined()) {
      node_->add_output(result.impl());
    } else {
      node_->add_undefined_output();
    }
  }
  node_->stamp();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]->defined()) {
      set_history(*outputs[i], static_cast<uint32_t>(i), outputs.size());
    }
  }
  if (recording_) save(to_save, outputs);
  const auto defined = [](const Tensor& t) { return t.defined(); };
  if (std::any_of(tangents_.begin(), tangents_.end(), defined)) {
    give_tangents(outputs, to_forward.empty() ? to_save : to_forward);
  }
  context.dirty_.clear();
  context.non_differentiable_.clear();
}

void CustomCall::give_tangents(const std::vector<Tensor*>& outputs, const variable_list& saved) {
  AutogradContext& context = node_->context;
  TAPER_CHECK(jvp_ != nullptr, node_->name(),
              ": You must implement the jvp function for custom autograd.Function to use it with "
              "forward mode AD.");
  AutoFwGradMode off(false);
  for (size_t i = 0; i < tangents_.size() && context.materialize_grads_; ++i) {
    const Tensor& argument = arguments_[i];
    if (tangents_[i].defined() || !argument.defined() ||
        !isDifferentiableType(argument.scalar_type())) {
      continue;
    }
    tangents_[i] = Tensor(TensorImpl::empty("zeros", argument.sizes(), argument.scalar_type()));
    tangents_[i].zero_();
  }
  const struct Lent {
    const variable_list*& place;
    ~Lent() { place = nullptr; }
  } lent{context.for_jvp_ = &saved};
  variable_list results = jvp_(&context, tangents_);
  TAPER_CHECK(results.size() == outputs.size(), node_->name(),
              ": jvp returned an incorrect number of tangents (expected ", outputs.size(), ", got ",
              results.size(), ")");
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& output = *outputs[i];
    Tensor& tangent = results[i];
    if (!output.defined() || !isDifferentiableType(output.scalar_type()) ||
        holds(context.non_differentiable_, output)) {
      continue;
    }
    TAPER_CHECK_AS(ShapeError, !tangent.defined() || tangent.sizes() == output.sizes(),
                   node_->name(), ": jvp returned a tangent of sizes ",
                   tangent.defined() ? tangent.sizes() : IntArrayRef(), " at position ", i,
                   ", expected ", output.sizes());
    TAPER_CHECK_AS(DTypeError, !tangent.defined() || tangent.scalar_type() == output.scalar_type(),
                   node_->name(), ": jvp returned a tangent of another type than its result, ",
                   output.scalar_type(), ", at position ", i);
    if (holds(context.dirty_, output)) {
      write_tangent(output.impl(), std::move(tangent));
    } else if (tangent.defined()) {
      set_own_tangent(output.impl(), std::move(tangent));
    } else {
      drop_tangent(output.impl());
    }
  }
}

void CustomCall::set_history(Tensor& output, uint32_t output_nr, size_t num_outputs) {
  const AutogradContext& context = node_->context;
  const bool dirty = holds(context.dirty_, output);
  const bool differentiable = recording_ && isDifferentiableType(output.scalar_type()) &&
                              !holds(context.non_differentiable_, output);
  if (dirty && differentiable) {
    TAPER_CHECK(!(output.is_leaf() && output.requires_grad()), node_->name(),
                ": a leaf Variable that requires grad has been used in an in-place operation.");
    check_inplace(node_->name(), output.impl(), true);
    const bool is_first = node_->is_tensor_[0] && inputs_[0].is_same(output);
    TAPER_CHECK(!output.is_view() || (num_outputs == 1 && is_first), node_->name(),
                ": If your Function modifies in-place an input that is a view of another Tensor, "
                "that input must be its first argument and your Function cannot return more than "
                "one Tensor. You should either make sure the input is not a view (using .clone() "
                "for example) or make your Function only return one Tensor.");
    rebase_history(output.impl(), NodePtr::share(node_.get()), output_nr);
    return;
  }
  if (dirty) return;
  // What is not the function's own (an argument, a tensor with a history) is returned as a view of
  // it, which can have a history of its own.
  if (is_input(output) || output.requires_grad()) {
    const TensorImpl& impl = output.impl();
    NoGradGuard no_grad;
    output = Tensor(
        differentiable ? TensorImpl::view(impl, impl.sizes(), impl.strides(), impl.storage_offset())
                       : TensorImpl::alias(impl));
  }
  if (!differentiable) return;
  if (output.is_view()) {
    output.impl_ptr()->set_view_kind(num_outputs > 1 ? ViewKind::kMultiOutput
                                                     : ViewKind::kCustomFunction);
  }
  taper::set_history(output.impl(), NodePtr::share(node_.get()), output_nr);
}

void CustomCall::save(const variable_list& to_save, const std::vector<Tensor*>& outputs) {
  // A tensor that holds an output would hold this node, which would hold the tensor.
  const auto holds_output = [&](const Tensor& t) {
    return std::any_of(outputs.begin(), outputs.end(), [&](const Tensor* output) {
      return t.defined() && output->defined() &&
             (t.is_same(*output) || t.impl().base() == output->impl_ptr());
    });
  };
  SavedData& data = node_->context.saved_data;
  for (const auto& [name, value] : data) {
    const variable_list tensors = value.isTensor()       ? variable_list{value.toTensor()}
                                  : value.isTensorList() ? value.toTensorVector()
                                                         : variable_list();
    if (std::none_of(tensors.begin(), tensors.end(), holds_output)) continue;
    const std::string text = str(node_->name(), ": saved_data['", name,
                                 "'] holds an output, which would never be freed; use "
                                 "save_for_backward");
    data.clear();
    throw Error(text);
  }
  for (const Tensor& t : to_save) {
    int output_nr = -1;
    for (size_t o = 0; o < outputs.size(); ++o) {
      if (t.defined() && t.is_same(*outputs[o])) output_nr = static_cast<int>(o);
    }
    const bool alias = output_nr < 0 && holds_output(t);
    node_->save(alias ? TensorImpl::alias(t.impl()).get() : t.impl_ptr(), output_nr);
  }
}

}  // namespace detail

void AutogradContext::save_for_backward(variable_list tensors) {
  TAPER_CHECK(in_forward_, node_.name(), ": save_for_backward can only be called in forward");
  to_save_ = std::move(tensors);
}

variable_list AutogradContext::get_saved_variables() const {
  return for_jvp_ != nullptr ? *for_jvp_ : node_.unpack();
}

void AutogradContext::save_for_forward(variable_list tensors) {
  TAPER_CHECK(in_forward_, node_.name(), ": save_for_forward can only be called in forward");
  to_forward_ = std::move(tensors);
}

void AutogradContext::mark_dirty(const variable_list& inputs) {
  TAPER_CHECK(in_forward_, node_.name(), ": mark_dirty can only be called in forward");
  dirty_ = inputs;
}

void AutogradContext::mark_non_differentiable(const variable_list& outputs) {
  TAPER_CHECK(in_forward_, node_.name(), ": mark_non_differentiable can only be called in forward");
  non_differentiable_ = outputs;
}

bool AutogradContext::needs_input_grad(size_t i) const {
  TAPER_CHECK_AS(IndexError, i < node_.num_inputs(), node_.name(), ": needs_input_grad: index ", i,
                 " out of range, forward has ", node_.num_inputs(), " arguments");
  return node_.next_edge(i).valid();
}

}  // namespace taper::autograd
