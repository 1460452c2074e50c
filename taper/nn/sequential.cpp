#include "taper/nn/sequential.h"

#include <ostream>

namespace taper::nn {

SequentialImpl::SequentialImpl(OrderedDict<std::string, AnyModule>&& modules) {
  for (auto& item : modules) add(item.key(), std::move(item.value()));
}

SequentialImpl::SequentialImpl(std::initializer_list<NamedAnyModule> modules) {
  for (const NamedAnyModule& module : modules) add(module.name(), module.module());
}

void SequentialImpl::add(std::string name, AnyModule module) {
  register_module(std::move(name), module.ptr());
  modules_.push_back(std::move(module));
}

std::shared_ptr<Module> SequentialImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<SequentialImpl>();
  const ModuleMap& children = own_children();
  for (size_t i = 0; i < modules_.size(); ++i) {
    copy->add(children[i].key(), modules_[i].clone(device));
  }
  copy->train(is_training());
  return copy;
}

void SequentialImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Sequential"; }

void SequentialImpl::check_not_empty() const {
  TAPER_CHECK(!modules_.empty(), "Cannot call forward() on an empty Sequential");
}

Tensor SequentialImpl::forward_tensor(const Tensor& input) {
  check_not_empty();
  Tensor value = modules_[0].forward(input);
  for (size_t i = 1; i < modules_.size(); ++i) value = modules_[i].forward(value);
  return value;
}

void SequentialImpl::fail_return(const std::type_info& got, const std::type_info& wanted) {
  TAPER_CHECK(false, "The type of the return value is ", demangle(got), ", but you asked for type ",
              demangle(wanted));
  __builtin_unreachable();
}

std::shared_ptr<Module> ModuleListImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ModuleListImpl>();
  for (const auto& module : modules_) copy->push_back(module->clone(device));
  copy->train(is_training());
  return copy;
}

void ModuleListImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::ModuleList"; }

void ModuleListImpl::push_back(std::shared_ptr<Module> module) {
  register_module(std::to_string(modules_.size()), module);
  modules_.push_back(std::move(module));
}

void ModuleListImpl::insert(size_t index, std::shared_ptr<Module> module) {
  TAPER_CHECK_AS(IndexError, index <= modules_.size(), "Index out of range");
  if (index == modules_.size()) return push_back(std::move(module));
  modules_.insert(modules_.begin() + static_cast<std::ptrdiff_t>(index), std::move(module));
  for (size_t i = index; i + 1 < modules_.size(); ++i) {
    replace_module(std::to_string(i), modules_[i]);
  }
  register_module(std::to_string(modules_.size() - 1), modules_.back());
}

void ModuleListImpl::fail_cast(size_t index, const std::type_info& wanted) const {
  TAPER_CHECK(false, "Unable to cast module[", index, "] to ", demangle(wanted));
  __builtin_unreachable();
}

void FunctionalImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::Functional()";
}

}  // namespace taper::nn
