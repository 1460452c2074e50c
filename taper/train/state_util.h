#pragma once

#include <cstdint>
#include <string_view>

#include "taper/tensor/ivalue.h"

// Reading of states that come out of files.
namespace taper::train {

/// The value of a name in a dict; throws ConfigError, beginning with what, when the state is no
/// dict or has no such name.
const IValue& state_entry(const char* what, const IValue& state, std::string_view name);
/// The same as a number of its kind.
int64_t state_int(const char* what, const IValue& state, std::string_view name);
double state_number(const char* what, const IValue& state, std::string_view name);
bool state_bool(const char* what, const IValue& state, std::string_view name);
/// The same tree with copies of its tensors.
IValue clone_state(const IValue& state);

}  // namespace taper::train
