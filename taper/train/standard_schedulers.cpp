#include <algorithm>

#include "taper/optim/lr_cycles.h"
#include "taper/train/standard.h"

namespace taper::train {
namespace {

using namespace taper::optim;
using Interval = Schedule::Interval;

/// Schedules count no more steps.
constexpr int64_t kLongestRun = (int64_t{1} << 40) - 1;

/// What every scheduler has.
struct IntervalArgs {
  std::optional<std::string> interval;
  Interval usual = Interval::kEpoch;

  void fields(Fields& f) {
    f("interval", interval, "what a step of the schedule is; null: as the scheduler is meant")
        .one_of({"epoch", "step"});
  }
  Interval unit() const {
    if (!interval) return usual;
    return *interval == "epoch" ? Interval::kEpoch : Interval::kStep;
  }
  /// The run's length in steps of the schedule; 0: not known.
  int64_t length(const RunLength& run) const {
    if (unit() == Interval::kEpoch) return run.epochs;
    const int64_t steps = std::max<int64_t>(1, run.steps_per_epoch);
    return run.epochs > kLongestRun / steps ? kLongestRun : run.epochs * run.steps_per_epoch;
  }
  Schedule made(std::unique_ptr<LRScheduler> scheduler) const {
    return {std::move(scheduler), unit(), {}};
  }
};

int64_t known(const std::optional<int64_t>& given, int64_t length, const char* name) {
  TAPER_CHECK_AS(ConfigError, given || length > 0, name,
                 ": expected a number of steps, for the length of the run is not known");
  return given.value_or(length);
}

PerGroup per_group(const std::vector<double>& values) {
  return values.size() == 1 ? PerGroup(values[0]) : PerGroup(values);
}

struct StepArgs : IntervalArgs {
  int64_t step_size = 1;
  double gamma = 0.1;
  void fields(Fields& f) {
    f("step_size", step_size, "steps between two changes").min(1).required();
    f("gamma", gamma, "factor of a change");
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<StepLR>(o, step_size, gamma));
  }
};

struct MultiStepArgs : IntervalArgs {
  std::vector<int64_t> milestones;
  double gamma = 0.1;
  void fields(Fields& f) {
    f("milestones", milestones, "steps at which the rate changes").min(0).required();
    f("gamma", gamma, "factor of a change");
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<MultiStepLR>(o, milestones, gamma));
  }
};

struct ExponentialArgs : IntervalArgs {
  double gamma = 1;
  void fields(Fields& f) {
    f("gamma", gamma, "factor of each step").required();
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<ExponentialLR>(o, gamma));
  }
};

struct ConstantArgs : IntervalArgs {
  double factor = 1.0 / 3;
  int64_t total_iters = 5;
  void fields(Fields& f) {
    f("factor", factor, "factor of the first steps").range(0, 1);
    f("total_iters", total_iters, "number of these").min(0);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<ConstantLR>(o, factor, total_iters));
  }
};

struct LinearArgs : IntervalArgs {
  double start_factor = 1.0 / 3, end_factor = 1;
  int64_t total_iters = 5;
  void fields(Fields& f) {
    f("start_factor", start_factor, "first factor").above(0).max(1);
    f("end_factor", end_factor, "last factor").range(0, 1);
    f("total_iters", total_iters, "steps between the two").min(1);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<LinearLR>(o, start_factor, end_factor, total_iters));
  }
};

struct PolynomialArgs : IntervalArgs {
  int64_t total_iters = 5;
  double power = 1;
  void fields(Fields& f) {
    f("total_iters", total_iters, "steps until the rate is 0").min(1);
    f("power", power, "of the part that is left").min(0);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<PolynomialLR>(o, total_iters, power));
  }
};

struct CosineArgs : IntervalArgs {
  std::optional<int64_t> T_max;
  double eta_min = 0;
  void fields(Fields& f) {
    f("T_max", T_max, "steps until the least rate; null: the run's").min(1);
    f("eta_min", eta_min, "least rate").min(0);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength& run) const {
    return made(
        std::make_unique<CosineAnnealingLR>(o, known(T_max, length(run), "T_max"), eta_min));
  }
};

struct WarmRestartsArgs : IntervalArgs {
  int64_t T_0 = 1, T_mult = 1;
  double eta_min = 0;
  void fields(Fields& f) {
    f("T_0", T_0, "steps until the first restart").min(1).required();
    f("T_mult", T_mult, "factor of the later lengths").min(1);
    f("eta_min", eta_min, "least rate").min(0);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<CosineAnnealingWarmRestarts>(o, T_0, T_mult, eta_min));
  }
};

