#pragma once

#include "taper/autograd/autocast_state.h"

// How an op is on one of autocast's lists: it begins with
//   if (autocasting()) [[unlikely]] return autocast_lower(&op, its arguments...);
// which calls it again with its tensors cast and autocast off.
namespace taper {
namespace detail {

inline Tensor autocast_argument(const Tensor& t, ScalarType dtype) { return autocast_to(t, dtype); }
inline std::optional<Tensor> autocast_argument(const std::optional<Tensor>& t, ScalarType dtype) {
  return t ? std::optional<Tensor>(autocast_to(*t, dtype)) : t;
}
template <class T>
const T& autocast_argument(const T& other, ScalarType) {
  return other;
}

template <class Op, class... Args>
__attribute__((noinline)) auto autocast_call(const Op& op, ScalarType dtype, const Args&... args) {
  const AutocastScope off(false);
  return op(autocast_argument(args, dtype)...);
}

}  // namespace detail

/// In autocast's type.
template <class Op, class... Args>
auto autocast_lower(const Op& op, const Args&... args) {
  return detail::autocast_call(op, autocast_state.dtype, args...);
}
/// In float32.
template <class Op, class... Args>
auto autocast_float32(const Op& op, const Args&... args) {
  return detail::autocast_call(op, kFloat, args...);
}

}  // namespace taper
