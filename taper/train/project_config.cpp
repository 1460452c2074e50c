#include "taper/train/project_config.h"

namespace taper::train {
namespace {

// Parts of the options as objects of their own.
struct EmaFields {
  EmaOptions* o;
  void fields(Fields& f) {
    f("decay", o->decay, "how much of the average stays; 0: no average").min(0).below(1);
    f("every_steps", o->every_steps, "steps between two updates").min(1);
    f("start_step", o->start_step, "the average begins here").min(0);
  }
};

struct CheckpointFields {
  CheckpointOptions* o;
  void fields(Fields& f) {
    f("every_epochs", o->every_epochs, "epochs between two checkpoints; 0: none").min(0);
    f("every_steps", o->every_steps, "steps between two checkpoints; 0: none").min(0);
    f("every_seconds", o->every_seconds, "seconds between two checkpoints; 0: none").min(0);
    f("keep_last", o->keep_last, "how many of the newest are kept").min(1);
    f("keep_best", o->keep_best, "how many of the best are kept").min(0);
    f("restore_best", o->restore_best, "whether the model ends with the best weights");
  }
};

struct TraceArgs {
  int64_t wait = 5;
  int64_t active = 20;
  void fields(Fields& f) {
    f("wait", wait, "steps before the trace").min(0);
    f("active", active, "steps in the trace; 0: all").min(0);
  }
};

void limits(Fields& f, TrainerOptions& o) {
  f("epochs", o.epochs, "epochs to train; 0: no limit").min(0);
  f("max_steps", o.max_steps, "optimizer steps to train; 0: no limit").min(0);
  f("max_seconds", o.max_seconds, "seconds to train, over all resumed runs; 0: no limit").min(0);
  f("min_epochs", o.min_epochs, "early stops wait for so many").min(0);
  f("min_steps", o.min_steps, "early stops wait for so many").min(0);
}

void steps(Fields& f, TrainerOptions& o) {
  f("accumulate", o.accumulate, "batches per optimizer step").min(1);
  f("clip_norm", o.clip_norm, "bound of the gradients' norm; 0: none").min(0);
  f("clip_value", o.clip_value, "bound of each gradient; 0: none").min(0);
}

void debugging(Fields& f, TrainerOptions& o) {
  f("sanity_steps", o.sanity_steps, "batches of validation before the training").min(0);
  f("fast_dev_run", o.fast_dev_run, "one epoch of so many batches, nothing is kept").min(0);
  f("overfit_batches", o.overfit_batches,
    "trains and validates on so many batches, nothing is kept")
      .min(0);
  f("limit_train_batches", o.limit_train_batches, "batches of an epoch; 0: all").min(0);
  f("limit_valid_batches", o.limit_valid_batches, "batches of a validation; 0: all").min(0);
  f("limit_test_batches", o.limit_test_batches, "batches of a test; 0: all").min(0);
  f("deterministic", o.deterministic, "refuses data whose order is not fixed");
  f("detect_anomaly", o.detect_anomaly, "looks for the first function that gives NaN; slow");
}

}  // namespace

TrainerConfig::TrainerConfig() {
  profilers.add("off", "none", [] { return std::shared_ptr<ProfileTraining>(); });
  profilers.add("table", "a table of what the time is spent on",
                [] { return std::make_shared<ProfileTraining>(ProfilerOptions{.trace = false}); });
  profilers.add<TraceArgs>("trace", "the table, and a trace of some steps", [](const TraceArgs& a) {
    return std::make_shared<ProfileTraining>(ProfilerOptions{.wait = a.wait, .active = a.active});
  });
}

void TrainerConfig::fields(Fields& f) {
  TrainerOptions& o = options;
  limits(f, o);
  steps(f, o);
  f("non_finite", non_finite, "what to do when the loss or the gradients are not finite")
      .one_of({"stop", "skip", "throw", "ignore"});
  f("precision", precision, "what the model and the loss compute in; weights stay float32")
      .one_of({"float32", "bf16"});
  EmaFields ema{&o.ema};
  f("ema", ema, "an exponential moving average of the weights, which is then what is validated");
  f("monitor", o.monitor, "the metric that says which checkpoint is best");
  f("mode", mode, "whether lower or higher is better").one_of({"min", "max"});
  CheckpointFields checkpoint{&o.checkpoint};
  f("checkpoint", checkpoint, "when checkpoints are written, and which are kept");
  f("validate_every_epochs", o.validate_every_epochs, "epochs between two validations").min(0);
  f("validate_every_steps", o.validate_every_steps, "steps between two; 0: not by steps").min(0);
  f("log_every", o.log_every, "steps between two figures of training; 0: none").min(0);
  debugging(f, o);
  f("progress", o.progress, "whether progress is shown");
  f("csv", csv, "whether metrics.csv is written");
  f("tensorboard", tensorboard, "whether TensorBoard files are written");
  f("histograms_every_epochs", histograms_every_epochs,
    "epochs between two histograms of weights and gradients; 0: none")
      .min(0);
  f("profiler", profiler, "records what the time is spent on").of(profilers);
}

TrainerOptions TrainerConfig::made() const {
  TrainerOptions made = options;
  made.mode = mode == "max" ? Mode::kMax : Mode::kMin;
  made.non_finite = non_finite == "stop"    ? NonFinite::kStop
                    : non_finite == "skip"  ? NonFinite::kSkip
                    : non_finite == "throw" ? NonFinite::kThrow
                                            : NonFinite::kIgnore;
  made.precision = precision == "bf16" ? Precision::kBFloat16 : Precision::kFloat32;
  return made;
}

void ProjectConfig::fields(Fields& f) {
  f("name", name, "what the run is called").required();
  f("runs", runs, "the folder of all runs");
  f("seed", seed, "of all random numbers").min(0);
  f("threads", threads, "of computations; 0: as many as the machine has").range(0, 4096);
  f("arch", arch, "the model").of(project->models).required();
  f("data", data, "the data").of(project->data).required();
  f("loss", loss, "what is minimised").of(project->losses).required();
  f("optimizer", optimizer, "how it is minimised").of(project->optimizers).required();
  f("scheduler", scheduler, "the learning rate's course; null: constant").of(project->schedulers);
  f("metrics", metrics, "figures beside the loss").of(project->metrics);
  f("callbacks", callbacks, "what else happens during the training").of(project->callbacks);
  f("trainer", trainer, "how long and how to train");
}

Config read_project_config(const Config& config, ProjectConfig& read) {
  return detail::read_object(config, detail::FieldTypeOf<ProjectConfig>::value, &read);
}

Config project_schema(const Project& project) {
  ProjectConfig config(project);
  return detail::schema_of_object(detail::FieldTypeOf<ProjectConfig>::value, &config);
}

}  // namespace taper::train
