// Times a program from before its fork to its first byte of output: `bench_launch COUNT PROGRAM`.
// Prints one JSON line: the seconds of every start and the VmRSS line's kilobytes of the last.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

// Seconds to the first byte; the rest of the output is left in `output`. Negative when it failed.
double start_once(char** arguments, std::string& output) {
  int ends[2];
  if (pipe(ends) != 0) return -1.0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  if (posix_spawn(&child, arguments[0], &actions, nullptr, arguments, environ) != 0) return -1.0;
  close(ends[1]);
  double seconds = -1.0;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    if (seconds < 0) {
      std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      seconds = elapsed.count();
    }
    output.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  posix_spawn_file_actions_destroy(&actions);
  return status == 0 ? seconds : -1.0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  std::string seconds;
  long kilobytes = 0;
  for (int i = 0; i < atoi(arguments[1]); ++i) {
    std::string output;
    double elapsed = start_once(arguments + 2, output);
    if (elapsed < 0) return 1;
    char text[32];
    snprintf(text, sizeof text, "%s%.6f", seconds.empty() ? "" : ", ", elapsed);
    seconds += text;
    const char* line = strstr(output.c_str(), "VmRSS:");
    if (line != nullptr) kilobytes = atol(line + strlen("VmRSS:"));
  }
  printf("{\"seconds\": [%s], \"rss_kb\": %ld}\n", seconds.c_str(), kilobytes);
  return 0;
}
