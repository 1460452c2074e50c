#include "taper/data/sample_random.h"

#include <cmath>
#include <utility>

#include "taper/base/error.h"
#include "taper/base/random.h"
#include "taper/data/state.h"

namespace taper::data {
namespace {

// Tells this use of a seed from other counter-based streams of the same one.
constexpr uint64_t kKeyTag = 0x73616d706c6573;  // "samples"

struct Current {
  bool in_loader = false;
  uint64_t seed = 0, epoch = 0, first_sample = 0;
  const size_t* samples = nullptr;
  size_t count = 0;
  uint32_t stage = 0;
  uint32_t part = 0;
  SampleRandom random;
};
thread_local constinit Current current;

}  // namespace

SampleRandom::SampleRandom(uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t stream)
    : sample_(sample), stream_(stream) {
  uint32_t words[4];
  Philox::block(seed, epoch, kKeyTag, words);
  key_ = uint64_t{words[1]} << 32 | words[0];
}

uint32_t SampleRandom::next() {
  if (used_ == 4) {
    Philox::block(key_, sample_, uint64_t{stream_} << 32 | block_++, words_);
    used_ = 0;
  }
  return words_[used_++];
}

double SampleRandom::uniform() {
  const uint64_t high = next() >> 6, low = next() >> 5;
  return static_cast<double>(high << 27 | low) * 0x1p-53;
}

int64_t SampleRandom::below(int64_t count) {
  TAPER_CHECK_AS(ConfigError, count > 0, "SampleRandom: got a count of ", count,
                 ", expected a positive one");
  // The last, incomplete run of count numbers is drawn again.
  const uint64_t range = static_cast<uint64_t>(count);
  const uint64_t rejected = (0 - range) % range;
  while (true) {
    const uint64_t high = next();
    const uint64_t value = high << 32 | next();
    if (value >= rejected) return static_cast<int64_t>(value % range);
  }
}

double SampleRandom::normal() {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(kTwoPi * uniform());
}

std::vector<int64_t> SampleRandom::permutation(int64_t count) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < count; ++i) order.push_back(i);
  for (int64_t i = 0; i + 1 < count; ++i) {
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i + below(count - i))]);
  }
  return order;
}

SampleRandom& sample_random() {
  if (!current.in_loader) current.random = SampleRandom(draw_seed(default_generator()), 0, 0);
  return current.random;
}

namespace detail {

BatchScope::BatchScope(uint64_t seed, uint64_t epoch, uint64_t first_sample)
    : in_loader_before_(current.in_loader) {
  current.in_loader = true;
  current.seed = seed;
  current.epoch = epoch;
  current.first_sample = first_sample;
  start_sample(0);
}

BatchScope::~BatchScope() { current.in_loader = in_loader_before_; }

StageScope::StageScope(ArrayRef<size_t> samples, uint32_t stage)
    : samples_before_(current.samples, current.count), stage_before_(current.stage) {
  current.samples = samples.data();
  current.count = samples.size();
  current.stage = stage;
  start_sample(0);
}

StageScope::~StageScope() {
  current.samples = samples_before_.data();
  current.count = samples_before_.size();
  current.stage = stage_before_;
}

PartScope::PartScope(uint32_t part) : part_before_(current.part) {
  current.part = part_before_ * 31 + part + 1;
}

PartScope::~PartScope() { current.part = part_before_; }

void start_sample(size_t i) {
  if (!current.in_loader) return;
  const uint64_t sample = i < current.count ? current.samples[i] : current.first_sample + i;
  current.random =
      SampleRandom(current.seed, current.epoch, sample, current.part << 8 | (current.stage & 0xff));
}

}  // namespace detail
}  // namespace taper::data
