#include "taper/nn/state_dict.h"

#include <algorithm>
#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/base/thread_state.h"
#include "taper/core/sizes.h"
#include "taper/nn/lazy.h"
#include "taper/nn/module.h"
#include "taper/ops/copy.h"
#include "taper/ops/slicing.h"

namespace taper::nn {
namespace {

constexpr const char* kExtraState = "_extra_state";

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += str(text.empty() ? "" : ", ", '"', name, '"');
  return text;
}

/// torch.Size([2, 3])
std::string size_text(const Tensor& tensor) { return str("torch.Size(", tensor.sizes(), ")"); }

/// The hooks of one kind that a module has itself.
template <class Hook, class... Args>
void run_own_hooks(const std::vector<detail::HookSet::Entry>& hooks, Args&... args) {
  for (const auto& hook : hooks) hook.as<Hook>()(args...);
}

}  // namespace

StateDict::StateDict(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  for (const auto& [name, tensor] : tensors) insert(name, tensor);
}

void StateDict::set(const std::string& name, Tensor tensor) {
  if (Tensor* place = find(name)) {
    *place = std::move(tensor);
  } else {
    insert(name, std::move(tensor));
  }
}

void StateDict::set_version(const std::string& path, int64_t version) {
  if (int64_t* place = versions_.find(path)) {
    *place = version;
  } else {
    versions_.insert(path, version);
  }
}

std::ostream& operator<<(std::ostream& stream, const IncompatibleKeys& keys) {
  if (keys.missing_keys.empty() && keys.unexpected_keys.empty()) {
    return stream << "<All keys matched successfully>";
  }
  return stream << "IncompatibleKeys(missing_keys=[" << quoted_list(keys.missing_keys)
                << "], unexpected_keys=[" << quoted_list(keys.unexpected_keys) << "])";
}

Tensor Module::get_extra_state() const { return Tensor(); }

void Module::set_extra_state(const Tensor&) {
  TAPER_CHECK(false,
              "Reached a code path in Module.set_extra_state() that should never be called: ",
              name(), " overrides get_extra_state() but not set_extra_state()");
}

int64_t Module::_version() const { return 1; }

StateDict Module::state_dict(const std::string& prefix, bool keep_vars) const {
  StateDict result;
  state_dict(result, prefix, keep_vars);
  return result;
}

void Module::state_dict(StateDict& destination, const std::string& prefix, bool keep_vars) const {
  Module& module = const_cast<Module&>(*this);
  destination.set_version(prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1), _version());
  const auto own_hooks = [&](HookKind kind) {
    std::vector<detail::HookSet::Entry> hooks;
    if (identity_.hooks) identity_.hooks->collect(kind, hooks);
    return hooks;
  };
  run_own_hooks<StateDictPreHook>(own_hooks(HookKind::kStateDictPre), module, prefix, keep_vars);
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    if (tensor.defined()) destination.set(prefix + name, keep_vars ? tensor : tensor.detach());
  };
  for (const auto& item : parameters_) add(item.key(), item.value());
  for (const auto& item : buffers_) {
    if (is_persistent_buffer(item.key())) add(item.key(), item.value());
  }
  if (const Tensor extra = get_extra_state(); extra.defined()) {
    destination.set(prefix + kExtraState, extra);
  }
  for (const auto& child : children_) {
    if (!child.value()) continue;
    child.value()->state_dict(destination, prefix + child.key() + '.', keep_vars);
  }
  run_own_hooks<StateDictHook>(own_hooks(HookKind::kStateDict), module, destination, prefix);
}

/// One load_state_dict(): first what is to be done is collected and checked, then it is done. What
/// can still fail afterwards (a user's hook, set_extra_state, the keys that post-hooks leave) is
/// undone from copies, which are made only where there is such a thing.
struct Module::StateLoad {
  struct TensorStep {
    Tensor target, source;
    bool sets_data;  // takes memory and sizes, not values
    Tensor before = {}, before_grad = {};
  };
  struct ExtraStep {
    Module* module;
    Tensor source, before;
  };
  using Hooks = std::vector<detail::HookSet::Entry>;
  struct PostHooks {
    Module* module;
    Hooks hooks;
  };

