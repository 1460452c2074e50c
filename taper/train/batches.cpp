#include "taper/train/batches.h"

#include "taper/base/error.h"

namespace taper::train {

void MemoryBatches::start_epoch(bool resume) {
  if (!resume) next_ = 0;
}

bool MemoryBatches::next(data::Example<>& batch) {
  if (next_ >= all_.size()) return false;
  batch = all_[next_++];
  return true;
}

std::optional<int64_t> MemoryBatches::batches() const { return static_cast<int64_t>(all_.size()); }

std::optional<int64_t> MemoryBatches::samples() const {
  int64_t samples = 0;
  for (const data::Example<>& batch : all_) samples += batch.data.size(0);
  return samples;
}

IValue MemoryBatches::state_dict() const {
  return IValue::dict({{"next", static_cast<int64_t>(next_)}});
}

void MemoryBatches::load_state_dict(const IValue& state) {
  const IValue* next = state.isGenericDict() ? state.find("next") : nullptr;
  TAPER_CHECK_AS(ConfigError,
                 next != nullptr && next->isInt() && next->toInt() >= 0 &&
                     static_cast<uint64_t>(next->toInt()) <= all_.size(),
                 "MemoryBatches: the state's place is none of the ", all_.size(), " batches");
  next_ = static_cast<size_t>(next->toInt());
}

std::shared_ptr<Batches> first_batches(Batches& batches, int64_t count) {
  std::vector<data::Example<>> kept;
  data::Example<> batch;
  batches.start_epoch();
  while (static_cast<int64_t>(kept.size()) < count && batches.next(batch)) kept.push_back(batch);
  return std::make_shared<MemoryBatches>(std::move(kept));
}

namespace detail {

LoaderBatchesBase::LoaderBatchesBase(std::optional<int64_t> samples,
                                     const data::DataLoaderOptions& options)
    : samples_(samples) {
  if (!samples) return;
  TAPER_CHECK_AS(ConfigError, *samples >= 0, "make_batches: samples is ", *samples,
                 ", expected 0 or more");
  const auto size = static_cast<int64_t>(options.batch_size());
  if (options.drop_last()) samples_ = *samples / size * size;
  batches_ = *samples_ / size + (*samples_ % size != 0);
}

void LoaderBatchesBase::note_start(bool from_beginning) {
  whole_ = from_beginning;
  seen_samples_ = seen_batches_ = 0;
}

void LoaderBatchesBase::note_batch(const data::Example<>& batch) {
  TAPER_CHECK_AS(ShapeError, batch.data.defined() && batch.data.dim() > 0,
                 "Batches: expected a batch's data to have a dimension for its samples");
  ++seen_batches_;
  seen_samples_ += batch.data.size(0);
}

void LoaderBatchesBase::note_end() {
  if (!whole_) return;
  samples_ = seen_samples_;
  batches_ = seen_batches_;
}

bool LoaderBatchesBase::is_inside(const IValue& state) {
  const IValue* ended = state.isGenericDict() ? state.find("ended") : nullptr;
  return ended != nullptr && ended->isBool() && !ended->toBool();
}

void refuse_loader_state() {
  taper::detail::fail<ConfigError>(
      "Batches: a stateful loader has no place: only its dataset knows what comes next");
}

}  // namespace detail
}  // namespace taper::train
