#include "taper/optim/lr_cycles.h"

#include <algorithm>
#include <cmath>

namespace taper::optim {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Beyond these the lengths of periods would not fit an int64_t.
constexpr int64_t kMost = int64_t{1} << 40, kMostTimes = int64_t{1} << 20;

double anneal_cos(double start, double end, double part) {
  return end + (start - end) / 2 * (std::cos(kPi * part) + 1);
}
double anneal_linear(double start, double end, double part) { return (end - start) * part + start; }

void check_strategy(const char* scheduler, const std::string& strategy) {
  TAPER_CHECK_AS(ConfigError, strategy == "cos" || strategy == "linear", scheduler,
                 ": anneal_strategy must be one of 'cos' or 'linear', instead got ", strategy);
}

/// A group's options as they stand in a state dict.
IValue options_dict(const OptimizerOptions& options) {
  Fields fields = Fields::saving();
  const_cast<OptimizerOptions&>(options).fields(fields);
  return std::move(fields.dict());
}

bool has_momentum(const Optimizer& optimizer) {
  const IValue options = options_dict(optimizer.defaults());
  return options.find("momentum") != nullptr || options.find("betas") != nullptr;
}

void set_numbers(Optimizer& optimizer, const char* name, const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    optimizer.param_groups()[i].set_number(name, values[i]);
}

double number(const OptimizerParamGroup& group, const std::string& name) {
  const double* value = group.find_number(name);
  TAPER_CHECK_AS(ConfigError, value != nullptr, "OneCycleLR: the parameter group has no '", name,
                 "'");
  return *value;
}

}  // namespace

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0,
                                                         int64_t T_mult, double eta_min,
                                                         int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      T_0_(T_0),
      T_i_(T_0),
      T_mult_(T_mult),
      eta_min_(eta_min),
      T_cur_(static_cast<double>(last_epoch)) {
  check();
  keep_base_lrs();
  CosineAnnealingWarmRestarts::step();
}

void CosineAnnealingWarmRestarts::check() const {
  TAPER_CHECK_AS(ConfigError, T_0_ > 0 && T_i_ > 0 && std::max(T_0_, T_i_) < kMost,
                 "CosineAnnealingWarmRestarts: Expected positive integer T_0, but got ", T_0_);
  TAPER_CHECK_AS(ConfigError, T_mult_ >= 1 && T_mult_ < kMostTimes,
                 "CosineAnnealingWarmRestarts: Expected integer T_mult >= 1, but got ", T_mult_);
}

void CosineAnnealingWarmRestarts::step() {
  if (last_epoch_ < 0) return step(0.0);
  ++last_epoch_;
  T_cur_ += 1;
  if (T_cur_ >= static_cast<double>(T_i_)) {
    T_cur_ -= static_cast<double>(T_i_);
    T_i_ *= T_mult_;
  }
  set_lrs(get_lrs());
}

void CosineAnnealingWarmRestarts::step(double epoch) {
  TAPER_CHECK_AS(ConfigError, epoch >= 0 && epoch < 0x1p40,
                 "CosineAnnealingWarmRestarts: Expected non-negative epoch, but got ", epoch);
  const double first = static_cast<double>(T_0_);
  if (epoch < first) {
    T_i_ = T_0_;
    T_cur_ = epoch;
  } else if (T_mult_ == 1) {
    T_cur_ = std::fmod(epoch, first);
  } else {
    T_i_ = T_0_;
    T_cur_ = epoch;
    while (T_cur_ >= static_cast<double>(T_i_)) {
      T_cur_ -= static_cast<double>(T_i_);
      T_i_ *= T_mult_;
    }
  }
  last_epoch_ = static_cast<int64_t>(std::floor(epoch));
  set_lrs(get_lrs());
}

