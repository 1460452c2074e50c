#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "taper/base/file.h"

namespace taper::io {

/// Deflate's best: 258 bytes from two bits, and the format's frame.
inline constexpr uint64_t kDeflateRatio = 1032;

/// Decompresses part of a source. Errors are IoErrors that begin "<format> file '<path>'".
class Inflater {
 public:
  enum class Frame : uint8_t { gzip, none };

  Inflater(const ByteSource& source, const char* format, uint64_t begin, uint64_t end, Frame frame);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// At most count bytes; 0 at the end of the data, its frame verified. Throws on damaged data and
  /// when the source's part ends before the data does.
  size_t some(unsigned char* to, size_t count);
  /// Where in the source the data read so far ends.
  uint64_t position() const;
  uint64_t produced() const { return produced_; }

 private:
  struct State;
  void refill();

  const ByteSource& source_;
  const char* format_;
  const char* what_;
  uint64_t taken_;
  uint64_t end_;
  uint64_t produced_ = 0;
  bool finished_ = false;
  ByteBuffer input_;
  std::unique_ptr<State> state_;
};

}  // namespace taper::io
