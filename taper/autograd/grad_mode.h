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

/// Whether ops of this thread give their results tangents while a dual level is open: c10's
/// AutoFwGradMode. No-grad mode does not change it.
class AutoFwGradMode {
 public:
  explicit AutoFwGradMode(bool enabled) : before_(thread_state.forward_off) {
    thread_state.forward_off = !enabled;
    thread_state.update_forward();
  }
  ~AutoFwGradMode() {
    thread_state.forward_off = before_;
    thread_state.update_forward();
  }
  AutoFwGradMode(const AutoFwGradMode&) = delete;
  AutoFwGradMode& operator=(const AutoFwGradMode&) = delete;

 private:
  bool before_;
};

/// Neither gradients nor tangents: for what is computed inside an op, which records itself.
class NoRecordGuard {
  NoGradGuard no_grad_;
  AutoFwGradMode no_forward_{false};
};

/// No recording, no tangents, no view tracking: tensors made under it can never take part in a
/// graph.
class InferenceMode {
 public:
  explicit InferenceMode(bool enabled = true)
      : grad_(thread_state.grad_enabled), inference_(thread_state.inference_mode) {
    thread_state.grad_enabled = !enabled && grad_;
    thread_state.inference_mode = enabled;
    thread_state.update_forward();
  }
  ~InferenceMode() {
    thread_state.grad_enabled = grad_;
    thread_state.inference_mode = inference_;
    thread_state.update_forward();
  }
  InferenceMode(const InferenceMode&) = delete;
  InferenceMode& operator=(const InferenceMode&) = delete;
  static bool is_enabled() { return thread_state.inference_mode; }

 private:
  bool grad_, inference_;
};

}  // namespace taper
