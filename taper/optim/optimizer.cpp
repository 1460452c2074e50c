#include "taper/optim/optimizer.h"

#include <algorithm>
#include <typeinfo>
#include <unordered_set>

#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/base/demangle.h"
#include "taper/optim/step.h"

namespace taper::optim {

std::unique_ptr<OptimizerParamState> OptimizerParamState::clone() const {
  TAPER_CHECK(false,
              "clone() has not been implemented for taper::optim::OptimizerParamState. Subclass "
              "taper::optim::OptimizerCloneableParamState<YourOptimizerParamState> instead of "
              "taper::optim::OptimizerParamState to inherit the ability to clone.");
  return nullptr;
}

void OptimizerParamState::fields(Fields&) {
  TAPER_CHECK(false,
              "Optimizer: override fields() in your subclass of taper::optim::OptimizerParamState "
              "to save and load it");
}

void OptimizerOptions::fields(Fields&) {
  TAPER_CHECK(false,
              "Optimizer: override fields() in your subclass of taper::optim::OptimizerOptions to "
              "save and load it");
}

std::unique_ptr<OptimizerOptions> OptimizerOptions::clone() const {
  TAPER_CHECK(false,
              "clone() has not been implemented for taper::optim::OptimizerOptions. Subclass "
              "taper::optim::OptimizerCloneableOptions<YourOptimizerOptions> instead of "
              "taper::optim::OptimizerOptions to inherit the ability to clone.");
  return nullptr;
}

double OptimizerOptions::get_lr() const {
  TAPER_CHECK(false,
              "double get_lr() has not been overidden and implemented in subclass of "
              "taper::optim::OptimizerOptions, you must override it in your subclass.");
  return 0;
}

void OptimizerOptions::set_lr(double) {
  TAPER_CHECK(false,
              "double set_lr() has not been overidden and implemented in subclass of "
              "taper::optim::OptimizerOptions, you must override it in your subclass.");
}

OptimizerParamGroup::OptimizerParamGroup(const OrderedDict<std::string, Tensor>& named_params,
                                         std::unique_ptr<OptimizerOptions> options)
    : options_(std::move(options)) {
  for (const auto& item : named_params) {
    params_.push_back(item.value());
    names_.push_back(item.key());
  }
}

OptimizerParamGroup::OptimizerParamGroup(const OptimizerParamGroup& other)
    : params_(other.params_),
      options_(other.options_ ? other.options_->clone() : nullptr),
      names_(other.names_),
      numbers_(other.numbers_) {}

OptimizerParamGroup& OptimizerParamGroup::operator=(const OptimizerParamGroup& other) {
  return *this = OptimizerParamGroup(other);
}

OptimizerOptions& OptimizerParamGroup::options() {
  TAPER_CHECK(has_options(), "OptimizerParamGroup: the group has no options");
  return *options_;
}

const OptimizerOptions& OptimizerParamGroup::options() const {
  return const_cast<OptimizerParamGroup*>(this)->options();
}

const double* OptimizerParamGroup::find_number(std::string_view name) const {
  for (const auto& [key, value] : numbers_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void OptimizerParamGroup::set_number(std::string_view name, double value) {
  if (const double* place = find_number(name)) {
    const_cast<double&>(*place) = value;
  } else {
    numbers_.emplace_back(name, value);
  }
}

size_t OptimizerStates::size() const {
  return std::count_if(slots_.begin(), slots_.end(),
                       [](const Slot& s) { return s.state != nullptr; });
}

bool OptimizerStates::contains(const Tensor& param) const { return find(param) != nullptr; }

OptimizerParamState* OptimizerStates::find(const Tensor& param) const {
  for (const Slot& slot : slots_) {
    if (slot.param.is_same(param)) return slot.state.get();
  }
  return nullptr;
}

std::unique_ptr<OptimizerParamState>& OptimizerStates::operator[](const Tensor& param) {
  for (Slot& slot : slots_) {
    if (slot.param.is_same(param)) return slot.state;
  }
  slots_.push_back({param, nullptr});
  return slots_.back().state;
}

void OptimizerStates::erase(const Tensor& param) {
  std::erase_if(slots_, [&](const Slot& slot) { return slot.param.is_same(param); });
}

std::unique_ptr<OptimizerParamState>& OptimizerStates::move_to(size_t i, const Tensor& param) {
  for (size_t j = i; j < slots_.size(); ++j) {
    if (!slots_[j].param.is_same(param)) continue;
    std::rotate(slots_.begin() + i, slots_.begin() + j, slots_.begin() + j + 1);
    return slots_[i].state;
  }
  // A parameter that stands twice in the groups has one state.
  for (size_t j = 0; j < std::min(i, slots_.size()); ++j) {
    if (slots_[j].param.is_same(param)) return slots_[j].state;
  }
  const size_t place = std::min(i, slots_.size());
  return slots_.insert(slots_.begin() + place, Slot{param, nullptr})->state;
}

Optimizer::Optimizer(std::vector<OptimizerParamGroup> param_groups,
                     std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)) {
  TAPER_CHECK(!param_groups.empty(), "Optimizer: optimizer got an empty parameter list");
  defaults_->check();
  for (const OptimizerParamGroup& group : param_groups) add_param_group(group);
}

Optimizer::Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)) {
  TAPER_CHECK(!parameters.empty(), "Optimizer: optimizer got an empty parameter list");
  defaults_->check();
  add_param_group(OptimizerParamGroup(std::move(parameters)));
}

Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer::~Optimizer() = default;

