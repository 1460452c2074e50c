#include "taper/train/progress.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <exception>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"
#include "taper/train/number_text.h"

namespace taper::train {
namespace {

// Four significant digits, in plain form where that is short; std::to_chars ignores the locale.
std::string figure(double value) {
  if (!std::isfinite(value)) return str(value);
  char buffer[32];
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e6);
  const int digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 4;
  const auto end =
      plain
          ? std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed, digits)
          : std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific, 2);
  return std::string(buffer, end.ptr);
}

// 75 s as 1:15.
std::string clock_time(double seconds) {
  if (!(seconds < 360'000)) return "--:--";
  const int64_t all = static_cast<int64_t>(seconds + 0.5);
  auto two = [](int64_t v) { return str(v < 10 ? "0" : "", v); };
  if (all < 3600) return str(all / 60, ':', two(all % 60));
  return str(all / 3600, ':', two(all / 60 % 60), ':', two(all % 60));
}

}  // namespace

struct Progress::Impl {
  std::string title;
  int64_t total;
  ProgressOptions options;
  double (*clock)();
  double start;
  double last_drawn;
  int64_t done = 0;
  ProgressValues values = {};
  bool finished = false;
  double end = 0;  // of the clock, once finished
  int exceptions = std::uncaught_exceptions();

  double seconds() const { return (finished ? end : clock()) - start; }
  double rate(double elapsed) const {
    return elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  }

  // What stands right of the bar. At the end the time that was taken stands where the time left
  // was.
  std::string figures(double elapsed, bool last) const {
    std::string text = total > 0 ? str(grouped(done), '/', grouped(total)) : grouped(done);
    const double speed = rate(elapsed);
    text += str("  ", speed < 10 ? figure(speed) : grouped(std::llround(std::min(speed, 1e15))),
                ' ', options.unit, "/s");
    for (const auto& [name, value] : values) text += str("  ", name, ' ', figure(value));
    if (last) {
      text += str("  in ", clock_time(elapsed));
    } else if (total > 0) {
      const double left = static_cast<double>(std::max<int64_t>(total - done, 0));
      text += str("  ETA ", speed > 0 ? clock_time(left / speed) : "--:--");
    }
    return text;
  }

  std::string bar_line(double elapsed, bool last) const {
    std::string line = title;
    const std::string right = figures(elapsed, last);
    const int known = terminal_columns(options.output);
    const size_t columns = known > 0 ? static_cast<size_t>(known) : 80;
    if (total > 0) {
      const double share =
          std::clamp(static_cast<double>(done) / static_cast<double>(total), 0., 1.);
      constexpr size_t kWidest = 30, kFrame = 12;  // brackets, percentage, spaces
      const size_t used = title.size() + right.size() + kFrame;
      const size_t width = columns > used ? std::min(kWidest, columns - used) : 0;
      if (width >= 5) {
        const size_t full = static_cast<size_t>(share * static_cast<double>(width));
        line += str(" [", std::string(full, '#'), std::string(width - full, '-'), ']');
      }
      const std::string percent = str(static_cast<int64_t>(share * 100), '%');
      line += std::string(6 - percent.size(), ' ') + percent;
    }
    line += "  " + right;
    // A line that wraps could not be drawn over.
    return line.substr(0, columns - 1);
  }

  void draw(bool last) {
    const double elapsed = seconds();
    // What the program printed through stdio comes first.
    if (options.output == 1) std::fflush(stdout);
    if (options.style == ProgressOptions::Style::kBar) {
      write_output(options.output, str('\r', bar_line(elapsed, last), "\x1b[K", last ? "\n" : ""));
    } else {
      write_output(options.output, str(title, "  ", figures(elapsed, last), '\n'));
    }
    last_drawn = clock();
  }
};

Progress::Progress(std::string title, int64_t total, ProgressOptions options)
    : impl_(new Impl{std::move(title), total, std::move(options), nullptr, 0, 0}) {
  TAPER_CHECK(total >= 0, "Progress: total must not be negative, got ", total);
  Impl& p = *impl_;
  p.clock = p.options.clock != nullptr ? p.options.clock : &monotonic_seconds;
  p.start = p.last_drawn = p.clock();
  if (p.options.style == ProgressOptions::Style::kAuto) {
    p.options.style = is_terminal(p.options.output) ? ProgressOptions::Style::kBar
                                                    : ProgressOptions::Style::kLines;
  }
}

Progress::~Progress() {
  Impl& p = *impl_;
  if (p.finished) return;
  if (std::uncaught_exceptions() > p.exceptions) {
    if (p.options.style == ProgressOptions::Style::kBar) write_output(p.options.output, "\n");
  } else {
    finish();
  }
}

void Progress::update(int64_t amount, const ProgressValues& values) {
  Impl& p = *impl_;
  if (p.finished) return;
  p.done += amount;
  if (!values.empty()) p.values = values;
  using Style = ProgressOptions::Style;
  if (p.options.style == Style::kSilent) return;
  const double interval =
      p.options.style == Style::kBar ? p.options.bar_interval : p.options.line_interval;
  if (p.clock() - p.last_drawn >= interval) p.draw(false);
}

void Progress::finish() {
  Impl& p = *impl_;
  if (p.finished) return;
  p.finished = true;
  p.end = p.clock();
  if (p.options.style != ProgressOptions::Style::kSilent) p.draw(true);
}

int64_t Progress::done() const { return impl_->done; }
double Progress::seconds() const { return impl_->seconds(); }
double Progress::rate() const { return impl_->rate(impl_->seconds()); }

}  // namespace taper::train
