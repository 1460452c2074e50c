#include "taper/train/state_util.h"

#include "taper/base/error.h"

namespace taper::train {

const IValue& state_entry(const char* what, const IValue& state, std::string_view name) {
  TAPER_CHECK_AS(ConfigError, state.isGenericDict(), what,
                 ": expected its state to be a dict, got ", state.type_name());
  const IValue* value = state.find(name);
  TAPER_CHECK_AS(ConfigError, value != nullptr, what, ": the state has no '", name, "'");
  return *value;
}

int64_t state_int(const char* what, const IValue& state, std::string_view name) {
  const IValue& value = state_entry(what, state, name);
  TAPER_CHECK_AS(ConfigError, value.isInt(), what, ": expected the state's '", name,
                 "' to be an int, got ", value.type_name());
  return value.toInt();
}

double state_number(const char* what, const IValue& state, std::string_view name) {
  const IValue& value = state_entry(what, state, name);
  TAPER_CHECK_AS(ConfigError, value.isDouble() || value.isInt(), what, ": expected the state's '",
                 name, "' to be a number, got ", value.type_name());
  return value.toDouble();
}

bool state_bool(const char* what, const IValue& state, std::string_view name) {
  const IValue& value = state_entry(what, state, name);
  TAPER_CHECK_AS(ConfigError, value.isBool(), what, ": expected the state's '", name,
                 "' to be a bool, got ", value.type_name());
  return value.toBool();
}

IValue clone_state(const IValue& state) {
  if (state.isTensor()) return state.toTensor().detach().clone();
  if (state.isList() || state.isTuple()) {
    std::vector<IValue> elements;
    for (const IValue& element : state.toListRef()) elements.push_back(clone_state(element));
    return state.isList() ? IValue::list(std::move(elements)) : IValue::tuple(std::move(elements));
  }
  if (state.isGenericDict()) {
    IValue::Items items;
    for (const auto& [key, value] : state.toGenericDict()) {
      items.emplace_back(key, clone_state(value));
    }
    return IValue::dict(std::move(items));
  }
  return state;
}

}  // namespace taper::train
