#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "taper/base/macros.h"

struct stat;

// Every operating-system call on files stands in file.cpp.
namespace taper TAPER_API {

/// A name that came out of a file, in quotes for a message: bytes outside printable ASCII become
/// \xNN, and what is longer than 200 characters is cut.
std::string quote_name(std::string_view name);

/// A path for a message: the caller's own text in quotes, control characters as \xNN.
std::string quote_path(std::string_view path);

/// Uninitialised memory that a read fills. Throws OutOfMemoryError where the system refuses it.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(size_t size);
  unsigned char* data() { return data_.get(); }
  const unsigned char* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<unsigned char[]> data_;
  size_t size_ = 0;
};

/// Bytes at known offsets: what a parser reads, be it a file or memory.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// How messages call it: the path.
  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  /// Copies exactly count bytes from offset. Throws IoError when they cannot be had.
  virtual void read(uint64_t offset, void* to, size_t count) const = 0;

 protected:
  std::string name_;
  uint64_t size_ = 0;
};

/// Bytes of the caller's, which outlive the source.
class MemorySource final : public ByteSource {
 public:
  MemorySource(const void* data, size_t size, std::string name);
  void read(uint64_t offset, void* to, size_t count) const override;

 private:
  const unsigned char* data_;
};

/// A regular file opened for reading. Throws IoError, also for directories, FIFOs and devices.
class InputFile final : public ByteSource {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile() override;
  /// One reader's position is not another's: any threads may read at once.
  void read(uint64_t offset, void* to, size_t count) const override;

 private:
  int fd_;
};

/// The whole of a regular file. Throws IoError when it cannot be read or is larger than limit.
ByteBuffer read_file(const std::string& path, uint64_t limit = uint64_t{1} << 32);

/// Replaces a file in one step: the bytes go to a hidden file beside it, commit() makes them
/// durable and renames. After an exception or without commit() the old file is as it was and
/// nothing else is left. A symbolic link stays; what it points to is replaced.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t count);
  /// Throws IoError. Only when the last step, the sync of the folder, fails is the new file already
  /// in place, whole; the text says so.
  void commit();

 private:
  void flush();
  void write_through(const unsigned char* data, size_t count);
  void discard() noexcept;

  std::string path_;
  std::string folder_;
  std::string temporary_;
  int fd_ = -1;
  ByteBuffer buffer_;
  size_t buffered_ = 0;
};

/// Replaces the content of a file through AtomicFile.
void write_file(const std::string& path, const void* data, size_t count);

/// A file that grows by whole lines, each in one write.
class LineFile {
 public:
  /// Starts empty, or after what is there; a last line cut off by a crash is ended first.
  LineFile(const std::string& path, bool append);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Adds the text and a newline. Throws IoError.
  void write_line(std::string_view text);
  /// Adds the bytes as they are, for files whose records are no lines. Throws IoError.
  void write_bytes(std::string_view bytes);
  const std::string& path() const { return path_; }

 private:
  /// How many bytes were written; all of them when error is 0.
  size_t put(std::string_view bytes, int& error);

  std::string path_;
  std::string line_;
  int fd_ = -1;
};

/// Whether there is something by that name, a link without target not counted.
bool file_exists(const std::string& path);
/// Makes the folder and those above it. Throws IoError.
void make_folders(const std::string& path);
/// Makes the folder, whose parent exists; false when there is something by that name. Throws
/// IoError.
bool make_folder(const std::string& path);
/// Cuts a file off behind its first size bytes. Throws IoError.
void cut_file(const std::string& path, uint64_t size);
/// What output on a file descriptor needs: is it a terminal, its width (0: unknown), and a write
/// that gives up silently, for output that nothing depends on.
bool is_terminal(int fd);
int terminal_columns(int fd);
void write_output(int fd, std::string_view text) noexcept;

namespace detail {

/// The system calls behind the classes above, so that tests can make call N fail.
struct FileCalls {
  int (*open)(const char* path, int flags, unsigned mode);
  int (*status)(int fd, struct ::stat* status);
  int64_t (*read)(int fd, void* to, size_t count, int64_t offset);
  int64_t (*write)(int fd, const void* from, size_t count);
  int (*sync)(int fd);
  int (*close)(int fd);
  int (*rename)(const char* from, const char* to);
  int (*remove)(const char* path);
};
/// The calls in use; null restores the system's. Not for use while files are open.
void set_file_calls(const FileCalls* calls);
const FileCalls& system_file_calls();

}  // namespace detail
}  // namespace taper
