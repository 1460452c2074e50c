#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "taper/train/callback.h"

namespace taper TAPER_API {
namespace train {

namespace detail {
/// The number of the recording that runs; 0: none.
inline constinit std::atomic<uint64_t> profiler_session{0};
}  // namespace detail

/// A part of a program with a name, from its making to its end, for the profiler: PyTorch's
/// `record_function`. Spans of a thread stand within one another. Without a profiler that runs it
/// costs the reading of a number.
class ProfilerSpan {
 public:
  explicit ProfilerSpan(std::string_view name)
      : session_(detail::profiler_session.load(std::memory_order_relaxed)) {
    if (session_ != 0) [[unlikely]]
      open(name);
  }
  ~ProfilerSpan() {
    if (session_ != 0) [[unlikely]]
      close();
  }
  ProfilerSpan(const ProfilerSpan&) = delete;
  ProfilerSpan& operator=(const ProfilerSpan&) = delete;

 private:
  void open(std::string_view name);
  void close();

  uint64_t session_;
  size_t depth_ = 0;
};

/// The calls of one name, over all threads. Times are seconds.
struct ProfileRow {
  std::string name;
  bool is_kernel = false;  ///< otherwise a span
  int64_t calls = 0;
  double total = 0;
  double self = 0;  ///< without what was within
  double mean() const { return total / static_cast<double>(calls); }
};

/// What a profiler has seen, by names.
class ProfileAverages {
 public:
  ProfileAverages(std::vector<ProfileRow> rows, std::string note)
      : rows_(std::move(rows)), note_(std::move(note)) {}

  /// Most time of their own first.
  const std::vector<ProfileRow>& rows() const { return rows_; }
  /// A table of the first row_limit rows: calls, total, self, mean, and the share of all time.
  /// sort_by: "self_cpu_time_total", "cpu_time_total", "cpu_time" (the mean) or "count". Throws
  /// ConfigError on another one and on a limit below 1.
  std::string table(std::string_view sort_by = "self_cpu_time_total",
                    int64_t row_limit = 100) const;

 private:
  std::vector<ProfileRow> rows_;
  std::string note_;
};

/// What a profiler keeps. Averages are of all that is recorded; these bound the trace, of which
/// every call takes 32 bytes.
struct ProfilerOptions {
  bool trace = true;
  /// Steps before the trace begins, and steps in it; 0: all.
  int64_t wait = 0;
  int64_t active = 0;
  /// Further calls are counted and left out.
  int64_t max_events = 1'000'000;
};

/// Records what a program does: each kernel that is called, and each ProfilerSpan, in any thread.
/// One records at a time.
class Profiler {
 public:
  /// Throws ConfigError on options out of range.
  explicit Profiler(ProfilerOptions options = {});
  /// Stops.
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Begins; what was recorded before goes. Throws ConfigError while another one records.
  void start();
  /// Ends; spans that are still open are left out. Nothing happens when it does not record.
  void stop();
  bool is_recording() const;
  const ProfilerOptions& options() const;
  /// The end of a training step; called by one thread.
  void step();

  /// Throw ConfigError while it records.
  ProfileAverages key_averages() const;
  /// Writes JSON for chrome://tracing and Perfetto, with the memory of tensors at each step. Throws
  /// IoError, and ConfigError without a trace.
  void export_chrome_trace(const std::string& path) const;

 private:
  friend class ProfilerHub;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Records a training from its first step to its end.
class ProfileTraining final : public Callback {
 public:
  explicit ProfileTraining(ProfilerOptions options = {}) : profiler_(options) {}

  void on_fit_start(const TrainerState& state, TrainerControl& control) override;
  void on_step_end(const TrainerState& state, TrainerControl& control) override;
  void on_fit_end(const TrainerState& state, StopReason reason) override;
  void on_exception(const TrainerState& state, const char* what) override;

  const Profiler& profiler() const { return profiler_; }

 private:
  Profiler profiler_;
};

}  // namespace train
}  // namespace taper
