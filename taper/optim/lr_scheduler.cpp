#include "taper/optim/lr_scheduler.h"

#include <algorithm>
#include <cmath>

namespace taper::optim {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// f(rate, base rate) of each group; the groups that came later have no base rate and are left.
template <class F>
std::vector<double> map_lrs(std::vector<double> lrs, const std::vector<double>& bases, const F& f) {
  for (size_t i = 0; i < std::min(lrs.size(), bases.size()); ++i) lrs[i] = f(lrs[i], bases[i]);
  return lrs;
}

void check_count(bool is_valid, const char* scheduler, const char* name, int64_t value) {
  TAPER_CHECK_AS(ConfigError, is_valid, scheduler, ": Expected positive integer ", name,
                 ", but got ", value);
}

}  // namespace

LRScheduler::LRScheduler(Optimizer& optimizer, int64_t last_epoch)
    : optimizer_(&optimizer), last_epoch_(last_epoch), optimizer_steps_(optimizer.step_calls()) {
  const std::vector<OptimizerParamGroup>& groups = optimizer.param_groups();
  for (size_t i = 0; i < groups.size(); ++i) {
    const double* initial = groups[i].find_number("initial_lr");
    TAPER_CHECK_AS(ConfigError, initial != nullptr || last_epoch == -1,
                   "LRScheduler: param 'initial_lr' is not specified in param_groups[", i,
                   "] when resuming an optimizer");
    base_lrs_.push_back(initial ? *initial : groups[i].options().get_lr());
  }
  last_lr_ = get_current_lrs();
}

std::vector<double> LRScheduler::get_current_lrs() const {
  std::vector<double> lrs;
  for (const OptimizerParamGroup& group : std::as_const(*optimizer_).param_groups()) {
    lrs.push_back(group.options().get_lr());
  }
  return lrs;
}

void LRScheduler::set_lrs(const std::vector<double>& lrs) {
  std::vector<OptimizerParamGroup>& groups = optimizer_->param_groups();
  for (size_t i = 0; i < std::min(lrs.size(), groups.size()); ++i) {
    groups[i].options().set_lr(lrs[i]);
  }
  last_lr_ = get_current_lrs();
}

void LRScheduler::warn_of_order() const {
  if (step_count_ != 1 || optimizer_steps_ < 0 || optimizer_->step_calls() != optimizer_steps_) {
    return;
  }
  warn(
      "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in "
      "the opposite order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this "
      "will result in skipping the first value of the learning rate schedule.");
}

void LRScheduler::step() {
  warn_of_order();
  ++last_epoch_;
  try {
    set_lrs(get_lrs());
  } catch (...) {
    --last_epoch_;
    throw;
  }
  ++step_count_;
}

void LRScheduler::keep_base_lrs() const {
  for (size_t i = 0; i < base_lrs_.size(); ++i) {
    OptimizerParamGroup& group = optimizer_->param_groups()[i];
    if (group.find_number("initial_lr") == nullptr) group.set_number("initial_lr", base_lrs_[i]);
  }
}

void LRScheduler::begin() {
  check();
  keep_base_lrs();
  LRScheduler::step();
}

void LRScheduler::restart() {
  last_epoch_ = 0;
  set_lrs(get_closed_form_lrs());
  ++step_count_;
}

void LRScheduler::fields(Fields& f) {
  f("base_lrs", base_lrs_);
  f("last_epoch", last_epoch_);
  f("_step_count", step_count_);
  f("_last_lr", last_lr_);
}

IValue LRScheduler::state_dict() const {
  Fields fields = Fields::saving();
  const_cast<LRScheduler*>(this)->fields(fields);
  return std::move(fields.dict());
}

void LRScheduler::load_state_dict(const IValue& state_dict) {
  IValue before = this->state_dict();
  const size_t groups = base_lrs_.size();
  try {
    Fields loading = Fields::loading(state_dict, "load_state_dict");
    fields(loading);
    loading.finish();
    TAPER_CHECK_AS(ConfigError, base_lrs_.size() == groups && last_lr_.size() == groups,
                   "load_state_dict: got base_lrs and _last_lr of ", base_lrs_.size(), " and ",
                   last_lr_.size(), " groups, expected ", groups);
    check();
  } catch (const std::exception& error) {
    Fields undo = Fields::loading(std::move(before), "load_state_dict");
    fields(undo);
    if (dynamic_cast<const Error*>(&error) == nullptr) throw;
    const std::string text = error.what();
    const bool is_named = text.rfind("load_state_dict", 0) == 0;
    taper::detail::fail<ConfigError>(is_named ? "" : "load_state_dict: ", text);
  }
}

std::vector<double> PerGroup::expand(const char* name, const Optimizer& optimizer) const {
  const size_t groups = optimizer.param_groups().size();
  if (!is_list_) return std::vector<double>(groups, values_[0]);
  TAPER_CHECK_AS(ConfigError, values_.size() == groups, "expected ", groups, " values for ", name,
                 ", got ", values_.size());
  return values_;
}

