#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "taper/tensor/ivalue.h"
#include "taper/train/callback.h"

namespace taper TAPER_API {
namespace train {

/// Writes a tree of values as a folder: the tensors of the dicts "model", "ema" and "optimizer" in
/// safetensors files of these names (which other programs read), other tensors in
/// state.safetensors, all else in state.json with the checksum of every file. The folder appears
/// whole and durable, or not at all; one that is there is replaced in one step. Throws IoError.
void save_checkpoint(const std::string& folder, const IValue& state);
/// Reads it back; every byte is covered by a checksum. Throws IoError, which names the file and the
/// place that is wrong.
IValue load_checkpoint(const std::string& folder);
/// The same without keeping what is read. Throws IoError.
void verify_checkpoint(const std::string& folder);
/// The state without tensors and their files: where a training stood, quickly. Throws IoError.
IValue read_checkpoint_info(const std::string& folder);

/// Whether there is something to resume from: path holds a checkpoint, damaged or not, or is a
/// folder of them.
bool has_checkpoint(const std::string& path);

/// Which checkpoint of several to take.
struct FindCheckpointOptions {
  /// Takes the newest whole one when the one that is asked for is damaged.
  bool allow_older = false;
};
/// The folder of a checkpoint: path itself when it holds one; of a folder of checkpoints the one
/// that `last` points to. Throws IoError when there is none or it is damaged; the text then names
/// the newest one that is whole.
std::string find_checkpoint(const std::string& path, const FindCheckpointOptions& options = {});

/// Which checkpoints a training keeps.
struct CheckpointOptions {
  /// Where the folders step_00001200 and the links `last` and `best` stand; empty: no checkpoints.
  std::string folder = {};
  /// One every so many epochs, steps and seconds; 0: not for that.
  int64_t every_epochs = 1;
  int64_t every_steps = 0;
  double every_seconds = 0;
  /// How many of the newest, and of the best by the monitored metric, are kept; a best one is
  /// written whenever it comes.
  int64_t keep_last = 1;
  int64_t keep_best = 1;
  /// Leaves the best weights in the model when fit() ends (unless interrupted).
  bool restore_best = false;
};

/// The checkpoints of one training in one folder.
class CheckpointStore {
 public:
  /// Changes nothing yet. Throws ConfigError on options out of range.
  CheckpointStore(CheckpointOptions options, Mode mode);
  /// Makes the folder, removes what saves that were killed have left, and turns a link that a kill
  /// left behind. Throws IoError. The first save() does it otherwise.
  void prepare();

  /// Whether a checkpoint with this figure would be among the best.
  bool would_be_best(double value) const;
  /// Writes the state as step_<step>, then turns the links and removes what is no longer kept.
  /// value: the monitored metric of this step, if there is one. "checkpoints" is added to the
  /// state. Returns the folder.
  std::string save(int64_t step, IValue state, std::optional<double> value);
  /// The folders of the newest and the best; empty: none.
  std::string last() const;
  std::string best() const;
  /// Whether the folder holds no checkpoint.
  bool empty() const { return entries_.empty() && stale_.empty(); }

  /// Takes over the figures that the state of step has; the checkpoints of later steps that are in
  /// the folder go with the next save, as the training goes on from there. Throws ConfigError when
  /// the folder's checkpoints are another run's.
  void resume(int64_t step, const IValue& state);

 private:
  struct Entry {
    int64_t step;
    std::optional<double> value;
  };
  IValue list() const;
  std::string path_of(int64_t step) const;
  const Entry* best_entry() const;
  void turn_best_link() const;
  void check_own(int64_t step, const IValue& state) const;
  void forget_surplus(std::vector<int64_t>& gone);

  CheckpointOptions options_;
  Mode mode_;
  std::vector<Entry> entries_;  // by step
  std::vector<int64_t> stale_;  // steps of other checkpoints in the folder
  bool prepared_ = false;
};

}  // namespace train
}  // namespace taper