/// What the two schedulers have that cycle the momentum as well.
struct CycleArgs : IntervalArgs {
  OneOrMore<double> max_lr, base_momentum, max_momentum;
  bool cycle_momentum = true;
  CycleArgs(double base, double max) : base_momentum{base}, max_momentum{max} {
    usual = Interval::kStep;
  }
  void fields(Fields& f) {
    f("max_lr", max_lr, "largest rate, or one for each group").min(0).size(1, 1000).required();
    f("cycle_momentum", cycle_momentum, "the momentum goes the other way");
    f("base_momentum", base_momentum, "least momentum, or one for each group")
        .range(0, 1)
        .size(1, 1000);
    f("max_momentum", max_momentum, "largest momentum, or one for each group")
        .range(0, 1)
        .size(1, 1000);
    IntervalArgs::fields(f);
  }
  template <class Options>
  Options filled(Options options) const {
    options.cycle_momentum(cycle_momentum);
    options.base_momentum(per_group(base_momentum)).max_momentum(per_group(max_momentum));
    return options;
  }
};

struct CyclicArgs : CycleArgs {
  OneOrMore<double> base_lr;
  int64_t step_size_up = 2000;
  std::optional<int64_t> step_size_down;
  std::string mode = "triangular", scale_mode = "cycle";
  double gamma = 1;
  CyclicArgs() : CycleArgs(0.8, 0.9) {}
  void fields(Fields& f) {
    f("base_lr", base_lr, "least rate, or one for each group").min(0).size(1, 1000).required();
    f("step_size_up", step_size_up, "steps of a rise").min(1);
    f("step_size_down", step_size_down, "steps of a fall; null: as many").min(1);
    f("mode", mode, "how the height changes").one_of({"triangular", "triangular2", "exp_range"});
    f("gamma", gamma, "factor of exp_range").min(0);
    f("scale_mode", scale_mode, "what exp_range counts").one_of({"cycle", "iterations"});
    CycleArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    CyclicLROptions options = filled(CyclicLROptions(per_group(base_lr), per_group(max_lr)));
    options.step_size_up(step_size_up).step_size_down(step_size_down).mode(mode).gamma(gamma);
    options.scale_mode(scale_mode);
    return made(std::make_unique<CyclicLR>(o, options));
  }
};

struct OneCycleArgs : CycleArgs {
  std::optional<int64_t> total_steps;
  double pct_start = 0.3, div_factor = 25, final_div_factor = 1e4;
  std::string anneal_strategy = "cos";
  bool three_phase = false;
  OneCycleArgs() : CycleArgs(0.85, 0.95) {}
  void fields(Fields& f) {
    f("total_steps", total_steps, "steps of the cycle; null: the run's").min(1);
    f("pct_start", pct_start, "part of the steps that rises").range(0, 1);
    f("anneal_strategy", anneal_strategy, "shape").one_of({"cos", "linear"});
    f("div_factor", div_factor, "max_lr over the first rate").above(0);
    f("final_div_factor", final_div_factor, "first rate over the last").above(0);
    f("three_phase", three_phase, "fall to the first rate, then to the last");
    CycleArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength& run) const {
    OneCycleLROptions options = filled(OneCycleLROptions(per_group(max_lr)));
    options.total_steps(known(total_steps, length(run), "total_steps")).pct_start(pct_start);
    options.anneal_strategy(anneal_strategy).div_factor(div_factor);
    options.final_div_factor(final_div_factor).three_phase(three_phase);
    return made(std::make_unique<OneCycleLR>(o, options));
  }
};

struct SwaArgs : IntervalArgs {
  OneOrMore<double> swa_lr;
  int64_t anneal_epochs = 10;
  std::string anneal_strategy = "cos";
  void fields(Fields& f) {
    f("swa_lr", swa_lr, "last rate, or one for each group").min(0).size(1, 1000).required();
    f("anneal_epochs", anneal_epochs, "steps until then").min(0);
    f("anneal_strategy", anneal_strategy, "shape").one_of({"cos", "linear"});
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    return made(std::make_unique<SWALR>(o, per_group(swa_lr), anneal_epochs, anneal_strategy));
  }
};

struct PlateauArgs : IntervalArgs {
  std::string monitor, mode = "min", threshold_mode = "rel";
  double factor = 0.1, threshold = 1e-4, eps = 1e-8;
  int64_t patience = 10, cooldown = 0;
  OneOrMore<double> min_lr = {0.0};
  void fields(Fields& f) {
    f("monitor", monitor, "metric that has to get better").required();
    f("mode", mode, "what is better").one_of({"min", "max"});
    f("factor", factor, "factor of a change").min(0).below(1);
    f("patience", patience, "steps without a better metric before a change").min(0);
    f("threshold", threshold, "least difference that counts").min(0);
    f("threshold_mode", threshold_mode, "of the best metric, or beside it").one_of({"rel", "abs"});
    f("cooldown", cooldown, "steps after a change that do not count").min(0);
    f("min_lr", min_lr, "least rate, or one for each group").min(0).size(1, 1000);
    f("eps", eps, "least change").min(0);
    IntervalArgs::fields(f);
  }
  Schedule make(Optimizer& o, const RunLength&) const {
    using Plateau = ReduceLROnPlateau;
    using Better = Plateau::SchedulerMode;
    using Threshold = Plateau::ThresholdMode;
    auto scheduler = std::make_unique<Plateau>(
        o, mode == "min" ? Better::min : Better::max, factor, patience, threshold,
        threshold_mode == "rel" ? Threshold::rel : Threshold::abs, cooldown, per_group(min_lr),
        eps);
    return {std::move(scheduler), unit(), monitor};
  }
};

