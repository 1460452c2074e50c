#include "taper/nn/derived.h"

#include <algorithm>

#include "taper/nn/call.h"
#include "taper/nn/lazy.h"

namespace taper::nn::detail {

DerivedTensors::DerivedTensors(const DerivedTensors& other) { *this = other; }

DerivedTensors& DerivedTensors::operator=(const DerivedTensors& other) {
  if (this == &other) return *this;
  std::shared_ptr<DerivedList> copy;
  if (other.list_) {
    copy = std::make_shared<DerivedList>();
    copy->rules = other.list_->rules;
  }
  set(std::move(copy));
  return *this;
}

DerivedTensors::~DerivedTensors() { set(nullptr); }

/// A module with rules counts as one with hooks: its calls take the longer way.
void DerivedTensors::set(std::shared_ptr<DerivedList> list) {
  call_hooks_in_use += (list ? 1U : 0U) - (list_ ? 1U : 0U);
  list_ = std::move(list);
}

TensorMembers& TensorMembers::operator=(const TensorMembers& other) {
  if (this == &other) return *this;
  std::erase_if(distances, [](const auto& known) { return known.second == kNoMember; });
  for (const auto& known : other.distances) {
    if (known.second == kNoMember) distances.push_back(known);
  }
  return *this;
}

bool ModuleAccess::has_rule(const Module& module, const std::string& name) {
  const auto all = rules(module);
  return std::any_of(all.begin(), all.end(),
                     [&](const RulePtr& rule) { return rule->name() == name; });
}

void ModuleAccess::add_rule(Module& module, RulePtr rule, const Tensor& value) {
  member(module, rule->name(), "add_rule") = value;
  if (module.derived_.is_empty()) module.derived_.set(std::make_shared<DerivedList>());
  const std::lock_guard lock(module.derived_.list_->mutex);
  module.derived_.list_->rules.push_back(std::move(rule));
}

void ModuleAccess::remove_rule(Module& module, const std::string& name) {
  const std::shared_ptr<DerivedList> held = list(module);
  const std::lock_guard lock(held->mutex);
  std::erase_if(held->rules, [&](const RulePtr& rule) { return rule->name() == name; });
  if (held->rules.empty()) module.derived_.set(nullptr);
}

Tensor& ModuleAccess::member(Module& module, const std::string& name, const char* op) {
  Tensor* const place = module.tensor_member(name);
  TAPER_CHECK(place != nullptr, op, ": ", module.name(), " keeps '", name,
              "' in a member that is not known. Register it with the member: register_parameter(\"",
              name, "\", &member, tensor), or register_buffer, in place of member = ...");
  return *place;
}

Tensor ModuleAccess::parameter(Module& module, const std::string& name, const char* op) {
  check_initialized(module, op);
  const Tensor* const entry = module.parameters_.find(name);
  TAPER_CHECK(entry != nullptr && entry->defined(), op, ": ", module.name(),
              " has no parameter with name '", name, "'");
  Tensor tensor = *entry;
  TAPER_CHECK(&member(module, name, op) != entry, op, ": '", name, "' of ", module.name(),
              " is read by name: only a tensor in a member can be computed");
  return tensor;
}

void ModuleAccess::check_free(const Module& module, const std::string& name, const char* op) {
  TAPER_CHECK(!module.parameters_.contains(name) && !module.buffers_.contains(name) &&
                  !module.children_.contains(name),
              op, ": attribute '", name, "' already exists in ", module.name());
}

void ModuleAccess::take(Module& module, const std::string& name) {
  if (module.parameters_.contains(name)) {
    module.parameters_.erase(name);
  } else {
    module.buffers_.erase(name);
    std::erase(module.transient_buffers_, name);
  }
}

void ModuleAccess::put_back(Module& module, const std::string& name, const Tensor& tensor,
                            bool is_parameter, const char* op) {
  Tensor& place = member(module, name, op);
  (is_parameter ? module.parameters_ : module.buffers_).insert(name, tensor);
  place = tensor;
}

void ModuleAccess::add_parameter(Module& module, const std::string& name, const Tensor& tensor,
                                 bool requires_grad) {
  module.register_parameter(name, tensor, requires_grad);
  module.members_.distances.emplace_back(name, TensorMembers::kNoMember);
}

void ModuleAccess::add_buffer(Module& module, const std::string& name, const Tensor& tensor) {
  module.register_buffer(name, tensor);
  module.members_.distances.emplace_back(name, TensorMembers::kNoMember);
}

namespace {

/// Brings a dictionary to the original's keys in its order; what is missing is copied.
template <class Dict, class Copy>
void follow(Dict& own, const Dict& original, const Copy& copy) {
  Dict result(own.key_description());
  for (const auto& item : original) {
    const auto* const there = own.find(item.key());
    result.insert(item.key(), there != nullptr ? *there : copy(item.value()));
  }
  own = std::move(result);
}

}  // namespace

void ModuleAccess::copy_rules(Module& copy, const Module& original,
                              const Function<Tensor(const Tensor&)>& copy_tensor,
                              const Function<std::shared_ptr<Module>(const Module&)>& copy_module) {
  copy.derived_ = original.derived_;
  if (original.derived_.is_empty()) return;
  const auto tensor = [&](const Tensor& t) { return t.defined() ? copy_tensor(t) : t; };
  follow(copy.parameters_, original.parameters_, tensor);
  follow(copy.buffers_, original.buffers_, tensor);
  follow(copy.children_, original.children_, [&](const std::shared_ptr<Module>& child) {
    return child ? copy_module(*child) : nullptr;
  });
  copy.members_ = original.members_;
  // Until the copy is called, its members hold what the original's do.
  for (const RulePtr& rule : rules(original)) {
    const Tensor* const from = const_cast<Module&>(original).tensor_member(rule->name());
    Tensor* const to = copy.tensor_member(rule->name());
    if (from != nullptr && to != nullptr && from->defined()) *to = copy_tensor(*from);
  }
}

DerivedScope::DerivedScope(Module& module) : list_(ModuleAccess::list(module)) {
  if (!list_) return;
  lock_ = std::unique_lock(list_->mutex);
  const uint64_t cache = current_cache();
  const bool is_cached = cache != 0 && list_->cached_in == cache;
  // A copy: a rule may run code of the program's.
  const std::vector<RulePtr> rules = list_->rules;
  for (const RulePtr& rule : rules) {
    if (is_cached && rule->is_cached()) continue;
    ModuleAccess::member(module, rule->name(), "forward") = rule->compute(module);
  }
  list_->cached_in = cache;
}

std::string with_parametrized_name(const Module& module, std::string text) {
  const auto rules = ModuleAccess::rules(module);
  const bool is_parametrized =
      std::any_of(rules.begin(), rules.end(), [](const RulePtr& r) { return r->is_cached(); });
  if (!is_parametrized) return text;
  const size_t scope = text.rfind("::", text.find('('));
  return text.insert(scope == std::string::npos ? 0 : scope + 2, "Parametrized");
}

}  // namespace taper::nn::detail
