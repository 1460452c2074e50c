// The command line of a project: what its verbs do, leave behind and return.
#include "taper/train/app.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <stdexcept>

#include "gtest/gtest.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/data/data.h"
#include "taper/io/png.h"
#include "taper/nn/nn.h"
#include "taper/taper.h"
#include "taper/train/train.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

// Squares of two classes, as pictures.
struct SquareArgs {
  int64_t samples = 40;
  bool validates = true;
  void fields(Fields& f) {
    f("samples", samples, "how many").min(2);
    f("validates", validates, "whether there are some to validate on");
  }
};

class Squares : public DataModule {
 public:
  explicit Squares(const SquareArgs& args) : args_(args) {}
  std::shared_ptr<Batches> train() override { return batches<data::samplers::RandomSampler>(1); }
  std::shared_ptr<Batches> valid() override {
    return args_.validates ? batches<data::samplers::SequentialSampler>(2) : nullptr;
  }
  std::shared_ptr<Batches> test() override { return batches<data::samplers::SequentialSampler>(3); }
  Tensor example() override { return zeros({1, 1, 4, 4}); }
  std::vector<std::string> classes() const override { return {"dark", "light"}; }
  Tensor pictures(const Tensor& inputs) override { return inputs; }
  Tensor read(const std::string& file) override {
    return data::transforms::to_tensor(io::read_png(file)).unsqueeze(0);
  }

 private:
  template <class Sampler>
  std::shared_ptr<Batches> batches(uint64_t seed) const {
    const int64_t n = args_.samples;
    const Tensor target = arange(n) % 2;
    const Tensor noise = rand({n, 1, 4, 4}, Generator::create(seed));
    const Tensor images = 0.5 * noise + 0.5 * target.reshape({-1, 1, 1, 1});
    auto set = data::datasets::PairDataset(images, target).map(data::transforms::Stack<>());
    return make_batches(data::make_data_loader<Sampler>(std::move(set), data::DataLoaderOptions(8)),
                        n);
  }
  SquareArgs args_;
};

struct NetArgs {
  int64_t width = 4;
  void fields(Fields& f) { f("width", width, "of the hidden layer").min(1); }
};

// Ends, in the manner of its name, the training at a step.
struct AtStepArgs {
  int64_t step = 3;
  std::string what = "signal";
  void fields(Fields& f) {
    f("step", step, "which one");
    f("what", what, "what happens").one_of({"signal", "throw", "nan"});
  }
};
class AtStep : public Callback {
 public:
  explicit AtStep(const AtStepArgs& args) : args_(args) {}
  void on_batch(const TrainerState& state, data::Example<>& batch) override {
    if (args_.what == "nan" && state.step == args_.step) batch.data = batch.data * NAN;
  }
  void on_step_end(const TrainerState& state, TrainerControl&) override {
    if (state.step != args_.step) return;
    if (args_.what == "signal") std::raise(SIGTERM);
    if (args_.what == "throw") throw std::runtime_error("the disk is on fire");
  }

 private:
  AtStepArgs args_;
};

void register_all(Project& project) {
  project.models.add<NetArgs>("Net", "a small one", [](const NetArgs& args, DataModule& data) {
    const int64_t inputs = data.example().numel();
    const auto classes = static_cast<int64_t>(data.classes().size());
    return nn::AnyModule(nn::Sequential(nn::Flatten(), nn::Linear(inputs, args.width), nn::ReLU(),
                                        nn::Dropout(0.1), nn::Linear(args.width, classes)));
  });
  project.data.add<SquareArgs>("Squares", "dark and light ones", [](const SquareArgs& args) {
    return std::make_shared<Squares>(args);
  });
  project.callbacks.add<AtStepArgs>("AtStep", "for tests", [](const AtStepArgs& a, DataModule&) {
    return std::make_shared<AtStep>(a);
  });
}

