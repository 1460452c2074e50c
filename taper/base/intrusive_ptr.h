#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "taper/base/macros.h"
#include "taper/base/single_threaded.h"

namespace taper TAPER_API {

/// Base of objects counted in place. T::destroy(T*) ends an object whose count reached zero.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  uint32_t use_count() const { return count_.load(std::memory_order_acquire); }
  void retain() const {
    if (single_threaded()) return count_.store(now() + 1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  /// True when the caller held the last reference. The last owner needs no atomic write.
  bool release() const {
    if (use_count() == 1) return true;
    if (!single_threaded()) return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    count_.store(now() - 1, std::memory_order_relaxed);
    return false;
  }
  /// A first reference to an object that nobody holds.
  void revive() const { count_.store(1, std::memory_order_relaxed); }

 private:
  uint32_t now() const { return count_.load(std::memory_order_relaxed); }

  mutable std::atomic<uint32_t> count_{1};
};

template <class T>
class IntrusivePtr {
 public:
  constexpr IntrusivePtr() = default;
  constexpr IntrusivePtr(std::nullptr_t) {}
  IntrusivePtr(const IntrusivePtr& other) : object_(other.object_) {
    if (object_) object_->retain();
  }
  IntrusivePtr(IntrusivePtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> IntrusivePtr(IntrusivePtr<U> other)
      : object_(other.detach()) {}
  ~IntrusivePtr() {
    if (object_ && object_->release()) T::destroy(object_);
  }
  IntrusivePtr& operator=(IntrusivePtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  /// Takes over the reference that the caller holds (a new object starts with one).
  static IntrusivePtr adopt(T* object) {
    IntrusivePtr p;
    p.object_ = object;
    return p;
  }
  /// Adds a reference.
  static IntrusivePtr share(T* object) {
    if (object) object->retain();
    return adopt(object);
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  void reset() { *this = IntrusivePtr(); }
  /// Gives the reference to the caller.
  T* detach() { return std::exchange(object_, nullptr); }
  friend bool operator==(const IntrusivePtr& a, const IntrusivePtr& b) {
    return a.object_ == b.object_;
  }

 private:
  T* object_ = nullptr;
};

}  // namespace taper
