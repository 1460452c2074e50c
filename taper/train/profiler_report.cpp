// What a profiler has recorded, as a table and as a trace.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"
#include "taper/io/json_text.h"
#include "taper/train/profiler_record.h"

namespace taper::train {
namespace {

std::string time_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.3f} us", seconds * 1e6);
}

double seconds_of(int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

double sort_figure(const ProfileRow& row, std::string_view sort_by) {
  if (sort_by == "self_cpu_time_total") return row.self;
  if (sort_by == "cpu_time_total") return row.total;
  if (sort_by == "cpu_time") return row.mean();
  TAPER_CHECK_AS(ConfigError, sort_by == "count", "ProfileAverages: table got sort_by '", sort_by,
                 "', expected self_cpu_time_total, cpu_time_total, cpu_time or count");
  return static_cast<double>(row.calls);
}

void sort_rows(std::vector<ProfileRow>& rows, std::string_view by) {
  std::stable_sort(rows.begin(), rows.end(), [&](const ProfileRow& a, const ProfileRow& b) {
    return sort_figure(a, by) > sort_figure(b, by);
  });
}

// JSON in parts, as a trace may be larger than what a text should hold.
class TraceFile {
 public:
  explicit TraceFile(const std::string& path) : file_(path) {
    text_ = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [";
  }

  // One event; fields: what stands beside its name, process and thread.
  void add(std::string_view name, size_t thread, const std::string& fields) {
    text_ += first_ ? "\n{\"name\": " : ",\n{\"name\": ";
    first_ = false;
    io::append_json_string(text_, name);
    fmt::format_to(std::back_inserter(text_), ", \"pid\": {}, \"tid\": {}, {}}}", process_, thread,
                   fields);
    if (text_.size() >= size_t{1} << 16) flush();
  }
  void finish() {
    text_ += "\n]}\n";
    flush();
    file_.commit();
  }

 private:
  void flush() {
    file_.write(text_.data(), text_.size());
    text_.clear();
  }

  AtomicFile file_;
  const int64_t process_ = process_id();
  std::string text_;
  bool first_ = true;
};

// Microseconds, the format's unit, to the nanosecond.
std::string microseconds(int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

void add_thread(TraceFile& trace, size_t number, const ThreadRecord& record, int64_t begin) {
  const std::string name = number == 1 ? "main" : fmt::format("thread {}", number);
  trace.add("thread_name", number,
            fmt::format("\"ph\": \"M\", \"args\": {{\"name\": \"{}\"}}", name));
  std::vector<ProfileEvent> events = record.events;
  std::sort(events.begin(), events.end(), [](const ProfileEvent& a, const ProfileEvent& b) {
    return a.start != b.start ? a.start < b.start : a.duration > b.duration;
  });
  for (const ProfileEvent& event : events) {
    trace.add(event.name, number,
              fmt::format("\"ph\": \"X\", \"cat\": \"{}\", \"ts\": {}, \"dur\": {}",
                          event.is_kernel ? "kernel" : "span", microseconds(event.start - begin),
                          microseconds(event.duration)));
  }
}

}  // namespace

std::string ProfileAverages::table(std::string_view sort_by, int64_t row_limit) const {
  TAPER_CHECK_AS(ConfigError, row_limit > 0, "ProfileAverages: table got row_limit ", row_limit,
                 ", expected 1 or more");
  std::vector<ProfileRow> rows = rows_;
  sort_figure({}, sort_by);  // refuses the name also where there is nothing to sort
  sort_rows(rows, sort_by);
  double all = 0;
  size_t width = 4;
  for (const ProfileRow& row : rows) {
    all += row.self;
    width = std::max(width, row.name.size());
  }
  const size_t shown = std::min(rows.size(), static_cast<size_t>(row_limit));
  constexpr const char* kLine = "{:<{}}  {:<6}  {:>9}  {:>11}  {:>11}  {:>11}  {:>6}\n";
  std::string text =
      fmt::format(kLine, "name", width, "kind", "calls", "total", "self", "mean", "share");
  for (size_t i = 0; i < shown; ++i) {
    const ProfileRow& row = rows[i];
    text += fmt::format(kLine, row.name, width, row.is_kernel ? "kernel" : "span", row.calls,
                        time_text(row.total), time_text(row.self), time_text(row.mean()),
                        fmt::format("{:.1f} %", all > 0 ? 100 * row.self / all : 0));
  }
  if (shown < rows.size()) text += fmt::format("and {} more\n", rows.size() - shown);
  return text + note_ + '\n';
}

void Profiler::Impl::check_ended(const char* what) const {
  TAPER_CHECK_AS(ConfigError, !recording, "Profiler: ", what, " while it records: stop() it first");
}

ProfileAverages Profiler::key_averages() const {
  const Impl& p = *impl_;
  p.check_ended("key_averages");
  std::map<std::pair<std::string, bool>, ProfileRow> found;
  for (const ThreadRecord& thread : p.threads) {
    for (const auto& [name, totals] : thread.totals) {
      ProfileRow& row = found[{name, totals.is_kernel}];
      row.calls += totals.calls;
      row.total += seconds_of(totals.total);
      row.self += seconds_of(totals.self);
    }
  }
  std::vector<ProfileRow> rows;
  for (auto& [key, row] : found) {
    row.name = key.first;
    row.is_kernel = key.second;
    rows.push_back(std::move(row));
  }
  sort_rows(rows, "self_cpu_time_total");
  std::string note = "recorded " + time_text(seconds_of(p.end - p.begin));
  if (p.steps > 0) {
    note += fmt::format(", {} steps, at most {:.1f} MiB of tensors' memory", p.steps,
                        static_cast<double>(p.most_reserved) / (1 << 20));
  }
  return {std::move(rows), std::move(note)};
}

void Profiler::export_chrome_trace(const std::string& path) const {
  const Impl& p = *impl_;
  p.check_ended("export_chrome_trace");
  TAPER_CHECK_AS(ConfigError, p.options.trace,
                 "Profiler: export_chrome_trace needs the option trace");
  TraceFile trace(path);
  for (size_t i = 0; i < p.threads.size(); ++i) {
    add_thread(trace, i + 1, p.threads[i], p.begin);
  }
  for (const Impl::Step& step : p.marks) {
    const std::string time = microseconds(step.time - p.begin);
    trace.add(fmt::format("end of step {}", step.number), 1,
              fmt::format("\"ph\": \"i\", \"s\": \"p\", \"ts\": {}", time));
    trace.add("memory", 1,
              fmt::format("\"ph\": \"C\", \"ts\": {}, \"args\": {{\"allocated\": {}, "
                          "\"reserved\": {}}}",
                          time, step.memory.allocated, step.memory.reserved));
  }
  if (p.left_out > 0) {
    trace.add(
        fmt::format("{} calls left out: max_events", p.left_out.load()), 1,
        fmt::format("\"ph\": \"i\", \"s\": \"g\", \"ts\": {}", microseconds(p.end - p.begin)));
  }
  trace.finish();
}

}  // namespace taper::train
