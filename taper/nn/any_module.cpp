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

void fail_argument(size_t index, const std::type_info& expected, const std::type_info& got) {
  TAPER_CHECK(false, "Expected argument #", index, " to be of type ", demangle(expected),
              ", but received value of type ", demangle(got));
  __builtin_unreachable();
}

}  // namespace detail

AnyModule AnyModule::clone(const std::optional<Device>& device) const {
  AnyModule copy;
  if (is_empty()) return copy;
  copy.module_ = module_->clone(device);
  copy.table_ = table_;
  copy.object_ = table_->cast(copy.module_.get());
  TAPER_CHECK(copy.object_ != nullptr, "clone() of ", module_->name(), " is of another type");
  return copy;
}

void AnyModule::fail_cast(const std::type_info& wanted) const {
  TAPER_CHECK(false, "Attempted to cast module of type ", demangle(type_info()), " to type ",
              demangle(wanted));
  __builtin_unreachable();
}

}  // namespace taper::nn
