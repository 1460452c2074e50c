// Processes that are killed at random moments while they save over what is there, in every way of
// saving a training: nothing may be lost.
//   taper_save_soak --kills 1000
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "taper/base/error.h"
#include "taper/io/safetensors.h"
#include "taper/io/torch_file.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/train/checkpoint.h"
#include "tests/support/temp_folder.h"

namespace taper::testing {
namespace {

/// Saves generation g in tensors full of g, and reads which generation is there; a reader throws
/// where a file is not whole.
struct Way {
  const char* name;
  void (*save)(const std::string& path, int64_t generation);
  int64_t (*load)(const std::string& path);
};

Tensor content(int64_t generation) { return full({100'000}, generation, kLong); }

// The generation of a tensor of one value.
int64_t generation_of(const Tensor& x) {
  const auto first = x.const_data_ptr<int64_t>()[0];
  TAPER_CHECK(x.numel() == 100'000 && x.eq(first).all().item<bool>(), "a mixed file");
  return first;
}

int64_t same(int64_t a, int64_t b) {
  TAPER_CHECK(a == b, "parts of the generations ", a, " and ", b);
  return a;
}

// A checkpoint folder of a training: model and optimizer in files of their own.
IValue state(int64_t generation) {
  return IValue::dict({{"model", IValue::dict({{"w", content(generation)}})},
                       {"optimizer", IValue::dict({{"m", content(generation)}})},
                       {"step", generation}});
}
int64_t generation_of_state(const IValue& state) {
  const int64_t step = state.at("step").toInt();
  same(step, generation_of(state.at("model").at("w").toTensor()));
  return same(step, generation_of(state.at("optimizer").at("m").toTensor()));
}

const Way kWays[] = {
    {"safetensors",
     [](const std::string& path, int64_t g) {
       io::save_safetensors(path, {{"a", content(g)}, {"b", content(g)}});
     },
     [](const std::string& path) {
       const auto file = io::load_safetensors(path);
       return same(generation_of(file.tensors[0].second), generation_of(file.tensors[1].second));
     }},
    {".pt", [](const std::string& path, int64_t g) { io::save_torch(path, state(g)); },
     [](const std::string& path) { return generation_of_state(io::load_torch(path)); }},
    {"checkpoint folder",
     [](const std::string& path, int64_t g) { train::save_checkpoint(path, state(g)); },
     [](const std::string& path) { return generation_of_state(train::load_checkpoint(path)); }},
    {"checkpoints of a training",
     [](const std::string& path, int64_t g) {
       train::CheckpointOptions options;
       options.folder = path;
       train::CheckpointStore store(options, train::Mode::kMin);
       if (g > 0) store.resume(g - 1, train::load_checkpoint(train::find_checkpoint(path)));
       store.save(g, state(g), 1.0 / static_cast<double>(g + 1));
     },
     [](const std::string& path) {
       return generation_of_state(train::load_checkpoint(train::find_checkpoint(path)));
     }}};

[[noreturn]] void save_forever(const Way& way, const std::string& path, int64_t generation,
                               int tell) {
  for (;; ++generation) {
    way.save(path, generation);
    if (::write(tell, "s", 1) != 1) ::_exit(1);
  }
}

/// Kills a process of save_forever() after so many microseconds; returns the saves it told of.
int64_t kill_a_save(const Way& way, const std::string& path, int64_t generation, int64_t delay) {
  int ends[2];
  TAPER_CHECK(::pipe(ends) == 0, "pipe failed");
  const pid_t child = ::fork();
  TAPER_CHECK(child >= 0, "fork failed");
  if (child == 0) {
    try {
      save_forever(way, path, generation, ends[1]);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", way.name, error.what());
    }
    ::_exit(1);
  }
  ::close(ends[1]);
  std::this_thread::sleep_for(std::chrono::microseconds(delay));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  int64_t saves = 0;
  for (char told; ::read(ends[0], &told, 1) == 1;) ++saves;
  ::close(ends[0]);
  TAPER_CHECK(WIFSIGNALED(status), way.name, ": a save failed before it was killed");
  return saves;
}

/// Whether no save was lost.
bool soak(const Way& way, int kills) {
  const TempFolder folder;
  const std::string path = folder / "saved";
  std::mt19937 random(7);
  way.save(path, 0);
  const auto began = std::chrono::steady_clock::now();
  way.save(path, 1);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  std::uniform_real_distribution<double> share(0, 1);
  double longest = 3 * took.count() + 2000;
  int64_t generation = 1, lost = 0, saves = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const auto delay = static_cast<int64_t>(share(random) * longest);
    const int64_t told = kill_a_save(way, path, generation + 1, delay);
    saves += told;
    // The machine may have become busier since the save that was timed.
    if (saves == 0) longest *= 1.5;
    try {
      const int64_t found = way.load(path);
      // A save that was told of is there; the next one may be.
      TAPER_CHECK(found >= generation + told && found <= generation + told + 1, "found generation ",
                  found, " after ", generation + told);
      generation = found;
    } catch (const std::exception& error) {
      std::printf("%s: kill %d: %s\n", way.name, kill, error.what());
      ++lost;
      way.save(path, ++generation);
    }
  }
  std::printf("%s: %lld of %d kills lost something; %lld saves came to their end\n", way.name,
              static_cast<long long>(lost), kills, static_cast<long long>(saves));
  return lost == 0 && saves > 0;
}

}  // namespace
}  // namespace taper::testing

int main(int argc, char** argv) {
  const int kills = argc == 3 && std::string(argv[1]) == "--kills" ? std::atoi(argv[2]) : 0;
  if (kills < 1) {
    std::fprintf(stderr, "usage: taper_save_soak --kills COUNT\n");
    return 2;
  }
  try {
    bool good = true;
    for (const auto& way : taper::testing::kWays) good = taper::testing::soak(way, kills) && good;
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "taper_save_soak: %s\n", error.what());
    return 1;
  }
}
