#include "taper/train/run_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "taper/base/error.h"
#include "taper/base/version.h"
#include "taper/train/environment.h"
#include "taper/train/events.h"
#include "taper/train/metrics_table.h"
#include "taper/train/recorder.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

namespace fs = std::filesystem;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

TEST(RunFolder, IsMadeWithItsFoldersAndTheLinkToTheLatest) {
  TempFolder root;
  const fs::path before = fs::current_path();
  const RunFolder first = RunFolder::create(root / "runs", "Größe 1");
  const RunFolder second = RunFolder::create(root / "runs", "Größe 1");
  EXPECT_EQ(fs::current_path(), before);
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(first.name(), "Größe 1");
  EXPECT_EQ(first.id().size(), std::string("20261123-181506-abcd").size());
  EXPECT_EQ(first.id()[8], '-');
  for (const std::string& inner : {first.tensorboard(), first.checkpoints(), first.plots()}) {
    EXPECT_TRUE(fs::is_directory(inner)) << inner;
  }
  const std::string link = root / "runs/Größe 1/latest";
  EXPECT_EQ(fs::read_symlink(link), second.id());
  const RunFolder opened = RunFolder::open(link);
  EXPECT_EQ(opened.id(), second.id());
  EXPECT_EQ(opened.name(), "Größe 1");
}

TEST(RunFolder, RefusesNamesThatAreNoFileNames) {
  TempFolder root;
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string(".."), std::string(".hidden"),
        std::string("a\\b"), std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"),
        std::string("latest"), std::string(201, 'a'), std::string("\xff")}) {
    EXPECT_ERROR(ConfigError, RunFolder::create(root / "runs", name), "RunFolder: got the name ");
  }
  EXPECT_EQ(root.count(), 0);
}

TEST(RunFolder, OpenRefusesOtherFolders) {
  TempFolder root;
  EXPECT_ERROR(IoError, RunFolder::open(root / "none"), "none");
  EXPECT_ERROR(IoError, RunFolder::open(root.path().string()), "expected one that a run made");
}

TEST(RunFolder, ALatestThatIsNoLinkIsKept) {
  TempFolder root;
  fs::create_directories(root / "runs/a/latest");
  EXPECT_ERROR(IoError, RunFolder::create(root / "runs", "a"), "it is no symbolic link");
}

TEST(RunFolder, KeepsConfigOverridesAndEveryEnvironment) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  folder.write_config("{\"a\": 1}\n");
  folder.write_overrides({"lr=1", "x=y z"});
  Environment environment;
  environment.host = "here";
  environment.command = {"prog", "a \"b\""};
  folder.write_environment(environment);
  folder.write_environment(environment);
  EXPECT_EQ(slurp(folder.config()), "{\"a\": 1}\n");
  EXPECT_EQ(slurp(folder.overrides()), "lr=1\nx=y z\n");
  const auto json = nlohmann::json::parse(slurp(folder / "env-2.json"));
  EXPECT_EQ(json, nlohmann::json::parse(slurp(folder.environment())));
  EXPECT_EQ(json.at("host"), "here");
  EXPECT_EQ(json.at("command")[1], "a \"b\"");
  EXPECT_TRUE(json.at("seed").is_null());
}

TEST(Environment, KnowsThisProcess) {
  const Environment environment = capture_environment(~uint64_t{0});
  const auto json = nlohmann::json::parse(environment.json());
  EXPECT_EQ(json.at("seed").get<uint64_t>(), ~uint64_t{0});
  EXPECT_EQ(json.at("taper_version"), version());
  EXPECT_GE(json.at("processors").get<int>(), 1);
  EXPECT_GE(json.at("threads").get<int>(), 1);
  ASSERT_FALSE(environment.command.empty());
  EXPECT_NE(environment.command[0].find("taper_train_tests"), std::string::npos);
  EXPECT_EQ(environment.time[10], 'T');
}

TEST(Recorder, WritesEveryFileAndGoesOnAfterAStep) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  {
    Recorder recorder(folder);
    for (int64_t step = 1; step <= 5; ++step) {
      recorder.write(step, 0.5,
                     {{"train/loss", 1.0 / static_cast<double>(step)}, {"note", "a\nb"}});
    }
    recorder.flush();
    EXPECT_ERROR(ConfigError, recorder.write(4, 1, {}), "got step 4 after step 5");
  }
  // The process dies in the middle of a line.
  spill(folder.metrics(), slurp(folder.metrics()) + "{\"step\":6,\"tr");
  spill(folder.csv(), slurp(folder.csv()) + "6,0.5,\"12");
  RecorderOptions options;
  options.resume_step = 3;
  Recorder recorder(folder, options);
  EXPECT_ERROR(ConfigError, recorder.write(2, 1, {}), "got step 2 after step 3");
  recorder.write(4, 1, {{"train/loss", 7}});
  recorder.flush();

  const std::vector<MetricSeries> metrics = read_metrics(folder.metrics());
  const MetricSeries* loss = find_series(metrics, "train/loss");
  ASSERT_NE(loss, nullptr);
  EXPECT_EQ(loss->steps, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(loss->values, (std::vector<double>{1, 0.5, 1.0 / 3, 7}));
  EXPECT_EQ(find_series(metrics, "note"), nullptr);
  const std::string csv = slurp(folder.csv());
  EXPECT_EQ(csv.rfind("step,epoch,time,train/loss,note\n1,0.5,", 0), 0u) << csv;
  EXPECT_NE(csv.find("\n4,1,"), std::string::npos) << csv;
  EXPECT_EQ(csv.find("\n5,"), std::string::npos) << csv;

  const std::vector<Event> events = read_events(recorder.events()->path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].kind, Event::Kind::kRestart);
  EXPECT_EQ(events[1].step, 4);
  EXPECT_EQ(events[2].tag, "train/loss");
  EXPECT_EQ(events[2].value, 7);
}

