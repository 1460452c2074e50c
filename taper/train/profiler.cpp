#include "taper/train/profiler.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <utility>

#include "taper/base/error.h"
#include "taper/base/spin_lock.h"
#include "taper/kernel/observer.h"
#include "taper/train/profiler_record.h"

namespace taper::train {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

int64_t now() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

// The one recording that may run.
class ProfilerHub final : KernelObserver {
 public:
  static ProfilerHub& instance() {
    static auto* const hub = new ProfilerHub;
    return *hub;
  }

  void start(Profiler::Impl& profiler);
  void stop(Profiler::Impl& profiler);

  /// Opens a call in this thread; returns how many are open then, 0 when the recording is over.
  size_t open(uint64_t session, std::string_view name, bool is_kernel);
  /// Ends the calls above and at a depth; of a kernel the innermost call.
  static void close(uint64_t session, size_t depth);

 private:
  void before(const char* kernel, Device) override {
    const uint64_t session = detail::profiler_session.load(std::memory_order_relaxed);
    if (session != 0) open(session, kernel, /*is_kernel=*/true);
  }
  void after(const char*, Device) override {
    const uint64_t session = detail::profiler_session.load(std::memory_order_relaxed);
    if (session != 0) close(session, 0);
  }
  // What a thread writes. It is never freed and serves later recordings, so that a thread that
  // comes late finds it; the number of the recording tells whether it still counts.
  struct ThreadLog {
    struct Open {
      const char* name;
      int64_t start, inner;
      bool is_kernel;
    };
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    uint64_t session = 0;
    Profiler::Impl* owner = nullptr;
    std::vector<Open> open;
    ThreadRecord record;
  };
  struct OwnLog {
    uint64_t session = 0;
    ThreadLog* log = nullptr;
  };
  ThreadLog* log_of(uint64_t session);
  ThreadLog* add_log();

