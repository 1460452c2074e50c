#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// A vector whose first N elements need no heap; the parts of std::vector that Taper uses.
template <class T, uint32_t N>
class SmallVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  explicit SmallVector(size_t count, const T& value = T()) { resize(count, value); }
  SmallVector(std::initializer_list<T> list) { assign(list.begin(), list.end()); }
  template <class It>
  SmallVector(It first, It last) {
    assign(first, last);
  }
  SmallVector(const SmallVector& other) { assign(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  template <class Range>
  requires(!std::is_same_v<std::decay_t<Range>, SmallVector>) && requires(const Range& r) {
    r.begin();
    r.end();
  }
  explicit SmallVector(const Range& range) { assign(range.begin(), range.end()); }
  ~SmallVector() {
    clear();
    release();
  }

  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      clear();
      release();
      take(other);
    }
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& front() { return data_[0]; }
  const T& front() const { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }

  template <class It>
  void assign(It first, It last) {
    clear();
    if constexpr (std::is_pointer_v<It> && std::is_trivially_copyable_v<T> &&
                  std::is_same_v<std::remove_cv_t<std::remove_pointer_t<It>>, T>) {
      const size_t count = static_cast<size_t>(last - first);
      reserve(count);
      for (size_t i = 0; i < count; ++i) data_[i] = first[i];
      size_ = static_cast<uint32_t>(count);
    } else {
      for (; first != last; ++first) push_back(*first);
    }
  }
  void reserve(size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }
  void resize(size_t count, const T& value = T()) {
    reserve(count);
    while (size_ > count) pop_back();
    for (; size_ < count; ++size_) new (data_ + size_) T(value);
  }
  void clear() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (uint32_t i = 0; i < size_; ++i) data_[i].~T();
    }
    size_ = 0;
  }
  // GCC 12 warns of the path on which the elements lie in place and yet the capacity is not N.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) {
      // The arguments may refer into this vector: build before the storage moves.
      T value(std::forward<Args>(args)...);
      grow(2 * size_t{capacity_});
      return added(new (data_ + size_) T(std::move(value)));
    }
    return added(new (data_ + size_) T(std::forward<Args>(args)...));
  }
#pragma GCC diagnostic pop
  void push_back(const T& value) { emplace_back(value); }
  void push_back(T&& value) { emplace_back(std::move(value)); }
  void pop_back() { data_[--size_].~T(); }
  T* insert(T* at, const T& value) {
    const size_t index = at - data_;
    push_back(value);
    for (size_t i = size_ - 1; i > index; --i) std::swap(data_[i], data_[i - 1]);
    return data_ + index;
  }
  T* erase(T* at) {
    for (T* p = at; p + 1 != end(); ++p) *p = std::move(p[1]);
    pop_back();
    return at;
  }
  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    if (a.size_ != b.size_) return false;
    for (uint32_t i = 0; i < a.size_; ++i) {
      if (!(a.data_[i] == b.data_[i])) return false;
    }
    return true;
  }

 private:
  T* inline_data() { return reinterpret_cast<T*>(inline_); }
  /// Counts an element once it is whole: a constructor may throw.
  T& added(T* element) {
    ++size_;
    return *element;
  }
  bool on_heap() { return data_ != inline_data(); }
  void release() {
    if (on_heap()) ::operator delete(data_, std::align_val_t(alignof(T)));
    data_ = inline_data();
    capacity_ = N;
  }
  void grow(size_t capacity) {
    T* bigger = static_cast<T*>(::operator new(capacity * sizeof(T), std::align_val_t(alignof(T))));
    for (uint32_t i = 0; i < size_; ++i) {
      new (bigger + i) T(std::move(data_[i]));
      data_[i].~T();
    }
    const uint32_t size = size_;
    release();
    data_ = bigger;
    size_ = size;
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void take(SmallVector& other) {
    if (other.on_heap()) {
      data_ = other.data_;
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.data_ = other.inline_data();
      other.capacity_ = N;
    } else {
      for (uint32_t i = 0; i < other.size_; ++i) {
        new (data_ + i) T(std::move(other.data_[i]));
        other.data_[i].~T();
      }
      size_ = other.size_;
    }
    other.size_ = 0;
  }

  T* data_ = inline_data();
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  alignas(T) unsigned char inline_[N * sizeof(T)];
};

}  // namespace taper
