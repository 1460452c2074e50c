#include "taper/io/idx.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "taper/base/error.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::message_of;
using taper::testing::spill;
using taper::testing::TempFolder;

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string idx_header(int code, std::initializer_list<uint32_t> sizes) {
  std::string text = {0, 0, static_cast<char>(code), static_cast<char>(sizes.size())};
  for (uint32_t size : sizes) text += big_endian(size);
  return text;
}

// text, then zeros more bytes of 0, compressed.
std::string gzip(const std::string& text, size_t zeros = 0) {
  z_stream z = {};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()) + zeros / 500 + 1000, '\0');
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  auto feed = [&](const std::string& part, int flush) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    z.avail_in = static_cast<uInt>(part.size());
    return deflate(&z, flush);
  };
  EXPECT_EQ(feed(text, Z_NO_FLUSH), Z_OK);
  const std::string block(1 << 20, '\0');
  for (; zeros > 0; zeros -= std::min(zeros, block.size())) {
    EXPECT_EQ(feed(block.substr(0, zeros), Z_NO_FLUSH), Z_OK);
  }
  EXPECT_EQ(feed("", Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

IdxArray parse(const std::string& bytes, const IdxLimits& limits = {}) {
  return read_idx(MemorySource(bytes.data(), bytes.size(), "test"), limits);
}

std::string refusal(const std::string& bytes, const IdxLimits& limits = {}) {
  return message_of<IoError>([&] { parse(bytes, limits); });
}

std::string content(const IdxArray& array) {
  return std::string(array.bytes.data(), array.bytes.data() + array.bytes.size());
}

const std::string kSmall = idx_header(8, {2, 3}) + "abcdef";

TEST(Idx, ReadsPlainAndGzip) {
  for (const std::string& bytes : {kSmall, gzip(kSmall)}) {
    const IdxArray array = parse(bytes);
    EXPECT_EQ(array.dtype, kByte);
    EXPECT_EQ(array.sizes, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(content(array), "abcdef");
  }
}

TEST(Idx, TurnsBigEndianElementsAround) {
  const IdxArray ints = parse(idx_header(0x0c, {2}) + big_endian(1) + big_endian(0x80000000u));
  EXPECT_EQ(ints.dtype, kInt);
  int32_t values[2];
  std::memcpy(values, ints.bytes.data(), sizeof(values));
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(values[1], INT32_MIN);
  const IdxArray reals = parse(idx_header(0x0d, {1}) + big_endian(0x3fc00000u));
  float real;
  std::memcpy(&real, reals.bytes.data(), sizeof(real));
  EXPECT_EQ(real, 1.5f);
}

TEST(Idx, ReadsEmptyArrays) {
  const IdxArray array = parse(idx_header(8, {0, 28, 28}));
  EXPECT_EQ(array.sizes, (std::vector<int64_t>{0, 28, 28}));
  EXPECT_EQ(array.bytes.size(), 0u);
}

TEST(Idx, RefusesWhatIsNoIdxFile) {
  EXPECT_NE(refusal("").find("truncated"), std::string::npos);
  EXPECT_NE(refusal("abc").find("truncated"), std::string::npos);
  EXPECT_NE(refusal("abcdefgh").find("wrong magic number at byte 0: [97, 98, 99, 100]"),
            std::string::npos);
  EXPECT_NE(refusal(std::string("\0\0\x08\0", 4)).find("wrong magic"), std::string::npos);
  EXPECT_NE(refusal(std::string("\0\0\x08\xff", 4)).find("wrong magic"), std::string::npos);
  EXPECT_NE(refusal(std::string("\0\0\x0a\x01\0\0\0\0", 8)).find("wrong magic"), std::string::npos);
  EXPECT_NE(refusal(gzip("not an idx file")).find("wrong magic"), std::string::npos);
}

TEST(Idx, RefusesWrongSizes) {
  EXPECT_NE(refusal(kSmall.substr(0, kSmall.size() - 1)).find("truncated"), std::string::npos);
  EXPECT_NE(refusal(kSmall + "x").find("bytes after the end"), std::string::npos);
  EXPECT_NE(refusal(idx_header(8, {2}).substr(0, 6)).find("truncated"), std::string::npos);
  EXPECT_NE(refusal(gzip(kSmall + "x")).find("uncompressed size"), std::string::npos);
  EXPECT_NE(refusal(gzip(kSmall.substr(0, 14))).find("uncompressed size"), std::string::npos);
  EXPECT_NE(refusal(gzip(kSmall) + "trailing").find("uncompressed size"), std::string::npos);
  EXPECT_NE(refusal(gzip(kSmall) + gzip(kSmall)).find("after the end of the gzip data"),
            std::string::npos);
  const std::string overflow = idx_header(0x0e, {0xffffffffu, 0xffffffffu, 0xffffffffu, 0});
  EXPECT_NE(refusal(overflow).find("more than the"), std::string::npos);
  EXPECT_NE(refusal(gzip(overflow)).find("more than the"), std::string::npos);
}

// A small file may not make the reader take what it claims.
TEST(Idx, RefusesClaimsBeforeTakingMemory) {
  const std::string header = idx_header(8, {60000, 1000, 1000});
  EXPECT_NE(refusal(header).find("truncated"), std::string::npos);
  EXPECT_NE(refusal(gzip(header)).find("the header claims 60000000000 bytes"), std::string::npos);
  // A bomb: 200 MB of zeros in 200 KB, honestly declared.
  const std::string bomb = gzip(idx_header(8, {200'000'000}), 200'000'000);
  EXPECT_LT(bomb.size(), 300'000u);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  EXPECT_NE(refusal(bomb).find("the header claims 200000000 bytes"), std::string::npos);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024) << "KiB";
  // Within what is free, it is read.
  EXPECT_EQ(parse(gzip(idx_header(8, {1'000'000}), 1'000'000)).bytes.size(), 1'000'000u);
  IdxLimits limits;
  limits.max_bytes = 5;
  EXPECT_NE(refusal(kSmall, limits).find("more than the 5 bytes"), std::string::npos);
}

TEST(Idx, RefusesADamagedChecksum) {
  std::string bytes = gzip(kSmall);
  bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
  EXPECT_NE(refusal(bytes).find("damaged gzip data"), std::string::npos) << refusal(bytes);
}

// Each byte of the file cut off or changed. A gzip file's payload is covered by its CRC; a plain
// file's is not, so that only the header's changes can be told.
TEST(Idx, SurvivesEveryDamage) {
  std::string payload;
  for (int i = 0; i < 400; ++i) payload += static_cast<char>(i * i + 7 * i);
  const std::string plain = idx_header(8, {20, 20}) + payload;
  for (const std::string& seed : {plain, gzip(plain)}) {
    for (size_t at = 0; at < seed.size(); ++at) {
      EXPECT_NE(refusal(seed.substr(0, at)), "") << "cut at " << at;
      for (int change = 0; change < 9; ++change) {
        std::string bytes = seed;
        bytes[at] = change < 8 ? static_cast<char>(bytes[at] ^ (1 << change)) : '\xff';
        const std::string text = message_of<IoError>([&] {
          const IdxArray array = parse(bytes);
          if (seed.size() != plain.size()) {
            EXPECT_EQ(content(array), payload) << at;
          }
          EXPECT_EQ(array.bytes.size(), payload.size());
        });
        if (!text.empty()) {
          EXPECT_NE(text.find("idx file 'test'"), std::string::npos) << text;
        }
      }
    }
  }
}

TEST(Idx, ReadsRealFiles) {
  const std::string path = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs Debian's dataset-fashion-mnist";
  const IdxArray images = read_idx(path);
  EXPECT_EQ(images.sizes, (std::vector<int64_t>{10000, 28, 28}));
  uint64_t sum = 0;
  for (size_t i = 0; i < images.bytes.size(); ++i) sum += images.bytes.data()[i];
  EXPECT_EQ(sum, 573'469'082u) << "mean " << static_cast<double>(sum) / 7'840'000;
  TempFolder folder;
  spill(folder / "cut.gz", taper::testing::slurp(path).substr(0, 1'000'000));
  EXPECT_NE(message_of<IoError>([&] { read_idx(folder / "cut.gz"); }).find("cut.gz"),
            std::string::npos);
}

}  // namespace
}  // namespace taper::io
