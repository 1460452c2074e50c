#include "taper/io/zip.h"

#include <zlib.h>

#include <algorithm>

#include "taper/base/error.h"
#include "taper/io/inflate.h"
#include "taper/io/json_text.h"
#include "taper/io/zip_format.h"

namespace taper::io {
namespace {

using namespace zip;

// The 8-byte numbers of an entry's extra field, in their fixed order, for those that are saturated.
class Extra64 {
 public:
  Extra64(const ZipReader& archive, const unsigned char* extra, size_t size) : archive_(archive) {
    for (size_t at = 0; at + 4 <= size;) {
      const size_t length = get_little<uint16_t>(extra + at + 2);
      if (length > size - at - 4) archive.fail("damaged zip: an extra field is cut off");
      if (get_little<uint16_t>(extra + at) == kExtra64) {
        at_ = extra + at + 4;
        left_ = length;
        return;
      }
      at += 4 + length;
    }
  }
  uint64_t widen(uint32_t narrow) {
    if (narrow != kSee64) return narrow;
    if (left_ < 8) archive_.fail("damaged zip: a 64-bit size or place is missing");
    const uint64_t value = get_little<uint64_t>(at_);
    at_ += 8;
    left_ -= 8;
    return value;
  }

 private:
  const ZipReader& archive_;
  const unsigned char* at_ = nullptr;
  size_t left_ = 0;
};

bool is_link(uint16_t made_by, uint32_t attributes) {
  constexpr uint16_t kUnix = 3;
  return made_by >> 8 == kUnix && (attributes >> 16 & 0170000) == 0120000;
}

}  // namespace

bool is_member_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || !is_utf8(name) || name.find('\0') != name.npos ||
      name.find('\\') != name.npos || (name.size() > 1 && name[1] == ':')) {
    return false;
  }
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    if (name.substr(at, end - at) == "..") return false;
    at = end + 1;
  }
  return true;
}

ZipReader::ZipReader(const ByteSource& source, const char* format, const ZipLimits& limits)
    : source_(source), format_(format) {
  const Directory directory = find_directory();
  read_directory(directory, limits);
  check_layout(directory.begin, limits);
}

// The end record is looked for from behind; only its comment, which the record counts, may follow.
uint64_t ZipReader::find_end() const {
  const size_t size = static_cast<size_t>(std::min(source_.size(), kEndBytes + UINT16_MAX));
  ByteBuffer tail(size);
  const uint64_t start = source_.size() - size;
  source_.read(start, tail.data(), size);
  uint64_t found = UINT64_MAX;
  for (size_t at = 0; at + kEndBytes <= size; ++at) {
    const unsigned char* record = tail.data() + at;
    if (get_little<uint32_t>(record) != kEnd ||
        at + kEndBytes + get_little<uint16_t>(record + 20) != size) {
      continue;
    }
    if (found != UINT64_MAX) fail("damaged zip: it has two end records");
    found = start + at;
  }
  if (found == UINT64_MAX) {
    fail("no zip archive: the end record is missing (truncated, or another format)");
  }
  return found;
}

ZipReader::Directory ZipReader::find_directory() const {
  const uint64_t end = find_end();
  unsigned char record[kEndBytes];
  source_.read(end, record, sizeof(record));
  const uint16_t here = get_little<uint16_t>(record + 8), count = get_little<uint16_t>(record + 10);
  const uint32_t bytes = get_little<uint32_t>(record + 12);
  const uint32_t begin = get_little<uint32_t>(record + 16);
  if (get_little<uint32_t>(record + 4) != 0 || here != count) {
    fail("damaged zip, or one part of several: ", here, " of ", count, " members");
  }
  Directory directory{begin, begin + uint64_t{bytes}, count};
  uint64_t expected_end = end;
  unsigned char locator[kLocatorBytes] = {};
  if (end >= kLocatorBytes) source_.read(end - kLocatorBytes, locator, sizeof(locator));
  if (get_little<uint32_t>(locator) == kLocator64) {
    expected_end = get_little<uint64_t>(locator + 8);
    if (get_little<uint32_t>(locator + 4) != 0 || get_little<uint32_t>(locator + 16) != 1 ||
        expected_end > end - kLocatorBytes || end - kLocatorBytes - expected_end < kEnd64Bytes) {
      fail("damaged zip: the zip64 locator at byte ", end - kLocatorBytes, " is wrong");
    }
    directory = read_zip64_end(expected_end);
    if ((count != kSee64Short && count != directory.count) ||
        (begin != kSee64 && begin != directory.begin) ||
        (bytes != kSee64 && bytes != directory.end - directory.begin)) {
      fail("damaged zip: its two end records disagree");
    }
  }
  if (directory.end != expected_end) {
    fail("damaged zip: its directory ends at byte ", directory.end, ", expected ", expected_end);
  }
  return directory;
}

