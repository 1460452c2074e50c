#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// What a Log shows where.
struct LogOptions {
  /// Least level of the console and of the file.
  LogLevel console = LogLevel::kInfo;
  LogLevel file = LogLevel::kDebug;
  /// The process's number among several, put before each line; negative: none. Only rank 0 and
  /// warnings reach the console.
  int rank = -1;
  /// File descriptor of the console; negative: none.
  int output = 1;
  /// Seconds since 1970; the system's clock unless replaced by a test.
  double (*clock)() = nullptr;
};

/// Lines with their time and level, on the console and in a file that goes on after what is there.
/// Each is written at once and whole, from any threads. A console that cannot be written to is
/// passed over.
class Log {
 public:
  /// An empty path: no file. Throws IoError.
  explicit Log(const std::string& path = "", LogOptions options = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Throw IoError when the file cannot be written.
  void debug(std::string_view text) { write(LogLevel::kDebug, text); }
  void info(std::string_view text) { write(LogLevel::kInfo, text); }
  void warning(std::string_view text) { write(LogLevel::kWarning, text); }
  void error(std::string_view text) { write(LogLevel::kError, text); }
  void write(LogLevel level, std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace train
}  // namespace taper
