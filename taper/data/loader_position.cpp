#include <limits>

#include "taper/base/error.h"
#include "taper/data/loader_core.h"
#include "taper/data/state.h"

namespace taper::data::detail {
namespace {

// A number of a state that counts something.
uint64_t read_count(const serialize::InputArchive& state, const char* name) {
  const int64_t value = read_int(state, name);
  TAPER_CHECK_AS(ConfigError, value >= 0, "DataLoader: the state's ", name, " is ", value,
                 ", expected 0 or more");
  return static_cast<uint64_t>(value);
}

}  // namespace

LoaderPosition::LoaderPosition() = default;
LoaderPosition::~LoaderPosition() = default;

void LoaderPosition::start(const Generator& generator) {
  seed_ = draw_seed(generator.defined() ? generator : default_generator());
  ++epoch_;
  batches_before_ = 0;
  ended_ = false;
}

void LoaderPosition::keep_sampler(const SaveSampler& save) {
  serialize::OutputArchive archive;
  sampler_error_ = nullptr;
  try {
    save(archive);
  } catch (...) {
    sampler_error_ = std::current_exception();
  }
  sampler_ = archive.value();
}

IValue LoaderPosition::save(const LoaderCore& core, const DataLoaderOptions& options) const {
  TAPER_CHECK_AS(ConfigError, options.enforce_ordering() || options.workers() < 2,
                 "DataLoader: state_dict needs enforce_ordering, or one worker: without it the "
                 "batches given are not the first ones");
  if (sampler_error_) std::rethrow_exception(sampler_error_);
  serialize::OutputArchive state;
  state.write("epoch", IValue(epoch_));
  write_count(state, "seed", seed_);
  write_count(state, "batches", batches_before_ + core.delivered());
  write_count(state, "batch_size", options.batch_size());
  state.write("ended", IValue(epoch_ < 0 || ended_ || core.ended()));
  state.write("sampler", epoch_ < 0 ? IValue() : sampler_);
  state.write("generator",
              IValue(options.generator().defined() ? options.generator().get_state() : Tensor()));
  return state.value();
}

std::pair<uint64_t, uint64_t> LoaderPosition::load(const IValue& state,
                                                   const DataLoaderOptions& options,
                                                   const LoadSampler& load_sampler) {
  TAPER_CHECK_AS(ConfigError, state.isGenericDict(),
                 "DataLoader: load_state_dict expected a dict but got ", state.type_name());
  const serialize::InputArchive from{IValue(state)};
  const int64_t epoch = read_int(from, "epoch");
  const uint64_t seed = read_count(from, "seed");
  const uint64_t batches = read_count(from, "batches");
  const uint64_t batch_size = read_count(from, "batch_size");
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  TAPER_CHECK_AS(ConfigError,
                 epoch >= -1 && batch_size > 0 && (batches == 0 || batch_size <= kMost / batches),
                 "DataLoader: the state's epoch is ", epoch, ", its batches are ", batches, " of ",
                 batch_size, " samples");
  const IValue *ended = state.find("ended"), *sampler = state.find("sampler"),
               *generator = state.find("generator");
  TAPER_CHECK_AS(ConfigError,
                 ended != nullptr && ended->isBool() && sampler != nullptr &&
                     generator != nullptr && (generator->isNone() || generator->isTensor()) &&
                     (epoch < 0 ? sampler->isNone() : sampler->isGenericDict()),
                 "DataLoader: the state lacks 'ended', 'sampler' or 'generator', or one is of the "
                 "wrong type");
  // A copy of the stream shows whether its state is good before anything is changed.
  if (generator->isTensor()) Generator::create().set_state(generator->toTensor());
  if (!sampler->isNone()) {
    serialize::InputArchive archive{IValue(*sampler)};
    load_sampler(archive);
  }
  if (generator->isTensor() && options.generator().defined()) {
    options.generator().set_state(generator->toTensor());
  }
  epoch_ = epoch;
  seed_ = seed;
  batches_before_ = batches;
  ended_ = ended->toBool();
  resumed_ = !ended_;
  sampler_ = *sampler;
  sampler_error_ = nullptr;
  return {resumed_ ? batches : 0, batch_size};
}

}  // namespace taper::data::detail
