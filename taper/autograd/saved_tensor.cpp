#include "taper/autograd/saved_tensor.h"

#include "taper/autograd/forward.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"

namespace taper {

void SavedTensor::fail_inference(const char* name) {
  throw Error(
      str(name,
          ": Inference tensors cannot be saved for backward. To work around you can make a clone "
          "to get a normal tensor and use it in autograd."));
}

void SavedTensor::fail_version(const char* name) const {
  throw Error(
      str(name,
          ": one of the variables needed for gradient computation has been modified by an inplace "
          "operation: [",
          toString(tensor->dtype()), " ", tensor->sizes(), "] is at version ", tensor->version(),
          "; expected version ", version, " instead."));
}

Tensor SavedTensor::join(const Tensor& t, Node& node) const {
  Tensor joined(TensorImpl::alias(t.impl()));
  copy_tangent(t.impl(), joined.impl());
  set_history(joined.impl(), NodePtr::share(&node), static_cast<uint32_t>(output_nr));
  return joined;
}

void fail_released(const char* name) {
  throw Error(str(name,
                  ": Trying to backward through the graph a second time (or directly access saved "
                  "tensors after they have already been freed). Saved intermediate values of the "
                  "graph are freed when you call .backward() or autograd::grad(). Specify "
                  "retain_graph=true if you need to backward through the graph a second time."));
}

PackedTensor::PackedTensor(const char* name, const TensorImpl* impl, int output_nr,
                           const autograd::graph::saved_tensors_hooks* hooks)
    : output_nr_(output_nr) {
  if (impl == nullptr) return;
  SavedTensor::check_savable(name, *impl);
  if (output_nr < 0 && tensor_requires_grad(*impl)) edge_ = gradient_edge(*impl);
  sizes_.assign(impl->sizes().begin(), impl->sizes().end());
  dtype_ = impl->dtype();
  contiguous_ = impl->is_contiguous();
  if (output_nr < 0) keep_tangent(*impl);
  hooks_ = hooks->hooks();
  const uint32_t version = impl->version();
  NoGradGuard no_grad;
  packed_ = hooks_->pack(Tensor(TensorImpl::alias(*impl)),
                         Tensor(TensorImplPtr::share(const_cast<TensorImpl*>(impl))));
  TAPER_CHECK(impl->version() == version, name,
              ": A saved tensor pack hook is modifying its input in place. Tensors provided as "
              "input to pack hook can not be modified by in-place operations as this can lead to "
              "unexpected side-effects.");
}

void PackedTensor::keep_tangent(const TensorImpl& impl) {
  if (!thread_state.forward_enabled || !has_tangent(impl)) return;
  tangent_ = TensorImpl::empty("saved_tensors_hooks", {0}, dtype_);
  copy_tangent(impl, *tangent_);
}

void PackedTensor::share_tangent(const TensorArgs& outputs) {
  if (hooks_ && output_nr_ >= 0) keep_tangent(*outputs[static_cast<size_t>(output_nr_)]);
}

Tensor PackedTensor::unpack(const char* name, Node* node) const {
  if (!hooks_) return Tensor();
  Tensor t;
  {
    // An unpack hook may well save tensors of its own; they are not the pair's.
    NoGradGuard no_grad;
    t = hooks_->unpack(packed_.get());
    TAPER_CHECK(t.defined(), name, ": saved tensor unpack_hook returned an undefined tensor");
    TAPER_CHECK_AS(ShapeError, t.sizes() == IntArrayRef(sizes_), name,
                   ": saved tensor unpack_hook returned a tensor of sizes ", t.sizes(),
                   ", expected ", IntArrayRef(sizes_));
    TAPER_CHECK_AS(DTypeError, t.scalar_type() == dtype_, name,
                   ": saved tensor unpack_hook returned a tensor of type ", t.scalar_type(),
                   ", expected ", dtype_);
    if (contiguous_ && !t.is_contiguous()) t = t.contiguous();
  }
  t = Tensor(TensorImpl::alias(t.impl()));
  if (tangent_) copy_tangent(*tangent_, t.impl());
  if (!thread_state.grad_enabled) return t;
  if (output_nr_ >= 0) {
    set_history(t.impl(), NodePtr::share(node), static_cast<uint32_t>(output_nr_));
  } else if (edge_.valid()) {
    set_history(t.impl(), edge_.node, edge_.output_nr);
  }
  return t;
}

namespace autograd::graph {

saved_tensors_hooks::saved_tensors_hooks(std::shared_ptr<const detail::Hooks> hooks)
    : hooks_(std::move(hooks)), outer_(std::exchange(thread_state.saved_hooks, this)) {}

// Guards that a program keeps on the heap may end in any order.
saved_tensors_hooks::~saved_tensors_hooks() {
  const saved_tensors_hooks** link = &thread_state.saved_hooks;
  while (*link != nullptr && *link != this) link = &(*link)->outer_;
  if (*link == this) *link = outer_;
}

// A copy even of what is on the CPU already: a later write to it must not be seen.
save_on_cpu::save_on_cpu()
    : saved_tensors_hooks(
          [](const Tensor& t) {
            return std::make_pair(t.device(), t.to(kCPU, t.scalar_type(), false, true));
          },
          [](std::pair<Device, Tensor>& kept) {
            return kept.second.to(kept.first, kept.second.scalar_type());
          }) {}

}  // namespace autograd::graph
}  // namespace taper
