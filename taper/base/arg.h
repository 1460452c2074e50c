#pragma once

#include <utility>

/// One member of an options class: `o.name(value)` sets it and returns o, `o.name()` reads it.
#define TAPER_ARG(T, name)                           \
 public:                                             \
  auto name(T new_value)->decltype(*this) {          \
    this->name##_ = std::move(new_value);            \
    return *this;                                    \
  }                                                  \
  const T& name() const noexcept { return name##_; } \
  T& name() noexcept { return name##_; }             \
                                                     \
 private:                                            \
  T name##_