StepLR::StepLR(Optimizer& optimizer, int64_t step_size, double gamma, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), step_size_(step_size), gamma_(gamma) {
  begin();
}
void StepLR::check() const { check_count(step_size_ > 0, "StepLR", "step_size", step_size_); }
std::vector<double> StepLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  if (last_epoch_ == 0 || last_epoch_ % step_size_ != 0) return lrs;
  return map_lrs(std::move(lrs), base_lrs_, [&](double lr, double) { return lr * gamma_; });
}
std::vector<double> StepLR::get_closed_form_lrs() {
  const int64_t times = last_epoch_ / step_size_;
  const double factor = std::pow(gamma_, static_cast<double>(times));
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) { return base * factor; });
}
void StepLR::fields(Fields& f) {
  f("step_size", step_size_);
  f("gamma", gamma_);
  LRScheduler::fields(f);
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma,
                         int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), milestones_(std::move(milestones)), gamma_(gamma) {
  std::sort(milestones_.begin(), milestones_.end());
  begin();
}
std::vector<double> MultiStepLR::get_lrs() {
  const auto times = std::count(milestones_.begin(), milestones_.end(), last_epoch_);
  std::vector<double> lrs = get_current_lrs();
  if (times == 0) return lrs;
  const double factor = std::pow(gamma_, static_cast<double>(times));
  return map_lrs(std::move(lrs), base_lrs_, [&](double lr, double) { return lr * factor; });
}
std::vector<double> MultiStepLR::get_closed_form_lrs() {
  const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_);
  const double factor = std::pow(gamma_, static_cast<double>(passed - milestones_.begin()));
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) { return base * factor; });
}
void MultiStepLR::fields(Fields& f) {
  // Python keeps a Counter: {milestone: times}.
  if (f.is_saving()) {
    IValue counts = IValue::dict();
    for (const int64_t milestone : milestones_) {
      const IValue* count = counts.find(milestone);
      counts.insert(milestone, count == nullptr ? int64_t{1} : count->toInt() + 1);
    }
    f.dict().insert("milestones", std::move(counts));
  } else {
    const IValue& counts = *f.take("milestones");
    milestones_.clear();
    for (const auto& [milestone, count] : counts.toGenericDict()) {
      TAPER_CHECK_AS(ConfigError, count.toInt() >= 0 && count.toInt() <= 1000,
                     "load_state_dict: key 'milestones': a milestone comes ", count.toInt(),
                     " times");
      milestones_.insert(milestones_.end(), static_cast<size_t>(count.toInt()), milestone.toInt());
    }
    std::sort(milestones_.begin(), milestones_.end());
  }
  f("gamma", gamma_);
  LRScheduler::fields(f);
}

namespace detail {

FunctionLR::FunctionLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), lr_lambdas_(std::move(lr_lambdas)) {
  TAPER_CHECK_AS(ConfigError, lr_lambdas_.size() == base_lrs_.size(), "LRScheduler: Expected ",
                 base_lrs_.size(), " lr_lambdas, but got ", lr_lambdas_.size());
  for (const LRLambda& lr_lambda : lr_lambdas_) {
    TAPER_CHECK_AS(ConfigError, lr_lambda, "LRScheduler: a function of lr_lambdas is empty");
  }
}
void FunctionLR::fields(Fields& f) {
  if (f.is_saving()) {
    f.dict().insert("lr_lambdas", IValue::list(std::vector<IValue>(lr_lambdas_.size())));
  } else {
    f.take("lr_lambdas");
  }
  LRScheduler::fields(f);
}

}  // namespace detail

LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas, int64_t last_epoch)
    : FunctionLR(optimizer, std::move(lr_lambdas), last_epoch) {
  begin();
}
std::vector<double> LambdaLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  for (size_t i = 0; i < base_lrs_.size(); ++i) lrs[i] = base_lrs_[i] * lr_lambdas_[i](last_epoch_);
  return lrs;
}

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, std::vector<LRLambda> lr_lambdas,
                                   int64_t last_epoch)
    : FunctionLR(optimizer, std::move(lr_lambdas), last_epoch) {
  begin();
}
std::vector<double> MultiplicativeLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  if (last_epoch_ <= 0) return lrs;
  for (size_t i = 0; i < base_lrs_.size(); ++i) lrs[i] *= lr_lambdas_[i](last_epoch_);
  return lrs;
}

