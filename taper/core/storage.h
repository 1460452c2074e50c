#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "taper/base/intrusive_ptr.h"
#include "taper/base/macros.h"
#include "taper/core/device.h"

namespace taper TAPER_API {

/// Memory that tensors share. It counts the writes to it, so that autograd sees a saved tensor
/// that has changed, through whichever tensor or view it was written.
class StorageImpl : public RefCounted {
 public:
  using Deleter = void (*)(void* context);

  /// Fresh, uninitialised memory on the CPU. Throws OutOfMemoryError.
  static StorageImpl* create(size_t bytes);
  /// Memory of the caller's; deleter(context), if any, runs when the last user is gone.
  static StorageImpl* wrap(void* data, size_t bytes, Device device, Deleter deleter, void* context);
  static void destroy(StorageImpl* storage) noexcept;

  void* data() const { return data_; }
  size_t nbytes() const { return bytes_; }
  Device device() const { return device_; }
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  /// Every write of a tensor's elements passes here.
  void bump_version() {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  StorageImpl(void* data, size_t bytes, Device device)
      : device_(device), data_(data), bytes_(bytes) {}

  std::atomic<uint32_t> version_{0};
  Device device_;
  enum class Owner : uint8_t { inline_block, own_block, foreign };
  Owner owner_ = Owner::foreign;
  void* data_;
  size_t bytes_;
  Deleter deleter_ = nullptr;
  void* context_ = nullptr;
};
using StoragePtr = IntrusivePtr<StorageImpl>;

}  // namespace taper
