#include "taper/autograd/autocast_mode.h"

#include <unordered_map>

#include "taper/autograd/autocast_state.h"
#include "taper/base/error.h"
#include "taper/base/thread_state.h"

namespace taper {

/// Casts of leaves. An entry holds its leaf and the memory that was read, so that neither address
/// can come to stand for another.
class AutocastCache {
 public:
  Tensor cast(const Tensor& leaf, ScalarType dtype) {
    Entry& e = entries_[leaf.impl_ptr()];
    const TensorImpl& now = leaf.impl();
    // A cast made without gradients is no part of a graph, and the other way round.
    const bool fresh = e.cast.defined() && e.memory == now.storage() &&
                       e.version == now.version() && e.cast.scalar_type() == dtype &&
                       e.recorded == thread_state.grad_enabled &&
                       e.inference == thread_state.inference_mode;
    if (!fresh) {
      e = {leaf,
           now.storage(),
           now.version(),
           thread_state.grad_enabled,
           thread_state.inference_mode,
           leaf.to(dtype)};
    }
    return e.cast;
  }

 private:
  struct Entry {
    Tensor leaf;
    StoragePtr memory;
    uint32_t version = 0;
    bool recorded = false, inference = false;
    Tensor cast;
  };
  std::unordered_map<const TensorImpl*, Entry> entries_;
};

constinit thread_local AutocastState autocast_state __attribute__((tls_model("initial-exec")));

bool is_autocast(const Tensor& t) {
  return t.defined() && isFloatingType(t.scalar_type()) && t.scalar_type() != kDouble;
}

Tensor autocast_to(const Tensor& t, ScalarType dtype) {
  if (!is_autocast(t) || t.scalar_type() == dtype) return t;
  AutocastState& state = autocast_state;
  const bool kept = state.nesting > 0 && state.cache_enabled && t.scalar_type() == kFloat &&
                    t.requires_grad() && t.is_leaf() && !t.is_view();
  if (!kept) return t.to(dtype);
  if (state.cache == nullptr) state.cache = new AutocastCache;
  return state.cache->cast(t, dtype);
}

namespace {

void check_device(const char* op, DeviceType device, bool enabled) {
  TAPER_CHECK(device == kCPU || !enabled, op,
              ": User provided device_type of 'cuda', but CUDA is not available: expected cpu");
}

void check_dtype(const char* op, ScalarType dtype) {
  TAPER_CHECK_AS(DTypeError, isReducedFloatingType(dtype), op,
                 ": In CPU autocast, but the target dtype is not supported: got ", dtype,
                 ", expected BFloat16 or Half");
}

}  // namespace

AutocastGuard::AutocastGuard(Device device, std::optional<ScalarType> dtype, bool enabled,
                             std::optional<bool> cache_enabled)
    : enabled_(autocast_state.enabled),
      cache_enabled_(autocast_state.cache_enabled),
      dtype_(autocast_state.dtype) {
  check_device("AutocastGuard", device.type(), enabled);
  if (dtype && enabled) check_dtype("AutocastGuard", *dtype);
  AutocastState& state = autocast_state;
  state.enabled = enabled;
  if (dtype && enabled) state.dtype = *dtype;
  if (cache_enabled) state.cache_enabled = *cache_enabled;
  ++state.nesting;
}

AutocastGuard::~AutocastGuard() {
  if (autocast::decrement_nesting() == 0) autocast::clear_cache();
  autocast_state.enabled = enabled_;
  autocast_state.cache_enabled = cache_enabled_;
  autocast_state.dtype = dtype_;
}

namespace autocast {

bool is_autocast_enabled(DeviceType device) { return device == kCPU && autocast_state.enabled; }
void set_autocast_enabled(DeviceType device, bool enabled) {
  check_device("set_autocast_enabled", device, enabled);
  if (device == kCPU) autocast_state.enabled = enabled;
}
ScalarType get_autocast_dtype(DeviceType device) {
  return device == kCPU ? autocast_state.dtype : kHalf;
}
void set_autocast_dtype(DeviceType device, ScalarType dtype) {
  check_device("set_autocast_dtype", device, true);
  check_dtype("set_autocast_dtype", dtype);
  autocast_state.dtype = dtype;
}

bool is_enabled() { return false; }
bool is_cpu_enabled() { return autocast_state.enabled; }
void set_cpu_enabled(bool enabled) { autocast_state.enabled = enabled; }
ScalarType get_autocast_cpu_dtype() { return autocast_state.dtype; }
void set_autocast_cpu_dtype(ScalarType dtype) { set_autocast_dtype(kCPU, dtype); }

bool is_autocast_cache_enabled() { return autocast_state.cache_enabled; }
void set_autocast_cache_enabled(bool enabled) { autocast_state.cache_enabled = enabled; }
void clear_cache() {
  // Taken out first: a tensor's end may run code that casts.
  delete std::exchange(autocast_state.cache, nullptr);
}
int increment_nesting() { return ++autocast_state.nesting; }
int decrement_nesting() { return --autocast_state.nesting; }

}  // namespace autocast
}  // namespace taper
