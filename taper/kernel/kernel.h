#pragma once

#include <atomic>

#include "taper/base/error.h"
#include "taper/core/device.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/observer.h"

namespace taper {

namespace detail {
inline constinit std::atomic<KernelObserver*> kernel_observer{nullptr};
}

/// Whether a kernel takes complex tensors. The others refuse them before their entry is called.
enum class Numbers : uint8_t { kReal, kAny };

template <class Signature>
class Kernel;

/// A kernel contract's entry points, one per device. The CPU's is bound when the library is
/// linked, so a missing body is a link error and nothing registers itself at start-up.
template <class R, class... Args>
class Kernel<R(Args...)> {
 public:
  using Entry = R (*)(Args...);

  constexpr Kernel(const char* name, Entry cpu, Numbers numbers = Numbers::kReal)
      : name_(name), cpu_(cpu), numbers_(numbers) {}

  const char* name() const { return name_; }
  /// Fills the CUDA entry; called by the CUDA backend's one explicit set-up function.
  void set_cuda(Entry entry) { cuda_ = entry; }

  R operator()(Device device, Args... args) const {
    if (numbers_ == Numbers::kReal) (check_real(args), ...);
    if (device.is_cpu() && detail::kernel_observer.load(std::memory_order_relaxed) == nullptr)
        [[likely]] {
      return cpu_(args...);
    }
    return call_observed(device, args...);
  }

 private:
  struct Observed {
    KernelObserver* observer;
    const char* name;
    Device device;
    Observed(KernelObserver* o, const char* n, Device d) : observer(o), name(n), device(d) {
      if (observer != nullptr) observer->before(name, device);
    }
    ~Observed() {
      if (observer != nullptr) observer->after(name, device);
    }
  };

  template <class T>
  void check_real(const T& arg) const {
    if constexpr (std::is_base_of_v<ConstView, T>) {
      if (arg.defined() && isComplexType(arg.dtype())) [[unlikely]]
        fail_complex(name_, arg.dtype());
    }
  }

  TAPER_COLD R call_observed(Device device, Args... args) const {
    const Entry entry = device.is_cpu() ? cpu_ : cuda_;
    TAPER_CHECK(entry != nullptr, name_, ": no kernel for device ", device);
    Observed scope(detail::kernel_observer.load(), name_, device);
    return entry(args...);
  }

  const char* name_;
  Entry cpu_;
  Entry cuda_ = nullptr;
  Numbers numbers_;
};

}  // namespace taper
