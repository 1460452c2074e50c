#include "taper/train/environment.h"

#include <filesystem>

#include "taper/base/error.h"
#include "taper/base/parallel.h"
#include "taper/base/system.h"
#include "taper/base/version.h"
#include "taper/io/json_text.h"

namespace taper::train {
namespace {

// FNV-1a: tells states of a working tree apart, nothing more.
std::string digest(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
  return text;
}

// What git prints; nothing when it fails. Neither locks nor programs of the repository's choice.
std::optional<std::string> git(const std::string& folder, std::vector<std::string> words) {
  words.insert(words.begin(), {"git", "--no-optional-locks", "-c", "core.fsmonitor=false"});
  const std::optional<ProgramResult> result = run_program(words, folder);
  if (!result || result->status != 0) return std::nullopt;
  return result->output;
}

void ask_git(Environment& environment) {
  const auto commit = git(environment.folder, {"rev-parse", "--verify", "HEAD"});
  if (!commit) return;
  environment.git_commit = commit->substr(0, commit->find('\n'));
  const auto status = git(environment.folder, {"status", "--porcelain=v1", "-z"});
  const auto changes =
      git(environment.folder, {"diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv"});
  if (!status || !changes) {
    environment.git_changes = "unknown";
  } else if (!status->empty() || !changes->empty()) {
    environment.git_changes = digest(*status + *changes);
  }
}

class JsonLines {
 public:
  void add(const char* name, const std::string& text) {
    start(name);
    if (text.empty()) {
      json_ += "null";
    } else {
      io::append_json_string(json_, text);
    }
  }
  void add(const char* name, uint64_t number) {
    start(name);
    json_ += str(number);
  }
  void add_null(const char* name) {
    start(name);
    json_ += "null";
  }
  void add(const char* name, const std::vector<std::string>& words) {
    start(name);
    json_ += '[';
    for (size_t i = 0; i < words.size(); ++i) {
      if (i != 0) json_ += ", ";
      io::append_json_string(json_, words[i]);
    }
    json_ += ']';
  }
  std::string finish() { return json_ + "\n}\n"; }

 private:
  void start(const char* name) {
    json_ += json_.empty() ? "{\n  \"" : ",\n  \"";
    json_ += name;
    json_ += "\": ";
  }
  std::string json_;
};

}  // namespace

std::string Environment::json() const {
  JsonLines lines;
  lines.add("time", time);
  lines.add("host", host);
  lines.add("processor", processor);
  lines.add("processors", static_cast<uint64_t>(processors));
  lines.add("threads", static_cast<uint64_t>(threads));
  lines.add("taper_version", taper_version);
  lines.add("compiler", compiler);
  lines.add("command", command);
  lines.add("folder", folder);
  lines.add("git_commit", git_commit);
  lines.add("git_changes", git_changes);
  if (seed) {
    lines.add("seed", *seed);
  } else {
    lines.add_null("seed");
  }
  return lines.finish();
}

Environment capture_environment(std::optional<uint64_t> seed) {
  Environment environment;
  environment.time = local_time(wall_time(), "%Y-%m-%dT%H:%M:%S%z");
  environment.host = host_name();
  environment.processor = processor_name();
  environment.processors = processor_count();
  environment.threads = get_num_threads();
  environment.taper_version = version();
#if defined(__clang__)
  environment.compiler = "clang " __clang_version__;
#else
  environment.compiler = "GCC " __VERSION__;
#endif
  environment.command = program_arguments();
  std::error_code ignored;
  environment.folder = std::filesystem::current_path(ignored).string();
  environment.seed = seed;
  ask_git(environment);
  return environment;
}

}  // namespace taper::train
