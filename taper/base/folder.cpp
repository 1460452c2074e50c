#include "taper/base/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "taper/base/error.h"
#include "taper/base/file.h"

namespace taper {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const char* action, const std::string& path, int error) {
  detail::fail<IoError>(action, " ", quote_path(path), ": ",
                        std::generic_category().message(error));
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

void sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("cannot open the folder", path, errno);
  const int synced = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems cannot sync a folder and say so with EINVAL.
  if (synced != 0 && error != EINVAL) fail("cannot sync the folder", path, error);
}

}  // namespace

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) fail("cannot list", path, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

void remove_all(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail("cannot remove", path, error.value());
}

std::string temporary_sibling(const std::string& path) {
  const fs::path whole(path);
  return (whole.parent_path() /
          str('.', whole.filename().string(), ".tmp-", static_cast<int64_t>(::getpid())))
      .string();
}

void sweep_temporaries(const std::string& folder, const std::string& prefix) {
  for (const std::string& name : list_folder(folder)) {
    if (name.starts_with('.' + prefix) && name.find(".tmp-") != std::string::npos) {
      remove_all(folder + '/' + name);
    }
  }
}

void replace_folder(const std::string& from, const std::string& to) {
  sync_folder(from);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) fail("cannot rename the new folder to", to, errno);
    // Exchanged, so that the name always has a whole folder; then the old one goes.
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
      if (errno != EINVAL && errno != ENOSYS) fail("cannot replace", to, errno);
      // A file system that cannot exchange: for a moment the name is gone.
      remove_all(to);
      if (::rename(from.c_str(), to.c_str()) != 0) fail("cannot replace", to, errno);
    } else {
      sync_folder(parent_of(to));
      remove_all(from);
      return;
    }
  }
  sync_folder(parent_of(to));
}

void remove_folder(const std::string& path) {
  const std::string hidden = temporary_sibling(path);
  remove_all(hidden);
  if (::rename(path.c_str(), hidden.c_str()) != 0) fail("cannot remove", path, errno);
  remove_all(hidden);
}

void replace_link(const std::string& path, const std::string& target) {
  std::error_code ignored;
  const fs::file_status status = fs::symlink_status(path, ignored);
  TAPER_CHECK_AS(IoError, !fs::exists(status) || fs::is_symlink(status), "cannot replace ",
                 quote_path(path), ": it is no symbolic link");
  const std::string temporary = temporary_sibling(path);
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    fail("cannot remove", temporary, errno);
  }
  if (::symlink(target.c_str(), temporary.c_str()) != 0) fail("cannot make the link", path, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("cannot make the link", path, error);
  }
  sync_folder(parent_of(path));
}

std::string link_target(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? std::string() : target.string();
}

}  // namespace taper
