#include "taper/nn/hooks.h"

#include <algorithm>
#include <mutex>

#include "taper/nn/global_hooks.h"

namespace taper::nn {

const char* to_string(HookKind kind) {
  switch (kind) {
    case HookKind::kForwardPre:
      return "forward_pre";
    case HookKind::kForward:
      return "forward";
    case HookKind::kFullBackwardPre:
      return "full_backward_pre";
    case HookKind::kFullBackward:
      return "full_backward";
    case HookKind::kStateDictPre:
      return "state_dict_pre";
    case HookKind::kStateDict:
      return "state_dict";
    case HookKind::kLoadStateDictPre:
      return "load_state_dict_pre";
    case HookKind::kLoadStateDictPost:
      return "load_state_dict_post";
    case HookKind::kParameterRegistration:
      return "parameter_registration";
    case HookKind::kBufferRegistration:
      return "buffer_registration";
    case HookKind::kModuleRegistration:
      return "module_registration";
  }
  return "";
}

namespace detail {

constinit std::atomic<uint32_t> call_hooks_in_use{0};

namespace {

constinit std::atomic<int64_t> next_id{0};
// Hooks of all modules, by what they run around.
constinit std::atomic<uint32_t> global_call_hooks{0};
constinit std::atomic<uint32_t> global_registration_hooks{0};

bool runs_around_calls(HookKind kind) { return kind <= HookKind::kFullBackward; }

/// Guards the hooks of all modules; a module's own are guarded by its user.
struct GlobalHooks {
  std::mutex mutex;
  std::shared_ptr<HookSet> set = std::make_shared<HookSet>(nullptr);
};
/// Never destroyed: modules may be called until the very end.
GlobalHooks& global() {
  static auto& hooks = *new GlobalHooks;
  return hooks;
}

}  // namespace

HookSet::~HookSet() {
  for (const Entry& entry : entries_) count(entry.kind, UINT32_MAX);
}

void HookSet::count(HookKind kind, uint32_t change) {
  counts_[static_cast<size_t>(kind)] += change;
  if (runs_around_calls(kind)) call_hooks_in_use += change;
  if (owner_ != nullptr) return;
  (runs_around_calls(kind) ? global_call_hooks : global_registration_hooks) += change;
}

int64_t HookSet::add(HookKind kind, std::shared_ptr<const void> function,
                     const std::type_info& callable, HookOptions options) {
  const int64_t id = next_id++;
  entries_.insert(options.prepend ? entries_.begin() : entries_.end(),
                  {id, kind, options.always_call, &callable, std::move(function)});
  count(kind, 1);
  return id;
}

std::shared_ptr<const void> HookSet::remove(int64_t id) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.id == id; });
  if (found == entries_.end()) return nullptr;
  count(found->kind, UINT32_MAX);
  std::shared_ptr<const void> function = std::move(found->function);
  entries_.erase(found);
  return function;
}

void HookSet::collect(HookKind kind, std::vector<Entry>& to) const {
  if (!has(kind)) return;
  for (const Entry& entry : entries_) {
    if (entry.kind == kind) to.push_back(entry);
  }
}

bool HookSet::has_call_hooks() const {
  return has(HookKind::kForwardPre) || has(HookKind::kForward) || has(HookKind::kFullBackwardPre) ||
         has(HookKind::kFullBackward);
}

std::vector<HookInfo> HookSet::list() const {
  std::vector<HookInfo> result;
  for (const Entry& entry : entries_) {
    result.push_back({entry.kind, entry.id, entry.always_call, demangle(*entry.callable)});
  }
  return result;
}

RemovableHandle add_global_hook(HookKind kind, std::shared_ptr<const void> function,
                                const std::type_info& callable, HookOptions options) {
  std::lock_guard lock(global().mutex);
  const int64_t id = global().set->add(kind, std::move(function), callable, options);
  return {global().set, id};
}

void collect_global_hooks(HookKind kind, std::vector<HookSet::Entry>& to) {
  std::lock_guard lock(global().mutex);
  global().set->collect(kind, to);
}

bool has_global_call_hooks() { return global_call_hooks != 0; }
bool has_global_registration_hooks() { return global_registration_hooks != 0; }

}  // namespace detail

void RemovableHandle::remove() {
  const std::shared_ptr<detail::HookSet> set = set_.lock();
  if (set == nullptr) return;
  std::shared_ptr<const void> removed;  // ends after the lock: it may hold another hook's handle
  std::unique_lock<std::mutex> lock;
  if (set->owner() == nullptr) lock = std::unique_lock(detail::global().mutex);
  removed = set->remove(id_);
}

std::vector<HookInfo> global_hooks() {
  std::lock_guard lock(detail::global().mutex);
  return detail::global().set->list();
}

}  // namespace taper::nn
