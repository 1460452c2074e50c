#pragma once

#include "taper/base/macros.h"
#include "taper/base/thread_state.h"

namespace taper TAPER_API {

/// Whether this thread records what it computes.
struct GradMode {
  static bool is_enabled() { return thread_state.grad_enabled; }
  static void set_enabled(bool enabled) { thread_state.grad_enabled = enabled; }
};

/// Sets the mode for the life of the guard.
class AutoGradMode {
 public:
  explicit AutoGradMode(bool enabled) : before_(thread_state.grad_enabled) {
    thread_state.grad_enabled = enabled;
  }
  ~AutoGradMode() { thread_state.grad_enabled = before_; }
  AutoGradMode(const AutoGradMode&) = delete;
  AutoGradMode& operator=(const AutoGradMode&) = delete;

 private:
  bool before_;
};

class NoGradGuard : public AutoGradMode {
 public:
  NoGradGuard() : AutoGradMode(false) {}
};

/// No recording, no view tracking: tensors made under it can never take part in a graph.
class InferenceMode {
 public:
  explicit InferenceMode(bool enabled = true)
      : grad_(thread_state.grad_enabled), inference_(thread_state.inference_mode) {
    thread_state.grad_enabled = !enabled && grad_;
    thread_state.inference_mode = enabled;
  }
  ~InferenceMode() {
    thread_state.grad_enabled = grad_;
    thread_state.inference_mode = inference_;
  }
  InferenceMode(const InferenceMode&) = delete;
  InferenceMode& operator=(const InferenceMode&) = delete;
  static bool is_enabled() { return thread_state.inference_mode; }

 private:
  bool grad_, inference_;
};

}  // namespace taper
