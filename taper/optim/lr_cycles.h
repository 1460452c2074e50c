#pragma once

#include "taper/optim/lr_scheduler.h"

namespace taper TAPER_API {
namespace optim {

/// Cosine annealing with restarts (Loshchilov and Hutter, 2017): from the base rate to eta_min in
/// T_0 epochs, then again in T_mult times as many, and so on.
class CosineAnnealingWarmRestarts : public LRScheduler {
 public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0, int64_t T_mult = 1,
                              double eta_min = 0, int64_t last_epoch = -1);
  void step() override;
  /// Goes to a place that may lie between epochs, as epoch + batch / batches. Throws when negative.
  void step(double epoch);

 protected:
  std::vector<double> get_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;
  void restart() override { step(0.0); }

 private:
  void set_epoch(double epoch);

  int64_t T_0_, T_i_, T_mult_;
  double eta_min_, T_cur_;
};

namespace detail {
/// What the schedulers share that cycle the momentum (of betas, the first) with the rate.
class CyclicBase : public LRScheduler {
 protected:
  using LRScheduler::LRScheduler;
  /// Throws when the optimizer has no momentum.
  void check_momentum() const;
  double momentum(size_t group) const;
  void set_momentum(size_t group, double value);
  bool uses_betas() const;
};
}  // namespace detail

struct CyclicLROptions {
  CyclicLROptions(PerGroup base_lr, PerGroup max_lr)
      : base_lr_(std::move(base_lr)), max_lr_(std::move(max_lr)) {}
  TAPER_ARG(PerGroup, base_lr);
  TAPER_ARG(PerGroup, max_lr);
  TAPER_ARG(int64_t, step_size_up) = 2000;
  /// None: step_size_up.
  TAPER_ARG(std::optional<int64_t>, step_size_down) = std::nullopt;
  /// "triangular", "triangular2" (the height halves each cycle) or "exp_range" (the height times
  /// gamma^step).
  TAPER_ARG(std::string, mode) = "triangular";
  TAPER_ARG(double, gamma) = 1;
  /// The height's factor in place of mode's: of the cycle, or with scale_mode "iterations" of the
  /// step. Not part of state dicts.
  TAPER_ARG(Function<double(double)>, scale_fn) = {};
  TAPER_ARG(std::string, scale_mode) = "cycle";
  TAPER_ARG(bool, cycle_momentum) = true;
  TAPER_ARG(PerGroup, base_momentum) = 0.8;
  TAPER_ARG(PerGroup, max_momentum) = 0.9;
};

/// Triangles between base_lr and max_lr, a step per batch (Smith, 2017); the momentum goes the
/// other way.
class CyclicLR : public detail::CyclicBase {
 public:
  CyclicLR(Optimizer& optimizer, const CyclicLROptions& options, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  std::vector<double> max_lrs_, base_momentums_, max_momentums_;
  double total_size_, step_ratio_, gamma_;
  std::string mode_, scale_mode_;
  bool cycle_momentum_;
  Function<double(double)> scale_fn_;
};

struct OneCycleLROptions {
  explicit OneCycleLROptions(PerGroup max_lr) : max_lr_(std::move(max_lr)) {}
  TAPER_ARG(PerGroup, max_lr);
  /// Or epochs and steps_per_epoch.
  TAPER_ARG(std::optional<int64_t>, total_steps) = std::nullopt;
  TAPER_ARG(std::optional<int64_t>, epochs) = std::nullopt;
  TAPER_ARG(std::optional<int64_t>, steps_per_epoch) = std::nullopt;
  TAPER_ARG(double, pct_start) = 0.3;
  /// "cos" or "linear".
  TAPER_ARG(std::string, anneal_strategy) = "cos";
  TAPER_ARG(bool, cycle_momentum) = true;
  TAPER_ARG(PerGroup, base_momentum) = 0.85;
  TAPER_ARG(PerGroup, max_momentum) = 0.95;
  TAPER_ARG(double, div_factor) = 25;
  TAPER_ARG(double, final_div_factor) = 1e4;
  TAPER_ARG(bool, three_phase) = false;
};

/// One rise from max_lr / div_factor to max_lr and one fall to the start / final_div_factor, a
/// step per batch (Smith and Topin, 2018); the momentum goes the other way. A step past
/// total_steps throws.
class OneCycleLR : public detail::CyclicBase {
 public:
  OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  struct Phase {
    double end_step;
    std::string start_lr, end_lr, start_momentum, end_momentum;
  };
  void set_phases(const OneCycleLROptions& options);
  void fields_of_phases(Fields& fields);

  int64_t total_steps_;
  std::vector<Phase> phases_;
  std::string anneal_strategy_;
  bool cycle_momentum_, use_beta1_ = false;
};

/// Anneals the rates to swa_lr in anneal_epochs epochs ("cos" or "linear") and keeps them there,
/// for stochastic weight averaging.
class SWALR : public LRScheduler {
 public:
  SWALR(Optimizer& optimizer, const PerGroup& swa_lr, int64_t anneal_epochs = 10,
        std::string anneal_strategy = "cos", int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lrs() override;
  void check() const override;
  void fields(Fields& fields) override;

 private:
  int64_t anneal_epochs_;
  std::string anneal_strategy_;
};

}  // namespace optim
}  // namespace taper