ZipReader::Directory ZipReader::read_zip64_end(uint64_t at) const {
  Directory directory;
  unsigned char record[kEnd64Bytes];
  source_.read(at, record, sizeof(record));
  const uint64_t here = get_little<uint64_t>(record + 24);
  directory.count = get_little<uint64_t>(record + 32);
  const uint64_t bytes = get_little<uint64_t>(record + 40);
  directory.begin = get_little<uint64_t>(record + 48);
  if (get_little<uint32_t>(record) != kEnd64 || get_little<uint32_t>(record + 16) != 0 ||
      get_little<uint32_t>(record + 20) != 0 || here != directory.count || directory.begin > at ||
      bytes > at - directory.begin) {
    fail("damaged zip: the zip64 end record at byte ", at, " is wrong");
  }
  directory.end = directory.begin + bytes;
  return directory;
}

void ZipReader::read_directory(const Directory& directory, const ZipLimits& limits) {
  if (directory.count > limits.max_members ||
      directory.count > (directory.end - directory.begin) / kEntryBytes) {
    fail("damaged zip: ", directory.count, " members in a directory of ",
         directory.end - directory.begin, " bytes, expected at most ", limits.max_members);
  }
  uint64_t at = directory.begin;
  std::vector<unsigned char> variable;
  for (uint64_t i = 0; i < directory.count; ++i) {
    unsigned char entry[kEntryBytes];
    if (directory.end - at < kEntryBytes) fail("damaged zip: its directory is cut off");
    source_.read(at, entry, sizeof(entry));
    const size_t length = size_t{get_little<uint16_t>(entry + 28)} +
                          get_little<uint16_t>(entry + 30) + get_little<uint16_t>(entry + 32);
    if (get_little<uint32_t>(entry) != kDirectoryEntry ||
        directory.end - at - kEntryBytes < length) {
      fail("damaged zip: the directory's entry at byte ", at, " is wrong");
    }
    variable.resize(length);
    source_.read(at + kEntryBytes, variable.data(), length);
    at += kEntryBytes + length;
    ZipMember member = read_entry(entry, variable);
    check_local_header(member, directory.begin);
    if (member.name.back() != '/') {
      members_.push_back(std::move(member));
    } else if (member.size != 0) {
      fail("member ", quote_name(member.name), " is a folder with content");
    }
  }
  if (at != directory.end) fail("damaged zip: bytes after its directory, at byte ", at);
}

// An entry of the directory; name, extra field and comment stand in variable.
ZipMember ZipReader::read_entry(const unsigned char* entry,
                                const std::vector<unsigned char>& variable) const {
  const uint16_t name_size = get_little<uint16_t>(entry + 28);
  ZipMember member;
  member.name.assign(variable.begin(), variable.begin() + name_size);
  member.flags = get_little<uint16_t>(entry + 8);
  const uint16_t method = get_little<uint16_t>(entry + 10);
  member.crc = get_little<uint32_t>(entry + 16);
  Extra64 extra(*this, variable.data() + name_size, get_little<uint16_t>(entry + 30));
  member.size = extra.widen(get_little<uint32_t>(entry + 24));
  member.stored_size = extra.widen(get_little<uint32_t>(entry + 20));
  member.header = extra.widen(get_little<uint32_t>(entry + 42));
  member.deflated = method == kDeflated;
  const std::string quoted = quote_name(member.name);
  if (!is_member_name(member.name)) fail("member ", quoted, ": the name is refused");
  constexpr uint16_t kKnownFlags = kFlagDescriptor | kFlagUtf8 | 2 | 4;  // 2, 4: deflate's effort
  if ((member.flags & kFlagEncrypted) != 0) fail("member ", quoted, " is encrypted");
  if ((member.flags & ~kKnownFlags) != 0 || (method != kStored && method != kDeflated)) {
    fail("member ", quoted, ": flags ", member.flags, " or method ", method,
         " are not known, expected a stored or deflated member");
  }
  if (is_link(get_little<uint16_t>(entry + 4), get_little<uint32_t>(entry + 38))) {
    fail("member ", quoted, " is a symbolic link");
  }
  if (get_little<uint16_t>(entry + 34) != 0 ||
      (!member.deflated && member.size != member.stored_size)) {
    fail("member ", quoted, ": the directory's entry is damaged");
  }
  return member;
}

// The member's own header must tell what the directory tells.
void ZipReader::check_local_header(ZipMember& member, uint64_t end) const {
  auto wrong = [&](const char* what) {
    fail("member ", quote_name(member.name), ": ", what, " (header at byte ", member.header, ")");
  };
  if (member.header > end || end - member.header < kLocalHeaderBytes) {
    wrong("the directory gives a place outside the file");
  }
  unsigned char header[kLocalHeaderBytes];
  source_.read(member.header, header, sizeof(header));
  const size_t name_size = get_little<uint16_t>(header + 26);
  const size_t extra_size = get_little<uint16_t>(header + 28);
  if (get_little<uint32_t>(header) != kLocalHeader) wrong("its header is missing");
  member.data = member.header + kLocalHeaderBytes + name_size + extra_size;
  if (member.data > end || end - member.data < member.stored_size) {
    wrong("its data leave the file");
  }
  std::vector<unsigned char> variable(name_size + extra_size);
  source_.read(member.header + kLocalHeaderBytes, variable.data(), variable.size());
  const std::string_view name(reinterpret_cast<const char*>(variable.data()), name_size);
  if (name != member.name) wrong("its header has another name");
  const uint16_t method = member.deflated ? kDeflated : kStored;
  if (get_little<uint16_t>(header + 6) != member.flags ||
      get_little<uint16_t>(header + 8) != method) {
    wrong("its header has other flags or another method");
  }
  Extra64 extra(*this, variable.data() + name_size, extra_size);
  const uint32_t crc = get_little<uint32_t>(header + 14);
  const uint64_t size = extra.widen(get_little<uint32_t>(header + 22));
  const uint64_t stored_size = extra.widen(get_little<uint32_t>(header + 18));
  // With a descriptor, sizes and checksum may follow the data instead.
  const bool absent =
      (member.flags & kFlagDescriptor) != 0 && crc == 0 && size == 0 && stored_size == 0;
  if (!absent && (crc != member.crc || size != member.size || stored_size != member.stored_size)) {
    wrong("its header has another size or checksum");
  }
}

