#pragma once

#include <cstddef>

#include "taper/core/thread_cache.h"

namespace taper::cpu {

/// A kernel's temporary memory, from the caching allocator: none in a steady step is fresh.
template <class T>
class Scratch {
 public:
  explicit Scratch(size_t count)
      : bytes_(count * sizeof(T)),
        data_(count == 0 ? nullptr : static_cast<T*>(detail::allocate(bytes_))) {}
  ~Scratch() {
    if (data_ != nullptr) detail::deallocate(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }
  T& operator[](size_t i) const { return data_[i]; }

 private:
  size_t bytes_;
  T* data_;
};

}  // namespace taper::cpu
