// taper doctor: how Taper is installed, what is wrong, and how to mend it.
#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "apps/taper/verbs.h"
#include "taper/base/folder.h"
#include "taper/base/parallel.h"
#include "taper/base/system.h"
#include "taper/base/version.h"
#include "taper/taper.h"
#include "taper/train/environment.h"

namespace fs = std::filesystem;
using namespace taper;
using namespace taper::train;

namespace {

int problems = 0;

void say(const char* what, const std::string& text) {
  print(fmt::format("{:<12} {}\n", what, text));
}

void check(bool good, const char* what, const std::string& text, const std::string& mend) {
  say(what, text + (good ? "" : "  <- " + mend));
  problems += good ? 0 : 1;
}

std::string processor_features() {
  __builtin_cpu_init();
  std::string features;
  const auto add = [&](bool has, const char* name) {
    features += has ? std::string(" ") + name : "";
  };
  add(__builtin_cpu_supports("sse4.2"), "sse4.2");
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("fma"), "fma");
  add(__builtin_cpu_supports("avx512f"), "avx512f");
  add(__builtin_cpu_supports("avx512bf16"), "avx512bf16");
  return features;
}

// A product of matrices, as most of what is computed.
void check_computing() {
  const Tensor product = mm(ones({64, 64}), full({64, 64}, 2.0));
  const bool right = product.eq(128).all().item<bool>();
  check(right, "computing", right ? "right" : "wrong", "report it with all of these lines");
}

// Only OpenBLAS built for OpenMP shares Taper's threads.
void check_openblas() {
  void* symbol = dlsym(RTLD_DEFAULT, "openblas_get_parallel");
  const int kind = symbol == nullptr ? -1 : reinterpret_cast<int (*)()>(symbol)();
  const char* names[] = {"not loaded", "without threads", "with threads of its own", "OpenMP"};
  check(!TAPER_WITH_OPENBLAS || kind == 2, "OpenBLAS", names[kind + 1],
        "apt-get install libopenblas-openmp-dev, and build Taper again");
}

void check_program(const char* name, const std::vector<std::string>& words, const char* mend) {
  const std::optional<ProgramResult> result = run_program(words, ".");
  const bool runs = result && result->status == 0;
  check(runs, name, runs ? result->output.substr(0, result->output.find('\n')) : "not found", mend);
}

void check_writing(const char* what, const std::string& folder) {
  const std::string probe = folder + "/.taper-doctor-probe";
  std::error_code error;
  const bool writable = fs::create_directory(probe, error);
  fs::remove(probe, error);
  check(writable, what, folder + (writable ? " can be written" : " cannot be written"),
        "projects and runs need a folder of your own");
}

bool has_package(const std::string& prefix) {
  std::error_code error;
  fs::recursive_directory_iterator at(prefix + "/lib", error), end;
  for (; !error && at != end; at.increment(error)) {
    if (at.depth() > 2) at.disable_recursion_pending();
    if (at->path().filename() == "TaperConfig.cmake") return true;
  }
  return false;
}

}  // namespace

int doctor_verb() {
  const Environment here = capture_environment();
  const std::string prefix = install_prefix();
  say("Taper", fmt::format("{}, {}, {} OpenBLAS, {} oneDNN", version(), here.compiler,
                           TAPER_WITH_OPENBLAS ? "with" : "without",
                           TAPER_WITH_ONEDNN ? "with" : "without"));
  check(__builtin_cpu_supports("avx2"), "processor", here.processor + ":" + processor_features(),
        "Taper computes much slower without AVX2");
  say("threads", fmt::format("{} of {} processors", get_num_threads(), here.processors));
  check(get_num_threads() <= here.processors, "team", fmt::format("{}", get_num_threads()),
        "more threads than processors: unset OMP_NUM_THREADS");
  check_computing();
  check_openblas();
  check(has_package(prefix), "package", prefix + "/lib",
        "TaperConfig.cmake is not below it: find_package(Taper) needs `make install`");
  check(is_folder(installed_templates() + "/common"), "templates", installed_templates(),
        "no templates there: `make install` installs them");
  check_program("CMake", {"cmake", "--version"}, "apt-get install cmake");
  check_program("compiler", {"c++", "--version"}, "apt-get install g++");
  check_writing("folder", ".");
  print(problems == 0 ? std::string("nothing is wrong\n")
                      : fmt::format("{} things are wrong, see the arrows\n", problems));
  return problems == 0 ? kDone : kFailed;
}