  bool strict, assign;
  IncompatibleKeys keys = {};
  std::vector<std::string> errors = {};
  std::vector<TensorStep> tensors = {};
  std::vector<ExtraStep> extras = {};
  std::vector<PostHooks> post_hooks = {};

  void plan(Module& module, StateDict& dict, const std::string& prefix);
  void plan_tensor(const std::string& key, const Tensor& target, Tensor source, bool is_lazy);
  void find_unexpected(const Module& module, const StateDict& dict, const std::string& prefix);
  void carry_out(const Module& root);
  void run();
  void undo();
  void check(const Module& root);
};

void Module::StateLoad::plan_tensor(const std::string& key, const Tensor& target, Tensor source,
                                    bool is_lazy) {
  if (!source.defined()) {
    errors.push_back(str("While copying the parameter named \"", key,
                         "\", expected torch.Tensor or Tensor-like object from checkpoint but "
                         "received an undefined tensor"));
    return;
  }
  if (is_lazy && !assign) {  // gives the target its sizes; the target keeps its type
    tensors.push_back({target, source.detach().to(target.scalar_type()).clone(), true});
    return;
  }
  // Files of PyTorch 0.3 keep scalars as one element.
  if (target.dim() == 0 && source.dim() == 1 && source.numel() > 0) source = source.select(0, 0);
  if (source.sizes() != target.sizes() && !is_lazy) {
    errors.push_back(str("size mismatch for ", key, ": copying a param with shape ",
                         size_text(source), " from checkpoint, the shape in current model is ",
                         size_text(target), "."));
    return;
  }
  const char* problem = nullptr;
  if (assign) {
    if (target.requires_grad() && !isDifferentiableType(source.scalar_type())) {
      problem = "only Tensors of floating point and complex dtype can require gradients";
    }
  } else if (target.is_inference() && !thread_state.inference_mode) {
    problem = "Inplace update to inference tensor outside InferenceMode is not allowed";
  } else if (has_internal_overlap(target.sizes(), target.strides())) {
    problem = "more than one element of the written-to tensor refers to a single memory location";
  }
  if (problem != nullptr) {
    errors.push_back(str("While copying the parameter named \"", key,
                         "\", whose dimensions in the model are ", size_text(target),
                         " and whose dimensions in the checkpoint are ", size_text(source),
                         ", an exception occurred : ('", problem, "',)."));
    return;
  }
  tensors.push_back({target, std::move(source), assign});
}

void Module::StateLoad::plan(Module& module, StateDict& dict, const std::string& prefix) {
  const auto own_hooks = [&](HookKind kind) {
    Hooks hooks;
    if (module.identity_.hooks) module.identity_.hooks->collect(kind, hooks);
    return hooks;
  };
  const Hooks pre_hooks = own_hooks(HookKind::kLoadStateDictPre);
  if (!pre_hooks.empty()) {
    const std::string path = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
    const int64_t* version = dict.versions().find(path);
    LoadStateDictContext context{dict,
                                 prefix,
                                 version ? std::optional(*version) : std::nullopt,
                                 strict,
                                 keys.missing_keys,
                                 keys.unexpected_keys,
                                 errors};
    run_own_hooks<LoadStateDictPreHook>(pre_hooks, module, context);
  }
  const auto* lazy = dynamic_cast<const LazyModule*>(&module);
  const bool waits = lazy != nullptr && lazy->has_uninitialized_params();
  const auto plan_all = [&](const TensorMap& own, bool are_buffers) {
    for (const auto& item : own) {
      if (!item.value().defined()) continue;
      if (are_buffers && !module.is_persistent_buffer(item.key())) continue;
      const std::string key = prefix + item.key();
      const Tensor* source = dict.find(key);
      if (source != nullptr) {
        plan_tensor(key, item.value(), *source, waits && detail::is_uninitialized(item.value()));
      } else {
        keys.missing_keys.push_back(key);
      }
    }
  };
  plan_all(module.parameters_, false);
  plan_all(module.buffers_, true);
  const std::string extra_key = prefix + kExtraState;
  const Tensor* extra = dict.find(extra_key);
  const Tensor extra_now = module.get_extra_state();
  if (extra_now.defined()) {
    if (extra != nullptr) {
      extras.push_back({&module, *extra, extra_now.clone()});
    } else {
      keys.missing_keys.push_back(extra_key);
    }
  } else if (extra != nullptr) {
    keys.unexpected_keys.push_back(extra_key);
  }
  find_unexpected(module, dict, prefix);
  for (const auto& child : module.children_) {
    if (!child.value()) continue;
    const std::string child_prefix = prefix + child.key() + '.';
    StateDict part;
    for (const auto& item : dict) {
      if (item.key().starts_with(child_prefix)) part.insert(item.key(), item.value());
    }
    for (const auto& item : dict.versions()) part.set_version(item.key(), *item);
    plan(*child.value(), part, child_prefix);
  }
  if (Hooks hooks = own_hooks(HookKind::kLoadStateDictPost); !hooks.empty()) {
    post_hooks.push_back({&module, std::move(hooks)});
  }
}