std::vector<double> CosineAnnealingWarmRestarts::get_lrs() {
  const double turn = kPi * T_cur_ / static_cast<double>(T_i_);
  std::vector<double> lrs;
  for (const double base : base_lrs_) {
    lrs.push_back(eta_min_ + (base - eta_min_) * (1 + std::cos(turn)) / 2);
  }
  return lrs;
}

void CosineAnnealingWarmRestarts::fields(Fields& f) {
  f("T_0", T_0_);
  f("T_i", T_i_);
  f("T_mult", T_mult_);
  f("eta_min", eta_min_);
  f("T_cur", T_cur_);
  LRScheduler::fields(f);
}

namespace detail {

bool CyclicBase::uses_betas() const {
  return options_dict(optimizer_->defaults()).find("momentum") == nullptr;
}

void CyclicBase::check_momentum() const {
  TAPER_CHECK_AS(ConfigError, has_momentum(*optimizer_),
                 "optimizer must support momentum with `cycle_momentum` option enabled");
}

double CyclicBase::momentum(size_t group) const {
  const IValue options = options_dict(optimizer_->param_groups()[group].options());
  const IValue* betas = options.find("betas");
  return betas ? betas->toListRef()[0].toDouble() : options.at("momentum").toDouble();
}

void CyclicBase::set_momentum(size_t group, double value) {
  OptimizerOptions& options = optimizer_->param_groups()[group].options();
  IValue dict = options_dict(options);
  if (IValue* betas = dict.find("betas")) {
    betas->toListRef()[0] = value;
  } else {
    dict.insert("momentum", value);
  }
  Fields fields = Fields::loading(std::move(dict), "LRScheduler");
  options.fields(fields);
}

}  // namespace detail

namespace {

void check_modes(const std::string& mode, const std::string& scale_mode, bool has_function) {
  const bool is_known = mode == "triangular" || mode == "triangular2" || mode == "exp_range";
  TAPER_CHECK_AS(ConfigError, is_known || has_function,
                 "CyclicLR: mode is invalid and scale_fn is None, got mode ", mode);
  TAPER_CHECK_AS(ConfigError, scale_mode == "cycle" || scale_mode == "iterations",
                 "CyclicLR: scale_mode must be 'cycle' or 'iterations', got ", scale_mode);
}

/// Sets what groups start from before the base reads it; first checks what can be wrong.
Optimizer& start_cycle(Optimizer& optimizer, const CyclicLROptions& o, int64_t last_epoch) {
  const std::vector<double> lrs = o.base_lr().expand("base_lr", optimizer);
  o.max_lr().expand("max_lr", optimizer);
  o.base_momentum().expand("base_momentum", optimizer);
  o.max_momentum().expand("max_momentum", optimizer);
  TAPER_CHECK_AS(ConfigError, !o.cycle_momentum() || has_momentum(optimizer),
                 "CyclicLR: optimizer must support momentum with `cycle_momentum` option enabled");
  const int64_t down = o.step_size_down().value_or(o.step_size_up());
  TAPER_CHECK_AS(ConfigError, o.step_size_up() > 0 && down >= 0,
                 "CyclicLR: expected positive step sizes, got step_size_up ", o.step_size_up(),
                 " and step_size_down ", down);
  check_modes(o.mode(), o.scale_mode(), static_cast<bool>(o.scale_fn()));
  for (size_t i = 0; last_epoch == -1 && i < lrs.size(); ++i) {
    optimizer.param_groups()[i].options().set_lr(lrs[i]);
  }
  return optimizer;
}

}  // namespace

