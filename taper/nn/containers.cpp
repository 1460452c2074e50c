#include "taper/nn/containers.h"

#include <algorithm>
#include <ostream>

#include "taper/ops/printing.h"

namespace taper::nn {
namespace detail {

size_t list_position(int64_t index, size_t size) {
  const auto count = static_cast<int64_t>(size);
  TAPER_CHECK_AS(IndexError, -count <= index && index < count, "Index out of range: index ", index,
                 " is out of range of ", size, " elements");
  return static_cast<size_t>(index < 0 ? index + count : index);
}

std::vector<size_t> slice_positions(int64_t begin, int64_t end, int64_t step, size_t size) {
  TAPER_CHECK(step != 0, "slice: slice step cannot be zero");
  const auto count = static_cast<int64_t>(size);
  // Negative positions count from the end; what lies outside is cut off.
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
  const auto clamp = [&](int64_t at) {
    return std::clamp(at < 0 ? std::max(at + count, low) : at, low, high);
  };
  const int64_t from = clamp(begin), to = clamp(end);
  step = std::clamp(step, -count - 1, count + 1);
  std::vector<size_t> positions;
  for (int64_t i = from; step > 0 ? i < to : i > to; i += step) {
    positions.push_back(static_cast<size_t>(i));
  }
  return positions;
}

}  // namespace detail

namespace {

/// A tensor as a list or dictionary of parameters holds it.
Parameter as_parameter(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_leaf() || !tensor.requires_grad()) return Parameter(tensor);
  Parameter same;
  static_cast<Tensor&>(same) = tensor;
  return same;
}

/// The lines that Python prints for parameters; a single one stands behind the parenthesis.
void print_parameters(std::ostream& stream, const char* name, const Module::TensorMap& parameters) {
  stream << name << '(';
  const bool lines = parameters.size() > 1;
  for (const auto& item : parameters) {
    std::string sizes;
    for (const int64_t size : item.value().sizes()) sizes += str(sizes.empty() ? "" : "x", size);
    stream << (lines ? "\n    (" : "  (") << item.key() << "): "
           << (item.value().requires_grad() || item.value().is_leaf() ? "Parameter" : "Tensor")
           << " containing: [" << python_name(item.value().scalar_type()) << " of size " << sizes
           << ']';
  }
  stream << (lines ? "\n)" : ")");
}

/// A copy of a container, with its own tensors and with copies of its submodules.
template <class Container, class SetChildren>
std::shared_ptr<Container> clone_container(const Container& original,
                                           const Module::ModuleMap& children,
                                           const std::optional<Device>& device,
                                           const SetChildren& set_children) {
  NoGradGuard no_grad;
  detail::CloneScope scope;
  auto copy = std::make_shared<Container>(original);
  scope.copy_tensors(*copy, device);
  Module::ModuleMap copies("Submodule");
  for (const auto& child : children) {
    copies.insert(child.key(),
                  child.value() ? detail::clone_within(*child.value(), device) : nullptr);
  }
  set_children(*copy, std::move(copies));
  return copy;
}

}  // namespace

std::shared_ptr<Module> ModuleListImpl::clone(const std::optional<Device>& device) const {
  return clone_container(*this, own_children(), device,
                         [](ModuleListImpl& copy, ModuleMap children) {
                           copy.set_children(std::move(children));
                           copy.children_changed(nullptr);
                         });
}

void ModuleListImpl::pretty_print(std::ostream& stream) const {
  stream << (is_empty() ? "taper::nn::ModuleList()" : "taper::nn::ModuleList");
}

void ModuleListImpl::push_back(std::shared_ptr<Module> module) {
  register_module(std::to_string(modules_.size()), std::move(module));
}

void ModuleListImpl::insert(int64_t index, std::shared_ptr<Module> module) {
  const auto size = static_cast<int64_t>(modules_.size());
  TAPER_CHECK_AS(IndexError, -size <= index && index <= size, "Index out of range: ", index);
  modules_.insert(modules_.begin() + (index < 0 ? index + size : index), std::move(module));
  renumber();
}

std::shared_ptr<Module> ModuleListImpl::pop(int64_t index) {
  const size_t position = detail::list_position(index, modules_.size());
  std::shared_ptr<Module> module = std::move(modules_[position]);
  modules_.erase(modules_.begin() + static_cast<std::ptrdiff_t>(position));
  renumber();
  return module;
}

