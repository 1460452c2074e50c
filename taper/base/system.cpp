#include "taper/base/system.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <string_view>

namespace taper {
namespace {

// A file of /proc, whose size is not known before it is read.
std::string read_all(const char* path) {
  std::string text;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  constexpr size_t kLimit = size_t{1} << 22;
  while (text.size() < kLimit) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return text;
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int end(int i) const { return ends_[i]; }
  void close(int i) {
    if (ends_[i] >= 0) ::close(ends_[i]);
    ends_[i] = -1;
  }

 private:
  int ends_[2];
};

// The process that runs words, or -1.
pid_t start(const std::vector<std::string>& words, const std::string& folder, const Pipe& out) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return -1;
  pid_t child = -1;
  const bool ready =
      ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
      ::posix_spawn_file_actions_adddup2(&actions, out.end(1), 1) == 0 &&
      ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
      ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str()) == 0;
  if (!ready ||
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
    child = -1;
  }
  ::posix_spawn_file_actions_destroy(&actions);
  return child;
}

// Reads until the end; false when the deadline comes first.
bool drain(int fd, double deadline, size_t limit, ProgramResult& result) {
  char buffer[16384];
  for (;;) {
    const double left = deadline - monotonic_seconds();
    if (left <= 0) return false;
    ::pollfd wait = {fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min(left, 1000.0) * 1000) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    const size_t room = limit - std::min(limit, result.output.size());
    if (static_cast<size_t>(got) > room) result.complete = false;
    result.output.append(buffer, std::min(room, static_cast<size_t>(got)));
  }
}

// Waits for a process that has closed its output until the deadline; nothing when it had to be
// ended, or is not ours to wait for.
std::optional<int> status_of(pid_t child, double deadline) {
  int status = 0;
  for (;;) {
    const bool late = monotonic_seconds() >= deadline;
    if (late) ::kill(child, SIGKILL);
    const pid_t waited = ::waitpid(child, &status, late ? 0 : WNOHANG);
    if (waited == child) {
      if (late) return std::nullopt;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (waited < 0 && errno != EINTR) return std::nullopt;
    ::poll(nullptr, 0, 1);
  }
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

std::string processor_name() {
  const std::string text = read_all("/proc/cpuinfo");
  const size_t line = text.find("model name");
  if (line == std::string::npos) return "";
  const size_t end = std::min(text.find('\n', line), text.size());
  const size_t colon = text.find(": ", line);
  return colon < end ? text.substr(colon + 2, end - colon - 2) : "";
}

int processor_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max<long>(1, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::vector<std::string> program_arguments() {
  const std::string text = read_all("/proc/self/cmdline");
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

int64_t process_id() { return ::getpid(); }

double monotonic_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

double wall_time() {
  using namespace std::chrono;
  return duration<double>(system_clock::now().time_since_epoch()).count();
}

std::string local_time(double seconds, const char* format) {
  if (!(std::fabs(seconds) < 1e12)) return "";
  const std::time_t whole = static_cast<std::time_t>(std::floor(seconds));
  std::tm parts = {};
  char text[128];
  if (::localtime_r(&whole, &parts) == nullptr) return "";
  return std::string(text, std::strftime(text, sizeof(text), format, &parts));
}

std::optional<ProgramResult> run_program(const std::vector<std::string>& words,
                                         const std::string& folder, double seconds, size_t limit) {
  Pipe out;
  if (words.empty() || out.end(0) < 0) return std::nullopt;
  const pid_t child = start(words, folder, out);
  if (child < 0) return std::nullopt;
  out.close(1);
  ProgramResult result;
  const double deadline = monotonic_seconds() + seconds;
  const bool ended = drain(out.end(0), deadline, limit, result);
  const std::optional<int> status = status_of(child, ended ? deadline : 0);
  if (!status) return std::nullopt;
  result.status = *status;
  return result;
}

}  // namespace taper