void Module::StateLoad::find_unexpected(const Module& module, const StateDict& dict,
                                        const std::string& prefix) {
  for (const auto& item : dict) {
    const std::string& key = item.key();
    if (!key.starts_with(prefix) || key == prefix + kExtraState) continue;
    const std::string rest = key.substr(prefix.size());
    const size_t dot = rest.find('.');
    bool expected;
    if (dot != std::string::npos) {
      expected = module.children_.contains(rest.substr(0, dot));
    } else {
      const Tensor* own = module.parameters_.find(rest);
      if (own == nullptr && module.is_persistent_buffer(rest)) own = module.buffers_.find(rest);
      expected = own != nullptr && own->defined();
    }
    if (!expected) keys.unexpected_keys.push_back(key);
  }
}

void Module::StateLoad::check(const Module& root) {
  std::vector<std::string> texts;
  if (strict && !keys.missing_keys.empty()) {
    texts.push_back(str("Missing key(s) in state_dict: ", quoted_list(keys.missing_keys), ". "));
  }
  if (strict && !keys.unexpected_keys.empty()) {
    texts.push_back(
        str("Unexpected key(s) in state_dict: ", quoted_list(keys.unexpected_keys), ". "));
  }
  texts.insert(texts.end(), errors.begin(), errors.end());
  if (texts.empty()) return;
  std::string problems;
  for (const std::string& text : texts) problems += "\n\t" + text;
  TAPER_CHECK(false, "Error(s) in loading state_dict for ", root.name(), ":", problems);
}

void Module::StateLoad::run() {
  const bool may_fail = !extras.empty() || !post_hooks.empty();
  for (TensorStep& step : tensors) {
    const Tensor& target = step.target;
    if (may_fail) {
      step.before = step.sets_data ? target.detach() : target.detach().clone();
      step.before_grad = target.is_leaf() ? target.grad() : Tensor();
    }
    if (step.sets_data) {
      target.set_data(step.source.detach());
      if (target.is_leaf() && target.grad().defined()) target.mutable_grad() = Tensor();
    } else {
      target.copy_(step.source);
    }
  }
  for (const ExtraStep& step : extras) step.module->set_extra_state(step.source);
  for (PostHooks& step : post_hooks) {
    run_own_hooks<LoadStateDictPostHook>(step.hooks, *step.module, keys);
  }
}

void Module::StateLoad::undo() {
  for (const ExtraStep& step : extras) {
    try {
      step.module->set_extra_state(step.before);
    } catch (const std::exception&) {
      continue;  // the error that led here is the one to report
    }
  }
  // Last first: a tied tensor was written more than once.
  for (auto at = tensors.rbegin(); at != tensors.rend(); ++at) {
    const TensorStep& step = *at;
    if (!step.before.defined()) continue;
    if (step.sets_data) {
      step.target.set_data(step.before);
      if (step.before_grad.defined()) step.target.mutable_grad() = step.before_grad;
    } else {
      step.target.copy_(step.before);
    }
  }
}

void Module::StateLoad::carry_out(const Module& root) {
  // Post-hooks may forgive keys; nothing forgives other errors.
  if (post_hooks.empty() || !errors.empty()) check(root);
  NoGradGuard no_grad;
  try {
    run();
    check(root);
  } catch (...) {
    undo();
    throw;
  }
}

IncompatibleKeys Module::load_state_dict(const StateDict& state_dict, bool strict, bool assign) {
  StateLoad load{strict, assign};
  StateDict dict = state_dict;
  load.plan(*this, dict, std::string());
  load.carry_out(*this);
  return std::move(load.keys);
}

}  // namespace taper::nn
