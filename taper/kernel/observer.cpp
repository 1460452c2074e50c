#include "taper/kernel/observer.h"

#include "taper/kernel/kernel.h"

namespace taper {

KernelObserver* set_kernel_observer(KernelObserver* observer) {
  return detail::kernel_observer.exchange(observer);
}

}  // namespace taper
