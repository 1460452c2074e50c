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
  std::shared_ptr<Module> child = module.ptr();
  modules_.push_back(std::move(module));
  try {
    register_module(std::move(name), std::move(child));
  } catch (...) {
    modules_.pop_back();
    throw;
  }
}

void SequentialImpl::insert_any(int64_t index, AnyModule module) {
  const auto size = static_cast<int64_t>(modules_.size());
  TAPER_CHECK_AS(IndexError, -size <= index && index <= size, "Index out of range: ", index);
  if (index < 0) index += size;
  module.ptr();
  modules_.insert(modules_.begin() + index, std::move(module));
  renumber();
}

void SequentialImpl::set_any(int64_t index, AnyModule module) {
  AnyModule& place = modules_[detail::list_position(index, modules_.size())];
  const std::string name = own_children()[static_cast<size_t>(&place - modules_.data())].key();
  const AnyModule before = std::exchange(place, std::move(module));
  try {
    replace_module(name, place.ptr());
  } catch (...) {
    modules_[detail::list_position(index, modules_.size())] = before;
    throw;
  }
}

AnyModule SequentialImpl::pop(int64_t index) {
  const size_t position = detail::list_position(index, modules_.size());
  AnyModule module = std::move(modules_[position]);
  modules_.erase(modules_.begin() + static_cast<std::ptrdiff_t>(position));
  renumber();
  return module;
}

std::shared_ptr<SequentialImpl> SequentialImpl::slice(int64_t begin, int64_t end,
                                                      int64_t step) const {
  auto result = std::make_shared<SequentialImpl>();
  for (const size_t i : detail::slice_positions(begin, end, step, modules_.size())) {
    result->add(own_children()[i].key(), modules_[i]);
  }
  return result;
}

void SequentialImpl::renumber() {
  ModuleMap children("Submodule");
  for (size_t i = 0; i < modules_.size(); ++i)
    children.insert(std::to_string(i), modules_[i].ptr());
  set_children(std::move(children));
}

AnyModule SequentialImpl::callable(const std::shared_ptr<Module>& module,
                                   const detail::ForwardTable* table) const {
  TAPER_CHECK(module != nullptr, "Sequential: a submodule cannot be null");
  for (const AnyModule& known : modules_) {
    if (known.ptr() == module) return known;
  }
  if (table != nullptr && table->cast(module.get()) != nullptr) return AnyModule(module, *table);
  const Module& unknown = *module;
  for (const AnyModule& known : modules_) {
    if (known.type_info() == typeid(unknown)) return AnyModule(module, *known.table_);
  }
  TAPER_CHECK(false, "Sequential: the forward() of a ", module->name(),
              " is not known here; add it with push_back, insert or set");
  return AnyModule();
}

void SequentialImpl::children_changed(const detail::ForwardTable* table) {
  const ModuleMap& children = own_children();
  bool same = children.size() == modules_.size();
  for (size_t i = 0; same && i < modules_.size(); ++i) {
    same = modules_[i].ptr() == children[i].value();
  }
  if (same) return;
  std::vector<AnyModule> modules;
  for (const auto& child : children) modules.push_back(callable(child.value(), table));
  modules_ = std::move(modules);
}

std::shared_ptr<Module> SequentialImpl::clone(const std::optional<Device>& device) const {
  NoGradGuard no_grad;
  detail::CloneScope scope;
  auto copy = std::make_shared<SequentialImpl>(*this);
  scope.copy_tensors(*copy, device);
  ModuleMap children("Submodule");
  for (size_t i = 0; i < modules_.size(); ++i) {
    const AnyModule& module = modules_[i];
    copy->modules_[i] = AnyModule(detail::clone_within(*module.module_, device), *module.table_);
    children.insert(own_children()[i].key(), copy->modules_[i].ptr());
  }
  copy->set_children(std::move(children));
  return copy;
}

void SequentialImpl::pretty_print(std::ostream& stream) const {
  stream << (is_empty() ? "taper::nn::Sequential()" : "taper::nn::Sequential");
}

void SequentialImpl::check_not_empty() const {
  TAPER_CHECK(!modules_.empty(), "Cannot call forward() on an empty Sequential");
}

Tensor SequentialImpl::forward_tensor(const Tensor& input) {
  check_not_empty();
  if (modules_[0].table_->tensor == nullptr) return forward_any(0, input);
  Tensor value = modules_[0].forward(input);
  for (size_t i = 1; i < modules_.size(); ++i) {
    if (modules_[i].table_->tensor == nullptr) return forward_any(i, value);
    value = modules_[i].forward(value);
  }
  return value;
}

Tensor SequentialImpl::forward_any(size_t first, const Tensor& input) {
  AnyValue value(input);
  for (size_t i = first; i < modules_.size(); ++i)
    value = modules_[i].any_forward(std::move(value));
  if (Tensor* result = value.try_get<Tensor>()) return std::move(*result);
  fail_return(value.type_info(), typeid(Tensor));
}

void SequentialImpl::fail_return(const std::type_info& got, const std::type_info& wanted) {
  TAPER_CHECK(false, "The type of the return value is ", demangle(got), ", but you asked for type ",
              demangle(wanted));
  __builtin_unreachable();
}

Sequential operator+(const Sequential& a, const Sequential& b) {
  Sequential result;
  result->extend(*a);
  result->extend(*b);
  return result;
}

Sequential& operator+=(Sequential& a, const Sequential& b) {
  const std::vector<AnyModule> added(b->begin(), b->end());  // b may be a
  a->extend(added);
  return a;
}

Sequential operator*(const Sequential& modules, int64_t times) {
  TAPER_CHECK(times > 0, "Non-positive multiplication factor ", times, " for ", modules->name());
  Sequential result;
  for (int64_t i = 0; i < times; ++i) result->extend(*modules);
  return result;
}

Sequential& operator*=(Sequential& modules, int64_t times) {
  TAPER_CHECK(times > 0, "Non-positive multiplication factor ", times, " for ", modules->name());
  const std::vector<AnyModule> added(modules->begin(), modules->end());
  for (int64_t i = 1; i < times; ++i) modules->extend(added);
  return modules;
}

void FunctionalImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::Functional()";
}

Sequential::Sequential() : ModuleHolder(std::make_shared<SequentialImpl>()) {}
Sequential::Sequential(std::initializer_list<NamedAnyModule> modules)
    : ModuleHolder(std::make_shared<SequentialImpl>(modules)) {}

template class Cloneable<FunctionalImpl>;
template class Cloneable<SequentialImpl>;

}  // namespace taper::nn