  static thread_local OwnLog own_;
  std::mutex mutex_;
  Profiler::Impl* current_ = nullptr;
  std::vector<ThreadLog*> logs_, unused_;
  uint64_t sessions_ = 0;
};

constinit thread_local ProfilerHub::OwnLog ProfilerHub::own_;

void ProfilerHub::start(Profiler::Impl& profiler) {
  const std::lock_guard lock(mutex_);
  TAPER_CHECK_AS(ConfigError, current_ == nullptr, "Profiler: one is recording already");
  KernelObserver* other = set_kernel_observer(this);
  if (other != nullptr) {
    set_kernel_observer(other);
    taper::detail::fail<ConfigError>("Profiler: kernels have another observer already");
  }
  profiler.session = ++sessions_;
  profiler.threads.clear();
  profiler.marks.clear();
  profiler.steps = profiler.most_reserved = 0;
  profiler.kept = profiler.left_out = 0;
  profiler.begin = now();
  const bool begins = profiler.options.trace && profiler.options.wait == 0;
  profiler.trace_from = begins ? profiler.begin : kNever;
  current_ = &profiler;
  own_ = {profiler.session, add_log()};  // the thread that starts is the first one
  profiler.recording = true;
  detail::profiler_session = profiler.session;
}

void ProfilerHub::stop(Profiler::Impl& profiler) {
  const std::lock_guard lock(mutex_);
  if (current_ != &profiler) return;
  detail::profiler_session = 0;
  KernelObserver* other = set_kernel_observer(nullptr);
  if (other != this) set_kernel_observer(other);
  current_ = nullptr;
  profiler.end = now();
  for (ThreadLog* log : logs_) {
    const SpinLock held(log->busy);
    profiler.threads.push_back(std::exchange(log->record, {}));
    log->open.clear();
    log->session = 0;
    unused_.push_back(log);
  }
  logs_.clear();
  profiler.recording = false;
}

ProfilerHub::ThreadLog* ProfilerHub::add_log() {
  ThreadLog* log = unused_.empty() ? new ThreadLog : unused_.back();
  if (!unused_.empty()) unused_.pop_back();
  logs_.push_back(log);
  const SpinLock held(log->busy);
  log->session = current_->session;
  log->owner = current_;
  return log;
}

ProfilerHub::ThreadLog* ProfilerHub::log_of(uint64_t session) {
  if (own_.session == session) return own_.log;
  const std::lock_guard lock(mutex_);
  if (current_ == nullptr || current_->session != session) return nullptr;
  own_ = {session, add_log()};
  return own_.log;
}

size_t ProfilerHub::open(uint64_t session, std::string_view name, bool is_kernel) {
  ThreadLog* log = log_of(session);
  if (log == nullptr) return 0;
  const SpinLock held(log->busy);
  if (log->session != session) return 0;
  const char* kept = is_kernel ? name.data() : log->record.names.emplace(name).first->c_str();
  log->open.push_back({kept, now(), 0, is_kernel});
  return log->open.size();
}

void ProfilerHub::close(uint64_t session, size_t depth) {
  const int64_t end = now();
  if (own_.session != session) return;
  ThreadLog* log = own_.log;
  const SpinLock held(log->busy);
  if (log->session != session || log->open.size() < depth || log->open.empty()) return;
  if (depth != 0) log->open.resize(depth);
  const ThreadLog::Open call = log->open.back();
  if ((depth == 0) != call.is_kernel) return;  // the kernel began before the recording
  log->open.pop_back();
  const int64_t duration = end - call.start;
  if (!log->open.empty()) log->open.back().inner += duration;
  ThreadRecord::Totals& totals = log->record.totals[call.name];
  totals.is_kernel = call.is_kernel;
  ++totals.calls;
  totals.total += duration;
  totals.self += duration - call.inner;
  Profiler::Impl& owner = *log->owner;
  if (call.start < owner.trace_from.load(std::memory_order_relaxed)) return;
  const bool fits = owner.kept.fetch_add(1, std::memory_order_relaxed) < owner.options.max_events;
  if (!fits) {
    owner.left_out.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  log->record.events.push_back({call.name, call.start, duration, call.is_kernel});
}

void ProfilerSpan::open(std::string_view name) {
  depth_ = ProfilerHub::instance().open(session_, name, /*is_kernel=*/false);
}

void ProfilerSpan::close() {
  if (depth_ != 0) ProfilerHub::close(session_, depth_);
}

Profiler::Profiler(ProfilerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  TAPER_CHECK_AS(ConfigError, options.wait >= 0 && options.active >= 0 && options.max_events >= 0,
                 "Profiler: wait is ", options.wait, ", active is ", options.active,
                 " and max_events is ", options.max_events, ", expected 0 or more");
}

Profiler::~Profiler() { stop(); }

void Profiler::start() { ProfilerHub::instance().start(*impl_); }
void Profiler::stop() { ProfilerHub::instance().stop(*impl_); }
bool Profiler::is_recording() const { return impl_->recording; }
const ProfilerOptions& Profiler::options() const { return impl_->options; }

void Profiler::step() {
  Impl& p = *impl_;
  if (!p.recording) return;
  ++p.steps;
  const MemoryStats memory = memory_stats();
  p.most_reserved = std::max(p.most_reserved, memory.reserved);
  if (!p.options.trace || p.steps < p.options.wait) return;
  const int64_t done = p.steps - p.options.wait, time = now();
  if (done == 0) p.trace_from = time;
  if (p.trace_from == kNever) return;
  if (p.options.active > 0 && done == p.options.active) p.trace_from = kNever;
  p.marks.push_back({p.steps, time, memory});
}

void ProfileTraining::on_fit_start(const TrainerState&, TrainerControl&) { profiler_.start(); }
void ProfileTraining::on_step_end(const TrainerState&, TrainerControl&) { profiler_.step(); }
void ProfileTraining::on_fit_end(const TrainerState&, StopReason) { profiler_.stop(); }
void ProfileTraining::on_exception(const TrainerState&, const char*) { profiler_.stop(); }

}  // namespace taper::train
