#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <vector>

#include "taper/base/macros.h"
#include "taper/base/small_vector.h"

namespace taper TAPER_API {

/// A read-only view of consecutive values, like LibTorch's ArrayRef. It does not own: use it for
/// parameters, never as a member or a local initialised from a braced list.
template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using iterator = const T*;
  using const_iterator = const T*;

  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T& one) : data_(&one), size_(1) {}
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(end - begin) {}
  // A braced list lives until the end of the full expression, which a parameter does not outlive.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
  constexpr ArrayRef(std::initializer_list<T> list) : data_(list.begin()), size_(list.size()) {}
#pragma GCC diagnostic pop
  template <class A>
  ArrayRef(const std::vector<T, A>& v) : data_(v.data()), size_(v.size()) {}
  template <uint32_t N>
  ArrayRef(const SmallVector<T, N>& v) : data_(v.data()), size_(v.size()) {}
  template <size_t N>
  constexpr ArrayRef(const T (&array)[N]) : data_(array), size_(N) {}

  constexpr const T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  constexpr const T& front() const { return data_[0]; }
  constexpr const T& back() const { return data_[size_ - 1]; }
  constexpr ArrayRef slice(size_t start, size_t count) const { return {data_ + start, count}; }
  constexpr ArrayRef slice(size_t start) const { return {data_ + start, size_ - start}; }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }

  constexpr bool equals(ArrayRef other) const {
    if (size_ != other.size_) return false;
    for (size_t i = 0; i < size_; ++i) {
      if (!(data_[i] == other.data_[i])) return false;
    }
    return true;
  }
  friend constexpr bool operator==(ArrayRef a, ArrayRef b) { return a.equals(b); }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

using IntArrayRef = ArrayRef<int64_t>;

/// An optional IntArrayRef for parameters. A single number is kept inside: std::optional's own
/// conversion would leave a view of a number that is gone before the call.
class OptionalIntArrayRef {
 public:
  constexpr OptionalIntArrayRef() = default;
  constexpr OptionalIntArrayRef(std::nullopt_t) {}
  template <class Int>
  requires(std::is_integral_v<Int> &&
           !std::is_same_v<Int, bool>) constexpr OptionalIntArrayRef(Int one)
      : one_(static_cast<int64_t>(one)), kind_(Kind::one) {}
  constexpr OptionalIntArrayRef(std::initializer_list<int64_t> list)
      : OptionalIntArrayRef(IntArrayRef(list.begin(), list.size())) {}
  template <class List>
  requires(std::is_convertible_v<const List&, IntArrayRef> &&
           !std::is_arithmetic_v<List>) constexpr OptionalIntArrayRef(const List& list)
      : list_(list), kind_(Kind::list) {}
  constexpr OptionalIntArrayRef(const std::optional<IntArrayRef>& list)
      : list_(list.value_or(IntArrayRef())), kind_(list ? Kind::list : Kind::none) {}

  constexpr bool has_value() const { return kind_ != Kind::none; }
  constexpr explicit operator bool() const { return has_value(); }
  /// The list; empty when there is none. It lives as long as this object and what it was made of.
  constexpr IntArrayRef operator*() const { return kind_ == Kind::one ? IntArrayRef(one_) : list_; }
  constexpr IntArrayRef value_or(IntArrayRef other) const { return has_value() ? **this : other; }

 private:
  enum class Kind : uint8_t { none, one, list };
  IntArrayRef list_;
  int64_t one_ = 0;
  Kind kind_ = Kind::none;
};

/// A truth value that no number converts to: with it, x.var(0) is the variance over dimension 0,
/// where a bool parameter would take the 0 for itself.
class StrictBool {
 public:
  template <class B>
  requires std::is_same_v<B, bool>
  constexpr StrictBool(B value) : value_(value) {}
  constexpr operator bool() const { return value_; }

 private:
  bool value_;
};

/// Sizes or strides owned in place up to six dimensions.
using DimVector = SmallVector<int64_t, 6>;

}  // namespace taper