std::shared_ptr<ModuleListImpl> ModuleListImpl::slice(int64_t begin, int64_t end,
                                                      int64_t step) const {
  auto result = std::make_shared<ModuleListImpl>();
  for (const size_t i : detail::slice_positions(begin, end, step, modules_.size())) {
    result->push_back(modules_[i]);
  }
  return result;
}

void ModuleListImpl::renumber() {
  ModuleMap children("Submodule");
  for (size_t i = 0; i < modules_.size(); ++i) children.insert(std::to_string(i), modules_[i]);
  set_children(std::move(children));
}

void ModuleListImpl::children_changed(const detail::ForwardTable*) {
  modules_ = own_children().values();
}

void ModuleListImpl::fail_cast(int64_t index, const std::type_info& wanted) const {
  TAPER_CHECK(false, "Unable to cast module[", index, "] to ", demangle(wanted));
  __builtin_unreachable();
}

ModuleList operator+(const ModuleList& a, const ModuleList& b) {
  ModuleList result;
  result->extend(*a);
  result->extend(*b);
  return result;
}

ModuleList& operator+=(ModuleList& a, const ModuleList& b) {
  const std::vector<std::shared_ptr<Module>> added(b->begin(), b->end());  // b may be a
  a->extend(added);
  return a;
}

std::shared_ptr<Module> ModuleDictImpl::clone(const std::optional<Device>& device) const {
  return clone_container(
      *this, own_children(), device,
      [](ModuleDictImpl& copy, ModuleMap children) { copy.set_children(std::move(children)); });
}

void ModuleDictImpl::pretty_print(std::ostream& stream) const {
  stream << (empty() ? "taper::nn::ModuleDict()" : "taper::nn::ModuleDict");
}

void ModuleDictImpl::set_ptr(const std::string& key, std::shared_ptr<Module> module) {
  if (contains(key)) {
    replace_module(key, std::move(module));
  } else {
    register_module(key, std::move(module));
  }
}

void ModuleDictImpl::update(std::initializer_list<NamedModule> modules) {
  for (const NamedModule& item : modules) set_ptr(item.name(), item.module());
}

void ModuleDictImpl::update(
    const std::vector<std::pair<std::string, std::shared_ptr<Module>>>& pairs) {
  for (const auto& [key, module] : pairs) set_ptr(key, module);
}

void ModuleDictImpl::update(const ModuleMap& modules) {
  for (const auto& item : modules) set_ptr(item.key(), item.value());
}

ModuleDict::ModuleDict(std::initializer_list<NamedModule> modules)
    : ModuleHolder(std::make_shared<ModuleDictImpl>(modules)) {}

std::vector<std::pair<std::string, std::shared_ptr<Module>>> ModuleDictImpl::items() const {
  return own_children().pairs();
}
std::vector<std::string> ModuleDictImpl::keys() const { return own_children().keys(); }
std::vector<std::shared_ptr<Module>> ModuleDictImpl::values() const {
  return own_children().values();
}

std::shared_ptr<Module> ModuleDictImpl::pop(const std::string& key) {
  std::shared_ptr<Module> module = (*this)[key];
  unregister_module(key);
  return module;
}

void ModuleDictImpl::clear() { set_children(ModuleMap("Submodule")); }

std::shared_ptr<Module> ModuleDictImpl::operator[](const std::string& key) const {
  const std::shared_ptr<Module>* module = own_children().find(key);
  TAPER_CHECK(module != nullptr, "ModuleDict: Key '", key, "' is not defined");
  return *module;
}

void ModuleDictImpl::fail_cast(const std::string& key, const std::type_info& wanted) const {
  TAPER_CHECK(false, "Unable to cast module[", key, "] to ", demangle(wanted));
  __builtin_unreachable();
}

std::shared_ptr<Module> ParameterListImpl::clone(const std::optional<Device>& device) const {
  return clone_container(*this, own_children(), device, [](ParameterListImpl&, ModuleMap) {});
}

void ParameterListImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "taper::nn::ParameterList", parameters_);
}

