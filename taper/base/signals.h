#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// While it lives, SIGINT and SIGTERM are noted instead of ending the process, so that what runs
/// can finish its step and save. A second signal ends the process as it would have without the
/// scope, at once. A signal that the program ignores stays ignored. The last scope's end restores
/// the handlers that were there before the first.
class SignalScope {
 public:
  explicit SignalScope(bool active = true);
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// The signal that came since the first scope began; 0: none.
  int received() const;

 private:
  bool active_;
};

}  // namespace taper
