#include "taper/io/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "taper/base/error.h"

namespace taper::io {
namespace {

std::string hex_digits(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace

std::string checksum(const void* data, size_t size) { return hex_digits(XXH3_64bits(data, size)); }

std::string checksum(const ByteSource& source) {
  constexpr uint64_t kPiece = uint64_t{1} << 20;
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              &XXH3_freeState);
  TAPER_CHECK_AS(OutOfMemoryError, state != nullptr, "checksum: no memory for its state");
  XXH3_64bits_reset(state.get());
  ByteBuffer piece(static_cast<size_t>(std::min(kPiece, source.size())));
  for (uint64_t at = 0; at < source.size(); at += piece.size()) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(piece.size(), source.size() - at));
    source.read(at, piece.data(), count);
    XXH3_64bits_update(state.get(), piece.data(), count);
  }
  return hex_digits(XXH3_64bits_digest(state.get()));
}

}  // namespace taper::io
