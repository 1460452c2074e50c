#include "taper/train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>

#include "taper/base/error.h"
#include "taper/base/folder.h"
#include "taper/io/safetensors.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::train {
namespace {

using namespace taper::testing;
namespace fs = std::filesystem;

IValue some_state(double x = 0.1) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  IValue by_index = IValue::dict();
  by_index.insert(int64_t{3}, IValue::dict({{"exp_avg", full({2, 2}, x)}}));
  return IValue::dict({{"model", IValue::dict({{"a.weight", arange(6, kFloat)}, {"b", zeros({})}})},
                       {"optimizer", IValue::dict({{"state", by_index}, {"lr", x}})},
                       {"numbers", IValue::list({1, 2.0, x, -0.0, kInfinity, -kInfinity, 5e-324,
                                                 std::numeric_limits<int64_t>::min(), true,
                                                 IValue(), "text \"\n"})},
                       {"more", IValue::dict({{"tuple", IValue::tuple({1, IValue::tuple({})})},
                                              {"$odd", 1},
                                              {"bytes", IValue::bytes(std::string("\0\xff", 2))},
                                              {"empty", empty({0, 3}, kLong)}})}});
}

TEST(Checkpoint, RoundTripsEveryKindAndBit) {
  TempFolder folder;
  const std::string path = folder / "here";
  save_checkpoint(path, some_state());
  EXPECT_TRUE(same_state(load_checkpoint(path), some_state()));
  EXPECT_EQ(list_folder(path),
            (std::vector<std::string>{"model.safetensors", "optimizer.safetensors", "state.json",
                                      "state.safetensors"}));
  EXPECT_EQ(io::load_safetensors(path + "/model.safetensors").tensors[0].first, "a.weight");
  EXPECT_EQ(io::load_safetensors(path + "/optimizer.safetensors").tensors[0].first,
            "state.3.exp_avg");
  save_checkpoint(path, some_state(0.2));
  EXPECT_TRUE(same_state(load_checkpoint(path), some_state(0.2)));
  EXPECT_EQ(folder.count(), 1);
  const IValue info = read_checkpoint_info(path);
  EXPECT_EQ(info.at("optimizer").at("lr").toDouble(), 0.2);
  EXPECT_TRUE(info.at("model").at("b").isNone());
}

TEST(Checkpoint, NaNAndNamesThatMeet) {
  TempFolder folder;
  const IValue state = IValue::dict(
      {{"a", IValue::dict({{"b.c", full({1}, 1.0)}, {"b", IValue::dict({{"c", full({1}, 2.0)}})}})},
       {"nan", std::numeric_limits<double>::quiet_NaN()}});
  save_checkpoint(folder / "x", state);
  const IValue back = load_checkpoint(folder / "x");
  EXPECT_TRUE(same_state(back, state));
  EXPECT_TRUE(std::isnan(back.at("nan").toDouble()));
  EXPECT_EQ(back.at("a").at("b").at("c").toTensor().item<float>(), 2);
}

TEST(Checkpoint, RefusesWhatCannotBeSaved) {
  TempFolder folder;
  EXPECT_ERROR(ConfigError, save_checkpoint(folder / "x", IValue(1)), "a dict of states");
  IValue deep;
  for (int i = 0; i < 200; ++i) deep = IValue::list({deep});
  EXPECT_ERROR(ConfigError, save_checkpoint(folder / "x", IValue::dict({{"a", deep}})), "nested");
  EXPECT_ERROR(IoError, save_checkpoint("/proc/none/x", some_state()), "/proc/none");
  EXPECT_EQ(folder.count(), 0);
}

// Every byte of every file, in steps that keep the test short; and every file cut and gone.
TEST(Checkpoint, EveryDamageIsFoundAndNamed) {
  TempFolder folder;
  const std::string path = folder / "here";
  save_checkpoint(path, some_state());
  for (const std::string& name : list_folder(path)) {
    const std::string file = path + '/' + name, good = slurp(file);
    for (size_t at = 0; at < good.size(); at += 1 + good.size() / 25) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 4);
      spill(file, bad);
      EXPECT_NE(message_of<IoError>([&] { load_checkpoint(path); }).find(name), std::string::npos)
          << name << " at " << at;
      EXPECT_ERROR(IoError, verify_checkpoint(path), name);
      spill(file, good.substr(0, at));
      EXPECT_ERROR(IoError, load_checkpoint(path), name);
    }
    fs::remove(file);
    EXPECT_ERROR(IoError, load_checkpoint(path), name);
    spill(file, good);
  }
  EXPECT_TRUE(same_state(load_checkpoint(path), some_state()));
}

