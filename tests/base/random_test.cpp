#include "taper/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace taper {
namespace {

TEST(Random, TheStreamIsThatOfTheStandardMersenneTwister) {
  for (uint32_t seed : {0u, 1u, 5489u, 4294967295u}) {
    std::mt19937 expected(seed);
    RandomEngine engine(seed);
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(engine.random(), expected());
  }
}

TEST(Random, FillingContinuesTheStreamAtAnyPoint) {
  for (int skip : {0, 1, 623, 624, 700}) {
    for (int n : {0, 1, 5, 624, 2000}) {
      std::mt19937 expected(42);
      RandomEngine engine(42);
      for (int i = 0; i < skip; ++i) ASSERT_EQ(engine.random(), expected());
      std::vector<uint32_t> words(static_cast<size_t>(n));
      engine.stream.fill(words.data(), n);
      for (int i = 0; i < n; ++i) ASSERT_EQ(words[static_cast<size_t>(i)], expected());
      ASSERT_EQ(engine.random(), expected());
    }
  }
}

TEST(Random, TheSeedsLow32BitsCount) {
  RandomEngine a(7), b(7 + (uint64_t{1} << 32));
  EXPECT_EQ(a.random(), b.random());
  EXPECT_NE(a.seed, b.seed);
}

TEST(Random, ReseedingDropsTheCachedNormal) {
  RandomEngine engine(3);
  const double first = engine.normal();
  engine.reseed(3);
  EXPECT_EQ(engine.normal(), first);
  const double second = engine.normal();
  EXPECT_NE(second, first);
}

// The known answers of the Random123 distribution for philox4x32-10.
TEST(Random, PhiloxGivesTheKnownAnswers) {
  uint32_t out[4];
  Philox::block(0, 0, 0, out);
  EXPECT_EQ(out[0], 0x6627e8d5u);
  EXPECT_EQ(out[1], 0xe169c58du);
  EXPECT_EQ(out[2], 0xbc57ac4cu);
  EXPECT_EQ(out[3], 0x9b00dbd8u);
  const uint64_t ones = ~uint64_t{0};
  Philox::block(ones, ones, ones, out);
  EXPECT_EQ(out[0], 0x408f276du);
  EXPECT_EQ(out[1], 0x41c83b0eu);
  EXPECT_EQ(out[2], 0xa20bc7c6u);
  EXPECT_EQ(out[3], 0x6d5451fdu);
}

}  // namespace
}  // namespace taper
