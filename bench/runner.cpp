#include "runner.h"

#include <dlfcn.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "alloc_count.h"

namespace bench {
namespace {

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

// The other side is measured next: its turn must not begin while our team still spins.
void wait_until_idle() {
  double before = process_cpu_seconds();
  for (int attempt = 0; attempt < 100; ++attempt) {
    usleep(4000);
    double now = process_cpu_seconds();
    if (now - before < 0.0008) return;
    before = now;
  }
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[40];
  snprintf(text, sizeof text, "%.12g", value);
  return text;
}

class Worker {
 public:
  explicit Worker(Suite suite) : suite_(std::move(suite)) {}

  std::string answer(const std::string& command, std::istringstream& arguments) {
    if (command == "list") return list();
    std::string name;
    arguments >> name;
    if (command == "curve") return curve(name);
    select(name);
    if (command == "check") return check();
    if (command == "sample") {
      double seconds = 0.03;
      arguments >> seconds;
      return sample(seconds);
    }
    if (command == "steady") return steady();
    if (command == "drop") return drop();
    throw std::runtime_error("unknown command " + command);
  }

 private:
  // One row is alive at a time: the next request usually is for the same one.
  void select(const std::string& name) {
    if (row_ != nullptr && row_->name == name && body_) return;
    drop();
    auto found = std::find_if(suite_.rows.begin(), suite_.rows.end(),
                              [&](const Row& row) { return row.name == name; });
    if (found == suite_.rows.end()) throw std::runtime_error("unknown row " + name);
    row_ = &*found;
    body_ = row_->setup();
  }

  std::string drop() {
    body_.reset();
    row_ = nullptr;
    iterations_ = 0;
    return "{}";
  }

  std::string list() const {
    std::string rows;
    for (const Row& row : suite_.rows) {
      std::string threads;
      for (int count : row.threads)
        threads += (threads.empty() ? "" : ", ") + std::to_string(count);
      rows += (rows.empty() ? "" : ", ");
      rows += "{\"name\": " + quoted(row.name) + ", \"unit\": " + quoted(row.unit) +
              ", \"threads\": [" + threads + "], \"flop\": " + number(row.flop) +
              ", \"bytes\": " + number(row.bytes) +
              ", \"elements\": " + std::to_string(row.elements) +
              ", \"alternative_of\": " + quoted(row.alternative_of) + "}";
    }
    std::string curves;
    for (const Curve& curve : suite_.curves)
      curves += (curves.empty() ? "" : ", ") + quoted(curve.name);
    return "{\"library\": " + quoted(suite_.library) + ", \"rows\": [" + rows + "], \"curves\": [" +
           curves + "]}";
  }

  std::string curve(const std::string& name) const {
    for (const Curve& curve : suite_.curves) {
      if (curve.name != name) continue;
      std::string losses;
      for (double loss : curve.losses()) losses += (losses.empty() ? "" : ", ") + number(loss);
      return "{\"name\": " + quoted(name) + ", \"losses\": [" + losses + "]}";
    }
    throw std::runtime_error("unknown curve " + name);
  }

  std::string check() const {
    if (!body_->check) return "{\"check\": null}";
    Check check = body_->check();
    return "{\"check\": " + number(check.value) + ", \"check_scale\": " + number(check.scale) + "}";
  }

  // Doubles the count until a run lasts long enough to be scaled to the wanted time.
  void calibrate(double seconds) {
    body_->run(1);
    for (int64_t count = 1;; count *= 2) {
      Clock::time_point start = Clock::now();
      body_->run(count);
      double wall = seconds_since(start);
      if (wall < 0.25 * seconds) continue;
      double scaled = seconds / wall * static_cast<double>(count);
      iterations_ = std::max<int64_t>(1, static_cast<int64_t>(scaled));
      return;
    }
  }

  // Runs the calibrated count in up to nine parts and gives the median seconds per iteration: one
  // time slice taken by another process stops a whole team, and must not decide a sample.
  double run_in_parts() {
    std::vector<double> parts;
    int64_t wanted = std::min<int64_t>(9, iterations_);
    for (int64_t part = 0; part < wanted; ++part) {
      int64_t count = iterations_ * (part + 1) / wanted - iterations_ * part / wanted;
      parts.push_back(body_->run(count) / static_cast<double>(count));
    }
    auto middle = parts.begin() + static_cast<std::ptrdiff_t>(parts.size() / 2);
    std::nth_element(parts.begin(), middle, parts.end());
    return *middle;
  }

  std::string sample(double seconds) {
    if (iterations_ == 0) calibrate(seconds);
    body_->run(std::max<int64_t>(1, iterations_ / 8));
    int64_t faults = page_faults();
    double cpu = process_cpu_seconds();
    Clock::time_point start = Clock::now();
    double per_iteration = run_in_parts();
    double wall = seconds_since(start);
    cpu = process_cpu_seconds() - cpu;
    faults = page_faults() - faults;
    wait_until_idle();
    double count = static_cast<double>(iterations_);
    return "{\"name\": " + quoted(row_->name) + ", \"seconds_per_iter\": " + number(per_iteration) +
           ", \"cpu_over_wall\": " + number(cpu / wall) +
           ", \"faults_per_iter\": " + number(static_cast<double>(faults) / count) +
           ", \"iterations\": " + std::to_string(iterations_) + "}";
  }

  // Counts what a steady step asks of the system, with the preloaded counter when it is there.
  std::string steady() {
    constexpr int64_t kWarmUp = 30, kSteps = 50;
    auto begin = reinterpret_cast<AllocCountBegin>(dlsym(RTLD_DEFAULT, "bench_alloc_begin"));
    auto end = reinterpret_cast<AllocCountEnd>(dlsym(RTLD_DEFAULT, "bench_alloc_end"));
    if (begin == nullptr || end == nullptr) throw std::runtime_error("counter is not loaded");
    body_->run(kWarmUp);
    AllocCounts counts{};
    begin();
    int64_t faults = page_faults();
    body_->run(kSteps);
    faults = page_faults() - faults;
    end(&counts);
    auto per_step = [](int64_t count) {
      return number(static_cast<double>(count) / static_cast<double>(kSteps));
    };
    return "{\"name\": " + quoted(row_->name) + ", \"own_malloc\": " + per_step(counts.own_malloc) +
           ", \"own_mmap\": " + per_step(counts.own_mmap) +
           ", \"onednn_malloc\": " + per_step(counts.onednn_malloc) +
           ", \"openblas_malloc\": " + per_step(counts.openblas_malloc) +
           ", \"other_malloc\": " + per_step(counts.other_malloc) +
           ", \"library_mmap\": " + per_step(counts.library_mmap) +
           ", \"faults\": " + per_step(faults) + ", \"sites\": " + quoted(counts.sites) + "}";
  }

  Suite suite_;
  const Row* row_ = nullptr;
  std::optional<Body> body_;
  int64_t iterations_ = 0;
};

}  // namespace

int serve(Suite suite) {
  Worker worker(std::move(suite));
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream arguments(line);
    std::string command;
    arguments >> command;
    if (command == "quit") break;
    std::string reply;
    try {
      reply = worker.answer(command, arguments);
    } catch (const std::exception& error) {
      reply = "{\"error\": " + quoted(error.what()) + "}";
    }
    printf("%s\n", reply.c_str());
    fflush(stdout);
  }
  return 0;
}

}  // namespace bench
