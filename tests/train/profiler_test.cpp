#include "taper/train/profiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"
#include "taper/kernel/observer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::train {
namespace {

using namespace taper::testing;

const ProfileRow* find_row(const ProfileAverages& averages, const std::string& name) {
  for (const ProfileRow& row : averages.rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// A product within a span within a span.
void work(int times = 1) {
  const Tensor x = ones({40, 40});
  for (int i = 0; i < times; ++i) {
    const ProfilerSpan outer("outer");
    const ProfilerSpan inner("inner");
    x.mm(x);
  }
}

TEST(Profiler, CountsSpansAndKernels) {
  work();  // before the start: not counted
  Profiler profiler;
  EXPECT_FALSE(profiler.is_recording());
  profiler.start();
  EXPECT_TRUE(profiler.is_recording());
  work(3);
  profiler.stop();
  work();
  const ProfileAverages averages = profiler.key_averages();
  const ProfileRow *outer = find_row(averages, "outer"), *inner = find_row(averages, "inner");
  ASSERT_TRUE(outer != nullptr && inner != nullptr) << averages.table();
  EXPECT_EQ(outer->calls, 3);
  EXPECT_FALSE(outer->is_kernel);
  EXPECT_EQ(inner->calls, 3);
  EXPECT_NEAR(outer->self, outer->total - inner->total, 1e-12);
  EXPECT_DOUBLE_EQ(outer->mean(), outer->total / 3);
  double kernels = 0, self = 0;
  for (const ProfileRow& row : averages.rows()) {
    if (row.is_kernel) kernels += static_cast<double>(row.calls);
    if (&row != &averages.rows()[0]) {
      EXPECT_LE(row.self, (&row - 1)->self) << "sorted";
    }
    self += row.self;
  }
  EXPECT_GE(kernels, 3);
  EXPECT_GE(self, outer->total) << "the kernel that made the ones stands apart";
}

TEST(Profiler, AStartForgetsWhatWasBefore) {
  Profiler profiler;
  profiler.start();
  work(2);
  profiler.stop();
  profiler.stop();
  profiler.start();
  work();
  profiler.stop();
  EXPECT_EQ(find_row(profiler.key_averages(), "outer")->calls, 1);
}

TEST(Profiler, OneAtATime) {
  Profiler profiler, other;
  profiler.start();
  EXPECT_ERROR(ConfigError, other.start(), "one is recording already");
  EXPECT_ERROR(ConfigError, profiler.start(), "one is recording already");
  EXPECT_ERROR(ConfigError, profiler.key_averages(), "while it records");
  other.stop();
  EXPECT_TRUE(profiler.is_recording());
  {
    Profiler short_lived;
    profiler.stop();
    short_lived.start();
  }
  struct Observer : KernelObserver {
    void before(const char*, Device) override {}
    void after(const char*, Device) override {}
  } observer;
  ASSERT_EQ(set_kernel_observer(&observer), nullptr) << "a destroyed profiler has stopped";
  EXPECT_ERROR(ConfigError, profiler.start(), "another observer");
  EXPECT_EQ(set_kernel_observer(nullptr), &observer);
}

TEST(Profiler, SpansThatDoNotFitTheRecording) {
  Profiler profiler;
  auto early = std::make_unique<ProfilerSpan>("early");
  profiler.start();
  auto first = std::make_unique<ProfilerSpan>("first");
  auto second = std::make_unique<ProfilerSpan>("second");
  early.reset();
  first.reset();  // with what is within it
  second.reset();
  auto open = std::make_unique<ProfilerSpan>("open");
  profiler.stop();
  open.reset();
  const ProfileAverages averages = profiler.key_averages();
  ASSERT_EQ(averages.rows().size(), 1U) << averages.table();
  EXPECT_EQ(averages.rows()[0].name, "first");
}

TEST(Profiler, TableSortsAndEnds) {
  const ProfileAverages averages(
      {{"many", false, 9, 2, 1}, {"long name", true, 2, 3, 0.002}, {"quick", true, 4, 1, 4e-6}},
      "recorded 6 s");
  EXPECT_EQ(averages.table("count", 2),
            "name       kind        calls        total         self         mean   share\n"
            "many       span            9      2.000 s      1.000 s   222.222 ms  99.8 %\n"
            "quick      kernel          4      1.000 s     4.000 us   250.000 ms   0.0 %\n"
            "and 1 more\nrecorded 6 s\n");
  const auto first = [&](const char* by) {
    const std::string table = averages.table(by);
    const size_t line = table.find('\n') + 1;
    return table.substr(line, table.find("  ", line) - line);
  };
  EXPECT_EQ(first("self_cpu_time_total"), "many");
  EXPECT_EQ(first("cpu_time_total"), "long name");
  EXPECT_EQ(first("cpu_time"), "long name");
  EXPECT_ERROR(ConfigError, averages.table("time"), "got sort_by 'time', expected");
  EXPECT_ERROR(ConfigError, ProfileAverages({}, "").table("time"), "got sort_by 'time'");
  EXPECT_ERROR(ConfigError, averages.table("count", 0), "row_limit 0");
}

nlohmann::json trace_of(const Profiler& profiler) {
  TempFolder folder;
  const std::string path = folder / "trace.json";
  profiler.export_chrome_trace(path);
  return nlohmann::json::parse(slurp(path)).at("traceEvents");
}

std::vector<nlohmann::json> of_phase(const nlohmann::json& events, const std::string& phase) {
  std::vector<nlohmann::json> found;
  std::copy_if(events.begin(), events.end(), std::back_inserter(found),
               [&](const nlohmann::json& event) { return event.at("ph") == phase; });
  return found;
}

TEST(Profiler, TraceIsChromes) {
  Profiler profiler;
  profiler.start();
  {
    const ProfilerSpan odd("odd \"name\"\n\xff");
    work();
  }
  profiler.step();
  profiler.stop();
  const nlohmann::json events = trace_of(profiler);
  for (const nlohmann::json& event : events) {
    EXPECT_EQ(event.at("pid"), process_id());
    EXPECT_EQ(event.at("tid"), 1);
    EXPECT_TRUE(event.at("name").is_string());
  }
  const auto names = of_phase(events, "M");
  ASSERT_EQ(names.size(), 1U);
  EXPECT_EQ(names[0].at("name"), "thread_name");
  EXPECT_EQ(names[0].at("args").at("name"), "main");
  // Complete events stand within one another.
  std::map<std::string, std::pair<double, double>> spans;
  for (const nlohmann::json& event : of_phase(events, "X")) {
    const double start = event.at("ts"), duration = event.at("dur");
    EXPECT_GE(start, 0);
    EXPECT_GE(duration, 0);
    if (event.at("cat") == "span") spans[event.at("name")] = {start, start + duration};
  }
  ASSERT_EQ(spans.size(), 3U);
  const auto odd = spans.at("odd \"name\"\n\xef\xbf\xbd"), outer = spans.at("outer"),
             inner = spans.at("inner");
  EXPECT_TRUE(odd.first <= outer.first && outer.first <= inner.first);
  EXPECT_TRUE(odd.second >= outer.second && outer.second >= inner.second);
  const auto memory = of_phase(events, "C");
  ASSERT_EQ(memory.size(), 1U);
  EXPECT_GE(memory[0].at("args").at("reserved"), memory[0].at("args").at("allocated"));
  EXPECT_EQ(of_phase(events, "i").at(0).at("name"), "end of step 1");
}

int64_t outer_calls_in_trace(const Profiler& profiler) {
  const auto events = of_phase(trace_of(profiler), "X");
  return std::count_if(events.begin(), events.end(),
                       [](const nlohmann::json& event) { return event.at("name") == "outer"; });
}

TEST(Profiler, TraceHasAWindowOfSteps) {
  Profiler profiler({.wait = 2, .active = 3});
  profiler.start();
  for (int i = 0; i < 9; ++i) {
    work();
    profiler.step();
  }
  profiler.stop();
  EXPECT_EQ(outer_calls_in_trace(profiler), 3);
  EXPECT_EQ(of_phase(trace_of(profiler), "C").size(), 4U) << "at both ends and in between";
  EXPECT_EQ(find_row(profiler.key_averages(), "outer")->calls, 9);
  EXPECT_NE(profiler.key_averages().table().find(", 9 steps, at most "), std::string::npos);

  Profiler most({.max_events = 2});
  most.start();
  work(5);
  most.stop();
  EXPECT_EQ(of_phase(trace_of(most), "X").size(), 2U);
  const std::string last = trace_of(most).back().at("name");
  EXPECT_NE(last.find(" calls left out"), std::string::npos) << last;

  Profiler none({.trace = false});
  none.start();
  work();
  none.stop();
  EXPECT_ERROR(ConfigError, none.export_chrome_trace("x"), "needs the option trace");
  EXPECT_ERROR(IoError, most.export_chrome_trace("/no/such/folder/x"), "/no/such/folder");
  EXPECT_ERROR(ConfigError, Profiler({.wait = -1}), "wait is -1");
}

TEST(ProfilerThreads, CallsOfAllThreadsAreCounted) {
  Profiler profiler;
  profiler.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([] { work(20); });
  for (std::thread& thread : threads) thread.join();
  work(20);
  profiler.stop();
  EXPECT_EQ(find_row(profiler.key_averages(), "outer")->calls, 80);
  EXPECT_EQ(outer_calls_in_trace(profiler), 80);
  EXPECT_EQ(of_phase(trace_of(profiler), "M").size(), 4U) << "a name for each thread";
}

TEST(ProfilerThreads, StartsAndStopsWhileOthersWork) {
  std::atomic<bool> ends{false};
  std::atomic<int> at_work{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      work();
      for (++at_work; !ends;) work();
    });
  }
  while (at_work < 2) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) {
    Profiler profiler;
    profiler.start();
    work(2);
    profiler.stop();
    const ProfileAverages averages = profiler.key_averages();
    EXPECT_GE(find_row(averages, "outer")->calls, 2);
    for (const ProfileRow& row : averages.rows()) {
      EXPECT_GE(row.self, 0) << row.name;
      EXPECT_LE(row.self, row.total) << row.name;
    }
  }
  ends = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(Profiler, ShowsTheStepsOfATraining) {
  TempFolder folder;
  const auto weights_after = [&](const std::shared_ptr<ProfileTraining>& profile) {
    TrainerParts parts = small_parts();
    if (profile != nullptr) parts.callbacks.push_back(profile);
    TrainerOptions options = full_options();
    options.checkpoint.folder = folder / (profile == nullptr ? "a" : "b");
    options.epochs = 2;
    Trainer trainer(std::move(parts), options);
    trainer.fit(small_batches(0), small_validation());
    return final_state(trainer);
  };
  const auto profile = std::make_shared<ProfileTraining>();
  EXPECT_TRUE(same_state(weights_after(nullptr), weights_after(profile)));
  EXPECT_FALSE(profile->profiler().is_recording());
  const ProfileAverages averages = profile->profiler().key_averages();
  for (const auto& [name, calls] : std::map<std::string, int64_t>{{"step", 6},
                                                                  {"backward", 10},
                                                                  {"optimizer", 6},
                                                                  {"clipping", 6},
                                                                  {"validation", 2},
                                                                  {"checkpoint", 2},
                                                                  {"forward", 14},
                                                                  {"loss", 14},
                                                                  {"metrics", 14}}) {
    const ProfileRow* row = find_row(averages, name);
    ASSERT_NE(row, nullptr) << name << "\n" << averages.table();
    EXPECT_EQ(row->calls, calls) << name;
    EXPECT_FALSE(row->is_kernel);
  }
  EXPECT_NE(find_row(averages, "data"), nullptr);
  EXPECT_NE(find_row(averages, "callbacks"), nullptr);
}

TEST(Profiler, ATrainingThatThrowsEndsTheRecording) {
  const auto profile = std::make_shared<ProfileTraining>();
  TrainerParts parts = small_parts();
  parts.loss = [](const Tensor&, const Tensor&) -> Tensor {
    taper::detail::fail<Error>("no loss");
  };
  parts.callbacks = {profile};
  Trainer trainer(std::move(parts), quiet_options());
  EXPECT_ERROR(Error, trainer.fit(small_batches(0)), "no loss");
  EXPECT_FALSE(profile->profiler().is_recording());
  EXPECT_NE(find_row(profile->profiler().key_averages(), "forward"), nullptr);
}

}  // namespace
}  // namespace taper::train