std::unique_ptr<OptimizerParamState> Optimizer::new_state() const {
  TAPER_CHECK(false, "Optimizer: override new_state() in your subclass to load its state");
  return nullptr;
}

template <class F>
int64_t Optimizer::add_hook(HookKind kind, F hook, bool prepend) {
  TAPER_CHECK(hook, "Optimizer: the hook is empty");
  Function<void(Optimizer&, IValue*)> call = [hook = std::move(hook)](Optimizer& self,
                                                                      IValue* state_dict) {
    if constexpr (requires { hook(self, *state_dict); }) {
      hook(self, *state_dict);
    } else {
      hook(self);
    }
  };
  hooks_.insert(prepend ? hooks_.begin() : hooks_.end(), {++last_hook_, kind, std::move(call)});
  return last_hook_;
}

int64_t Optimizer::register_step_pre_hook(StepHook hook) {
  return add_hook(HookKind::kStepPre, std::move(hook));
}
int64_t Optimizer::register_step_post_hook(StepHook hook) {
  return add_hook(HookKind::kStepPost, std::move(hook));
}
int64_t Optimizer::register_state_dict_pre_hook(StateDictPreHook hook, bool prepend) {
  return add_hook(HookKind::kSavePre, std::move(hook), prepend);
}
int64_t Optimizer::register_state_dict_post_hook(StateDictPostHook hook, bool prepend) {
  return add_hook(HookKind::kSavePost, std::move(hook), prepend);
}
int64_t Optimizer::register_load_state_dict_pre_hook(LoadStateDictPreHook hook, bool prepend) {
  return add_hook(HookKind::kLoadPre, std::move(hook), prepend);
}
int64_t Optimizer::register_load_state_dict_post_hook(LoadStateDictPostHook hook, bool prepend) {
  return add_hook(HookKind::kLoadPost, std::move(hook), prepend);
}

void Optimizer::remove_hook(int64_t id) {
  std::erase_if(hooks_, [&](const Hook& hook) { return hook.id == id; });
}

void Optimizer::run_hooks(HookKind kind, IValue* state_dict) {
  // A hook may add and remove hooks.
  const std::vector<Hook> hooks = hooks_;
  for (const Hook& hook : hooks) {
    if (hook.kind == kind) hook.call(*this, state_dict);
  }
}

IValue Optimizer::state_dict() const {
  if (hooks_.empty()) return pack_state();
  // These hooks see a const optimizer.
  auto& self = const_cast<Optimizer&>(*this);
  self.run_hooks(HookKind::kSavePre);
  IValue result = pack_state();
  self.run_hooks(HookKind::kSavePost, &result);
  return result;
}

