#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {

class KernelObserver;

/// What set_kernel_observer() does, for the libraries beside this one: in theirs, the inline
/// function would set a variable of their own.
KernelObserver* exchange_kernel_observer(KernelObserver* observer);

}  // namespace taper
