#include "taper/kernel/observer.h"

#include "taper/kernel/kernel.h"

namespace taper {

KernelObserver* exchange_kernel_observer(KernelObserver* observer) {
  return set_kernel_observer(observer);
}

}  // namespace taper
