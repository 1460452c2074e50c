#pragma once

#include <cstdint>

namespace taper {

/// The Mersenne Twister of Matsumoto and Nishimura (1998), seeded by init_genrand as PyTorch's CPU
/// generator is: the same 32-bit outputs.
class Mt19937 {
 public:
  static constexpr int kSize = 624;

  explicit Mt19937(uint64_t seed) { reseed(seed); }
  /// Uses the low 32 bits.
  void reseed(uint64_t seed);
  uint32_t next() {
    if (used_ >= kSize) refill();
    return temper(words_[used_++]);
  }
  /// The next n outputs.
  void fill(uint32_t* out, int64_t n);

  /// State for a copy elsewhere: the words and how many of them are used.
  const uint32_t* words() const { return words_; }
  int used() const { return used_; }
  /// used in [0, kSize].
  void restore(const uint32_t* words, int used);

 private:
  static uint32_t temper(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  void refill();

  uint32_t words_[kSize];
  int used_ = kSize;
};

/// What a CPU generator owns: the stream, the second value of the last Box-Muller pair, and the
/// number of calls that drew from the counter-based generator.
struct RandomEngine {
  Mt19937 stream;
  uint64_t seed;
  double next_normal = 0;
  bool has_next_normal = false;
  uint64_t counter_calls = 0;

  explicit RandomEngine(uint64_t s) : stream(s), seed(s) {}
  void reseed(uint64_t s) { *this = RandomEngine(s); }

  uint32_t random() { return stream.next(); }
  uint64_t random64() {
    const uint64_t high = stream.next();
    return high << 32 | stream.next();
  }
  /// In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(random64() & ((1ull << 53) - 1)) * 0x1p-53; }
  /// Standard normal by Box and Muller; every second call returns the value kept by the first.
  double normal();
};

/// Philox4x32-10 of Salmon et al. (2011): four words from a 128-bit counter and a 64-bit key.
struct Philox {
  static constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  static constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  static constexpr int kRounds = 10;

  static void block(uint64_t key, uint64_t counter_low, uint64_t counter_high, uint32_t out[4]);
};

/// 53 bits from the operating system's entropy.
uint64_t entropy_seed();

/// The key of one call that draws by counter: the generator's seed and the call's number.
struct CounterKey {
  uint64_t seed = 0;
  uint64_t call = 0;
};

}  // namespace taper
