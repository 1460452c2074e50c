// What Optimizer::state_dict() gives and load_state_dict() takes.
#include <algorithm>
#include <unordered_map>

#include "taper/optim/optimizer.h"

namespace taper::optim {
namespace {

/// The numbers that schedulers keep in groups.
constexpr const char* kGroupNumbers[] = {"initial_lr",    "max_lr",       "min_lr",
                                         "base_momentum", "max_momentum", "swa_lr"};

/// The names of a group, when each of its parameters has one.
const std::vector<std::string>* names_of(const OptimizerParamGroup& group) {
  const bool named = !group.params().empty() && group.param_names().size() == group.params().size();
  return named ? &group.param_names() : nullptr;
}

}  // namespace

/// One load_state_dict(): everything is read and checked into copies, then put in place.
struct Optimizer::StateLoad {
  Optimizer& optimizer;
  std::vector<std::unique_ptr<OptimizerOptions>> options = {};
  std::vector<OptimizerParamGroup::Numbers> numbers = {};
  std::vector<OptimizerStates::Slot> slots = {};           // in the order of the parameters
  std::unordered_map<const TensorImpl*, size_t> own = {};  // of the parameters, in slots
  std::unordered_map<int64_t, size_t> places = {};         // of the dict's indices

  void read_group(const IValue& from, size_t index);
  void place_params(const IValue& from, const IValue* names, const OptimizerParamGroup& group,
                    const std::string& context);
  void read_states(const IValue& from);
  void put() noexcept;
};

void Optimizer::StateLoad::place_params(const IValue& from, const IValue* names,
                                        const OptimizerParamGroup& group,
                                        const std::string& context) {
  std::vector<int64_t> indices;
  detail::unpack(from, indices);
  const std::vector<Tensor>& params = group.params();
  TAPER_CHECK_AS(ConfigError, indices.size() == params.size(), context,
                 ": loaded state dict contains a parameter group that doesn't match the size of "
                 "optimizer's group: got ",
                 indices.size(), " parameters, expected ", params.size());
  std::vector<std::string> loaded_names;
  if (names != nullptr && !names->isNone()) detail::unpack(*names, loaded_names);
  const std::vector<std::string>* own_names = loaded_names.empty() ? nullptr : names_of(group);
  TAPER_CHECK_AS(ConfigError, own_names == nullptr || loaded_names.size() == params.size(), context,
                 ": got ", loaded_names.size(), " names for ", params.size(), " parameters");
  for (const Tensor& param : params) {
    if (own.emplace(param.impl_ptr(), slots.size()).second) slots.push_back({param, nullptr});
  }
  for (size_t i = 0; i < params.size(); ++i) {
    size_t place = i;
    if (own_names != nullptr) {
      const auto found = std::find(own_names->begin(), own_names->end(), loaded_names[i]);
      TAPER_CHECK_AS(ConfigError, found != own_names->end(), context, ": the parameter '",
                     loaded_names[i], "' is not in the optimizer's group");
      place = static_cast<size_t>(found - own_names->begin());
    }
    const size_t slot = own.at(params[place].impl_ptr());
    TAPER_CHECK_AS(ConfigError, places.emplace(indices[i], slot).first->second == slot, context,
                   ": the index ", indices[i], " stands for two parameters");
  }
}

void Optimizer::StateLoad::read_group(const IValue& from, size_t index) {
  const OptimizerParamGroup& group = optimizer.param_groups_[index];
  const std::string context = str("load_state_dict: param_groups[", index, "]");
  Fields fields = Fields::loading(from, context);
  place_params(*fields.take("params"), fields.take("param_names", Fields::Presence::optional),
               group, context);
  options.push_back(group.options().clone());
  options.back()->fields(fields);
  options.back()->check();
  OptimizerParamGroup::Numbers& kept = numbers.emplace_back();
  for (const char* name : kGroupNumbers) {
    double value = 0;
    fields(name, value, Fields::Presence::optional);
    if (from.find(name) != nullptr) kept.emplace_back(name, value);
  }
  fields.finish();
}

void Optimizer::StateLoad::read_states(const IValue& from) {
  for (const auto& [key, value] : from.toGenericDict()) {
    const auto found = key.isInt() ? places.find(key.toInt()) : places.end();
    TAPER_CHECK_AS(ConfigError, found != places.end(),
                   "load_state_dict: the state has a key that is no parameter's index",
                   key.isInt() ? str(": ", key.toInt()) : std::string());
    if (value.isGenericDict() && value.size() == 0) continue;  // before the first step
    OptimizerStates::Slot& slot = slots[found->second];
    Fields fields =
        Fields::loading(value, str("load_state_dict: state[", key.toInt(), "]"), &slot.param);
    TAPER_CHECK_AS(ConfigError, slot.state == nullptr,
                   "load_state_dict: a parameter has two states");
    slot.state = optimizer.new_state();
    slot.state->fields(fields);
    fields.finish();
  }
}

void Optimizer::StateLoad::put() noexcept {
  for (size_t i = 0; i < options.size(); ++i) {
    optimizer.param_groups_[i].set_options(std::move(options[i]));
    optimizer.param_groups_[i].set_numbers(std::move(numbers[i]));
  }
  optimizer.state_.slots() = std::move(slots);
}

void Optimizer::load_state(const IValue& state_dict) {
  TAPER_CHECK_AS(ConfigError, state_dict.isGenericDict(),
                 "load_state_dict: expected a dict but got ", state_dict.type_name());
  Fields fields = Fields::loading(state_dict, "load_state_dict");
  const IValue &groups = *fields.take("param_groups"), &states = *fields.take("state");
  fields.finish();
  TAPER_CHECK_AS(ConfigError, groups.isList() && states.isGenericDict(),
                 "load_state_dict: expected param_groups to be a list and state a dict, but got ",
                 groups.type_name(), " and ", states.type_name());
  TAPER_CHECK_AS(ConfigError, groups.size() == param_groups_.size(),
                 "load_state_dict: loaded state dict has a different number of parameter groups: "
                 "got ",
                 groups.size(), ", expected ", param_groups_.size());
  StateLoad load{*this};
  for (size_t i = 0; i < groups.size(); ++i) load.read_group(groups.toListRef()[i], i);
  load.read_states(states);
  load.put();
}

IValue Optimizer::pack_state() const {
  IValue states = IValue::dict();
  std::vector<IValue> groups;
  std::unordered_map<const TensorImpl*, int64_t> indices;
  int64_t start = 0;
  for (const OptimizerParamGroup& group : param_groups_) {
    Fields fields = Fields::saving();
    const_cast<OptimizerOptions&>(group.options()).fields(fields);
    IValue& packed = fields.dict();
    for (const auto& [name, value] : group.numbers()) packed.insert(name, value);
    if (const auto* names = names_of(group)) packed.insert("param_names", detail::pack(*names));
    std::vector<IValue> params;
    for (const Tensor& param : group.params()) {
      const int64_t next = start + static_cast<int64_t>(params.size());
      params.push_back(indices.emplace(param.impl_ptr(), next).first->second);
    }
    start += static_cast<int64_t>(params.size());
    packed.insert("params", IValue::list(std::move(params)));
    groups.push_back(std::move(packed));
  }
  for (const OptimizerStates::Slot& slot : state_.slots()) {
    const auto found = indices.find(slot.param.impl_ptr());
    if (slot.state == nullptr || found == indices.end()) continue;
    Fields fields = Fields::saving();
    slot.state->fields(fields);
    states.insert(found->second, std::move(fields.dict()));
  }
  IValue result = IValue::dict();
  result.insert("state", std::move(states));
  result.insert("param_groups", IValue::list(std::move(groups)));
  return result;
}

}  // namespace taper::optim