CyclicLR::CyclicLR(Optimizer& optimizer, const CyclicLROptions& o, int64_t last_epoch)
    : CyclicBase(start_cycle(optimizer, o, last_epoch), last_epoch),
      max_lrs_(o.max_lr().expand("max_lr", optimizer)),
      gamma_(o.gamma()),
      mode_(o.mode()),
      cycle_momentum_(o.cycle_momentum()),
      scale_fn_(o.scale_fn()) {
  const auto up = static_cast<double>(o.step_size_up());
  const auto down = static_cast<double>(o.step_size_down().value_or(o.step_size_up()));
  total_size_ = up + down;
  step_ratio_ = up / total_size_;
  scale_mode_ = scale_fn_ ? o.scale_mode() : mode_ == "exp_range" ? "iterations" : "cycle";
  check();
  base_lrs_ = o.base_lr().expand("base_lr", optimizer);
  if (cycle_momentum_) {
    base_momentums_ = o.base_momentum().expand("base_momentum", optimizer);
    max_momentums_ = o.max_momentum().expand("max_momentum", optimizer);
    for (size_t i = 0; i < base_momentums_.size(); ++i) {
      if (last_epoch == -1) set_momentum(i, base_momentums_[i]);
      base_momentums_[i] = momentum(i);
    }
  }
  begin();
}

void CyclicLR::check() const {
  check_modes(mode_, scale_mode_, static_cast<bool>(scale_fn_));
  TAPER_CHECK_AS(ConfigError, total_size_ > 0 && step_ratio_ > 0 && step_ratio_ <= 1,
                 "CyclicLR: expected positive step sizes, got a cycle of ", total_size_);
  TAPER_CHECK_AS(ConfigError, max_lrs_.size() == base_lrs_.size(), "CyclicLR: expected ",
                 base_lrs_.size(), " values for max_lr, got ", max_lrs_.size());
  if (cycle_momentum_) check_momentum();
}

std::vector<double> CyclicLR::get_lrs() {
  const double epoch = static_cast<double>(last_epoch_);
  const double cycle = std::floor(1 + epoch / total_size_);
  const double x = 1 + epoch / total_size_ - cycle;
  const double height = x <= step_ratio_ ? x / step_ratio_ : (x - 1) / (step_ratio_ - 1);
  const double at = scale_mode_ == "cycle" ? cycle : epoch;
  double scale = 1;
  if (scale_fn_) {
    scale = scale_fn_(at);
  } else if (mode_ == "triangular2") {
    scale = 1 / std::pow(2.0, at - 1);
  } else if (mode_ == "exp_range") {
    scale = std::pow(gamma_, at);
  }
  std::vector<double> lrs;
  for (size_t i = 0; i < base_lrs_.size(); ++i) {
    lrs.push_back(base_lrs_[i] + (max_lrs_[i] - base_lrs_[i]) * height * scale);
  }
  for (size_t i = 0; cycle_momentum_ && i < max_momentums_.size(); ++i) {
    const double range = (max_momentums_[i] - base_momentums_[i]) * height;
    set_momentum(i, max_momentums_[i] - range * scale);
  }
  return lrs;
}

void CyclicLR::fields(Fields& f) {
  f("max_lrs", max_lrs_);
  f("total_size", total_size_);
  f("step_ratio", step_ratio_);
  f("mode", mode_);
  f("gamma", gamma_);
  f("scale_mode", scale_mode_);
  f("cycle_momentum", cycle_momentum_);
  if (cycle_momentum_) {
    bool use_beta1 = uses_betas();
    f("use_beta1", use_beta1, Fields::kOptional);
    f("base_momentums", base_momentums_);
    f("max_momentums", max_momentums_);
    TAPER_CHECK_AS(ConfigError,
                   base_momentums_.size() == max_momentums_.size() &&
                       max_momentums_.size() <= optimizer_->param_groups().size(),
                   "load_state_dict: base_momentums and max_momentums do not fit the groups");
  }
  LRScheduler::fields(f);
}

