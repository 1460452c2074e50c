#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "taper/base/function.h"
#include "taper/base/ordered_dict.h"
#include "taper/optim/optimizer.h"
#include "taper/tensor/tensor.h"
#include "taper/train/registry.h"
#include "taper/train/schedule.h"

// What the library itself has, under PyTorch's names, for configs. Programs add their own.
namespace taper TAPER_API {
namespace train {

/// Parameters with their names, as Module::named_parameters() gives them.
using NamedParameters = OrderedDict<std::string, Tensor>;
using OptimizerRegistry = Registry<std::unique_ptr<optim::Optimizer>, const NamedParameters&>;

/// All of taper::optim, with its options as args. "groups": [{"match": ["*.bias", "bn*"],
/// option: value, ...}] gives the parameters whose names match options of their own; the first
/// match counts, what matches none is the first group, and a group that gets no parameter is an
/// error. `*` is any text, `?` any character.
OptimizerRegistry standard_optimizers();

/// How long a run is, for schedules that end with it; 0: not known.
struct RunLength {
  int64_t epochs = 0;
  int64_t steps_per_epoch = 0;
};

using SchedulerRegistry = Registry<Schedule, optim::Optimizer&, const RunLength&>;

/// All of taper::optim that need no function. Each has "interval": "epoch" or "step" (the default
/// of CyclicLR and OneCycleLR); ReduceLROnPlateau has "monitor". T_max and total_steps are the
/// run's length unless given; within SequentialLR, the length of their part.
SchedulerRegistry standard_schedulers();

/// A loss of (output, target).
using LossFunction = Function<Tensor(const Tensor& output, const Tensor& target)>;
using LossRegistry = Registry<LossFunction>;

/// The losses of nn that take an output and a target.
LossRegistry standard_losses();

}  // namespace train
}  // namespace taper
