#include "taper/io/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "taper/base/error.h"

namespace taper::io {
namespace {

constexpr uint64_t kChunk = 256 * 1024;

template <class... Parts>
[[noreturn]] void fail(const char* format, const ByteSource& source, const Parts&... parts) {
  detail::fail<IoError>(format, " file ", quote_path(source.name()), ": ", parts...);
}

}  // namespace

struct Inflater::State {
  ~State() { inflateEnd(&z); }
  z_stream z = {};
};

Inflater::Inflater(const ByteSource& source, const char* format, uint64_t begin, uint64_t end,
                   Frame frame)
    : source_(source),
      format_(format),
      what_(frame == Frame::gzip ? "gzip data" : "deflated data"),
      taken_(begin),
      end_(end),
      input_(static_cast<size_t>(std::min(kChunk, end - begin))),
      state_(std::make_unique<State>()) {
  const int window = frame == Frame::gzip ? 16 + MAX_WBITS : -MAX_WBITS;
  if (inflateInit2(&state_->z, window) != Z_OK) fail(format_, source_, "zlib cannot start");
}

Inflater::~Inflater() = default;

size_t Inflater::some(unsigned char* to, size_t count) {
  z_stream& z = state_->z;
  z.next_out = to;
  z.avail_out = static_cast<uInt>(std::min<size_t>(count, 1u << 30));
  const uInt wanted = z.avail_out;
  while (!finished_ && z.avail_out == wanted) {
    if (z.avail_in == 0) refill();
    const int result = inflate(&z, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      finished_ = true;
    } else if (result != Z_OK && !(result == Z_BUF_ERROR && z.avail_in == 0)) {
      fail(format_, source_, "damaged ", what_, " near byte ", position(), ": ",
           z.msg != nullptr ? z.msg : zError(result));
    }
  }
  produced_ += wanted - z.avail_out;
  return wanted - z.avail_out;
}

uint64_t Inflater::position() const { return taken_ - state_->z.avail_in; }

void Inflater::refill() {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(input_.size(), end_ - taken_));
  if (count == 0) {
    fail(format_, source_, "truncated: the ", what_, " ends at byte ", taken_,
         " without its end mark");
  }
  source_.read(taken_, input_.data(), count);
  taken_ += count;
  state_->z.next_in = input_.data();
  state_->z.avail_in = static_cast<uInt>(count);
}

}  // namespace taper::io
