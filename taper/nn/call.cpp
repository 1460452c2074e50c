#include "taper/nn/call.h"

#include "taper/nn/backward_hooks.h"
#include "taper/nn/derived.h"
#include "taper/nn/global_hooks.h"

namespace taper::nn {
namespace detail {

void fail_argument(size_t index, const std::type_info& expected, const std::type_info& got) {
  TAPER_CHECK(false, "Expected argument #", index, " to be of type ", demangle(expected),
              ", but received value of type ", demangle(got));
  __builtin_unreachable();
}

void fail_hooked_count(const Module& module, size_t expected, size_t got) {
  TAPER_CHECK(false, module.name(), "'s forward() method expects ", expected,
              " argument(s), but its forward pre-hooks returned ", got);
  __builtin_unreachable();
}

void fail_hooked_output(const Module& module, const std::type_info& expected,
                        const std::type_info& got) {
  TAPER_CHECK(got != typeid(void), module.name(),
              ": forward() returns a reference, which no hook can replace");
  TAPER_CHECK(false, module.name(), ": a forward hook returned a value of type ", demangle(got),
              ", expected ", demangle(expected));
  __builtin_unreachable();
}

bool has_call_hooks(const Module& module) {
  return has_global_call_hooks() || !module.derived_.is_empty() ||
         (module.identity_.hooks && module.identity_.hooks->has_call_hooks());
}

void collect_hooks(const Module& module, HookKind kind, std::vector<HookSet::Entry>& to) {
  collect_global_hooks(kind, to);
  if (module.identity_.hooks) module.identity_.hooks->collect(kind, to);
}

std::shared_ptr<HookSet> hook_set(Module& module) {
  if (!module.identity_.hooks) module.identity_.hooks = std::make_shared<HookSet>(&module);
  return module.identity_.hooks;
}

namespace {

constinit thread_local const Module* current_call = nullptr;

bool has_state(const Module& module) {
  return !module.parameters().empty() || !module.buffers().empty();
}

}  // namespace

const Module* enter_call(const Module& module) {
  const Module* const caller = std::exchange(current_call, &module);
  if (caller != nullptr && caller != &module && !module.identity_.is_registered &&
      has_state(module)) {
    warn(str(module.name(), " is called in the forward() of ", caller->name(),
             " but registered with no module: parameters(), state_dict() and to() of ",
             caller->name(), " leave it out. Register it with register_module()."));
  }
  return caller;
}

void leave_call(const Module* caller) { current_call = caller; }

namespace {

using Entries = std::vector<HookSet::Entry>;

Entries hooks_of(const Module& module, HookKind kind) {
  Entries hooks;
  collect_hooks(module, kind, hooks);
  return hooks;
}

void run_forward_hook(HookedCall& call, const HookSet::Entry& hook) {
  std::optional<AnyValue> changed =
      hook.as<ForwardHook>()(call.module, call.arguments, call.output);
  if (!changed) return;
  call.output = *std::move(changed);
  call.output_changed = true;
}

/// After an exception: the hooks that are always called, from the first that has not run.
void run_remaining_hooks(HookedCall& call, const Entries& hooks, size_t first) {
  for (size_t i = first; i < hooks.size(); ++i) {
    if (!hooks[i].always_call) continue;
    try {
      run_forward_hook(call, hooks[i]);
    } catch (const std::exception& error) {
      warn(
          str("module forward hook with ``always_call=True`` raised an exception that was "
              "silenced as another error was raised in forward: ",
              error.what()));
    }
  }
}

}  // namespace

void run_hooked(HookedCall& call, const Function<void()>& forward) {
  Module& module = call.module;
  const Entries after = hooks_of(module, HookKind::kForward);
  size_t next = 0;  // of those, the first that has not been called
  try {
    for (const HookSet::Entry& hook : hooks_of(module, HookKind::kForwardPre)) {
      if (auto changed = hook.as<ForwardPreHook>()(module, call.arguments)) {
        call.arguments = *std::move(changed);
        call.arguments_replaced = true;
      }
    }
    BackwardHooks backward(module);
    call.arguments_hooked = backward.enter(call.arguments);
    {
      const DerivedScope derived(module);
      forward();
    }
    while (next < after.size()) run_forward_hook(call, after[next++]);
    call.output_changed |= backward.leave(call.output);
  } catch (...) {
    run_remaining_hooks(call, after, next);
    throw;
  }
}

}  // namespace detail

RemovableHandle Module::add_hook(HookKind kind, std::shared_ptr<const void> function,
                                 const std::type_info& callable, HookOptions options) {
  const std::shared_ptr<detail::HookSet> set = detail::hook_set(*this);
  return {set, set->add(kind, std::move(function), callable, options)};
}

std::vector<HookInfo> Module::hooks() const {
  return identity_.hooks ? identity_.hooks->list() : std::vector<HookInfo>();
}

}  // namespace taper::nn
