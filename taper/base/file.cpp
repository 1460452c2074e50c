#include "taper/base/file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>

#include "taper/base/error.h"

namespace taper {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
// Linux moves at most this much per call; a fixed step keeps short transfers an ordinary case.
constexpr size_t kLargestTransfer = size_t{1} << 30;

constexpr detail::FileCalls kSystem = {
    [](const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); },
    [](int fd, struct ::stat* status) { return ::fstat(fd, status); },
    [](int fd, void* to, size_t count, int64_t offset) -> int64_t {
      return ::pread(fd, to, count, offset);
    },
    [](int fd, const void* from, size_t count) -> int64_t { return ::write(fd, from, count); },
    [](int fd) { return ::fsync(fd); },
    [](int fd) { return ::close(fd); },
    [](const char* from, const char* to) { return ::rename(from, to); },
    [](const char* path) { return ::unlink(path); },
};

constinit std::atomic<const detail::FileCalls*> current_calls{&kSystem};

const detail::FileCalls& calls() { return *current_calls.load(std::memory_order_acquire); }

template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

void append_escaped(std::string& text, char c) {
  static const char* digits = "0123456789abcdef";
  text += "\\x";
  text += digits[(c >> 4) & 15];
  text += digits[c & 15];
}

[[noreturn]] void fail(const char* action, const std::string& path, int error) {
  detail::fail<IoError>(action, " ", quote_path(path), ": ",
                        std::generic_category().message(error));
}

void check_path(const std::string& path) {
  TAPER_CHECK_AS(IoError, !path.empty(), "cannot open a file whose name is empty");
  TAPER_CHECK_AS(IoError, path.find('\0') == std::string::npos, "cannot open ", quote_path(path),
                 ": the name holds a NUL byte");
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "no regular file";
}

int open_regular(const std::string& path, int flags, struct ::stat* status) {
  check_path(path);
  // Non-blocking: opening a FIFO must not wait for its writer.
  const int fd = retry_interrupted(
      [&] { return calls().open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666); });
  if (fd < 0) fail("cannot open", path, errno);
  if (calls().status(fd, status) != 0) {
    const int error = errno;
    calls().close(fd);
    fail("cannot read the size of", path, error);
  }
  if (!S_ISREG(status->st_mode)) {
    calls().close(fd);
    detail::fail<IoError>("cannot open ", quote_path(path), ": it is ", kind_of(status->st_mode),
                          ", expected a regular file");
  }
  return fd;
}

}  // namespace

namespace detail {
void set_file_calls(const FileCalls* replacement) {
  current_calls.store(replacement != nullptr ? replacement : &kSystem, std::memory_order_release);
}
const FileCalls& system_file_calls() { return kSystem; }
}  // namespace detail

std::string quote_path(std::string_view path) {
  std::string text = "'";
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      append_escaped(text, c);
    } else {
      text += c;
    }
  }
  return text += "'";
}

std::string quote_name(std::string_view name) {
  constexpr size_t kLongest = 200;
  std::string text = "'";
  for (char c : name) {
    if (text.size() > kLongest) return text.substr(0, kLongest + 1) + "...'";
    if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
      text += c;
    } else {
      append_escaped(text, c);
    }
  }
  return text += "'";
}

ByteBuffer::ByteBuffer(size_t size) : data_(new (std::nothrow) unsigned char[size]), size_(size) {
  TAPER_CHECK_AS(OutOfMemoryError, data_ != nullptr, "cannot allocate ", size,
                 " bytes for a file's content");
}

MemorySource::MemorySource(const void* data, size_t size, std::string name)
    : ByteSource(std::move(name)), data_(static_cast<const unsigned char*>(data)) {
  size_ = size;
}

void MemorySource::read(uint64_t offset, void* to, size_t count) const {
  TAPER_CHECK_AS(IoError, offset <= size_ && count <= size_ - offset, quote_path(name_),
                 ": it ends at byte ", size_, ", expected ", count, " bytes from byte ", offset);
  if (count != 0) std::memcpy(to, data_ + offset, count);
}

