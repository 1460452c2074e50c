#pragma once

#include <cerrno>
#include <filesystem>
#include <iterator>

#include "taper/base/file.h"

namespace taper::testing {

/// Makes one call of the file layer fail: the fail_at-th from the start, with an error number; or,
/// with error 0, transfers one byte where a transfer of more was asked for.
struct Faults {
  int calls = 0;
  int fail_at = -1;
  int error = 0;
  bool fired = false;

  bool now() {
    if (calls++ != fail_at) return false;
    fired = true;
    errno = error;
    return error != 0;
  }
};
inline Faults faults;

inline const detail::FileCalls kFaulty = {
    [](const char* path, int flags, unsigned mode) {
      return faults.now() ? -1 : detail::system_file_calls().open(path, flags, mode);
    },
    [](int fd, struct ::stat* status) {
      return faults.now() ? -1 : detail::system_file_calls().status(fd, status);
    },
    [](int fd, void* to, size_t count, int64_t offset) -> int64_t {
      const bool target = faults.calls == faults.fail_at;
      if (faults.now()) return -1;
      return detail::system_file_calls().read(fd, to, target ? 1 : count, offset);
    },
    [](int fd, const void* from, size_t count) -> int64_t {
      const bool target = faults.calls == faults.fail_at;
      if (faults.now()) return -1;
      return detail::system_file_calls().write(fd, from, target ? 1 : count);
    },
    [](int fd) { return faults.now() ? -1 : detail::system_file_calls().sync(fd); },
    [](int fd) {
      // The system closes a file even when it reports an error.
      const int result = detail::system_file_calls().close(fd);
      return faults.now() ? -1 : result;
    },
    [](const char* from, const char* to) {
      return faults.now() ? -1 : detail::system_file_calls().rename(from, to);
    },
    [](const char* path) { return faults.now() ? -1 : detail::system_file_calls().remove(path); },
};

class FaultScope {
 public:
  FaultScope(int fail_at, int error) {
    faults = Faults{0, fail_at, error, false};
    detail::set_file_calls(&kFaulty);
  }
  ~FaultScope() { detail::set_file_calls(nullptr); }
};

inline int open_files() {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                        std::filesystem::directory_iterator()));
}

}  // namespace taper::testing
