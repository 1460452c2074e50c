#pragma once

// LibTorch's macros, as Taper's own or in terms of them.

#include <sstream>
#include <string>

#include "taper/taper.h"

namespace taper::compat {

/// The parts as a stream prints them, for values that only have an operator<<.
template <class... Parts>
std::string streamed(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return std::move(stream).str();
}

template <class Kind, class... Parts>
[[noreturn]] TAPER_COLD void fail_check(const char* condition, const Parts&... parts) {
  if constexpr (sizeof...(Parts) > 0) throw Kind(streamed(parts...));
  throw Kind(str("Expected ", condition, " to be true, but got false."));
}

template <ScalarType dtype>
struct ElementType;
#define TAPER_ELEMENT_TYPE(T, name)      \
  template <>                            \
  struct ElementType<ScalarType::name> { \
    using type = T;                      \
  };
TAPER_FORALL_TYPES(TAPER_ELEMENT_TYPE)
#undef TAPER_ELEMENT_TYPE

}  // namespace taper::compat

#define TORCH_API
#define C10_API

#define TORCH_ARG(T, name) TAPER_ARG(T, name)
#define TORCH_MODULE(Name) TAPER_MODULE(Name)
#define TORCH_MODULE_IMPL(Name, ImplType) TAPER_MODULE_IMPL(Name, ImplType)
#define FORWARD_HAS_DEFAULT_ARGS(...) TAPER_FORWARD_HAS_DEFAULT_ARGS(__VA_ARGS__)

#define TORCH_CHECK_WITH(Kind, cond, ...) \
  (__builtin_expect(!!(cond), 1)          \
       ? void(0)                          \
       : ::taper::compat::fail_check<::taper::Kind>(#cond, ##__VA_ARGS__))
#define TORCH_CHECK(cond, ...) TORCH_CHECK_WITH(Error, cond, ##__VA_ARGS__)
#define TORCH_CHECK_INDEX(cond, ...) TORCH_CHECK_WITH(IndexError, cond, ##__VA_ARGS__)
#define TORCH_CHECK_VALUE(cond, ...) TORCH_CHECK_WITH(Error, cond, ##__VA_ARGS__)
#define TORCH_CHECK_TYPE(cond, ...) TORCH_CHECK_WITH(DTypeError, cond, ##__VA_ARGS__)
#define TORCH_CHECK_NOT_IMPLEMENTED(cond, ...) TORCH_CHECK_WITH(Error, cond, ##__VA_ARGS__)
#define TORCH_INTERNAL_ASSERT(cond, ...) TORCH_CHECK_WITH(Error, cond, ##__VA_ARGS__)
#ifdef NDEBUG
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(cond, ...) \
  while (false) TORCH_INTERNAL_ASSERT(cond, ##__VA_ARGS__)
#else
#define TORCH_INTERNAL_ASSERT_DEBUG_ONLY(...) TORCH_INTERNAL_ASSERT(__VA_ARGS__)
#endif
#define AT_ASSERT(cond) TORCH_INTERNAL_ASSERT(cond)
#define AT_ASSERTM(cond, ...) TORCH_CHECK(cond, ##__VA_ARGS__)
#define AT_ERROR(...) TORCH_CHECK(false, ##__VA_ARGS__)
#define TORCH_WARN(...) ::taper::warn(::taper::compat::streamed(__VA_ARGS__))
// Taper writes each text once in any case.
#define TORCH_WARN_ONCE(...) TORCH_WARN(__VA_ARGS__)
#define AT_WARN(...) TORCH_WARN(__VA_ARGS__)

// A dtype at run time as the type scalar_t at compile time: the body is a lambda without arguments.
#define AT_DISPATCH_SWITCH(TYPE, NAME, ...)                                               \
  [&] {                                                                                   \
    const ::taper::ScalarType taper_dtype = TYPE;                                         \
    switch (taper_dtype) {                                                                \
      __VA_ARGS__                                                                         \
      default:                                                                            \
        ::taper::detail::fail<::taper::DTypeError>('"', NAME, "\" not implemented for '", \
                                                   taper_dtype, '\'');                    \
    }                                                                                     \
  }()
#define AT_DISPATCH_CASE(TYPE, ...)                                             \
  case TYPE: {                                                                  \
    using scalar_t [[maybe_unused]] = ::taper::compat::ElementType<TYPE>::type; \
    return __VA_ARGS__();                                                       \
  }
#define AT_DISPATCH_CASE_FLOATING_TYPES(...)      \
  AT_DISPATCH_CASE(::taper::kDouble, __VA_ARGS__) \
  AT_DISPATCH_CASE(::taper::kFloat, __VA_ARGS__)
#define AT_DISPATCH_CASE_INTEGRAL_TYPES(...)    \
  AT_DISPATCH_CASE(::taper::kByte, __VA_ARGS__) \
  AT_DISPATCH_CASE(::taper::kChar, __VA_ARGS__) \
  AT_DISPATCH_CASE(::taper::kInt, __VA_ARGS__)  \
  AT_DISPATCH_CASE(::taper::kLong, __VA_ARGS__) \
  AT_DISPATCH_CASE(::taper::kShort, __VA_ARGS__)
#define AT_DISPATCH_CASE_ALL_TYPES(...)        \
  AT_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__) \
  AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__)

#define AT_DISPATCH_FLOATING_TYPES(TYPE, NAME, ...) \
  AT_DISPATCH_SWITCH(TYPE, NAME, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__))
#define AT_DISPATCH_FLOATING_TYPES_AND_HALF(TYPE, NAME, ...) \
  AT_DISPATCH_FLOATING_TYPES_AND(::taper::kHalf, TYPE, NAME, __VA_ARGS__)
#define AT_DISPATCH_FLOATING_TYPES_AND(T1, TYPE, NAME, ...) \
  AT_DISPATCH_SWITCH(                                       \
      TYPE, NAME, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(T1, __VA_ARGS__))
#define AT_DISPATCH_FLOATING_TYPES_AND2(T1, T2, TYPE, NAME, ...)  \
  AT_DISPATCH_SWITCH(TYPE, NAME,                                  \
                     AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) \
                         AT_DISPATCH_CASE(T1, __VA_ARGS__) AT_DISPATCH_CASE(T2, __VA_ARGS__))
#define AT_DISPATCH_INTEGRAL_TYPES(TYPE, NAME, ...) \
  AT_DISPATCH_SWITCH(TYPE, NAME, AT_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES(TYPE, NAME, ...) \
  AT_DISPATCH_SWITCH(TYPE, NAME, AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES_AND(T1, TYPE, NAME, ...) \
  AT_DISPATCH_SWITCH(TYPE, NAME,                       \
                     AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(T1, __VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES_AND2(T1, T2, TYPE, NAME, ...)                                    \
  AT_DISPATCH_SWITCH(TYPE, NAME,                                                               \
                     AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(T1, __VA_ARGS__) \
                         AT_DISPATCH_CASE(T2, __VA_ARGS__))
