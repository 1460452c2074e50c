// Trainings that are killed at a random moment and resumed, against one that was not.
//   taper_resume_soak --runs 100          both without and with workers
//   taper_resume_soak --train FOLDER WORKERS   one training, which the other form starts and kills
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "taper/base/error.h"
#include "taper/base/folder.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr const char* kCompared[] = {"model.safetensors", "optimizer.safetensors",
                                     "ema.safetensors"};

int train(const std::string& folder, size_t workers) {
  train::TrainerOptions options = full_options();
  options.epochs = 4;
  options.checkpoint.folder = folder;
  options.checkpoint.every_steps = 1;
  options.checkpoint.keep_last = 2;
  train::Trainer trainer(small_parts(), options);
  if (train::has_checkpoint(folder)) trainer.resume(folder);
  const train::FitResult result = trainer.fit(small_batches(workers, 80), small_validation());
  return result.reason == train::StopReason::kCompleted && result.steps == 20 ? 0 : 1;
}

pid_t start(const std::string& folder, size_t workers) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string count = str(workers);
    ::execl("/proc/self/exe", "taper_resume_soak", "--train", folder.c_str(), count.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  TAPER_CHECK(child > 0, "fork failed");
  return child;
}

// Waits for a training, or kills it after so many seconds; true when it came to its end.
bool wait_or_kill(pid_t child, double seconds) {
  const auto end = Clock::now() + Seconds(seconds);
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() >= end) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  if (WIFSIGNALED(status)) return false;
  TAPER_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a training failed with status ",
              WEXITSTATUS(status));
  return true;
}

struct Totals {
  int same = 0, kills = 0, began_again = 0;
};

// One training with one to three kills.
void soak_once(size_t workers, int run, double whole_seconds, const std::string& expected,
               Totals& totals) {
  const TempFolder folder;
  const std::string path = folder / "ckpt";
  std::mt19937 random(static_cast<unsigned>(run));
  std::uniform_real_distribution<double> moment(0, whole_seconds);
  const int wanted = 1 + run % 3;
  int kills = 0;
  while (kills < wanted && !wait_or_kill(start(path, workers), moment(random))) {
    ++kills;
    totals.began_again += !train::has_checkpoint(path);
    if (run % 2 == 1) workers = 2 - workers;
  }
  if (kills == 0) {  // it was faster than the clock
    soak_once(workers, run + 1'000'003, whole_seconds / 2, expected, totals);
    return;
  }
  totals.kills += kills;
  wait_or_kill(start(path, workers), 600);
  std::string others;
  for (const char* name : kCompared) {
    if (slurp(path + "/last/" + name) != slurp(expected + "/last/" + name))
      others += str(' ', name);
  }
  const std::string best = link_target(path + "/best");
  if (best != link_target(expected + "/best")) others += " best -> " + best;
  totals.same += others.empty();
  if (!others.empty()) {
    std::printf("run %d with %d kills ends with another%s\n", run, kills, others.c_str());
  }
}

int soak(int runs) {
  bool good = true;
  for (const size_t workers : {size_t{0}, size_t{2}}) {
    const TempFolder folder;
    const auto began = Clock::now();
    wait_or_kill(start(folder / "whole", workers), 600);
    const double seconds = Seconds(Clock::now() - began).count();
    Totals totals;
    for (int run = 0; run < runs; ++run) soak_once(workers, run, seconds, folder / "whole", totals);
    std::printf(
        "%zu workers: %d of %d runs end with the same bits; %d kills, %d of them before the "
        "first checkpoint\n",
        workers, totals.same, runs, totals.kills, totals.began_again);
    good = good && totals.same == runs;
  }
  return good ? 0 : 1;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--train" && argc == 4) {
    return train(argv[2], static_cast<size_t>(std::atoi(argv[3])));
  }
  const int runs = mode == "--runs" && argc == 3 ? std::atoi(argv[2]) : 0;
  if (runs < 1) {
    std::fprintf(stderr, "usage: taper_resume_soak --runs COUNT\n");
    return 2;
  }
  return soak(runs);
}

}  // namespace
}  // namespace taper::testing

int main(int argc, char** argv) {
  try {
    return taper::testing::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "taper_resume_soak: %s\n", error.what());
    return 1;
  }
}
