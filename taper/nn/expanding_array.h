#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/error.h"

namespace taper TAPER_API {

/// D values, given one by one or as one that counts for all.
template <size_t D, class T = int64_t>
class ExpandingArray {
 public:
  /// Throws unless there are D values, or one.
  ExpandingArray(std::initializer_list<T> list) : ExpandingArray(ArrayRef<T>(list)) {}
  ExpandingArray(const std::vector<T>& values) : ExpandingArray(ArrayRef<T>(values)) {}
  ExpandingArray(ArrayRef<T> values) {
    TAPER_CHECK(values.size() == D || values.size() == 1, "Expected ", D,
                " values, but instead got ", values.size());
    for (size_t i = 0; i < D; ++i) values_[i] = values[values.size() == 1 ? 0 : i];
  }
  ExpandingArray(T value) { values_.fill(value); }
  ExpandingArray(const std::array<T, D>& values) : values_(values) {}

  std::array<T, D>& operator*() { return values_; }
  const std::array<T, D>& operator*() const { return values_; }
  std::array<T, D>* operator->() { return &values_; }
  const std::array<T, D>* operator->() const { return &values_; }
  T operator[](size_t i) const { return values_[i]; }
  operator ArrayRef<T>() const { return ArrayRef<T>(values_.data(), D); }
  size_t size() const { return D; }
  friend bool operator==(const ExpandingArray& a, const ExpandingArray& b) {
    return a.values_ == b.values_;
  }

 private:
  std::array<T, D> values_;
};

/// D values, any of which may be left out (nullopt).
template <size_t D, class T = int64_t>
class ExpandingArrayWithOptionalElem : public ExpandingArray<D, std::optional<T>> {
 public:
  using ExpandingArray<D, std::optional<T>>::ExpandingArray;
  ExpandingArrayWithOptionalElem(std::nullopt_t none)
      : ExpandingArray<D, std::optional<T>>(std::optional<T>(none)) {}
  ExpandingArrayWithOptionalElem(T value) : ExpandingArray<D, std::optional<T>>(value) {}
  ExpandingArrayWithOptionalElem(const ExpandingArray<D, T>& values)
      : ExpandingArrayWithOptionalElem(std::nullopt) {
    for (size_t i = 0; i < D; ++i) (**this)[i] = values[i];
  }
  ExpandingArrayWithOptionalElem(const std::vector<T>& values)
      : ExpandingArrayWithOptionalElem(ExpandingArray<D, T>(values)) {}
  ExpandingArrayWithOptionalElem(ArrayRef<T> values)
      : ExpandingArrayWithOptionalElem(ExpandingArray<D, T>(values)) {}
  ExpandingArrayWithOptionalElem(const std::array<T, D>& values)
      : ExpandingArrayWithOptionalElem(ExpandingArray<D, T>(values)) {}
};

/// Prints one value plainly, several in brackets.
template <size_t D>
void append(std::string& s, const ExpandingArray<D>& values) {
  if constexpr (D == 1) {
    detail::append(s, values[0]);
  } else {
    detail::append(s, static_cast<IntArrayRef>(values));
  }
}

/// In brackets, with None for what is left out.
template <size_t D>
void append(std::string& s, const ExpandingArrayWithOptionalElem<D>& values) {
  for (size_t i = 0; i < D; ++i) {
    s += i == 0 ? "[" : ", ";
    if (values[i]) {
      detail::append(s, *values[i]);
    } else {
      s += "None";
    }
  }
  s += "]";
}

}  // namespace taper
