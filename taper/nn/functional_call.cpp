#include "taper/nn/functional_call.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "taper/nn/derived.h"

namespace taper::nn {
namespace {

using detail::ModuleAccess;

Tensor* find_entry(Module& module, const std::string& name) {
  Tensor* const parameter = ModuleAccess::parameters(module).find(name);
  return parameter != nullptr ? parameter : ModuleAccess::buffers(module).find(name);
}

/// The tensor at a dotted path, or null.
Tensor* find_path(Module& root, const std::string& path) {
  Module* module = &root;
  size_t start = 0;
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', start)) {
    const auto* child = ModuleAccess::children(*module).find(path.substr(start, dot - start));
    if (child == nullptr || !*child) return nullptr;
    module = child->get();
    start = dot + 1;
  }
  Tensor* const entry = find_entry(*module, path.substr(start));
  return entry != nullptr && entry->defined() ? entry : nullptr;
}

std::string quoted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += str(text.empty() ? "'" : ", '", name, "'");
  return text;
}

struct Given {
  const std::string& key;
  const Tensor& tensor;
};
using GivenMap = std::unordered_map<const TensorImpl*, Given>;

void check_strict(const Module& module, const GivenMap& given,
                  const std::vector<std::string>& unexpected) {
  std::vector<std::string> missing;
  for (const auto& all : {module.named_parameters(), module.named_buffers()}) {
    for (const auto& item : all) {
      if (given.count(item.value().impl_ptr()) == 0) missing.push_back(item.key());
    }
  }
  std::string text;
  if (!unexpected.empty()) text += str("\n\tUnexpected key(s): ", quoted(unexpected), ".");
  if (!missing.empty()) text += str("\n\tMissing key(s): ", quoted(missing), ".");
  TAPER_CHECK(text.empty(), "functional_call: Error(s) in reparametrizing for ", module.name(), ":",
              text);
}

/// What is to be exchanged, by the tensor that it stands for.
GivenMap resolve(Module& module, const OrderedDict<std::string, Tensor>& tensors, bool strict) {
  GivenMap given;
  std::vector<std::string> unexpected;
  for (const auto& item : tensors) {
    const Tensor* const entry = find_path(module, item.key());
    if (entry == nullptr) {
      unexpected.push_back(item.key());
      continue;
    }
    const auto [at, is_new] = given.try_emplace(entry->impl_ptr(), Given{item.key(), item.value()});
    TAPER_CHECK(is_new || at->second.tensor.is_same(item.value()),
                "functional_call got multiple values for keys [",
                quoted({at->second.key, item.key()}), "], which are tied.");
  }
  if (strict) check_strict(module, given, unexpected);
  return given;
}

/// Calls f(module, pointer) for each module of the tree once.
template <class F>
void each_module(Module& module, const std::shared_ptr<Module>& pointer,
                 std::unordered_set<const Module*>& seen, const F& f) {
  if (!seen.insert(&module).second) return;
  f(module, pointer);
  for (const auto& child : ModuleAccess::children(module)) {
    if (child.value()) each_module(*child.value(), child.value(), seen, f);
  }
}

}  // namespace

TensorExchange::TensorExchange(Module& module, const OrderedDict<std::string, Tensor>& tensors,
                               bool strict) {
  const GivenMap given = resolve(module, tensors, strict);
  std::unordered_set<const Module*> seen;
  each_module(module, nullptr, seen, [&](Module& part, const std::shared_ptr<Module>& owner) {
    for (auto* dict : {&ModuleAccess::parameters(part), &ModuleAccess::buffers(part)}) {
      for (const auto& item : *dict) {
        const auto found = given.find(item.value().impl_ptr());
        if (!item.value().defined() || found == given.end()) continue;
        TAPER_CHECK(ModuleAccess::member(part, item.key(), "functional_call").is_same(item.value()),
                    "functional_call: the member of ", part.name(), " for '", item.key(),
                    "' holds another tensor than the registered one. Put it in place with "
                    "replace_parameter() or replace_buffer().");
        steps_.push_back({owner, &part, item.key(), item.value(), found->second.tensor});
      }
    }
  });
  for (const Step& step : steps_) exchange(step, step.given);
}

TensorExchange::~TensorExchange() {
  for (const Step& step : steps_) exchange(step, step.before);
}

void TensorExchange::exchange(const Step& step, const Tensor& tensor) {
  // Looked up each time: forward() may register more.
  if (Tensor* const entry = find_entry(*step.module, step.name)) *entry = tensor;
  if (Tensor* const member = ModuleAccess::member_or_null(*step.module, step.name)) {
    *member = tensor;
  }
}

}  // namespace taper::nn
