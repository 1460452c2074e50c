#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// How a Progress shows itself.
struct ProgressOptions {
  enum class Style {
    kAuto,   ///< kBar on a terminal, kLines elsewhere
    kBar,    ///< one line that is drawn again
    kLines,  ///< whole lines, few of them
    kSilent
  };
  Style style = Style::kAuto;
  /// What is counted, for the rate.
  std::string unit = "images";
  /// Least seconds between two drawings of the bar, and between two lines.
  double bar_interval = 0.1;
  double line_interval = 10.0;
  /// File descriptor; 1: standard output.
  int output = 1;
  /// Seconds from any start; the system's monotonic clock unless replaced by a test.
  double (*clock)() = nullptr;
};

/// A named figure shown beside the rate.
using ProgressValues = std::vector<std::pair<std::string, double>>;

/// Shows how far a loop has come: a live bar with rate, figures and time left on a terminal, plain
/// lines elsewhere. Output that cannot be written is dropped. Not for several threads at once.
class Progress {
 public:
  /// total 0: unknown, no bar and no time left.
  explicit Progress(std::string title, int64_t total, ProgressOptions options = {});
  /// Calls finish(), unless an exception is on its way; then it only ends the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Counts amount more; draws when it is time to. The figures replace the ones before.
  void update(int64_t amount, const ProgressValues& values = {});
  /// Draws the last state and ends the line. Further calls do nothing.
  void finish();

  int64_t done() const;
  /// Since the start, until finish().
  double seconds() const;
  /// Units per second of that time.
  double rate() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace train
}  // namespace taper