void Optimizer::load_state_dict(const IValue& state_dict) {
  if (hooks_.empty()) return load_state(state_dict);
  IValue changed = state_dict;
  run_hooks(HookKind::kLoadPre, &changed);
  load_state(changed);
  run_hooks(HookKind::kLoadPost);
}

Tensor Optimizer::begin_step(const LossClosure& closure) {
  if (!hooks_.empty()) [[unlikely]]
    run_hooks(HookKind::kStepPre);
  ++step_calls_;
  return call(closure);
}

void Optimizer::end_step() {
  if (!hooks_.empty()) [[unlikely]]
    run_hooks(HookKind::kStepPost);
}

Tensor Optimizer::call(const LossClosure& closure) {
  if (!closure) return Tensor();
  AutoGradMode gradients(true);
  return closure();
}

void Optimizer::check_param(const Tensor& param) const {
  TAPER_CHECK(param.defined(),
              "Optimizer: optimizer can only optimize Tensors, but one of the "
              "params is undefined");
  TAPER_CHECK(param.is_leaf(), "Optimizer: can't optimize a non-leaf Tensor");
}

void Optimizer::add_param_group(const OptimizerParamGroup& param_group) {
  std::unordered_set<const TensorImpl*> seen;
  for (const OptimizerParamGroup& group : param_groups_) {
    for (const Tensor& param : group.params()) seen.insert(param.impl_ptr());
  }
  std::unordered_set<const TensorImpl*> own;
  for (const Tensor& param : param_group.params()) {
    check_param(param);
    TAPER_CHECK(!seen.contains(param.impl_ptr()),
                "Optimizer: some parameters appear in more than one parameter group");
    own.insert(param.impl_ptr());
  }
  // PyTorch warns that this will be an error; a fused step would update the parameter from two
  // threads.
  TAPER_CHECK(own.size() == param_group.params().size(),
              "Optimizer: optimizer contains a parameter group with duplicate parameters");
  OptimizerParamGroup group(param_group);
  if (!group.has_options()) group.set_options(defaults_->clone());
  const OptimizerOptions &options = group.options(), &defaults = *defaults_;
  TAPER_CHECK_AS(ConfigError, typeid(options) == typeid(defaults),
                 "Optimizer: a parameter group has options of type ", demangle(typeid(options)),
                 ", the optimizer's are of type ", demangle(typeid(defaults)));
  options.check();
  param_groups_.push_back(std::move(group));
}

void Optimizer::add_parameters(const std::vector<Tensor>& parameters) {
  for (const Tensor& param : parameters) check_param(param);
  std::vector<Tensor>& first = this->parameters();
  TAPER_CHECK(param_groups_.front().param_names().empty(),
              "Optimizer: add_parameters() on a parameter group with names");
  first.insert(first.end(), parameters.begin(), parameters.end());
}

const std::vector<Tensor>& Optimizer::parameters() const {
  TAPER_CHECK(!param_groups_.empty(), "Optimizer: the optimizer has no parameter group");
  return param_groups_.front().params();
}

std::vector<Tensor>& Optimizer::parameters() {
  return const_cast<std::vector<Tensor>&>(std::as_const(*this).parameters());
}

size_t Optimizer::size() const {
  size_t count = 0;
  for (const OptimizerParamGroup& group : param_groups_) count += group.params().size();
  return count;
}

void Optimizer::zero_grad(bool set_to_none) {
  for (const OptimizerParamGroup& group : param_groups_) {
    for (const Tensor& param : group.params()) {
      VariableState* state = VariableState::of(param.impl());
      if (state == nullptr || !state->grad.defined()) continue;
      if (set_to_none) {
        state->grad.reset();
      } else {
        // A graph behind the gradient ends here.
        if (!state->grad.is_leaf()) state->grad.detach_();
        state->grad.set_requires_grad(false).zero_();
      }
    }
  }
}

}  // namespace taper::optim
