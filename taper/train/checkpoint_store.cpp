// The checkpoints of one training: their names, which are kept, and which to go on from.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/train/checkpoint.h"
#include "taper/train/state_json.h"
#include "taper/train/state_util.h"

namespace taper::train {
namespace {

constexpr std::string_view kPrefix = "step_";

std::string name_of(int64_t step) {
  const std::string digits = str(step);
  return std::string(kPrefix) + std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') +
         digits;
}

// The step of a checkpoint's folder; none for other names.
std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (read.ec != std::errc() || read.ptr != end || name != name_of(step)) return std::nullopt;
  return step;
}

// The steps of the checkpoints in a folder that may be there, the oldest first.
std::vector<int64_t> steps_in(const std::string& folder) {
  std::vector<int64_t> steps;
  if (!is_folder(folder)) return steps;
  for (const std::string& name : list_folder(folder)) {
    if (const std::optional<int64_t> step = step_of(name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

// Why a checkpoint cannot be used; empty when it is whole.
std::string damage_of(const std::string& folder) {
  try {
    verify_checkpoint(folder);
  } catch (const IoError& error) {
    return error.what();
  }
  return {};
}

// The newest whole checkpoint, but for one that is known to be damaged; empty: none.
std::string newest_whole(const std::string& folder, const std::string& but) {
  std::vector<int64_t> steps = steps_in(folder);
  std::reverse(steps.begin(), steps.end());
  for (const int64_t step : steps) {
    std::string path = folder + '/' + name_of(step);
    if (path != but && damage_of(path).empty()) return path;
  }
  return {};
}

void check_options(const CheckpointOptions& options) {
  TAPER_CHECK_AS(ConfigError, options.every_epochs >= 0 && options.every_steps >= 0,
                 "checkpoint: every_epochs is ", options.every_epochs, " and every_steps is ",
                 options.every_steps, ", expected 0 or more");
  TAPER_CHECK_AS(ConfigError, options.every_seconds >= 0, "checkpoint: every_seconds is ",
                 options.every_seconds, ", expected 0 or more");
  TAPER_CHECK_AS(ConfigError, options.keep_last > 0, "checkpoint: keep_last is ", options.keep_last,
                 ", expected 1 or more");
  TAPER_CHECK_AS(ConfigError, options.keep_best >= 0, "checkpoint: keep_best is ",
                 options.keep_best, ", expected 0 or more");
  TAPER_CHECK_AS(ConfigError, !options.restore_best || options.keep_best > 0,
                 "checkpoint: restore_best needs keep_best of 1 or more");
}

}  // namespace

bool has_checkpoint(const std::string& path) {
  return file_exists(path + "/state.json") || !link_target(path + "/last").empty() ||
         !steps_in(path).empty();
}

std::string find_checkpoint(const std::string& path, const FindCheckpointOptions& options) {
  TAPER_CHECK_AS(IoError, is_folder(path), "checkpoint ", quote_path(path),
                 ": there is no folder of that name");
  std::string folder = path, wanted = path;
  if (file_exists(path + "/state.json")) {
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    const size_t slash = folder.rfind('/');
    folder = slash == std::string::npos ? "." : folder.substr(0, std::max<size_t>(slash, 1));
  } else {
    const std::string last = link_target(path + "/last");
    const std::vector<int64_t> steps = steps_in(path);
    TAPER_CHECK_AS(IoError, !last.empty() || !steps.empty(), "checkpoint ", quote_path(path),
                   ": the folder holds no checkpoint");
    wanted = path + '/' + (last.empty() ? name_of(steps.back()) : last);
  }
  const std::string damage = damage_of(wanted);
  if (damage.empty()) return wanted;
  std::string older = newest_whole(folder, wanted);
  TAPER_CHECK_AS(IoError, options.allow_older && !older.empty(), damage,
                 older.empty() ? "; there is no other whole one"
                               : "; the newest whole checkpoint is " + quote_path(older));
  return older;
}

CheckpointStore::CheckpointStore(CheckpointOptions options, Mode mode)
    : options_(std::move(options)), mode_(mode) {
  check_options(options_);
  TAPER_CHECK_AS(ConfigError, !options_.folder.empty(), "checkpoint: folder is empty");
  stale_ = steps_in(options_.folder);
}

void CheckpointStore::prepare() {
  if (prepared_) return;
  make_folders(options_.folder);
  for (const char* prefix : {"step_", "last", "best"}) sweep_temporaries(options_.folder, prefix);
  // A kill may have come between the last save and its link.
  if (!entries_.empty()) turn_best_link();
  prepared_ = true;
}

std::string CheckpointStore::path_of(int64_t step) const {
  return options_.folder + '/' + name_of(step);
}

const CheckpointStore::Entry* CheckpointStore::best_entry() const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (!entry.value) continue;
    if (best == nullptr || is_better(*entry.value, *best->value, mode_)) best = &entry;
  }
  return options_.keep_best > 0 ? best : nullptr;
}

bool CheckpointStore::would_be_best(double value) const {
  if (std::isnan(value)) return false;
  const auto ahead = std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.value && !is_better(value, *entry.value, mode_);
  });
  return ahead < options_.keep_best;
}

