#pragma once

#include <vector>

#include "taper/nn/hooks.h"

namespace taper::nn::detail {

/// Adds copies of the hooks of one kind that all modules have.
void collect_global_hooks(HookKind kind, std::vector<HookSet::Entry>& to);
bool has_global_call_hooks();
bool has_global_registration_hooks();

}  // namespace taper::nn::detail