class App : public ::testing::Test {
 protected:
  void SetUp() override {
    spill(config_, R"({"name": "net", "arch": "Net", "data": "Squares", "loss": "CrossEntropyLoss",
      "optimizer": {"type": "Adam", "args": {"lr": 0.01}}, "metrics": ["Accuracy", "ConfusionMatrix"],
      "scheduler": {"type": "CosineAnnealingLR", "args": {"interval": "step"}},
      "trainer": {"epochs": 3, "log_every": 2}})");
  }

  // Runs a verb with the config where it takes one; runs go into the folder.
  int run(std::vector<std::string> words) {
    const std::string verb = words[0];
    if (verb == "train" || verb == "lr-find" || verb == "config" || verb == "data") {
      words.insert(words.begin() + 1, {"-c", config_, "runs=" + runs_});
    }
    std::vector<const char*> argv = {"/somewhere/net"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = run_project(static_cast<int>(argv.size()), argv.data(), &register_all);
    output_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  // The error must be this one line.
  void expect_usage_error(const std::vector<std::string>& words, const std::string& text) {
    SCOPED_TRACE(text);
    EXPECT_EQ(run(words), 64) << output_ << error_;
    EXPECT_NE(error_.find(text), std::string::npos) << error_;
    EXPECT_EQ(error_.find('\n'), error_.size() - 1) << error_;
    EXPECT_TRUE(error_.starts_with("net: ")) << error_;
  }
  bool printed(const std::string& text) const { return output_.find(text) != std::string::npos; }
  std::string latest() const { return runs_ + "/net/latest"; }
  IValue weights() const { return load_checkpoint(latest() + "/ckpt/last").at("model"); }

  TempFolder folder_;
  std::string config_ = folder_ / "config.json", runs_ = folder_ / "runs";
  std::string output_, error_;
};

bool same_weights(const IValue& a, const IValue& b) {
  const nn::StateDict x(a), y(b);
  for (const auto& item : x) {
    if (!item.value().equal(y[item.key()])) return false;
  }
  return x.size() == y.size();
}

TEST_F(App, TrainsIntoARunFolder) {
  ASSERT_EQ(run({"train", "optimizer.args.lr=0.02"}), 0) << error_;
  for (const char* file :
       {"config.json", "overrides.txt", "env.json", "train.log", "metrics.jsonl", "metrics.csv",
        "report.html", "ckpt/last", "ckpt/best", "plots/loss.svg"}) {
    EXPECT_TRUE(file_exists(latest() + "/" + file)) << file;
  }
  EXPECT_TRUE(printed("completed after 3 epochs, 15 steps")) << output_;
  EXPECT_TRUE(printed("Parameters: 78")) << output_;
  const Config config = Config::load(latest() + "/config.json");
  EXPECT_EQ(config.get("optimizer.args.lr").to_double(), 0.02);
  EXPECT_EQ(config.get("arch.args.width").to_int(), 4) << "with everything that was not said";
  EXPECT_EQ(slurp(latest() + "/overrides.txt"), "runs=" + runs_ + "\noptimizer.args.lr=0.02\n");
  std::vector<std::string> names;
  for (const MetricSeries& series : read_metrics(latest() + "/metrics.jsonl")) {
    names.push_back(series.name);
  }
  for (const char* name : {"train/loss", "valid/loss", "train/accuracy", "lr", "step/batch_loss",
                           "valid/balanced_accuracy", "grad_norm/1.weight"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  std::vector<std::string> tags;
  for (const std::string& file : list_folder(latest() + "/tb")) {
    for (const Event& event : read_events(latest() + "/tb/" + file)) {
      tags.push_back(event.tag);
    }
  }
  for (const char* tag :
       {"weights/1.weight", "gradients/1.weight", "samples/train", "model/text_summary"}) {
    EXPECT_NE(std::find(tags.begin(), tags.end(), tag), tags.end()) << tag;
  }
}

TEST_F(App, ResumesToTheBit) {
  ASSERT_EQ(run({"train"}), 0) << error_;
  const IValue whole = weights();
  remove_all(runs_);
  EXPECT_EQ(run({"train", "callbacks=[\"AtStep\"]"}), 75) << output_ << error_;
  EXPECT_TRUE(printed("resume " + runs_)) << output_;
  EXPECT_FALSE(same_weights(whole, weights()));
  EXPECT_EQ(run({"resume", runs_ + "/net", "callbacks=[]"}), 0) << output_ << error_;
  EXPECT_TRUE(printed("after step 3")) << output_;
  EXPECT_TRUE(same_weights(whole, weights()));
  EXPECT_NE(slurp(latest() + "/overrides.txt").find("callbacks=[]"), std::string::npos);
  EXPECT_TRUE(file_exists(latest() + "/env-2.json"));
  EXPECT_EQ(run({"resume", latest(), "trainer.epochs=4"}), 0) << "a finished run may go on";
  EXPECT_TRUE(printed("after 4 epochs")) << output_;
}

TEST_F(App, WritesProfiles) {
  ASSERT_EQ(run({"train", "trainer.profiler=trace", "trainer.profiler.args.wait=1",
                 "trainer.profiler.args.active=2"}),
            0)
      << error_;
  const std::string table = slurp(latest() + "/profile.txt");
  EXPECT_NE(table.find("\nstep "), std::string::npos) << table;
  EXPECT_NE(table.find(", 15 steps"), std::string::npos) << table;
  EXPECT_TRUE(printed("/profile.txt\n")) << output_;
  EXPECT_TRUE(printed("/trace.json, for ")) << output_;
  const Config trace = Config::load(latest() + "/trace.json");
  EXPECT_GT(trace.at("traceEvents").size(), 10U);
  EXPECT_EQ(run({"resume", latest(), "trainer.epochs=4", "trainer.profiler=table"}), 0);
  EXPECT_NE(slurp(latest() + "/profile-2.txt").find(", 5 steps"), std::string::npos);
  EXPECT_FALSE(file_exists(latest() + "/trace-2.json"));
  remove_all(runs_);
  EXPECT_EQ(run({"train", "trainer.profiler=table",
                 R"(callbacks=[{"type":"AtStep","args":{"what":"throw"}}])"}),
            1);
  EXPECT_NE(slurp(latest() + "/profile.txt").find("\nstep "), std::string::npos)
      << "of its 3 steps";
  remove_all(runs_);
  EXPECT_EQ(run({"train", "trainer.profiler=table", "callbacks=[\"AtStep\"]"}), 75);
  EXPECT_NE(slurp(latest() + "/profile.txt").find(", 3 steps"), std::string::npos)
      << "a signal came after the third";
  remove_all(runs_);
  EXPECT_EQ(run({"train", "trainer.fast_dev_run=2", "trainer.profiler=table"}), 0);
  EXPECT_TRUE(printed("backward ")) << output_;
  EXPECT_FALSE(is_folder(runs_));
  expect_usage_error({"train", "trainer.profiler=on"}, "trainer.profiler: no profiler \"on\"");
  expect_usage_error({"train", "trainer.profiler.type=trace", "trainer.profiler.args.active=-1"},
                     "trainer.profiler.args.active: expected a whole number >= 0, got -1");
}

TEST_F(App, ARefusedResumeLeavesTheRunAsItIs) {
  ASSERT_EQ(run({"train", "data.args.validates=false"}), 0) << error_;
  const std::string config = slurp(latest() + "/config.json");
  const std::string figures = slurp(latest() + "/metrics.jsonl");
  EXPECT_EQ(run({"resume", latest(), "trainer.epochs=4", "trainer.checkpoint.restore_best=true",
                 "trainer.monitor=valid_loss"}),
            64)
      << output_ << error_;
  EXPECT_EQ(run({"resume", latest(), "trainer.epochs=4", "data.args.samples=24"}), 64);
  EXPECT_EQ(slurp(latest() + "/config.json"), config);
  EXPECT_EQ(slurp(latest() + "/metrics.jsonl"), figures);
  EXPECT_FALSE(file_exists(latest() + "/env-2.json"));
}

TEST_F(App, TestsAndPredicts) {
  ASSERT_EQ(run({"train", "trainer.epochs=20", "optimizer.args.lr=0.05", "trainer.ema.decay=0.5"}),
            0)
      << error_;
  EXPECT_EQ(run({"test", latest()}), 0) << error_;
  EXPECT_TRUE(printed("test_accuracy 1\n")) << output_;
  const Config figures = Config::load(latest() + "/test.json");
  EXPECT_EQ(figures.at("test_accuracy").to_double(), 1);
  EXPECT_TRUE(file_exists(latest() + "/plots/confusion.json"));
  const std::string picture = folder_ / "light.png";
  io::write_png(picture, io::Image(4, 4, 1, 220));
  EXPECT_EQ(run({"predict", latest(), picture}), 0) << error_;
  EXPECT_TRUE(printed(picture + ": light ")) << output_;
  EXPECT_EQ(run({"predict", latest(), "-k", "last"}), 0) << error_;
  const auto rows = parse_csv(slurp(latest() + "/predictions.csv"), "predictions");
  ASSERT_EQ(rows.size(), 41U);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"index", "target", "predicted"}));
  EXPECT_EQ(rows[2], (std::vector<std::string>{"1", "1", "1"}));
  expect_usage_error({"test", latest(), "-k", "none"}, "no checkpoint 'none'");
  EXPECT_EQ(run({"predict", latest(), folder_ / "none.png"}), 1);
}