TEST(Checkpoint, FilesOfTwoCheckpointsDoNotMix) {
  TempFolder folder;
  save_checkpoint(folder / "a", some_state(1));
  save_checkpoint(folder / "b", some_state(2));
  spill(folder / "a/optimizer.safetensors", slurp(folder / "b/optimizer.safetensors"));
  EXPECT_ERROR(IoError, load_checkpoint(folder / "a"), "optimizer.safetensors': damaged: its XXH3");
}

CheckpointOptions options_in(const std::string& folder, int64_t last, int64_t best) {
  CheckpointOptions options;
  options.folder = folder;
  options.keep_last = last;
  options.keep_best = best;
  return options;
}

using Names = std::vector<std::string>;

TEST(CheckpointStore, KeepsTheNewestAndTheBest) {
  TempFolder folder;
  const std::string path = folder / "ckpt";
  CheckpointStore store(options_in(path, 2, 2), Mode::kMax);
  EXPECT_TRUE(store.empty());
  EXPECT_EQ(store.best(), "");
  for (const auto& [step, value] : {std::pair{1, 0.5}, {2, 0.9}, {3, 0.7}, {4, 0.1}, {5, 0.9}}) {
    store.save(step, some_state(), value);
  }
  store.save(6, some_state(), std::nullopt);
  store.save(7, some_state(), std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(list_folder(path), (Names{"best", "last", "step_00000002", "step_00000005",
                                      "step_00000006", "step_00000007"}));
  EXPECT_EQ(link_target(path + "/last"), "step_00000007");
  EXPECT_EQ(link_target(path + "/best"), "step_00000002") << "a tie is not better";
  EXPECT_EQ(store.best(), path + "/step_00000002");
  EXPECT_TRUE(store.would_be_best(0.91));
  EXPECT_FALSE(store.would_be_best(0.9));
  EXPECT_FALSE(store.would_be_best(std::numeric_limits<double>::quiet_NaN()));
}

TEST(CheckpointStore, GoesOnFromAStateAndForgetsLaterOnes) {
  TempFolder folder;
  const std::string path = folder / "ckpt";
  {
    CheckpointStore store(options_in(path, 9, 1), Mode::kMin);
    for (const int step : {1, 2, 3}) store.save(step, some_state(), 4.0 - step);
  }
  // As if the kill had come before the link was turned.
  replace_link(path + "/best", "step_00000001");
  CheckpointStore store(options_in(path, 9, 1), Mode::kMin);
  EXPECT_FALSE(store.empty());
  store.resume(2, load_checkpoint(path + "/step_00000002"));
  EXPECT_EQ(store.best(), path + "/step_00000002");
  EXPECT_EQ(link_target(path + "/best"), "step_00000001") << "nothing has changed yet";
  store.prepare();
  EXPECT_EQ(link_target(path + "/best"), "step_00000002");
  EXPECT_TRUE(is_folder(path + "/step_00000003")) << "until the next save";
  store.save(4, some_state(), 5.0);
  EXPECT_EQ(list_folder(path),
            (Names{"best", "last", "step_00000001", "step_00000002", "step_00000004"}));
  EXPECT_EQ(link_target(path + "/best"), "step_00000002");
  store.save(4, some_state(0.3), 1.0);
  EXPECT_TRUE(
      same_state(load_checkpoint(path + "/best").at("optimizer"), some_state(0.3).at("optimizer")));
}

TEST(CheckpointStore, RefusesTheFolderOfAnotherRun) {
  TempFolder folder;
  const auto state_of = [](double seconds) {
    return IValue::dict({{"trainer", IValue::dict({{"seconds", seconds}})}});
  };
  CheckpointStore ours(options_in(folder / "a", 1, 1), Mode::kMin);
  ours.save(2, state_of(1.5), std::nullopt);
  CheckpointStore again(options_in(folder / "a", 1, 1), Mode::kMin);
  EXPECT_ERROR(ConfigError, again.resume(3, state_of(1.5)), "holds checkpoints of another run");
  EXPECT_ERROR(ConfigError, again.resume(2, state_of(1.25)), "holds checkpoints of another run");
  again.resume(2, state_of(1.5));
  CheckpointStore fresh(options_in(folder / "b", 1, 1), Mode::kMin);
  fresh.resume(2, state_of(1.5));
  EXPECT_TRUE(fresh.empty()) << "a run may go on in a folder of its own";
  EXPECT_FALSE(is_folder(folder / "b")) << "before there is something to save";
}

TEST(CheckpointStore, SweepsWhatKilledSavesLeft) {
  TempFolder folder;
  fs::create_directories(folder / ".step_00000009.tmp-1234");
  spill(folder / ".step_00000009.tmp-1234/model.safetensors", "half");
  spill(folder / ".last.tmp-77", "");
  spill(folder / "notes", "mine");
  CheckpointStore store(options_in(folder.path(), 1, 1), Mode::kMin);
  EXPECT_TRUE(store.empty());
  EXPECT_EQ(list_folder(folder.path()).size(), 3U) << "they may be another run's";
  store.prepare();
  EXPECT_EQ(list_folder(folder.path()), Names{"notes"});
}

TEST(CheckpointStore, RefusesOptionsOutOfRange) {
  TempFolder folder;
  EXPECT_ERROR(ConfigError, CheckpointStore(options_in("", 1, 1), Mode::kMin), "folder is empty");
  EXPECT_ERROR(ConfigError, CheckpointStore(options_in(folder / "x", 0, 1), Mode::kMin),
               "keep_last is 0");
  EXPECT_ERROR(ConfigError, CheckpointStore(options_in(folder / "x", 1, -1), Mode::kMin),
               "keep_best is -1");
  CheckpointOptions options = options_in(folder / "x", 1, 0);
  options.restore_best = true;
  EXPECT_ERROR(ConfigError, CheckpointStore(options, Mode::kMin), "restore_best needs");
}

TEST(CheckpointStore, ADamagedOneIsRefusedUnlessOlderOnesMayServe) {
  TempFolder folder;
  const std::string path = folder / "ckpt";
  CheckpointStore store(options_in(path, 3, 0), Mode::kMin);
  store.prepare();
  EXPECT_ERROR(IoError, find_checkpoint(path), "holds no checkpoint");
  EXPECT_ERROR(IoError, find_checkpoint(folder / "none"), "no folder of that name");
  for (const int step : {1, 2, 3}) store.save(step, some_state(), std::nullopt);
  const std::string newest = path + "/step_00000003", older = path + "/step_00000002";
  EXPECT_EQ(find_checkpoint(path), newest);
  EXPECT_EQ(find_checkpoint(older + '/'), older + '/');
  spill(newest + "/model.safetensors", "damage");
  EXPECT_ERROR(IoError, find_checkpoint(path),
               "model.safetensors': damaged: it has 6 bytes, expected");
  EXPECT_ERROR(IoError, find_checkpoint(newest), "the newest whole checkpoint is '" + older + "'");
  EXPECT_EQ(find_checkpoint(path, {.allow_older = true}), older);
  EXPECT_EQ(find_checkpoint(newest, {.allow_older = true}), older);
  for (const int step : {1, 2}) spill(path + "/step_0000000" + str(step) + "/state.json", "{}");
  EXPECT_ERROR(IoError, find_checkpoint(path, {.allow_older = true}), "no other whole one");
  fs::remove_all(newest);
  EXPECT_ERROR(IoError, find_checkpoint(path), "step_00000003/state.json");
}

// A disk that is full in the middle of a training: not under sanitizers, which write files too.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
int train_on_a_full_disk(const std::string& folder) {
  ::signal(SIGXFSZ, SIG_IGN);
  TrainerOptions options = full_options();
  options.checkpoint.folder = folder;
  options.checkpoint.every_steps = 1;
  struct FillDisk : Callback {
    void on_checkpoint(const TrainerState& state, const std::string&) override {
      const ::rlimit limit = {1024, 1024};
      if (state.step == 2) ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    void on_exception(const TrainerState&, const char*) override { told = true; }
    bool told = false;
  };
  const auto fill = std::make_shared<FillDisk>();
  TrainerParts parts = small_parts();
  parts.callbacks = {fill};
  Trainer trainer(std::move(parts), options);
  try {
    trainer.fit(small_batches(0));
  } catch (const IoError& error) {
    const std::string text = error.what();
    const bool named = text.find("File too large") != std::string::npos &&
                       text.find("step_00000003") != std::string::npos;
    return named && fill->told ? 0 : 1;
  }
  return 2;
}

TEST(Checkpoint, AFullDiskEndsTheTrainingAndLeavesTheLastCheckpoint) {
  TempFolder folder;
  const std::string path = folder / "ckpt";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(train_on_a_full_disk(path));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(list_folder(path), (Names{"last", "step_00000002"}));
  Trainer trainer(small_parts(), full_options());
  trainer.resume(path);
  EXPECT_EQ(trainer.state().step, 2);
  EXPECT_EQ(trainer.fit(small_batches(0)).reason, StopReason::kCompleted);
}
#endif

}  // namespace
}  // namespace taper::train
