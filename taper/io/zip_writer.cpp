#include <zlib.h>

#include <algorithm>

#include "taper/base/error.h"
#include "taper/io/zip.h"
#include "taper/io/zip_format.h"

namespace taper::io {
namespace {

using namespace zip;

// Sizes from here on are written with 64 bits; below, deflate's growth of what it cannot compress
// still fits.
constexpr uint64_t kLarge = 0xfff00000;
constexpr uint16_t kDate = 0x21;  // 1980-01-01: the same content gives the same file

bool is_large(const ZipMember& member) { return member.size >= kLarge; }

void put_version(std::string& to, bool large) { put_little<uint16_t>(to, large ? 45 : 20); }

// Flags, method, time, date, checksum, sizes: the part that both headers share.
void put_common(std::string& to, const ZipMember& member, bool known) {
  put_little<uint16_t>(to, member.flags);
  put_little<uint16_t>(to, member.deflated ? kDeflated : kStored);
  put_little<uint16_t>(to, 0);
  put_little<uint16_t>(to, kDate);
  put_little<uint32_t>(to, known ? member.crc : 0);
  const bool large = is_large(member);
  put_little<uint32_t>(to, large ? kSee64 : known ? static_cast<uint32_t>(member.stored_size) : 0);
  put_little<uint32_t>(to, large ? kSee64 : known ? static_cast<uint32_t>(member.size) : 0);
  put_little<uint16_t>(to, static_cast<uint16_t>(member.name.size()));
}

struct Deflater {
  Deflater() { ready = deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Deflater() { deflateEnd(&z); }
  z_stream z = {};
  bool ready;
};

}  // namespace

void ZipWriter::put(const void* data, size_t size) {
  sink_(data, size);
  written_ += size;
}

std::string ZipWriter::local_header(const ZipMember& member, size_t alignment) const {
  const bool known = (member.flags & kFlagDescriptor) == 0;
  std::string header, extra;
  put_little(header, kLocalHeader);
  put_version(header, is_large(member));
  put_common(header, member, known);
  if (is_large(member)) {
    put_little<uint16_t>(extra, kExtra64);
    put_little<uint16_t>(extra, 16);
    put_little<uint64_t>(extra, known ? member.size : 0);
    put_little<uint64_t>(extra, known ? member.stored_size : 0);
  }
  // Padding stands in an extra field named FB, as torch.save writes it.
  const uint64_t start = written_ + kLocalHeaderBytes + member.name.size() + extra.size();
  if (alignment > 1) {
    const size_t padding = static_cast<size_t>((alignment - (start + 4) % alignment) % alignment);
    extra += "FB";
    put_little<uint16_t>(extra, static_cast<uint16_t>(padding));
    extra.append(padding, 'Z');
  }
  put_little<uint16_t>(header, static_cast<uint16_t>(extra.size()));
  return header + member.name + extra;
}

void ZipWriter::add(const std::string& name, const std::vector<Piece>& pieces, bool deflate,
                    size_t alignment) {
  TAPER_CHECK_AS(IoError, name.size() < kSee64Short, "cannot write a zip member whose name has ",
                 name.size(), " bytes");
  ZipMember member;
  member.name = name;
  member.header = written_;
  member.deflated = deflate;
  const bool ascii = std::all_of(name.begin(), name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  member.flags = static_cast<uint16_t>((deflate ? kFlagDescriptor : 0) | (ascii ? 0 : kFlagUtf8));
  for (const Piece& piece : pieces) {
    if (piece.size == 0) continue;  // zlib would take a null pointer for a fresh start
    member.size += piece.size;
    member.crc = static_cast<uint32_t>(
        crc32_z(member.crc, static_cast<const unsigned char*>(piece.data), piece.size));
  }
  member.stored_size = member.size;
  const std::string header = local_header(member, alignment);
  put(header.data(), header.size());
  if (deflate) {
    put_deflated(pieces, member);
  } else {
    for (const Piece& piece : pieces) put(piece.data, piece.size);
  }
  members_.push_back(std::move(member));
}

void ZipWriter::put_deflated(const std::vector<Piece>& pieces, ZipMember& member) {
  const uint64_t begin = written_;
  Deflater deflater;
  TAPER_CHECK_AS(OutOfMemoryError, deflater.ready, "zlib cannot start");
  z_stream& z = deflater.z;
  constexpr size_t kChunk = 64 * 1024;
  ByteBuffer out(kChunk);
  auto drain = [&](int flush) {
    int result;
    do {
      z.next_out = out.data();
      z.avail_out = kChunk;
      result = deflate(&z, flush);
      put(out.data(), kChunk - z.avail_out);
    } while (z.avail_out == 0 && result != Z_STREAM_END);
  };
  for (const Piece& piece : pieces) {
    auto* at = static_cast<const unsigned char*>(piece.data);
    for (size_t left = piece.size; left > 0;) {
      const size_t step = std::min<size_t>(left, 1u << 30);
      z.next_in = const_cast<unsigned char*>(at);
      z.avail_in = static_cast<uInt>(step);
      drain(Z_NO_FLUSH);
      at += step;
      left -= step;
    }
  }
  drain(Z_FINISH);
  member.stored_size = written_ - begin;
  std::string descriptor;
  put_little(descriptor, kDescriptor);
  put_little<uint32_t>(descriptor, member.crc);
  if (is_large(member)) {
    put_little<uint64_t>(descriptor, member.stored_size);
    put_little<uint64_t>(descriptor, member.size);
  } else {
    put_little<uint32_t>(descriptor, static_cast<uint32_t>(member.stored_size));
    put_little<uint32_t>(descriptor, static_cast<uint32_t>(member.size));
  }
  put(descriptor.data(), descriptor.size());
}

void ZipWriter::finish() {
  const uint64_t begin = written_;
  for (const ZipMember& member : members_) {
    std::string entry, extra;
    const bool far = member.header >= kSee64;
    if (is_large(member) || far) {
      put_little<uint16_t>(extra, kExtra64);
      put_little<uint16_t>(extra, static_cast<uint16_t>(8 * (2 * is_large(member) + far)));
      if (is_large(member)) {
        put_little<uint64_t>(extra, member.size);
        put_little<uint64_t>(extra, member.stored_size);
      }
      if (far) put_little<uint64_t>(extra, member.header);
    }
    put_little(entry, kDirectoryEntry);
    put_version(entry, true);
    put_version(entry, is_large(member) || far);
    put_common(entry, member, true);
    put_little<uint16_t>(entry, static_cast<uint16_t>(extra.size()));
    entry.append(10, '\0');  // no comment, the first disk, no attributes
    put_little<uint32_t>(entry, far ? kSee64 : static_cast<uint32_t>(member.header));
    entry += member.name + extra;
    put(entry.data(), entry.size());
  }
  const uint64_t end = written_, bytes = end - begin, count = members_.size();
  std::string record;
  if (count >= kSee64Short || bytes >= kSee64 || begin >= kSee64) {
    put_little(record, kEnd64);
    put_little<uint64_t>(record, kEnd64Bytes - 12);
    put_version(record, true);
    put_version(record, true);
    put_little<uint64_t>(record, 0);  // the first disk
    for (const uint64_t value : {count, count, bytes, begin}) put_little<uint64_t>(record, value);
    put_little(record, kLocator64);
    put_little<uint32_t>(record, 0);
    put_little<uint64_t>(record, end);
    put_little<uint32_t>(record, 1);
  }
  const uint16_t short_count = static_cast<uint16_t>(std::min<uint64_t>(count, kSee64Short));
  put_little(record, kEnd);
  put_little<uint32_t>(record, 0);
  put_little<uint16_t>(record, short_count);
  put_little<uint16_t>(record, short_count);
  put_little<uint32_t>(record, static_cast<uint32_t>(std::min<uint64_t>(bytes, kSee64)));
  put_little<uint32_t>(record, static_cast<uint32_t>(std::min<uint64_t>(begin, kSee64)));
  put_little<uint16_t>(record, 0);
  put(record.data(), record.size());
}

}  // namespace taper::io