void ParameterListImpl::append(const Tensor& tensor) { append(as_parameter(tensor)); }
void ParameterListImpl::append(const Parameter& parameter) {
  register_parameter(std::to_string(size()), parameter);
}

ParameterListImpl& ParameterListImpl::operator+=(const ParameterListImpl& other) {
  for (const Tensor& tensor : other.parameters_.values()) {
    register_parameter(std::to_string(size()), tensor, tensor.requires_grad());
  }
  return *this;
}

void ParameterListImpl::set(int64_t index, const Tensor& tensor) {
  set(index, as_parameter(tensor));
}
void ParameterListImpl::set(int64_t index, const Parameter& parameter) {
  replace_parameter(std::to_string(detail::list_position(index, size())), parameter);
}

std::shared_ptr<ParameterListImpl> ParameterListImpl::slice(int64_t begin, int64_t end,
                                                            int64_t step) const {
  auto result = std::make_shared<ParameterListImpl>();
  for (const size_t i : detail::slice_positions(begin, end, step, size())) {
    const Tensor& tensor = *parameters_[i];
    result->register_parameter(std::to_string(result->size()), tensor, tensor.requires_grad());
  }
  return result;
}

std::shared_ptr<Module> ParameterDictImpl::clone(const std::optional<Device>& device) const {
  return clone_container(*this, own_children(), device, [](ParameterDictImpl&, ModuleMap) {});
}

void ParameterDictImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "taper::nn::ParameterDict", parameters_);
}

std::vector<std::pair<std::string, Tensor>> ParameterDictImpl::items() const {
  return parameters_.pairs();
}
std::vector<std::string> ParameterDictImpl::keys() const { return parameters_.keys(); }
std::vector<Tensor> ParameterDictImpl::values() const { return parameters_.values(); }

Tensor& ParameterDictImpl::insert(const std::string& key, const Tensor& tensor) {
  return insert(key, as_parameter(tensor));
}
Tensor& ParameterDictImpl::insert(const std::string& key, const Parameter& parameter) {
  return register_parameter(key, parameter);
}

void ParameterDictImpl::set(const std::string& key, const Tensor& tensor) {
  set(key, as_parameter(tensor));
}
void ParameterDictImpl::set(const std::string& key, const Parameter& parameter) {
  if (contains(key)) {
    replace_parameter(key, parameter);
  } else {
    register_parameter(key, parameter);
  }
}

void ParameterDictImpl::update(const TensorMap& tensors) {
  for (const auto& item : tensors) set(item.key(), item.value());
}

void ParameterDictImpl::update(const ParameterDictImpl& other) {
  for (const auto& [key, tensor] : other.items()) {
    if (contains(key)) {
      replace_parameter(key, tensor, tensor.requires_grad());
    } else {
      register_parameter(key, tensor, tensor.requires_grad());
    }
  }
}

Tensor ParameterDictImpl::pop(const std::string& key) {
  Tensor tensor = (*this)[key];
  unregister_parameter(key);
  return tensor;
}

std::pair<std::string, Tensor> ParameterDictImpl::popitem() {
  TAPER_CHECK(!empty(), "ParameterDict: popitem() on an empty dictionary");
  std::pair<std::string, Tensor> last = parameters_.back().pair();
  unregister_parameter(last.first);
  return last;
}

Tensor& ParameterDictImpl::operator[](const std::string& key) {
  return const_cast<Tensor&>(std::as_const(*this)[key]);
}
const Tensor& ParameterDictImpl::operator[](const std::string& key) const {
  const Tensor* tensor = parameters_.find(key);
  TAPER_CHECK(tensor != nullptr, "ParameterDict: Key '", key, "' is not defined");
  return *tensor;
}

Tensor ParameterDictImpl::get(const std::string& key, const Tensor& default_value) const {
  const Tensor* tensor = parameters_.find(key);
  return tensor != nullptr ? *tensor : default_value;
}

Tensor& ParameterDictImpl::setdefault(const std::string& key, const Tensor& default_value) {
  if (!contains(key)) set(key, default_value);
  return (*this)[key];
}

template class Cloneable<ModuleListImpl>;
template class Cloneable<ParameterListImpl>;
template class Cloneable<ParameterDictImpl>;
template class Cloneable<ModuleDictImpl>;

}  // namespace taper::nn