TEST(RunFolder, RewindKeepsRowsUpToTheStep) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  const std::string rows = "epoch,step,x\n0,1,\n0,2,5\n0,2,6\n1,4,\n";
  for (const std::string& last :
       {std::string(), std::string("1,5"), std::string("1,5,\"a\nb\"\n")}) {
    for (const auto& [step, kept] : std::vector<std::pair<int64_t, size_t>>{
             {0, 13}, {1, 18}, {2, 30}, {3, 30}, {4, rows.size()}}) {
      spill(folder.csv(), rows + last);
      folder.rewind(step);
      EXPECT_EQ(slurp(folder.csv()), rows.substr(0, kept)) << step << last;
    }
  }
}

TEST(Recorder, WritesOnlyWhatIsAskedFor) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  RecorderOptions options;
  options.csv = options.tensorboard = false;
  Recorder recorder(folder, options);
  recorder.write(1, 0, {{"a", 1}});
  recorder.flush();
  EXPECT_EQ(recorder.events(), nullptr);
  EXPECT_FALSE(fs::exists(folder.csv()));
  EXPECT_TRUE(fs::is_empty(folder.tensorboard()));
  EXPECT_EQ(read_metrics(folder.metrics()).size(), 3u);
}

TEST(RunFolder, RewindNamesADamagedLine) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  spill(folder.metrics(), "{\"step\":1}\n{\"step\":2]\n{\"step\":3}\n");
  folder.rewind(3);
  EXPECT_ERROR(IoError, folder.rewind(1), "metrics.jsonl' line 2: ");
  spill(folder.metrics(), "{\"step\":1}\n{\"step\":2}\n{\"st");
  folder.rewind(0);
  EXPECT_EQ(slurp(folder.metrics()), "");
}

struct BadLine {
  const char* text;
  const char* error;
};

TEST(ReadMetrics, NamesTheLineOfWhatIsWrong) {
  TempFolder root;
  const std::string path = root / "metrics.jsonl";
  const std::string start = "{\"step\":4,\"a\":1}\n";
  for (const BadLine& bad :
       {BadLine{"{\"step\":5,\"a\":1", "line 2: it is cut off"},
        BadLine{"{\"step\":5,\"a\":}\n", "line 2: no JSON"}, BadLine{"\n", "line 2: no JSON"},
        BadLine{"[1]\n", "line 2: it is no object"}, BadLine{"3\n", "line 2: it is no object"},
        BadLine{"\"x\"\n", "line 2: it is no object"},
        BadLine{"{\"b\":[1]}\n", "line 2: the value of 'b' is a list"},
        BadLine{"{\"b\":{}}\n", "line 2: the value of 'b' is an object"},
        BadLine{"{\"step\":1.5}\n", "line 2: the step is no whole number"},
        BadLine{"{\"step\":\"5\"}\n", "line 2: the step is no whole number"},
        BadLine{"{\"step\":3}\n", "line 2: the step goes back from 4 to 3"},
        BadLine{"{\"step\":5,\"a\":1,\"a\":2}\n", "'a' comes twice"},
        BadLine{"{\"a\":1e999}\n", "line 2: no JSON"},
        BadLine{"{\"a\xff\":1}\n", "line 2: no JSON"},
        BadLine{"{\"a\":1} {}\n", "line 2: no JSON"}}) {
    spill(path, start + bad.text);
    EXPECT_ERROR(IoError, read_metrics(path), bad.error);
  }
  spill(path, start + std::string(100'000, '[') + "\n");
  EXPECT_ERROR(IoError, read_metrics(path), "line 2: it is no object");
  EXPECT_ERROR(IoError, read_metrics(root / "none"), "none");
}

TEST(ReadMetrics, TakesNullTruthAndLinesWithoutStep) {
  TempFolder root;
  const std::string path = root / "metrics.jsonl";
  spill(path, "{\"a\":null}\n{\"a\":true,\"b\":2}\n");
  const std::vector<MetricSeries> series = read_metrics(path);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_TRUE(std::isnan(series[0].values[0]));
  EXPECT_EQ(series[0].values[1], 1);
  EXPECT_EQ(series[1].steps, std::vector<double>{2});
  spill(path, "");
  EXPECT_TRUE(read_metrics(path).empty());
}

}  // namespace
}  // namespace taper::train