InputFile::InputFile(const std::string& path) : ByteSource(path) {
  struct ::stat status;
  fd_ = open_regular(path, O_RDONLY, &status);
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() { calls().close(fd_); }

void InputFile::read(uint64_t offset, void* to, size_t count) const {
  auto* bytes = static_cast<unsigned char*>(to);
  TAPER_CHECK_AS(IoError, offset <= INT64_MAX && count <= INT64_MAX - offset, quote_path(name_),
                 ": offset ", offset, " is out of range");
  while (count > 0) {
    const int64_t got = retry_interrupted([&] {
      return calls().read(fd_, bytes, std::min(count, kLargestTransfer),
                          static_cast<int64_t>(offset));
    });
    if (got < 0) fail("cannot read", name_, errno);
    TAPER_CHECK_AS(IoError, got != 0, quote_path(name_), ": it ends at byte ", offset,
                   ", expected ", count, " bytes more (cut short, or changed while being read)");
    bytes += got;
    offset += static_cast<uint64_t>(got);
    count -= static_cast<size_t>(got);
  }
}

ByteBuffer read_file(const std::string& path, uint64_t limit) {
  const InputFile file(path);
  TAPER_CHECK_AS(IoError, file.size() <= limit, quote_path(path), ": it has ", file.size(),
                 " bytes, expected at most ", limit);
  ByteBuffer bytes(static_cast<size_t>(file.size()));
  file.read(0, bytes.data(), bytes.size());
  return bytes;
}

namespace {

// The file that a write replaces: a link's target, so that the link stays.
std::string replaced_path(const std::string& path) {
  check_path(path);
  struct ::stat status;
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return path;
    fail("cannot write", path, errno);
  }
  std::string target = path;
  if (S_ISLNK(status.st_mode)) {
    char* resolved = ::realpath(path.c_str(), nullptr);
    if (resolved == nullptr) fail("cannot follow the link", path, errno);
    target = resolved;
    std::free(resolved);
    if (::stat(target.c_str(), &status) != 0) fail("cannot write", path, errno);
  }
  TAPER_CHECK_AS(IoError, S_ISREG(status.st_mode), "cannot write ", quote_path(path), ": it is ",
                 kind_of(status.st_mode), ", expected a regular file or none");
  return target;
}

// Distinct within this process and, with its id, on this machine.
std::string temporary_name(const std::string& folder, const std::string& name) {
  static std::atomic<uint32_t> counter{0};
  constexpr size_t kLongestName = 180;  // the whole must stay below 255
  return str(folder, "/.", name.substr(0, kLongestName), ".tmp-", static_cast<int64_t>(::getpid()),
             "-", counter.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path)
    : path_(replaced_path(path)), buffer_(kBufferBytes) {
  const size_t slash = path_.rfind('/');
  folder_ = slash == std::string::npos ? "." : path_.substr(0, std::max<size_t>(slash, 1));
  const std::string name = slash == std::string::npos ? path_ : path_.substr(slash + 1);
  TAPER_CHECK_AS(IoError, !name.empty(), "cannot write ", quote_path(path),
                 ": it names a directory");
  // Nobody may read the new file who could not read the old one.
  struct ::stat old;
  const unsigned mode = ::stat(path_.c_str(), &old) == 0 ? old.st_mode & 07777u : 0666u;
  constexpr int kAttempts = 100;
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temporary_ = temporary_name(folder_, name);
    fd_ = retry_interrupted([&] {
      return calls().open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    });
    if (fd_ < 0 && (errno != EEXIST || attempt == kAttempts)) {
      const int error = errno;
      temporary_.clear();
      fail("cannot write", path_, error);
    }
  }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (fd_ >= 0) calls().close(fd_);
  fd_ = -1;
  // A removal that fails as well is tried once more; nothing else could be done about it.
  if (!temporary_.empty() && calls().remove(temporary_.c_str()) != 0 && errno != ENOENT) {
    calls().remove(temporary_.c_str());
  }
  temporary_.clear();
}

void AtomicFile::write_through(const unsigned char* data, size_t count) {
  while (count > 0) {
    const int64_t done = retry_interrupted(
        [&] { return calls().write(fd_, data, std::min(count, kLargestTransfer)); });
    if (done <= 0) {
      const int error = done < 0 ? errno : EIO;
      discard();
      fail("cannot write", path_, error);
    }
    data += done;
    count -= static_cast<size_t>(done);
  }
}

void AtomicFile::flush() {
  const size_t count = std::exchange(buffered_, 0);
  write_through(buffer_.data(), count);
}

void AtomicFile::write(const void* data, size_t count) {
  TAPER_CHECK_AS(IoError, fd_ >= 0, "cannot write ", quote_path(path_),
                 ": it is committed, or an earlier write failed");
  if (count > buffer_.size() - buffered_) flush();
  if (count >= buffer_.size()) {
    write_through(static_cast<const unsigned char*>(data), count);
  } else if (count > 0) {
    std::memcpy(buffer_.data() + buffered_, data, count);
    buffered_ += count;
  }
}

void AtomicFile::commit() {
  TAPER_CHECK_AS(IoError, fd_ >= 0, "cannot write ", quote_path(path_),
                 ": it is committed, or an earlier write failed");
  flush();
  auto give_up = [&](const char* action, int error) {
    discard();
    fail(action, path_, error);
  };
  // A failed sync is final for this file: the system may have dropped the pages.
  if (retry_interrupted([&] { return calls().sync(fd_); }) != 0) give_up("cannot sync", errno);
  // Opened first, so that a folder that cannot be opened is found out before the rename.
  const int folder = retry_interrupted(
      [&] { return calls().open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); });
  if (folder < 0) give_up("cannot open the folder of", errno);
  // Linux closes the file even when it reports an interruption.
  if (calls().close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    const int error = errno;
    calls().close(folder);
    give_up("cannot close", error);
  }
  if (calls().rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    calls().close(folder);
    give_up("cannot rename the new file to", error);
  }
  temporary_.clear();
  const int synced = retry_interrupted([&] { return calls().sync(folder); });
  const int error = errno;
  calls().close(folder);
  // Some file systems cannot sync a folder and say so with EINVAL.
  if (synced != 0 && error != EINVAL) {
    fail("the new file is in place, but a power cut may undo it: cannot sync the folder of", path_,
         error);
  }
}

