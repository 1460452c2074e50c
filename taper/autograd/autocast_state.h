#pragma once

#include "taper/tensor/tensor.h"

// What the ops of autocast's lists, and the engine, ask of it.
namespace taper {

class AutocastCache;

/// The thread's autocast; see autocast_mode.h. Constant-initialised, no destructor: who raises the
/// nesting lowers it again, and the cache goes with the outermost.
struct AutocastState {
  /// Off as well while an op of a list runs: its parts are not cast again.
  bool enabled = false;
  bool cache_enabled = true;
  ScalarType dtype = kBFloat16;
  int nesting = 0;
  AutocastCache* cache = nullptr;
};

extern constinit thread_local AutocastState autocast_state
    __attribute__((tls_model("initial-exec")));

inline bool autocasting() { return autocast_state.enabled; }

/// Turns autocast off, or on for a type, for the life of the scope.
class AutocastScope {
 public:
  explicit AutocastScope(bool enabled, ScalarType dtype = autocast_state.dtype)
      : enabled_(autocast_state.enabled), dtype_(autocast_state.dtype) {
    autocast_state.enabled = enabled;
    autocast_state.dtype = dtype;
  }
  ~AutocastScope() {
    autocast_state.enabled = enabled_;
    autocast_state.dtype = dtype_;
  }
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool enabled_;
  ScalarType dtype_;
};

/// Whether autocast changes tensors like this one: of a floating type other than float64.
bool is_autocast(const Tensor& t);
/// The tensor as a type, recorded; itself where autocast leaves it alone. Casts of float32 leaves
/// that want a gradient are kept until the outermost guard ends.
Tensor autocast_to(const Tensor& t, ScalarType dtype);

}  // namespace taper