void ZipReader::check_layout(uint64_t end, const ZipLimits& limits) {
  std::vector<size_t> by_place(members_.size());
  for (size_t i = 0; i < by_place.size(); ++i) by_place[i] = i;
  by_name_ = by_place;
  std::sort(by_place.begin(), by_place.end(),
            [&](size_t a, size_t b) { return members_[a].header < members_[b].header; });
  std::sort(by_name_.begin(), by_name_.end(),
            [&](size_t a, size_t b) { return members_[a].name < members_[b].name; });
  uint64_t unpacked = 0;
  for (size_t i = 0; i < members_.size(); ++i) {
    const ZipMember& member = members_[by_place[i]];
    const uint64_t next = i + 1 < members_.size() ? members_[by_place[i + 1]].header : end;
    if (member.data + member.stored_size > next) {
      fail("member ", quote_name(member.name), " overlaps the next one");
    }
    if (i > 0 && members_[by_name_[i]].name == members_[by_name_[i - 1]].name) {
      fail("two members named ", quote_name(members_[by_name_[i]].name));
    }
    if (!member.deflated) continue;
    if (member.size / kDeflateRatio > member.stored_size ||
        __builtin_add_overflow(unpacked, member.size, &unpacked)) {
      fail("member ", quote_name(member.name), " claims ", member.size, " bytes from ",
           member.stored_size);
    }
  }
  const uint64_t most = std::max(limits.free_bytes, source_.size() * limits.max_ratio);
  if (unpacked > most) {
    fail("its compressed members claim ", unpacked, " bytes, more than the ", most,
         " accepted of a file of ", source_.size());
  }
}

const ZipMember* ZipReader::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](size_t i, std::string_view value) { return members_[i].name < value; });
  return found != by_name_.end() && members_[*found].name == name ? &members_[*found] : nullptr;
}

void ZipReader::read(const ZipMember& member, void* to) const {
  ZipStream stream(*this, member);
  stream.read(to, static_cast<size_t>(member.size));
  stream.finish();
}

ZipStream::ZipStream(const ZipReader& archive, const ZipMember& member)
    : archive_(archive), member_(member) {
  if (!member.deflated) return;
  inflater_ = std::make_unique<Inflater>(archive.source_, archive.format_, member.data,
                                         member.data + member.stored_size, Inflater::Frame::none);
}

ZipStream::~ZipStream() = default;

void ZipStream::read(void* to, size_t count) {
  if (count > member_.size - produced_) {
    archive_.fail("member ", quote_name(member_.name), ": it has ", member_.size,
                  " bytes, expected ", count, " from byte ", produced_);
  }
  auto* bytes = static_cast<unsigned char*>(to);
  // Pieces, so that the checksum finds the bytes still in the cache.
  constexpr size_t kPiece = 256 * 1024;
  while (count > 0) {
    size_t got = std::min(count, kPiece);
    if (inflater_ == nullptr) {
      archive_.source_.read(member_.data + produced_, bytes, got);
    } else {
      got = inflater_->some(bytes, got);
      if (got == 0) {
        archive_.fail("member ", quote_name(member_.name), ": its data end after ", produced_,
                      " bytes, expected ", member_.size);
      }
    }
    crc_ = static_cast<uint32_t>(crc32_z(crc_, bytes, got));
    bytes += got;
    produced_ += got;
    count -= got;
  }
}

void ZipStream::finish() {
  unsigned char extra;
  if (produced_ != member_.size) {
    archive_.fail("member ", quote_name(member_.name), ": ", member_.size - produced_,
                  " bytes after the end of its content");
  }
  if (inflater_ != nullptr && (inflater_->some(&extra, 1) != 0 ||
                               inflater_->position() != member_.data + member_.stored_size)) {
    archive_.fail("member ", quote_name(member_.name), ": it has more data than its ", member_.size,
                  " bytes");
  }
  if (crc_ != member_.crc) {
    archive_.fail("member ", quote_name(member_.name), " is damaged: its CRC-32 is ", crc_,
                  ", expected ", member_.crc);
  }
}

}  // namespace taper::io
