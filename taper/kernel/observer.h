#pragma once

#include "taper/base/macros.h"
#include "taper/core/device.h"

namespace taper TAPER_API {

/// Sees every kernel call: profilers and recorders are observers. Install one at a time.
class KernelObserver {
 public:
  virtual ~KernelObserver() = default;
  virtual void before(const char* kernel, Device device) = 0;
  virtual void after(const char* kernel, Device device) = 0;
};

/// Returns the observer that was set before; null removes it.
KernelObserver* set_kernel_observer(KernelObserver* observer);

}  // namespace taper
