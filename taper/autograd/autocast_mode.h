#pragma once

#include <optional>

#include "taper/core/device.h"
#include "taper/core/scalar_type.h"

namespace taper TAPER_API {

/// Mixed precision for the life of the guard, in this thread: products and convolutions compute in
/// bfloat16 (or float16), losses and other delicate ops in float32, whatever types their tensors
/// have; parameters, and the gradients they get, stay float32. docs/mixed-precision.md has the
/// lists. Guards nest; enabled = false turns autocast off within another. Casts of parameters are
/// kept, and the parameters with them, until the outermost guard ends, or until they change.
/// Throws where autocast is enabled for another device than the CPU, or for another type.
class AutocastGuard {
 public:
  explicit AutocastGuard(Device device = kCPU, std::optional<ScalarType> dtype = std::nullopt,
                         bool enabled = true, std::optional<bool> cache_enabled = std::nullopt);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool enabled_, cache_enabled_;
  ScalarType dtype_;
};

/// The thread's state by LibTorch's names; those without a device are for the CPU, but for
/// is_enabled(), which asks for CUDA.
namespace autocast {
bool is_autocast_enabled(DeviceType device);
/// Throws where device is not the CPU and enabled is true.
void set_autocast_enabled(DeviceType device, bool enabled);
ScalarType get_autocast_dtype(DeviceType device);
/// Throws on another type than BFloat16 and Half, and on other devices than the CPU.
void set_autocast_dtype(DeviceType device, ScalarType dtype);

bool is_enabled();
bool is_cpu_enabled();
void set_cpu_enabled(bool enabled);
ScalarType get_autocast_cpu_dtype();
void set_autocast_cpu_dtype(ScalarType dtype);

bool is_autocast_cache_enabled();
void set_autocast_cache_enabled(bool enabled);
/// Drops the kept casts.
void clear_cache();
/// Casts are kept while the nesting is above 0; both return the new one. A program that does
/// without AutocastGuard calls clear_cache() when it is back at 0.
int increment_nesting();
int decrement_nesting();
}  // namespace autocast

}  // namespace taper TAPER_API