namespace {

int64_t steps_of(const OneCycleLROptions& o) {
  const auto check = [](const char* name, std::optional<int64_t> value) {
    TAPER_CHECK_AS(ConfigError, value,
                   "OneCycleLR: You must define either total_steps OR (epochs AND "
                   "steps_per_epoch)");
    TAPER_CHECK_AS(ConfigError, *value > 0 && *value < (int64_t{1} << 31),
                   "OneCycleLR: Expected positive integer ", name, ", but got ", *value);
    return *value;
  };
  if (o.total_steps()) return check("total_steps", o.total_steps());
  return check("epochs", o.epochs()) * check("steps_per_epoch", o.steps_per_epoch());
}

Optimizer& start_cycle(Optimizer& optimizer, const OneCycleLROptions& o, int64_t last_epoch) {
  steps_of(o);
  TAPER_CHECK_AS(ConfigError, o.pct_start() >= 0 && o.pct_start() <= 1,
                 "OneCycleLR: Expected float between 0 and 1 pct_start, but got ", o.pct_start());
  check_strategy("OneCycleLR", o.anneal_strategy());
  TAPER_CHECK_AS(ConfigError, o.div_factor() != 0 && o.final_div_factor() != 0,
                 "OneCycleLR: div_factor and final_div_factor must not be 0");
  TAPER_CHECK_AS(
      ConfigError, !o.cycle_momentum() || has_momentum(optimizer),
      "OneCycleLR: optimizer must support momentum with `cycle_momentum` option enabled");
  const std::vector<double> max_lrs = o.max_lr().expand("max_lr", optimizer);
  const std::vector<double> max_momentums = o.max_momentum().expand("max_momentum", optimizer);
  const std::vector<double> base_momentums = o.base_momentum().expand("base_momentum", optimizer);
  if (last_epoch != -1) return optimizer;
  std::vector<double> initial = max_lrs;
  for (double& lr : initial) lr /= o.div_factor();
  set_numbers(optimizer, "initial_lr", initial);
  set_numbers(optimizer, "max_lr", max_lrs);
  for (double& lr : initial) lr /= o.final_div_factor();
  set_numbers(optimizer, "min_lr", initial);
  if (o.cycle_momentum()) {
    set_numbers(optimizer, "max_momentum", max_momentums);
    set_numbers(optimizer, "base_momentum", base_momentums);
  }
  return optimizer;
}

}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& o, int64_t last_epoch)
    : CyclicBase(start_cycle(optimizer, o, last_epoch), last_epoch),
      total_steps_(steps_of(o)),
      anneal_strategy_(o.anneal_strategy()),
      cycle_momentum_(o.cycle_momentum()) {
  use_beta1_ = cycle_momentum_ && uses_betas();
  set_phases(o);
  begin();
}