ConstantLR::ConstantLR(Optimizer& optimizer, double factor, int64_t total_iters, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), factor_(factor), total_iters_(total_iters) {
  begin();
}
void ConstantLR::check() const {
  TAPER_CHECK_AS(ConfigError, factor_ >= 0 && factor_ <= 1,
                 "ConstantLR: Constant multiplicative factor expected to be between 0 and 1, got ",
                 factor_);
}
std::vector<double> ConstantLR::get_lrs() {
  return map_lrs(get_current_lrs(), base_lrs_, [&](double lr, double base) {
    if (last_epoch_ == 0) return lr * factor_;
    if (last_epoch_ != total_iters_) return lr;
    return factor_ == 0 ? base : lr * (1 / factor_);
  });
}
std::vector<double> ConstantLR::get_closed_form_lrs() {
  const double factor = last_epoch_ >= total_iters_ ? 1 : factor_;
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) { return base * factor; });
}
void ConstantLR::fields(Fields& f) {
  f("factor", factor_);
  f("total_iters", total_iters_);
  LRScheduler::fields(f);
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor,
                   int64_t total_iters, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      start_factor_(start_factor),
      end_factor_(end_factor),
      total_iters_(total_iters) {
  begin();
}
void LinearLR::check() const {
  TAPER_CHECK_AS(ConfigError, start_factor_ > 0 && start_factor_ <= 1,
                 "LinearLR: Starting multiplicative factor expected to be greater than 0 and less "
                 "or equal to 1, got ",
                 start_factor_);
  TAPER_CHECK_AS(ConfigError, end_factor_ >= 0 && end_factor_ <= 1,
                 "LinearLR: Ending multiplicative factor expected to be between 0 and 1, got ",
                 end_factor_);
}
std::vector<double> LinearLR::get_lrs() {
  const double change = end_factor_ - start_factor_;
  return map_lrs(get_current_lrs(), base_lrs_, [&](double lr, double) {
    if (last_epoch_ == 0) return lr * start_factor_;
    if (last_epoch_ > total_iters_) return lr;
    return lr * (1 + change / (static_cast<double>(total_iters_) * start_factor_ +
                               static_cast<double>(last_epoch_ - 1) * change));
  });
}
std::vector<double> LinearLR::get_closed_form_lrs() {
  const double part = total_iters_ <= 0 ? 1
                                        : static_cast<double>(std::min(total_iters_, last_epoch_)) /
                                              static_cast<double>(total_iters_);
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) {
    return base * (start_factor_ + (end_factor_ - start_factor_) * part);
  });
}
void LinearLR::fields(Fields& f) {
  f("start_factor", start_factor_);
  f("end_factor", end_factor_);
  f("total_iters", total_iters_);
  LRScheduler::fields(f);
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), gamma_(gamma) {
  begin();
}
std::vector<double> ExponentialLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  if (last_epoch_ == 0) return lrs;
  return map_lrs(std::move(lrs), base_lrs_, [&](double lr, double) { return lr * gamma_; });
}
std::vector<double> ExponentialLR::get_closed_form_lrs() {
  const double factor = std::pow(gamma_, static_cast<double>(last_epoch_));
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) { return base * factor; });
}
void ExponentialLR::fields(Fields& f) {
  f("gamma", gamma_);
  LRScheduler::fields(f);
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, int64_t total_iters, double power,
                           int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), total_iters_(total_iters), power_(power) {
  begin();
}
void PolynomialLR::check() const {
  check_count(total_iters_ > 0, "PolynomialLR", "total_iters", total_iters_);
}
std::vector<double> PolynomialLR::get_lrs() {
  std::vector<double> lrs = get_current_lrs();
  if (last_epoch_ == 0 || last_epoch_ > total_iters_) return lrs;
  const double total = static_cast<double>(total_iters_), epoch = static_cast<double>(last_epoch_);
  const double factor = std::pow((1 - epoch / total) / (1 - (epoch - 1) / total), power_);
  return map_lrs(std::move(lrs), base_lrs_, [&](double lr, double) { return lr * factor; });
}
std::vector<double> PolynomialLR::get_closed_form_lrs() {
  const double part =
      static_cast<double>(std::min(total_iters_, last_epoch_)) / static_cast<double>(total_iters_);
  const double factor = std::pow(1 - part, power_);
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) { return base * factor; });
}
void PolynomialLR::fields(Fields& f) {
  f("total_iters", total_iters_);
  f("power", power_);
  LRScheduler::fields(f);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min,
                                     int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), T_max_(T_max), eta_min_(eta_min) {
  begin();
}
void CosineAnnealingLR::check() const {
  check_count(T_max_ > 0, "CosineAnnealingLR", "T_max", T_max_);
}
std::vector<double> CosineAnnealingLR::get_lrs() {
  if (last_epoch_ == 0) return get_current_lrs();
  if (step_count_ == 0) return get_closed_form_lrs();
  const double arc = kPi / static_cast<double>(T_max_), epoch = static_cast<double>(last_epoch_);
  return map_lrs(get_current_lrs(), base_lrs_, [&](double lr, double base) {
    if ((last_epoch_ - 1 - T_max_) % (2 * T_max_) == 0) {
      return lr + (base - eta_min_) * (1 - std::cos(arc)) / 2;
    }
    return (1 + std::cos(arc * epoch)) / (1 + std::cos(arc * (epoch - 1))) * (lr - eta_min_) +
           eta_min_;
  });
}
std::vector<double> CosineAnnealingLR::get_closed_form_lrs() {
  const double turn = kPi * static_cast<double>(last_epoch_) / static_cast<double>(T_max_);
  return map_lrs(get_current_lrs(), base_lrs_, [&](double, double base) {
    return eta_min_ + (base - eta_min_) * (1 + std::cos(turn)) / 2;
  });
}
void CosineAnnealingLR::fields(Fields& f) {
  f("T_max", T_max_);
  f("eta_min", eta_min_);
  LRScheduler::fields(f);
}

}  // namespace taper::optim
