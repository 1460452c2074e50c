#pragma once

// Tensors that the calls of a module compute from others: the rules, and how they reach a module.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "taper/nn/module.h"

namespace taper::nn::detail {

/// How one tensor of a module is computed. A rule knows no module: copies of a module share it.
/// Each kind has a name of its own: clang takes equal names in two files' unnamed namespaces for
/// one type.
class DerivedRule {
 public:
  explicit DerivedRule(std::string name) : name_(std::move(name)) {}
  virtual ~DerivedRule() = default;
  DerivedRule(const DerivedRule&) = delete;
  DerivedRule& operator=(const DerivedRule&) = delete;

  /// The tensor that is computed: a parameter or buffer of this name until the rule came.
  const std::string& name() const { return name_; }
  virtual Tensor compute(Module& module) const = 0;
  /// Whether parametrize::cached() keeps what was computed.
  virtual bool is_cached() const { return false; }

 private:
  std::string name_;
};
using RulePtr = std::shared_ptr<const DerivedRule>;

/// A module's rules in the order in which they run. A call of the module holds the lock: the
/// members that it sets are the module's.
struct DerivedList {
  std::recursive_mutex mutex;
  std::vector<RulePtr> rules;
  uint64_t cached_in = 0;  // the parametrize::cached() scope of the values, or 0
};

/// What rules need of a module's private parts.
struct ModuleAccess {
  static Module::TensorMap& parameters(Module& module) { return module.parameters_; }
  static Module::TensorMap& buffers(Module& module) { return module.buffers_; }
  static Module::ModuleMap& children(Module& module) { return module.children_; }
  static std::shared_ptr<DerivedList> list(const Module& module) { return module.derived_.list_; }
  static std::vector<RulePtr> rules(const Module& module) {
    return module.derived_.list_ ? module.derived_.list_->rules : std::vector<RulePtr>();
  }
  static bool has_rule(const Module& module, const std::string& name);
  /// The rule of this kind for a name, or null.
  template <class Rule>
  static std::shared_ptr<const Rule> find_rule(const Module& module, const std::string& name) {
    for (const RulePtr& rule : rules(module)) {
      if (rule->name() == name) return std::dynamic_pointer_cast<const Rule>(rule);
    }
    return nullptr;
  }
  /// Runs the rule in calls from now on; value is what it computes now.
  static void add_rule(Module& module, RulePtr rule, const Tensor& value);
  static void remove_rule(Module& module, const std::string& name);

  static Tensor* member_or_null(Module& module, const std::string& name) {
    return module.tensor_member(name);
  }
  /// Where forward() reads a tensor; throws, naming op, when that is not known.
  static Tensor& member(Module& module, const std::string& name, const char* op);
  /// The defined parameter of this name; throws when there is none, or none that can be computed.
  static Tensor parameter(Module& module, const std::string& name, const char* op);
  /// Takes a tensor's name away; its member stays known and keeps the tensor.
  static void take(Module& module, const std::string& name);
  /// Gives a name back, to the tensor that the member keeps from now on.
  static void put_back(Module& module, const std::string& name, const Tensor& tensor,
                       bool is_parameter, const char* op);
  /// Throws when the module has something of this name.
  static void check_free(const Module& module, const std::string& name, const char* op);
  /// Adds a tensor that rules read by name.
  static void add_parameter(Module& module, const std::string& name, const Tensor& tensor,
                            bool requires_grad);
  static void add_buffer(Module& module, const std::string& name, const Tensor& tensor);
  /// After reset(): the copy has the original's rules, and the tensors and submodules they need.
  static void copy_rules(Module& copy, const Module& original,
                         const Function<Tensor(const Tensor&)>& copy_tensor,
                         const Function<std::shared_ptr<Module>(const Module&)>& copy_module);
};

/// While it lives, the members of a module hold what its rules compute now.
class DerivedScope {
 public:
  explicit DerivedScope(Module& module);

 private:
  std::shared_ptr<DerivedList> list_;
  std::unique_lock<std::recursive_mutex> lock_;
};

/// The number of this thread's parametrize::cached() scope, or 0.
uint64_t current_cache();

/// "taper::nn::Linear(...)" as "taper::nn::ParametrizedLinear(...)" where the module is
/// parametrized.
std::string with_parametrized_name(const Module& module, std::string text);

}  // namespace taper::nn::detail