void OneCycleLR::set_phases(const OneCycleLROptions& o) {
  const double total = static_cast<double>(total_steps_), rise = o.pct_start() * total;
  phases_ = {{rise - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"}};
  if (o.three_phase()) {
    phases_.push_back({2 * rise - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"});
    phases_.push_back({total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"});
  } else {
    phases_.push_back({total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"});
  }
}

void OneCycleLR::check() const {
  check_strategy("OneCycleLR", anneal_strategy_);
  TAPER_CHECK_AS(ConfigError, !phases_.empty() && total_steps_ > 0,
                 "OneCycleLR: Expected positive integer total_steps, but got ", total_steps_);
  if (cycle_momentum_) check_momentum();
}

std::vector<double> OneCycleLR::get_lrs() {
  TAPER_CHECK(last_epoch_ <= total_steps_, "OneCycleLR: Tried to step ", last_epoch_,
              " times. The specified number of total steps is ", total_steps_);
  const double step = static_cast<double>(last_epoch_);
  size_t i = 0;
  double start = 0;
  for (; i + 1 < phases_.size() && step > phases_[i].end_step; ++i) start = phases_[i].end_step;
  const Phase& phase = phases_[i];
  // A phase of no length is at its end.
  const double length = phase.end_step - start, part = length == 0 ? 1 : (step - start) / length;
  const auto anneal = anneal_strategy_ == "cos" ? &anneal_cos : &anneal_linear;
  std::vector<double> lrs = get_current_lrs();
  const std::vector<OptimizerParamGroup>& groups = optimizer_->param_groups();
  for (size_t g = 0; g < std::min(lrs.size(), base_lrs_.size()); ++g) {
    lrs[g] = anneal(number(groups[g], phase.start_lr), number(groups[g], phase.end_lr), part);
    if (!cycle_momentum_) continue;
    set_momentum(g, anneal(number(groups[g], phase.start_momentum),
                           number(groups[g], phase.end_momentum), part));
  }
  return lrs;
}

void OneCycleLR::fields_of_phases(Fields& f) {
  const auto walk = [](Phase& phase, Fields& fields) {
    fields("end_step", phase.end_step);
    fields("start_lr", phase.start_lr);
    fields("end_lr", phase.end_lr);
    fields("start_momentum", phase.start_momentum);
    fields("end_momentum", phase.end_momentum);
  };
  if (f.is_saving()) {
    std::vector<IValue> dicts;
    for (Phase& phase : phases_) {
      Fields saving = Fields::saving();
      walk(phase, saving);
      dicts.push_back(std::move(saving.dict()));
    }
    f.dict().insert("_schedule_phases", IValue::list(std::move(dicts)));
    return;
  }
  std::vector<Phase> phases;
  for (const IValue& dict : f.take("_schedule_phases")->toListRef()) {
    Fields loading = Fields::loading(dict, "load_state_dict: _schedule_phases");
    walk(phases.emplace_back(), loading);
    loading.finish();
  }
  phases_ = std::move(phases);
}

void OneCycleLR::fields(Fields& f) {
  f("total_steps", total_steps_);
  fields_of_phases(f);
  f("_anneal_func_type", anneal_strategy_, Fields::kOptional);
  f("cycle_momentum", cycle_momentum_);
  if (cycle_momentum_) f("use_beta1", use_beta1_, Fields::kOptional);
  LRScheduler::fields(f);
}

SWALR::SWALR(Optimizer& optimizer, const PerGroup& swa_lr, int64_t anneal_epochs,
             std::string anneal_strategy, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      anneal_epochs_(anneal_epochs),
      anneal_strategy_(std::move(anneal_strategy)) {
  check();
  set_numbers(optimizer, "swa_lr", swa_lr.expand("swa_lr", optimizer));
  begin();
}

void SWALR::check() const {
  check_strategy("SWALR", anneal_strategy_);
  TAPER_CHECK_AS(ConfigError, anneal_epochs_ >= 0,
                 "SWALR: anneal_epochs must be equal or greater than 0, got ", anneal_epochs_);
}

std::vector<double> SWALR::get_lrs() {
  double step = static_cast<double>(step_count_);
  if (anneal_epochs_ == 0) step = std::max(1.0, step);
  const auto weight = [&](double at) {
    const double part = at / static_cast<double>(std::max<int64_t>(1, anneal_epochs_));
    const double t = std::max(0.0, std::min(1.0, part));
    return anneal_strategy_ == "cos" ? (1 - std::cos(kPi * t)) / 2 : t;
  };
  const double before = weight(step - 1), now = weight(step);
  std::vector<double> lrs = get_current_lrs();
  for (size_t i = 0; i < lrs.size(); ++i) {
    const double* swa_lr = optimizer_->param_groups()[i].find_number("swa_lr");
    if (swa_lr == nullptr) continue;  // a group that came later
    const double start = before == 1 ? *swa_lr : (lrs[i] - before * *swa_lr) / (1 - before);
    lrs[i] = *swa_lr * now + start * (1 - now);
  }
  return lrs;
}

void SWALR::fields(Fields& f) {
  f("anneal_epochs", anneal_epochs_);
  f("_anneal_strategy", anneal_strategy_, Fields::kOptional);
  LRScheduler::fields(f);
}

}  // namespace taper::optim