TEST_F(App, EndsAsItShould) {
  EXPECT_EQ(
      run({"train", R"(callbacks=[{"type":"EarlyStop","args":{"patience":1,"min_delta":9}}])"}), 0)
      << error_;
  EXPECT_TRUE(printed("early_stopped after 2 epochs")) << output_;
  EXPECT_EQ(run({"train", R"(callbacks=[{"type":"AtStep","args":{"what":"nan"}}])"}), 1);
  EXPECT_TRUE(printed("diverged")) << output_;
  EXPECT_EQ(run({"train", R"(callbacks=[{"type":"AtStep","args":{"what":"throw"}}])"}), 1);
  EXPECT_EQ(error_, "net: the disk is on fire\n");
  EXPECT_NE(slurp(latest() + "/train.log").find("on fire"), std::string::npos);
}

TEST_F(App, LeavesNoFolderWhenTheConfigIsWrong) {
  expect_usage_error({"train", "optimizer.args.lr=fast"},
                     "command line: optimizer.args.lr: expected");
  expect_usage_error({"train", "arch=Nett"}, "no model \"Nett\", did you mean \"Net\"?");
  expect_usage_error({"train", "arch.args.with=3"},
                     "arch.args.with: unknown key, did you mean \"width\"");
  expect_usage_error({"train", "data.args.samples=1"}, "data.args.samples: expected");
  expect_usage_error(
      {"train", "trainer.monitor=valid_acuracy"},
      "trainer.monitor: no metric \"valid_acuracy\", did you mean \"valid_accuracy\"");
  expect_usage_error({"train", "callbacks=[{\"type\":\"EarlyStop\",\"args\":{\"monitor\":\"x\"}}]"},
                     "callbacks.0.args.monitor: no metric \"x\"");
  expect_usage_error(
      {"train", "scheduler={\"type\":\"ReduceLROnPlateau\",\"args\":{\"monitor\":\"y\"}}"},
      "scheduler.args.monitor: no metric \"y\"");
  expect_usage_error({"train", "trainer.epochs=0", "scheduler=null"}, "there is no end");
  expect_usage_error({"train", "metrics=[\"Accuracy\",\"Accuracy\"]"}, "two metrics have the name");
  expect_usage_error({"train", "name=a/b"}, "without slashes");
  expect_usage_error({"train", "--preset", "none"}, "none");
  expect_usage_error({"train", "-c", folder_ / "none.json"}, "none.json");
  expect_usage_error({"resume", folder_ / "none"}, "none");
  expect_usage_error({"resume"}, "expected RUN");
  EXPECT_FALSE(file_exists(runs_));
  // What is there already stays as it was.
  ASSERT_EQ(run({"train", "trainer.epochs=1"}), 0);
  const std::string before = link_target(latest());
  expect_usage_error({"train", "arch=Nett"}, "Nett");
  EXPECT_EQ(link_target(latest()), before);
  EXPECT_EQ(list_folder(runs_ + "/net").size(), 2U);
}

