#pragma once

#include <optional>

#include "taper/base/macros.h"
#include "taper/core/device.h"
#include "taper/core/memory_format.h"
#include "taper/core/scalar_type.h"

namespace taper TAPER_API {

/// How a factory makes its tensor. What is not set is the default: get_default_dtype() (or what
/// the factory infers), the CPU, no gradient, contiguous.
class TensorOptions {
 public:
  constexpr TensorOptions() = default;
  constexpr TensorOptions(ScalarType dtype) : dtype_(dtype) {}
  constexpr TensorOptions(Device device) : device_(device) {}
  constexpr TensorOptions(DeviceType type) : device_(Device(type)) {}
  constexpr TensorOptions(Layout) {}
  constexpr TensorOptions(MemoryFormat format) : memory_format_(format) {}

  [[nodiscard]] constexpr TensorOptions dtype(std::optional<ScalarType> v) const {
    return with(&TensorOptions::dtype_, v);
  }
  [[nodiscard]] constexpr TensorOptions device(std::optional<Device> v) const {
    return with(&TensorOptions::device_, v);
  }
  [[nodiscard]] constexpr TensorOptions layout(std::optional<Layout>) const { return *this; }
  [[nodiscard]] constexpr TensorOptions requires_grad(std::optional<bool> v) const {
    return with(&TensorOptions::requires_grad_, v);
  }
  [[nodiscard]] constexpr TensorOptions memory_format(std::optional<MemoryFormat> v) const {
    return with(&TensorOptions::memory_format_, v);
  }

  ScalarType dtype() const { return dtype_ ? *dtype_ : get_default_dtype(); }
  constexpr Device device() const { return device_.value_or(Device()); }
  constexpr Layout layout() const { return kStrided; }
  constexpr bool requires_grad() const { return requires_grad_.value_or(false); }
  constexpr std::optional<ScalarType> dtype_opt() const { return dtype_; }
  constexpr std::optional<Device> device_opt() const { return device_; }
  constexpr std::optional<bool> requires_grad_opt() const { return requires_grad_; }
  constexpr std::optional<MemoryFormat> memory_format_opt() const { return memory_format_; }
  constexpr bool has_dtype() const { return dtype_.has_value(); }
  constexpr bool has_device() const { return device_.has_value(); }

  /// These options where they are set, the others elsewhere.
  [[nodiscard]] constexpr TensorOptions or_else(const TensorOptions& other) const {
    TensorOptions r = *this;
    if (!r.dtype_) r.dtype_ = other.dtype_;
    if (!r.device_) r.device_ = other.device_;
    if (!r.requires_grad_) r.requires_grad_ = other.requires_grad_;
    if (!r.memory_format_) r.memory_format_ = other.memory_format_;
    return r;
  }

 private:
  template <class T>
  constexpr TensorOptions with(T TensorOptions::*member, const T& v) const {
    TensorOptions r = *this;
    r.*member = v;
    return r;
  }

  std::optional<ScalarType> dtype_;
  std::optional<Device> device_;
  std::optional<bool> requires_grad_;
  std::optional<MemoryFormat> memory_format_;
};

inline TensorOptions dtype(ScalarType v) { return TensorOptions(v); }
inline TensorOptions device(Device v) { return TensorOptions(v); }
inline TensorOptions layout(Layout v) { return TensorOptions(v); }
inline TensorOptions requires_grad(bool v = true) { return TensorOptions().requires_grad(v); }

}  // namespace taper
