#include "taper/train/state_util.h"

#include "taper/base/error.h"

namespace taper::train {

const IValue& state_entry(const char* what, const IValue& state, std::string_view name) {
  TAPER_CHECK_AS(ConfigError, state.isGenericDict(), what, ": expected its state to be a dict, got ",
                 state.type_name());
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

}  // namespace taper::train
