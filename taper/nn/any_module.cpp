#include "taper/nn/any_module.h"

namespace taper::nn {
namespace detail {

void fail_argument_count(const std::type_info& type, size_t expected, size_t got) {
  TAPER_CHECK(false, demangle(type), "'s forward() method expects ", expected,
              " argument(s), but received ", got, ". If ", demangle(type),
              "'s forward() method has default arguments, they apply when it is called with one "
              "Tensor.");
  __builtin_unreachable();
}

}  // namespace detail

AnyModule::AnyModule(std::shared_ptr<Module> module, const detail::ForwardTable& table)
    : object_(table.cast(module.get())), table_(&table), module_(std::move(module)) {
  TAPER_CHECK(object_ != nullptr, "AnyModule: ", module_->name(), " is no ", demangle(*table.type));
}

AnyValue AnyModule::any_call(ValueList& arguments) {
  if (!detail::any_call_hooks() || !detail::has_call_hooks(*module_)) {
    return table_->any(object_, arguments);
  }
  detail::HookedCall call{*module_, std::move(arguments), {}};
  detail::run_hooked(call, [&] {
    ValueList taken = call.arguments;  // forward() may take its arguments away, hooks see them
    call.output = table_->any(object_, taken);
  });
  return std::move(call.output);
}

AnyModule AnyModule::clone(const std::optional<Device>& device) const {
  if (is_empty()) return AnyModule();
  return AnyModule(module_->clone(device), *table_);
}

void AnyModule::fail_cast(const std::type_info& wanted) const {
  TAPER_CHECK(false, "Attempted to cast module of type ", demangle(type_info()), " to type ",
              demangle(wanted));
  __builtin_unreachable();
}

}  // namespace taper::nn
