#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taper/base/arg.h"
#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

/// Base of the schedulers: sets the learning rates of an optimizer's groups, which must outlive it.
/// As in Python, the built-in ones set the rates of epoch 0 when they are made, and each step()
/// goes one epoch (or batch) on. Rates are computed from the groups' present ones where Python
/// does so, so that schedulers can be chained.
class LRScheduler {
 public:
  /// last_epoch: -1 to begin; else the epoch to go on from, and the groups need an "initial_lr", as
  /// a state dict brings it.
  explicit LRScheduler(Optimizer& optimizer, int64_t last_epoch = -1);
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;
  virtual ~LRScheduler() = default;

  virtual void step();
  /// The rates that were set last, one per group.
  const std::vector<double>& get_last_lr() const { return last_lr_; }
  int64_t last_epoch() const { return last_epoch_; }
  Optimizer& optimizer() const { return *optimizer_; }

  /// What Python's state_dict() holds, but for its own bookkeeping and for functions.
  IValue state_dict() const;
  /// Takes over Taper's or Python's dict of the same scheduler; the groups' rates come with the
  /// optimizer's. Throws ConfigError on other keys, kinds and settings; then nothing has changed.
  void load_state_dict(const IValue& state_dict);

 protected:
  /// The rates of epoch last_epoch_, one per group.
  virtual std::vector<double> get_lrs() = 0;
  /// The same from the base rates alone, where there is such a form.
  virtual std::vector<double> get_closed_form_lrs() { return get_lrs(); }
  std::vector<double> get_current_lrs() const;
  /// Throws ConfigError when a setting is out of range.
  virtual void check() const {}
  /// Walks what a state dict keeps.
  virtual void fields(Fields& fields);
  /// Goes to epoch 0 again: SequentialLR's next scheduler begins so.
  virtual void restart();
  void set_lrs(const std::vector<double>& lrs);
  /// check(), keep_base_lrs(), and the rates of epoch 0: the last act of a constructor.
  void begin();
  /// Leaves the base rates in the groups, as their "initial_lr", unless they have one.
  void keep_base_lrs() const;

  Optimizer* optimizer_;
  std::vector<double> base_lrs_, last_lr_;
  int64_t last_epoch_;
  /// Calls of step() before the present one; the built-in schedulers make one themselves.
  int64_t step_count_ = 0;

 private:
  friend class SequentialLR;
  friend class ChainedScheduler;
  void warn_of_order() const;
  int64_t optimizer_steps_;
};

/// One number for all groups, or one for each.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}
  PerGroup(std::vector<double> values) : values_(std::move(values)), is_list_(true) {}
  PerGroup(std::initializer_list<double> values) : PerGroup(std::vector<double>(values)) {}
  /// A number for each group; throws when there are fewer or more than groups.
  std::vector<double> expand(const char* name, const Optimizer& optimizer) const;

 private:
  std::vector<double> values_;
  bool is_list_ = false;
};

/// The rate times gamma every step_size epochs.
class StepLR : public LRScheduler {
 public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  int64_t step_size_;
  double gamma_;
};

/// The rate times gamma at each milestone; one that is listed twice counts twice.
class MultiStepLR : public LRScheduler {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma = 0.1,
              int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void fields(Fields& fields) override;

 private:
  std::vector<int64_t> milestones_;  // in order
  double gamma_;
};

using LRLambda = Function<double(int64_t)>;

namespace detail {
/// What the two schedulers with functions of the epoch share.
class FunctionLR : public LRScheduler {
 protected:
  FunctionLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas, int64_t last_epoch);
  void fields(Fields& fields) override;

  std::vector<LRLambda> lr_lambdas_;
};
}  // namespace detail

/// The base rate times lr_lambda(epoch): one function for all groups or one for each. Functions are
/// not part of state dicts.
class LambdaLR : public detail::FunctionLR {
 public:
  LambdaLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas, int64_t last_epoch = -1);
  LambdaLR(Optimizer& optimizer, LRLambda lr_lambda, int64_t last_epoch = -1)
      : LambdaLR(optimizer, std::vector<LRLambda>(optimizer.param_groups().size(), lr_lambda),
                 last_epoch) {}

 protected:
  std::vector<double> get_lrs() override;
};

