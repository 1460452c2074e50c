#include "taper/train/metrics_log.h"

#include <charconv>
#include <cmath>

#include "taper/base/error.h"
#include "taper/io/json_text.h"

namespace taper::train {
namespace {

template <class T>
std::string real_text(T value) {
  if (!std::isfinite(value)) return "null";
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

}  // namespace

MetricValue::MetricValue(const std::string& text) : text_(text), is_text_(true) {
  io::append_json_string(json_, text);
}
MetricValue::MetricValue(const char* text) : MetricValue(std::string(text)) {}
void MetricValue::set(bool value) {
  json_ = value ? "true" : "false";
  number_ = value ? 1 : 0;
}
void MetricValue::set(int64_t value) {
  json_ = str(value);
  number_ = static_cast<double>(value);
}
void MetricValue::set(uint64_t value) {
  json_ = str(value);
  number_ = static_cast<double>(value);
}
void MetricValue::set(float value) {
  json_ = real_text(value);
  number_ = value;
}
void MetricValue::set(double value) {
  json_ = real_text(value);
  number_ = value;
}

MetricsLog::MetricsLog(const std::string& path, bool append) : file_(path, append) {}

void MetricsLog::write(const Values& values) {
  std::string line = "{";
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      TAPER_CHECK_AS(ConfigError, values[i].first != values[j].first, "MetricsLog: the name ",
                     quote_name(values[i].first), " comes twice in one line");
    }
    if (i != 0) line += ',';
    io::append_json_string(line, values[i].first);
    line += ':';
    line += values[i].second.json();
  }
  line += '}';
  file_.write_line(line);
}

}  // namespace taper::train
