#include "taper/base/random.h"

#include <cmath>
#include <random>

namespace taper {
namespace {

constexpr int kShift = 397;

uint32_t twist(uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
  return c ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
}

}  // namespace

void Mt19937::reseed(uint64_t seed) {
  words_[0] = static_cast<uint32_t>(seed);
  for (int i = 1; i < kSize; ++i) {
    words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + static_cast<uint32_t>(i);
  }
  used_ = kSize;
}

void Mt19937::refill() {
  // In stretches that read no word written less than a vector earlier.
  for (int i = 0; i < kSize - kShift; ++i) {
    words_[i] = twist(words_[i], words_[i + 1], words_[i + kShift]);
  }
  for (int i = kSize - kShift; i < kSize - 1; ++i) {
    words_[i] = twist(words_[i], words_[i + 1], words_[i + kShift - kSize]);
  }
  words_[kSize - 1] = twist(words_[kSize - 1], words_[0], words_[kShift - 1]);
  used_ = 0;
}

void Mt19937::fill(uint32_t* out, int64_t n) {
  while (n > 0) {
    if (used_ >= kSize) refill();
    const int64_t count = n < kSize - used_ ? n : kSize - used_;
    const uint32_t* from = words_ + used_;
    for (int64_t i = 0; i < count; ++i) out[i] = temper(from[i]);
    used_ += static_cast<int>(count);
    out += count;
    n -= count;
  }
}

void Mt19937::restore(const uint32_t* words, int used) {
  for (int i = 0; i < kSize; ++i) words_[i] = words[i];
  used_ = used;
}

double RandomEngine::normal() {
  if (has_next_normal) {
    has_next_normal = false;
    return next_normal;
  }
  const double u1 = uniform();
  const double u2 = uniform();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double angle = 2.0 * M_PI * u1;
  next_normal = radius * std::sin(angle);
  has_next_normal = true;
  return radius * std::cos(angle);
}

uint64_t entropy_seed() {
  std::random_device device;
  const uint64_t high = device();
  return (high << 32 | device()) & ((1ull << 53) - 1);
}

void Philox::block(uint64_t key, uint64_t counter_low, uint64_t counter_high, uint32_t out[4]) {
  uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t p0 = uint64_t{kMultiplier0} * c0, p1 = uint64_t{kMultiplier1} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

}  // namespace taper
