#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "taper/base/error.h"
#include "taper/io/bytes.h"

// Zip archives, as .npz and .pt files are: stored and deflated members, zip64, checksums.
namespace taper::io {

class Inflater;

/// What an archive may claim. Deflated members of more than free_bytes together must be backed by a
/// file of at least their size / max_ratio.
struct ZipLimits {
  uint64_t free_bytes = uint64_t{48} << 20;
  uint64_t max_ratio = 100;
  uint64_t max_members = uint64_t{1} << 18;
};

struct ZipMember {
  std::string name;
  uint64_t header = 0;  // where its local header stands
  uint64_t data = 0;    // where its bytes start
  uint64_t stored_size = 0;
  uint64_t size = 0;
  uint32_t crc = 0;
  uint16_t flags = 0;
  bool deflated = false;
};

/// Whether an archive may have a member of that name: UTF-8 that is not empty and does not lead out
/// of a folder.
bool is_member_name(std::string_view name);

/// The directory of an archive, checked against every member's own header: sizes and names agree,
/// members neither overlap nor leave the file, names differ and stay below the archive's root, and
/// nothing is encrypted or a link. All errors are IoErrors that begin "<format> file '<path>'".
class ZipReader {
 public:
  /// format is a text that outlives the reader; so does the source.
  ZipReader(const ByteSource& source, const char* format, const ZipLimits& limits = {});

  /// In the order of the directory; folders are left out.
  const std::vector<ZipMember>& members() const { return members_; }
  /// Null when there is none.
  const ZipMember* find(std::string_view name) const;
  /// Reads a member whole, to memory of its size, and compares the checksum.
  void read(const ZipMember& member, void* to) const;
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    detail::fail<IoError>(format_, " file ", quote_path(source_.name()), ": ", parts...);
  }

 private:
  friend class ZipStream;
  struct Directory {
    uint64_t begin, end, count;
  };
  uint64_t find_end() const;
  Directory find_directory() const;
  Directory read_zip64_end(uint64_t at) const;
  void read_directory(const Directory& directory, const ZipLimits& limits);
  ZipMember read_entry(const unsigned char* entry,
                       const std::vector<unsigned char>& variable) const;
  void check_local_header(ZipMember& member, uint64_t end) const;
  void check_layout(uint64_t end, const ZipLimits& limits);

  const ByteSource& source_;
  const char* format_;
  std::vector<ZipMember> members_;
  std::vector<size_t> by_name_;
};

/// Reads a member from its start.
class ZipStream {
 public:
  ZipStream(const ZipReader& archive, const ZipMember& member);
  ~ZipStream();

  /// Throws when fewer bytes are left.
  void read(void* to, size_t count);
  /// Compares length and checksum after the last byte; what was read is the member's only then.
  void finish();

 private:
  const ZipReader& archive_;
  const ZipMember& member_;
  std::unique_ptr<Inflater> inflater_;
  uint64_t produced_ = 0;
  uint32_t crc_ = 0;
};

/// Writes an archive in order; the same members give the same bytes.
class ZipWriter {
 public:
  struct Piece {
    const void* data;
    size_t size;
  };

  explicit ZipWriter(ByteSink sink) : sink_(std::move(sink)) {}
  /// A member of these pieces; stored ones start at a multiple of alignment.
  void add(const std::string& name, const std::vector<Piece>& pieces, bool deflate = false,
           size_t alignment = 1);
  /// Writes the directory.
  void finish();

 private:
  void put(const void* data, size_t size);
  void put_deflated(const std::vector<Piece>& pieces, ZipMember& member);
  std::string local_header(const ZipMember& member, size_t alignment) const;

  ByteSink sink_;
  uint64_t written_ = 0;
  std::vector<ZipMember> members_;
};

}  // namespace taper::io
