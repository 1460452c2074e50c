#include "taper/train/metrics_table.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/metrics_line.h"

namespace taper::train {
namespace {

// Receives the events of nlohmann's parser; every one returns whether to go on.
class LineReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit LineReader(MetricsLine& line) : line_(line) {}

  bool null() override { return add(std::numeric_limits<double>::quiet_NaN()); }
  bool boolean(bool value) override { return add(value ? 1 : 0); }
  bool number_integer(number_integer_t value) override { return whole(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<uint64_t>(INT64_MAX)) return whole(static_cast<int64_t>(value));
    return add(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t&) override {
    return inside_ ? key_ != "step" || fail("the step is no whole number") : fail(kNoObject);
  }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool start_object(std::size_t) override {
    if (inside_) return fail(str("the value of ", quote_name(key_), " is an object"));
    inside_ = true;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    return true;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override {
    return fail(inside_ ? str("the value of ", quote_name(key_), " is a list") : kNoObject);
  }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail(str("no JSON from column ", position));
  }

  const std::string& error() const { return error_; }

 private:
  static constexpr const char* kNoObject = "it is no object";

  bool fail(std::string text) {
    error_ = std::move(text);
    return false;
  }
  bool whole(int64_t value) {
    if (inside_ && key_ == "step") {
      line_.step = value;
      return true;
    }
    return add(static_cast<double>(value));
  }
  bool add(double value) {
    if (!inside_) return fail(kNoObject);
    if (key_ == "step") return fail("the step is no whole number");
    line_.numbers.emplace_back(key_, value);
    return true;
  }

  MetricsLine& line_;
  std::string key_, error_;
  bool inside_ = false;
};

/// Gathers the lines of a file.
class Table {
 public:
  void add(const MetricsLine& line, int64_t number) {
    const int64_t step = line.step ? *line.step : number;
    TAPER_CHECK_AS(IoError, step >= last_step_, "the step goes back from ", last_step_, " to ",
                   step);
    last_step_ = step;
    for (const auto& [name, value] : line.numbers) {
      const auto [at, is_new] = places_.try_emplace(name, series_.size());
      if (is_new) {
        series_.push_back({name, {}, {}});
        last_line_.push_back(0);
      }
      TAPER_CHECK_AS(IoError, last_line_[at->second] != number, "the name ", quote_name(name),
                     " comes twice");
      last_line_[at->second] = number;
      series_[at->second].steps.push_back(static_cast<double>(step));
      series_[at->second].values.push_back(value);
    }
  }
  std::vector<MetricSeries> take() { return std::move(series_); }

 private:
  std::vector<MetricSeries> series_;
  std::vector<int64_t> last_line_;
  std::unordered_map<std::string, size_t> places_;
  int64_t last_step_ = INT64_MIN;
};

}  // namespace

std::string parse_metrics_line(std::string_view text, MetricsLine& line) {
  line.step.reset();
  line.numbers.clear();
  LineReader reader(line);
  const bool done = nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  if (!done && reader.error().empty()) return "no JSON";
  return reader.error();
}

std::vector<MetricSeries> read_metrics(const std::string& path) {
  const ByteBuffer bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Table table;
  MetricsLine line;
  int64_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    const auto place = [&] { return str(quote_path(path), " line ", number, ": "); };
    TAPER_CHECK_AS(IoError, end != std::string_view::npos, place(),
                   "it is cut off, expected a line end");
    const std::string error = parse_metrics_line(text.substr(at, end - at), line);
    TAPER_CHECK_AS(IoError, error.empty(), place(), error);
    try {
      table.add(line, number);
    } catch (const IoError& problem) {
      detail::fail<IoError>(place(), problem.what());
    }
    at = end + 1;
  }
  return table.take();
}

const MetricSeries* find_series(const std::vector<MetricSeries>& series, const std::string& name) {
  for (const MetricSeries& one : series) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace taper::train
