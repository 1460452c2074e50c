#pragma once

// Names of LibTorch, ATen and c10 that Taper itself has no use for.

#include <optional>
#include <string_view>

#include "taper/taper.h"

// The release of PyTorch whose behaviour is documented as Taper's.
#define TORCH_VERSION_MAJOR 2
#define TORCH_VERSION_MINOR 2
#define TORCH_VERSION_PATCH 0
#define TORCH_VERSION "2.2.0"

namespace taper {

using std::make_optional;
using std::nullopt;
using std::nullopt_t;
using std::optional;
using std::string_view;

/// The integers [begin, end) or [0, end), to loop over.
template <class T>
struct IntegerRange {
  struct Iterator {
    T value;
    T operator*() const { return value; }
    Iterator& operator++() {
      ++value;
      return *this;
    }
    bool operator!=(Iterator other) const { return value != other.value; }
  };
  T first, last;
  Iterator begin() const { return {first}; }
  Iterator end() const { return {last < first ? first : last}; }
};
template <class T, class U>
IntegerRange<U> irange(T begin, U end) {
  return {static_cast<U>(begin), end};
}
template <class T>
IntegerRange<T> irange(T end) {
  return {T(0), end};
}

}  // namespace taper
