#include "taper/optim/fields.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"

namespace taper::optim {
namespace {

/// What Python keeps beside the members that decide anything: choices among its implementations,
/// and bookkeeping of its own. They are not saved, and ignored when they are loaded.
constexpr std::string_view kPythonOnly[] = {
    "foreach",     "capturable",    "differentiable",
    "fused",       "use_addmm",     "verbose",
    "_is_initial", "anneal_func",   "_get_lr_called_within_step",
    "_scale_fn",   "_scale_fn_ref", "_scale_fn_custom",
    "_anneal_fn",  "default_min_lr"};

bool is_python_only(std::string_view name) {
  return std::find(std::begin(kPythonOnly), std::end(kPythonOnly), name) != std::end(kPythonOnly);
}

/// Counts beyond this are no float32.
constexpr int64_t kExactFloat = int64_t{1} << 24;

/// A number, or a tensor of one element.
double number_of(const IValue& from) {
  if (!from.isTensor()) return from.toDouble();
  TAPER_CHECK(from.toTensor().numel() == 1, "expected a number but got a tensor of sizes ",
              from.toTensor().sizes());
  return from.toTensor().item<double>();
}

bool is_whole(double number) { return std::fabs(number) <= 0x1p62 && number == std::trunc(number); }

}  // namespace

namespace detail {

IValue pack(double value) { return value; }
IValue pack(bool value) { return value; }
IValue pack(int64_t value) { return value; }
IValue pack(const std::string& value) { return value; }
IValue pack(const Tensor& value) { return value.defined() ? value.detach() : value; }

// A learning rate may be a tensor.
void unpack(const IValue& from, double& value) { value = number_of(from); }
void unpack(const IValue& from, bool& value) { value = from.toBool(); }
void unpack(const IValue& from, int64_t& value) {
  if (from.isInt()) {
    value = from.toInt();
    return;
  }
  // Python's division leaves whole numbers as floats.
  const double number = number_of(from);
  TAPER_CHECK(is_whole(number), "expected a whole number but got ", number);
  value = static_cast<int64_t>(number);
}
void unpack(const IValue& from, std::string& value) { value = from.toStringRef(); }
void unpack(const IValue& from, Tensor& value) {
  value = from.isNone() ? Tensor() : from.toTensor().detach().clone();
}

const std::vector<IValue>& elements_of(const IValue& from, size_t count) {
  TAPER_CHECK(from.toListRef().size() == count, "expected ", count, " elements but got ",
              from.toListRef().size());
  return from.toListRef();
}

}  // namespace detail

const IValue* Fields::take(const char* name, Presence presence) {
  TAPER_CHECK_AS(ConfigError, dict_.isGenericDict(), context_, ": expected a dict but got ",
                 dict_.type_name());
  const IValue* value = dict_.find(name);
  TAPER_CHECK_AS(ConfigError, value != nullptr || presence == Presence::optional, context_,
                 ": missing key '", name, "'");
  taken_.push_back(name);
  return value;
}

void Fields::fail(const char* name, const Error& error) const {
  taper::detail::fail<ConfigError>(context_, ": key '", name, "': ", error.what());
}

void Fields::buffer(const char* name, Tensor& value, Presence presence) {
  if (is_saving()) {
    if (value.defined() || presence == Presence::required) dict_.insert(name, detail::pack(value));
    return;
  }
  const IValue* from = take(name, presence);
  if (from == nullptr || (from->isNone() && presence == Presence::optional)) return;
  read_tensor(name, *from, value, param_ ? param_->sizes() : from->toTensor().sizes());
}

void Fields::read_tensor(const char* name, const IValue& from, Tensor& value, IntArrayRef sizes) {
  TAPER_CHECK_AS(ConfigError, from.isTensor(), context_, ": key '", name,
                 "': expected Tensor but got ", from.type_name());
  const Tensor& tensor = from.toTensor();
  TAPER_CHECK_AS(ShapeError, tensor.sizes() == sizes, context_, ": size mismatch for ", name,
                 ": got sizes ", tensor.sizes(), ", expected ", sizes);
  value = tensor.detach().clone();
  if (param_ != nullptr) value = value.to(param_->scalar_type());
}

void Fields::factor(const char* name, Tensor& value, int dim) {
  if (is_saving()) {
    if (value.defined()) dict_.insert(name, detail::pack(value));
    return;
  }
  DimVector sizes(param_->sizes());
  if ((sizes.size() > 1) != (dim < 0)) return;
  if (dim < 0) sizes[sizes.size() + static_cast<size_t>(dim)] = 1;
  read_tensor(name, *take(name), value, sizes);
}

void Fields::scalar(const char* name, int64_t& value) {
  if (is_saving()) {
    const bool fits = value <= kExactFloat;
    dict_.insert(name, taper::full({}, static_cast<double>(value), fits ? kFloat : kDouble));
    return;
  }
  (*this)(name, value);
  TAPER_CHECK_AS(ConfigError, value >= 0, context_, ": key '", name, "': expected a count but got ",
                 value);
}

void Fields::scalar(const char* name, double& value) {
  if (is_saving()) {
    dict_.insert(name, taper::full({}, value, kDouble));
  } else {
    (*this)(name, value);
  }
}

void Fields::finish() const {
  for (const auto& [key, value] : dict_.toGenericDict()) {
    TAPER_CHECK_AS(ConfigError, key.isString(), context_, ": expected a name as key but got ",
                   key.type_name());
    const std::string& name = key.toStringRef();
    TAPER_CHECK_AS(
        ConfigError,
        is_python_only(name) || std::find(taken_.begin(), taken_.end(), name) != taken_.end(),
        context_, ": unexpected key '", name, "'");
  }
}

}  // namespace taper::optim