TEST_F(App, DebuggingRunsLeaveNothing) {
  EXPECT_EQ(run({"train", "trainer.fast_dev_run=1"}), 0) << error_;
  EXPECT_TRUE(printed("1 epochs, 1 steps")) << output_;
  EXPECT_EQ(run({"train", "trainer.overfit_batches=1"}), 0) << error_;
  EXPECT_FALSE(file_exists(runs_));
}

TEST_F(App, TrainsWithoutValidation) {
  EXPECT_EQ(run({"train", "data.args.validates=false"}), 0) << error_;
  EXPECT_TRUE(printed("best train_loss")) << output_;
}

TEST_F(App, LooksAtDataAndConfigs) {
  const std::string picture = folder_ / "data.png";
  EXPECT_EQ(run({"data", "-o", picture}), 0) << error_;
  EXPECT_TRUE(printed("train: 40 samples of [1, 4, 4]")) << output_;
  EXPECT_TRUE(printed("20  light")) << output_;
  EXPECT_EQ(io::read_png(picture).channels, 3);
  EXPECT_EQ(run({"config", "seed=7"}), 0) << error_;
  EXPECT_EQ(Config::parse(output_, "printed").at("seed").to_int(), 7);
  EXPECT_EQ(run({"config", "--sources", "seed=7"}), 0) << error_;
  EXPECT_TRUE(printed("seed = 7  # command line")) << output_;
  EXPECT_TRUE(printed("arch.args.width = 4  # default")) << output_;
  EXPECT_EQ(run({"config", "--schema"}), 0) << error_;
  const Config schema = Config::parse(output_, "printed");
  EXPECT_TRUE(schema.at("properties").find("trainer").has_value());
  EXPECT_FALSE(file_exists(runs_));
}

TEST_F(App, FindsRatesAndDraws) {
  EXPECT_EQ(run({"lr-find", "--steps", "20", "--max", "0.5"}), 0) << error_;
  EXPECT_TRUE(file_exists(runs_ + "/net-lr-find/latest/plots/lr_finder.svg"));
  expect_usage_error({"lr-find", "--steps", "none"}, "--steps: expected a number");
  ASSERT_EQ(run({"train", "trainer.epochs=1"}), 0) << error_;
  ASSERT_EQ(run({"train", "trainer.epochs=1"}), 0) << error_;
  std::vector<std::string> words = {"plot", "-o", folder_ / "both.html"};
  for (const std::string& id : list_folder(runs_ + "/net")) words.push_back(runs_ + "/net/" + id);
  EXPECT_EQ(run(words), 0) << error_;
  EXPECT_NE(slurp(folder_ / "both.html").find("<svg"), std::string::npos);
}

}  // namespace
}  // namespace taper::train