void write_file(const std::string& path, const void* data, size_t count) {
  AtomicFile file(path);
  file.write(data, count);
  file.commit();
}

LineFile::LineFile(const std::string& path, bool append) : path_(path) {
  struct ::stat status;
  fd_ = open_regular(path, O_RDWR | O_CREAT | O_APPEND | (append ? 0 : O_TRUNC), &status);
  char last = '\n';
  if (append && status.st_size > 0 &&
      calls().read(fd_, &last, 1, static_cast<int64_t>(status.st_size) - 1) == 1 && last != '\n') {
    line_ = "\n";
  }
}

LineFile::~LineFile() {
  if (fd_ >= 0) calls().close(fd_);
}

size_t LineFile::put(std::string_view bytes, int& error) {
  const char* from = bytes.data();
  size_t left = bytes.size();
  error = 0;
  while (left > 0 && error == 0) {
    const int64_t done = retry_interrupted([&] { return calls().write(fd_, from, left); });
    if (done <= 0) {
      error = done < 0 ? errno : EIO;
    } else {
      from += done;
      left -= static_cast<size_t>(done);
    }
  }
  return bytes.size() - left;
}

void LineFile::write_line(std::string_view text) {
  line_.append(text);
  line_ += '\n';
  int error = 0;
  const size_t written = put(line_, error);
  // After an error the next line starts afresh behind whatever part of this one was written.
  line_ = error != 0 && (written != 0 || line_[0] == '\n') ? "\n" : "";
  if (error != 0) fail("cannot write", path_, error);
}

void LineFile::write_bytes(std::string_view bytes) {
  int error = 0;
  put(bytes, error);
  if (error != 0) fail("cannot write", path_, error);
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void make_folders(const std::string& path) {
  check_path(path);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail("cannot make the folder", path, error.value());
}

bool make_folder(const std::string& path) {
  check_path(path);
  std::error_code error;
  const bool made = std::filesystem::create_directory(path, error);
  if (error) {
    if (error == std::errc::file_exists) return false;
    fail("cannot make the folder", path, error.value());
  }
  return made;
}

void cut_file(const std::string& path, uint64_t size) {
  check_path(path);
  std::error_code error;
  std::filesystem::resize_file(path, size, error);
  if (error) fail("cannot cut", path, error.value());
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_columns(int fd) {
  struct ::winsize size = {};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void write_output(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    text.remove_prefix(static_cast<size_t>(done));
  }
}

}  // namespace taper
