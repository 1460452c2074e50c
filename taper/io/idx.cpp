#include "taper/io/idx.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "taper/base/error.h"
#include "taper/core/sizes.h"
#include "taper/io/bytes.h"
#include "taper/io/inflate.h"

namespace taper::io {
namespace {

constexpr size_t kMagicBytes = 4;

template <class... Parts>
[[noreturn]] void fail(const ByteSource& source, const Parts&... parts) {
  detail::fail<IoError>("idx file ", quote_path(source.name()), ": ", parts...);
}

// The uncompressed bytes in order, whatever the file's form.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void read(void* to, size_t count) = 0;
  /// Refuses anything after the last byte read.
  virtual void end() = 0;
  /// Refuses a size that the file cannot hold, before memory is taken for it.
  virtual void check_claim(uint64_t header, uint64_t payload, const IdxLimits& limits) = 0;
};

class PlainStream final : public Stream {
 public:
  explicit PlainStream(const ByteSource& source) : source_(source) {}

  void read(void* to, size_t count) override {
    if (count > source_.size() - at_) {
      fail(source_, "truncated: it ends at byte ", source_.size(), ", expected ", count,
           " bytes from byte ", at_);
    }
    source_.read(at_, to, count);
    at_ += count;
  }
  void end() override {}  // check_claim has compared the sizes
  void check_claim(uint64_t header, uint64_t payload, const IdxLimits&) override {
    if (source_.size() == header + payload) return;
    fail(source_, source_.size() < header + payload ? "truncated" : "bytes after the end", ": ",
         source_.size(), " bytes, expected ", header + payload, " (a header of ", header,
         " and data of ", payload, ")");
  }

 private:
  const ByteSource& source_;
  uint64_t at_ = 0;
};

class GzipStream final : public Stream {
 public:
  explicit GzipStream(const ByteSource& source)
      : source_(source), inflater_(source, "idx", 0, source.size(), Inflater::Frame::gzip) {}

  void read(void* to, size_t count) override {
    auto* bytes = static_cast<unsigned char*>(to);
    while (count > 0) {
      const size_t got = inflater_.some(bytes, count);
      if (got == 0) {
        fail(source_, "truncated: the compressed data ends after ", inflater_.produced(),
             " bytes, expected ", count, " more");
      }
      bytes += got;
      count -= got;
    }
  }
  void end() override {
    unsigned char extra;
    if (inflater_.some(&extra, 1) != 0) {
      fail(source_, "bytes after the end of the array, at uncompressed byte ",
           inflater_.produced() - 1);
    }
    const uint64_t used = inflater_.position();
    if (used != source_.size())
      fail(source_, "bytes after the end of the gzip data, at byte ", used);
  }
  void check_claim(uint64_t header, uint64_t payload, const IdxLimits& limits) override {
    const uint64_t most = std::min(source_.size() * kDeflateRatio,
                                   std::max(limits.free_bytes, source_.size() * limits.max_ratio));
    if (payload > most) {
      fail(source_, "the header claims ", payload, " bytes of data, more than the ", most,
           " accepted of a gzip file of ", source_.size());
    }
    // A gzip file ends with its uncompressed size: a cut is seen before the long way through.
    unsigned char tail[4] = {};
    source_.read(source_.size() - sizeof(tail), tail, sizeof(tail));
    const uint32_t size = get_little<uint32_t>(tail);
    if (size != static_cast<uint32_t>(header + payload)) {
      fail(source_, "its last 4 bytes tell an uncompressed size of ", size, ", expected ",
           header + payload, " (truncated, or bytes after the end)");
    }
  }

 private:
  const ByteSource& source_;
  Inflater inflater_;
};

ScalarType dtype_of(unsigned char code) {
  switch (code) {
    case 0x08:
      return kByte;
    case 0x09:
      return kChar;
    case 0x0b:
      return kShort;
    case 0x0c:
      return kInt;
    case 0x0d:
      return kFloat;
    case 0x0e:
      return kDouble;
  }
  return ScalarType::Undefined;
}

}  // namespace

IdxArray read_idx(const ByteSource& source, const IdxLimits& limits) {
  unsigned char magic[kMagicBytes] = {};
  if (source.size() < kMagicBytes) {
    fail(source, "truncated: ", source.size(), " bytes, expected at least ", kMagicBytes);
  }
  source.read(0, magic, kMagicBytes);
  std::unique_ptr<Stream> stream;
  if (magic[0] == 0x1f && magic[1] == 0x8b) {
    stream = std::make_unique<GzipStream>(source);
  } else {
    stream = std::make_unique<PlainStream>(source);
  }
  stream->read(magic, kMagicBytes);
  IdxArray array;
  array.dtype = dtype_of(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || array.dtype == ScalarType::Undefined || magic[3] == 0 ||
      magic[3] > kMaxDims) {
    fail(source,
         "wrong magic number at byte 0: ", IntArrayRef({magic[0], magic[1], magic[2], magic[3]}),
         ", expected 0, 0, a type (8, 9, 11 to 14) and 1 to ", kMaxDims, " dimensions");
  }
  const size_t item = static_cast<size_t>(elementSize(array.dtype));
  uint64_t payload = item;
  for (int dim = 0; dim < magic[3]; ++dim) {
    unsigned char raw[4];
    stream->read(raw, sizeof(raw));
    const uint32_t size = uint32_t{raw[0]} << 24 | raw[1] << 16 | raw[2] << 8 | raw[3];
    array.sizes.push_back(size);
    // Zeros do not hide an overflow of the other sizes.
    if (__builtin_mul_overflow(payload, std::max<uint64_t>(size, 1), &payload) ||
        payload > limits.max_bytes) {
      fail(source, "the sizes ", IntArrayRef(array.sizes), " at byte 4 give more than the ",
           limits.max_bytes, " bytes accepted");
    }
  }
  if (std::count(array.sizes.begin(), array.sizes.end(), 0) != 0) payload = 0;
  stream->check_claim(kMagicBytes + 4 * array.sizes.size(), payload, limits);
  array.bytes = ByteBuffer(static_cast<size_t>(payload));
  stream->read(array.bytes.data(), array.bytes.size());
  stream->end();
  // The format is big-endian.
  if (std::endian::native == std::endian::little) {
    reverse_items(array.bytes.data(), array.bytes.size(), item);
  }
  return array;
}

IdxArray read_idx(const std::string& path, const IdxLimits& limits) {
  return read_idx(InputFile(path), limits);
}

}  // namespace taper::io
