#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/file.h"
#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// A number, a truth value or a text of a metrics line.
class MetricValue {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> MetricValue(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      set(value);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      set(static_cast<int64_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
      set(static_cast<uint64_t>(value));
    } else if constexpr (std::is_same_v<T, float>) {
      set(value);
    } else {
      set(static_cast<double>(value));
    }
  }
  MetricValue(const std::string& text);
  MetricValue(const char* text);

  const std::string& json() const { return json_; }
  bool is_text() const { return is_text_; }
  /// Empty for numbers.
  const std::string& text() const { return text_; }
  /// A truth value is 0 or 1; 0 for texts.
  double number() const { return number_; }

 private:
  void set(bool value);
  void set(int64_t value);
  void set(uint64_t value);
  void set(float value);
  void set(double value);

  std::string json_;
  std::string text_;
  double number_ = 0;
  bool is_text_ = false;
};

/// A file of JSON lines: one object per call, written at once, so that a crash costs at most the
/// last line. Numbers are the shortest text that reads back the same, whatever the locale; NaN and
/// infinities, which JSON lacks, become null.
class MetricsLog {
 public:
  using Values = std::vector<std::pair<std::string, MetricValue>>;

  /// Starts the file anew, or goes on after what is there. Throws IoError.
  explicit MetricsLog(const std::string& path, bool append = false);

  /// Writes {"name":value,...} in the order given. Throws IoError, and ConfigError when a name
  /// comes twice.
  void write(const Values& values);
  const std::string& path() const { return file_.path(); }

 private:
  LineFile file_;
};

}  // namespace train
}  // namespace taper
