#include "taper/base/signals.h"

#include <signal.h>

#include <atomic>
#include <mutex>

namespace taper {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};

// The handler uses this alone; it is lock-free on every platform that has signals.
constinit std::atomic<int> noted{0};
constinit std::mutex scopes_mutex;
constinit int scopes = 0;
constinit struct sigaction before[2] = {};

void note(int signal_number) {
  if (noted.exchange(signal_number) == 0) return;
  // The second: it is blocked until this returns, and then does what it does by default.
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

}  // namespace

SignalScope::SignalScope(bool active) : active_(active) {
  if (!active_) return;
  const std::lock_guard lock(scopes_mutex);
  if (scopes++ > 0) return;
  noted = 0;
  struct sigaction action = {};
  action.sa_handler = &note;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < 2; ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

SignalScope::~SignalScope() {
  if (!active_) return;
  const std::lock_guard lock(scopes_mutex);
  if (--scopes > 0) return;
  for (size_t i = 0; i < 2; ++i) ::sigaction(kSignals[i], &before[i], nullptr);
}

int SignalScope::received() const { return active_ ? noted.load(std::memory_order_relaxed) : 0; }

}  // namespace taper