template <class Args>
void add(SchedulerRegistry& registry, const char* name, const char* help) {
  registry.add<Args>(name, help, [](const Args& args, Optimizer& o, const RunLength& run) {
    return args.make(o, run);
  });
}

/// Those that can stand within others: they count steps and need no metric.
SchedulerRegistry simple_schedulers() {
  SchedulerRegistry r("scheduler");
  add<StepArgs>(r, "StepLR", "times gamma every step_size steps");
  add<MultiStepArgs>(r, "MultiStepLR", "times gamma at each milestone");
  add<ExponentialArgs>(r, "ExponentialLR", "times gamma every step");
  add<ConstantArgs>(r, "ConstantLR", "times factor at first");
  add<LinearArgs>(r, "LinearLR", "a straight line between two factors");
  add<PolynomialArgs>(r, "PolynomialLR", "down to 0 by a power of what is left");
  add<CosineArgs>(r, "CosineAnnealingLR", "half a cosine down to eta_min");
  add<WarmRestartsArgs>(r, "CosineAnnealingWarmRestarts", "the same, again and again");
  add<CyclicArgs>(r, "CyclicLR", "triangles between two rates");
  add<OneCycleArgs>(r, "OneCycleLR", "one rise and one fall");
  add<SwaArgs>(r, "SWALR", "to a constant, for averaging");
  return r;
}

/// Schedulers within one, which steps them in its own interval.
struct ComposedArgs : IntervalArgs {
  SchedulerRegistry inner = simple_schedulers();
  std::vector<Config> schedulers;

  void fields(Fields& f) {
    f("schedulers", schedulers, "the schedulers").of(inner).size(1, 1000).required();
    IntervalArgs::fields(f);
  }
  void check() const {
    for (const Config& scheduler : schedulers) {
      const Config interval = scheduler.at("args").at("interval");
      if (!interval.is_null()) interval.fail("expected no interval within another scheduler");
    }
  }
  std::shared_ptr<LRScheduler> make_inner(size_t i, Optimizer& o, const RunLength& run) const {
    return inner.make(schedulers[i], o, run).scheduler;
  }
};

struct SequentialArgs : ComposedArgs {
  std::vector<int64_t> milestones;
  void fields(Fields& f) {
    ComposedArgs::fields(f);
    f("milestones", milestones, "steps at which the next one begins").min(0).required();
  }
  void check() const {
    ComposedArgs::check();
    TAPER_CHECK_AS(ConfigError, milestones.size() + 1 == schedulers.size(),
                   "milestones: expected one fewer than schedulers, got ", milestones.size(),
                   " for ", schedulers.size());
    for (size_t i = 1; i < milestones.size(); ++i) {
      TAPER_CHECK_AS(ConfigError, milestones[i - 1] < milestones[i],
                     "milestones: expected rising numbers, got ", milestones[i], " after ",
                     milestones[i - 1]);
    }
  }
  Schedule make(Optimizer& o, const RunLength& run) const {
    std::vector<std::shared_ptr<LRScheduler>> parts;
    for (size_t i = 0; i < schedulers.size(); ++i) {
      const int64_t begin = i == 0 ? 0 : milestones[i - 1];
      const int64_t end = i < milestones.size() ? milestones[i] : length(run);
      // In steps of the schedule, whichever the part's own interval is.
      parts.push_back(make_inner(i, o, {std::max<int64_t>(0, end - begin), 1}));
    }
    return made(std::make_unique<SequentialLR>(o, std::move(parts), milestones));
  }
};

struct ChainedArgs : ComposedArgs {
  Schedule make(Optimizer& o, const RunLength& run) const {
    std::vector<std::shared_ptr<LRScheduler>> parts;
    for (size_t i = 0; i < schedulers.size(); ++i) {
      parts.push_back(make_inner(i, o, {length(run), 1}));
    }
    return made(std::make_unique<ChainedScheduler>(std::move(parts)));
  }
};

}  // namespace

SchedulerRegistry standard_schedulers() {
  SchedulerRegistry r = simple_schedulers();
  add<PlateauArgs>(r, "ReduceLROnPlateau", "times factor when a metric stalls");
  add<SequentialArgs>(r, "SequentialLR", "one scheduler after another");
  add<ChainedArgs>(r, "ChainedScheduler", "several schedulers at once");
  return r;
}

}  // namespace taper::train