// Drops the entries that are neither among the newest nor among the best.
void CheckpointStore::forget_surplus(std::vector<int64_t>& gone) {
  std::vector<Entry> ranked;
  for (const Entry& entry : entries_) {
    if (entry.value) ranked.push_back(entry);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [&](const Entry& a, const Entry& b) {
    return is_better(*a.value, *b.value, mode_);
  });
  const auto best_count = std::min(ranked.size(), static_cast<size_t>(options_.keep_best));
  const size_t newest =
      entries_.size() - std::min(entries_.size(), static_cast<size_t>(options_.keep_last));
  std::vector<Entry> kept;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const bool is_best =
        std::any_of(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(best_count),
                    [&](const Entry& entry) { return entry.step == entries_[i].step; });
    if (i >= newest || is_best) {
      kept.push_back(entries_[i]);
    } else {
      gone.push_back(entries_[i].step);
    }
  }
  entries_ = std::move(kept);
}

IValue CheckpointStore::list() const {
  std::vector<IValue> list;
  for (const Entry& entry : entries_) {
    list.push_back(IValue::dict(
        {{"step", entry.step}, {"value", entry.value ? IValue(*entry.value) : IValue()}}));
  }
  return IValue::list(std::move(list));
}

std::string CheckpointStore::save(int64_t step, IValue state, std::optional<double> value) {
  prepare();
  if (value && std::isnan(*value)) value.reset();
  const std::vector<Entry> before = entries_;
  std::vector<int64_t> gone = stale_;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.step >= step; });
  entries_.push_back({step, value});
  forget_surplus(gone);
  state.insert("checkpoints", list());
  try {
    save_checkpoint(path_of(step), state);
  } catch (...) {
    entries_ = before;
    throw;
  }
  replace_link(options_.folder + "/last", name_of(step));
  turn_best_link();
  stale_ = gone;  // should a removal fail, the next save tries again
  for (const int64_t old : gone) {
    if (old != step && is_folder(path_of(old))) remove_folder(path_of(old));
  }
  stale_.clear();
  return path_of(step);
}

void CheckpointStore::turn_best_link() const {
  const std::string link = options_.folder + "/best";
  const Entry* best = best_entry();
  if (best == nullptr) return remove_all(link);
  if (link_target(link) != name_of(best->step)) replace_link(link, name_of(best->step));
}

// The checkpoints in the folder must be those of the training that goes on.
void CheckpointStore::check_own(int64_t step, const IValue& state) const {
  const auto text_of = [](const IValue& tree) {
    StateTensors none;
    const IValue* numbers = tree.find("trainer");
    return numbers == nullptr ? std::string()
                              : write_state_json(IValue::dict({{"trainer", *numbers}}), none);
  };
  TAPER_CHECK_AS(ConfigError,
                 stale_.empty() || (std::binary_search(stale_.begin(), stale_.end(), step) &&
                                    text_of(read_checkpoint_info(path_of(step))) == text_of(state)),
                 "checkpoint: the folder ", quote_path(options_.folder),
                 " holds checkpoints of another run than the one that is resumed");
}

std::string CheckpointStore::last() const {
  return entries_.empty() ? std::string() : path_of(entries_.back().step);
}

std::string CheckpointStore::best() const {
  const Entry* best = best_entry();
  return best == nullptr ? std::string() : path_of(best->step);
}

void CheckpointStore::resume(int64_t step, const IValue& state) {
  std::vector<Entry> entries;
  if (const IValue* list = state.find("checkpoints"); list != nullptr && list->isList()) {
    for (const IValue& item : list->toListRef()) {
      const IValue& value = state_entry("checkpoint", item, "value");
      entries.push_back({state_int("checkpoint", item, "step"), std::nullopt});
      if (!value.isNone()) entries.back().value = state_number("checkpoint", item, "value");
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.step < b.step; });
  stale_ = steps_in(options_.folder);
  check_own(step, state);
  std::erase_if(entries, [&](const Entry& entry) {
    return entry.step > step || !std::binary_search(stale_.begin(), stale_.end(), entry.step);
  });
  std::erase_if(stale_, [&](int64_t found) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const Entry& entry) { return entry.step == found; });
  });
  entries_ = std::move(entries);
}

}  // namespace taper::train
