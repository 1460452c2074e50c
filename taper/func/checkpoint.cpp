#include "taper/func/checkpoint.h"

#include <mutex>

#include "taper/autograd/autocast_state.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/saved_tensor.h"
#include "taper/base/error.h"
#include "taper/tensor/generator.h"

namespace taper::utils::detail {
namespace {

using autograd::graph::saved_tensors_hooks;
using autograd::graph::detail::Hooks;

void check_version(const Tensor& t, uint32_t version, const char* what) {
  TAPER_CHECK(t.impl().version() == version,
              "checkpoint: one of the variables needed for gradient computation has been modified "
              "by an inplace operation: ",
              what, " of sizes ", t.sizes(), " is at version ", t._version(), "; expected version ",
              version, " instead.");
}

/// Sets the default generator to a state, and back.
class ForkedRng {
 public:
  explicit ForkedRng(const Tensor& state) {
    if (!state.defined()) return;
    before_ = get_rng_state();
    set_rng_state(state);
  }
  ~ForkedRng() {
    if (before_.defined()) set_rng_state(before_);
  }
  ForkedRng(const ForkedRng&) = delete;
  ForkedRng& operator=(const ForkedRng&) = delete;

 private:
  Tensor before_;
};

}  // namespace

/// One call of checkpoint(): what is needed to run it again, and what the last run gave.
class CheckpointFrame {
 public:
  CheckpointFrame(const CheckpointOptions& options, std::vector<Tensor> arguments,
                  Function<void(const std::vector<Tensor>&)> again)
      : again_(std::move(again)) {
    if (options.preserve_rng_state) rng_ = get_rng_state();
    // Inside another checkpoint (or other hooks) the arguments are for its hooks to keep.
    const saved_tensors_hooks* outer = thread_state.saved_hooks;
    for (Tensor& t : arguments) {
      TAPER_CHECK(t.defined(), "checkpoint: expected defined arguments, got an undefined one");
      if (outer != nullptr) {
        packed_.emplace_back("checkpoint", t.impl_ptr(), -1, outer);
      } else {
        const uint32_t version = t.impl().version();
        arguments_.push_back({std::move(t), version});
      }
    }
  }

  /// Forward: the number under which a saved tensor will be asked for.
  size_t mark(const Tensor& saved, const Tensor& original) {
    std::lock_guard lock(mutex_);
    if (original.requires_grad() && original.is_leaf()) watch(original);
    Slot& slot = slots_.emplace_back();
    slot.sizes.assign(saved.sizes().begin(), saved.sizes().end());
    slot.dtype = saved.scalar_type();
    return slots_.size() - 1;
  }
  void finish() {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }

  /// Backward: that tensor, which the frame then forgets.
  Tensor take(size_t number) {
    std::lock_guard lock(mutex_);
    TAPER_CHECK(!recomputing_,
                "checkpoint: the recomputation of a checkpointed function asks for a tensor of the "
                "same recomputation");
    if (!slots_[number].value.defined()) recompute();
    Slot& slot = slots_[number];
    Tensor value = std::exchange(slot.value, Tensor());
    TAPER_CHECK(value.defined(), "checkpoint: the recomputation did not save tensor ", number);
    check_version(value, slot.version, "a recomputed tensor");
    return value;
  }

 private:
  struct Kept {
    Tensor tensor;
    uint32_t version;
  };
  struct Slot {
    DimVector sizes;
    ScalarType dtype = ScalarType::Undefined;
    Tensor value;
    uint32_t version = 0;
  };

  void watch(const Tensor& leaf) {
    for (const Kept& kept : leaves_) {
      if (kept.tensor.is_same(leaf)) return;
    }
    leaves_.push_back({leaf, leaf.impl().version()});
  }

  void recompute() {
    struct Flag {
      bool& flag;
      explicit Flag(bool& f) : flag(f) { flag = true; }
      ~Flag() { flag = false; }
    } running(recomputing_);
    AutoGradMode enable(true);
    const AutocastScope autocast(autocasting_, autocast_dtype_);
    for (const Kept& kept : leaves_) check_version(kept.tensor, kept.version, "a leaf");
    std::vector<Tensor> arguments;
    for (const Kept& kept : arguments_) {
      check_version(kept.tensor, kept.version, "an argument");
      arguments.push_back(kept.tensor);
    }
    for (const PackedTensor& packed : packed_) arguments.push_back(packed.unpack("checkpoint"));
    size_t count = 0;
    ForkedRng fork(rng_);
    try {
      const saved_tensors_hooks hooks(gatherer(count));
      again_(arguments);
    } catch (...) {
      for (Slot& slot : slots_) slot.value.reset();
      throw;
    }
    TAPER_CHECK(!finished_ || count == slots_.size(),
                "checkpoint: A different number of tensors was saved during the original forward "
                "and recomputation.\nNumber of tensors saved during forward: ",
                slots_.size(), "\nNumber of tensors saved during recomputation: ", count);
  }

  /// Hooks that fill the slots, and let the function differentiate within itself.
  std::shared_ptr<const Hooks> gatherer(size_t& count) {
    auto hooks = std::make_shared<Hooks>();
    hooks->pack = [this, &count](const Tensor& saved, const Tensor&) {
      const size_t number = count++;
      if (number < slots_.size()) fill(slots_[number], number, saved);
      return std::shared_ptr<void>(std::make_shared<Tensor>(saved));
    };
    hooks->unpack = [](void* packed) { return *static_cast<Tensor*>(packed); };
    return hooks;
  }

  static void fill(Slot& slot, size_t number, const Tensor& saved) {
    TAPER_CHECK_AS(ShapeError,
                   saved.sizes() == IntArrayRef(slot.sizes) && saved.scalar_type() == slot.dtype,
                   "checkpoint: Recomputed values for the following tensors have different "
                   "metadata than during the forward pass.\ntensor at position ",
                   number, ":\nsaved metadata: ", IntArrayRef(slot.sizes), " ", slot.dtype,
                   "\nrecomputed metadata: ", saved.sizes(), " ", saved.scalar_type());
    slot.value = saved;
    slot.version = saved.impl().version();
  }

  std::recursive_mutex mutex_;
  Function<void(const std::vector<Tensor>&)> again_;
  Tensor rng_;
  std::vector<Kept> arguments_, leaves_;
  std::vector<PackedTensor> packed_;
  std::vector<Slot> slots_;
  bool finished_ = false, recomputing_ = false;
  // The forward's autocast.
  const bool autocasting_ = autocasting();
  const ScalarType autocast_dtype_ = autocast_state.dtype;
};

namespace {

/// Hooks of the forward: a tensor is packed into its number.
std::shared_ptr<const Hooks> markers(const std::shared_ptr<CheckpointFrame>& frame) {
  auto hooks = std::make_shared<Hooks>();
  hooks->pack = [frame](const Tensor& saved, const Tensor& original) {
    return std::shared_ptr<void>(std::make_shared<size_t>(frame->mark(saved, original)));
  };
  hooks->unpack = [frame](void* packed) { return frame->take(*static_cast<size_t*>(packed)); };
  return hooks;
}

}  // namespace

CheckpointScope::CheckpointScope(const CheckpointOptions& options, std::vector<Tensor> arguments,
                                 Function<void(const std::vector<Tensor>&)> again)
    : frame_(std::make_shared<CheckpointFrame>(options, std::move(arguments), std::move(again))),
      hooks_(markers(frame_)) {}

CheckpointScope::~CheckpointScope() = default;

void CheckpointScope::finish() { frame_->finish(); }

}  // namespace taper::utils::detail
