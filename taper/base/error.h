#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "taper/base/array_ref.h"
#include "taper/base/function.h"
#include "taper/base/macros.h"

namespace taper TAPER_API {

/// Every failure that Taper reports. The text says op or file, what is wrong, what came and what
/// was expected, in PyTorch's wording where PyTorch has one.
class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const char* what_without_backtrace() const noexcept { return message_.c_str(); }
  const std::string& msg() const { return message_; }

 private:
  std::string message_;
};

/// Sizes that do not fit together.
class ShapeError : public Error {
  using Error::Error;
};
/// A data type that an op does not take, or types that must agree and do not.
class DTypeError : public Error {
  using Error::Error;
};
/// An index or a dimension out of range.
class IndexError : public Error {
  using Error::Error;
};
/// A file that cannot be read or written, or whose content is wrong.
class IoError : public Error {
  using Error::Error;
};
/// A setting that is unknown, of the wrong type or out of range.
class ConfigError : public Error {
  using Error::Error;
};
/// Memory that the system or set_memory_limit() refuses.
class OutOfMemoryError : public Error {
  using Error::Error;
};

/// Replaces the receiver of warnings; an empty handler restores the default, which writes each
/// text once to standard error. Returns the handler that was set before.
using WarningHandler = Function<void(std::string_view)>;
WarningHandler set_warning_handler(WarningHandler handler);
void warn(std::string_view text);

namespace detail {

inline void append(std::string& s, std::string_view v) { s.append(v); }
inline void append(std::string& s, const char* v) { s.append(v); }
inline void append(std::string& s, const std::string& v) { s.append(v); }
inline void append(std::string& s, char v) { s.push_back(v); }
inline void append(std::string& s, bool v) { s.append(v ? "true" : "false"); }
void append(std::string& s, int64_t v);
void append(std::string& s, uint64_t v);
/// Shortest text that reads back as the same number, whatever the locale.
void append(std::string& s, double v);
void append(std::string& s, IntArrayRef v);
template <class T>
requires std::is_integral_v<T>
void append(std::string& s, T v) {
  if constexpr (std::is_signed_v<T>) {
    append(s, static_cast<int64_t>(v));
  } else {
    append(s, static_cast<uint64_t>(v));
  }
}
template <uint32_t N>
void append(std::string& s, const SmallVector<int64_t, N>& v) {
  append(s, IntArrayRef(v));
}

}  // namespace detail

/// Joins values to a text; sizes print as [2, 3].
template <class... Parts>
std::string str(const Parts&... parts) {
  using detail::append;
  std::string text;
  (append(text, parts), ...);
  return text;
}

namespace detail {
template <class Kind, class... Parts>
[[noreturn]] TAPER_COLD void fail(const Parts&... parts) {
  throw Kind(str(parts...));
}
}  // namespace detail

}  // namespace taper

/// Throws taper::Kind with the joined parts unless cond holds.
#define TAPER_CHECK_AS(Kind, cond, ...) \
  (__builtin_expect(!!(cond), 1) ? void(0) : ::taper::detail::fail<::taper::Kind>(__VA_ARGS__))
#define TAPER_CHECK(cond, ...) TAPER_CHECK_AS(Error, cond, __VA_ARGS__)

/// Our own invariants, in debug builds only.
#ifdef NDEBUG
#define TAPER_DCHECK(cond) void(0)
#else
#define TAPER_DCHECK(cond) TAPER_CHECK(cond, "internal error: " #cond " does not hold")
#endif