/// The rate times lr_lambda(epoch) at every epoch from 1 on.
class MultiplicativeLR : public detail::FunctionLR {
 public:
  MultiplicativeLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas, int64_t last_epoch = -1);
  MultiplicativeLR(Optimizer& optimizer, LRLambda lr_lambda, int64_t last_epoch = -1)
      : MultiplicativeLR(optimizer,
                         std::vector<LRLambda>(optimizer.param_groups().size(), lr_lambda),
                         last_epoch) {}

 protected:
  std::vector<double> get_lrs() override;
};

/// The base rate times factor before epoch total_iters, then the base rate.
class ConstantLR : public LRScheduler {
 public:
  ConstantLR(Optimizer& optimizer, double factor = 1.0 / 3, int64_t total_iters = 5,
             int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  double factor_;
  int64_t total_iters_;
};

/// The base rate times a factor that goes from start_factor to end_factor in total_iters epochs.
class LinearLR : public LRScheduler {
 public:
  LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0,
           int64_t total_iters = 5, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  double start_factor_, end_factor_;
  int64_t total_iters_;
};

/// The rate times gamma every epoch.
class ExponentialLR : public LRScheduler {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void fields(Fields& fields) override;

 private:
  double gamma_;
};

/// The base rate times (1 - epoch / total_iters)^power, 0 from total_iters on.
class PolynomialLR : public LRScheduler {
 public:
  PolynomialLR(Optimizer& optimizer, int64_t total_iters = 5, double power = 1.0,
               int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  int64_t total_iters_;
  double power_;
};

/// eta_min + (base rate - eta_min) (1 + cos(pi epoch / T_max)) / 2 (Loshchilov and Hutter, 2017,
/// without restarts).
class CosineAnnealingLR : public LRScheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min = 0,
                    int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  std::vector<double> get_closed_form_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  int64_t T_max_;
  double eta_min_;
};

/// Runs one scheduler after another: the i-th up to milestones[i], where the next begins at its
/// epoch 0. Throws ConfigError unless all belong to this optimizer and there is one milestone
/// fewer.
class SequentialLR : public LRScheduler {
 public:
  SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
               std::vector<int64_t> milestones, int64_t last_epoch = -1);
  void step() override;

 protected:
  std::vector<double> get_lrs() override { return get_current_lrs(); }
  void fields(Fields& fields) override;
  void restart() override;

 private:
  std::vector<std::shared_ptr<LRScheduler>> schedulers_;
  std::vector<int64_t> milestones_;
};

/// Steps several schedulers of one optimizer at once: their factors multiply.
class ChainedScheduler : public LRScheduler {
 public:
  explicit ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers);
  void step() override;

 protected:
  std::vector<double> get_lrs() override { return get_current_lrs(); }
  void fields(Fields& fields) override;
  void restart() override;

 private:
  std::vector<std::shared_ptr<LRScheduler>> schedulers_;
};

/// Multiplies the rates by factor when a metric has not got better for more than patience epochs;
/// then waits for cooldown epochs. Better is by threshold, of the best (rel) or beside it (abs).
class ReduceLROnPlateauScheduler : public LRScheduler {
 public:
  enum class SchedulerMode { min, max };
  enum class ThresholdMode { rel, abs };
  ReduceLROnPlateauScheduler(Optimizer& optimizer, SchedulerMode mode = SchedulerMode::min,
                             double factor = 0.1, int64_t patience = 10, double threshold = 1e-4,
                             ThresholdMode threshold_mode = ThresholdMode::rel,
                             int64_t cooldown = 0, const PerGroup& min_lr = 0, double eps = 1e-8);
  void step(double metric);
  /// Throws: it needs a metric.
  void step() override;

 protected:
  std::vector<double> get_lrs() override { return get_current_lrs(); }
  void check() const override;
  void fields(Fields& fields) override;

 private:
  bool is_better(double metric) const;

  SchedulerMode mode_;
  ThresholdMode threshold_mode_;
  double factor_, threshold_, eps_, best_;
  int64_t patience_, cooldown_, cooldown_counter_ = 0, num_bad_epochs_ = 0;
  std::vector<double> min_lrs_;
};
using ReduceLROnPlateau = ReduceLROnPlateauScheduler;

}  // namespace optim
}  // namespace taper
