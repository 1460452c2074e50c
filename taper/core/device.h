#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "taper/base/macros.h"

namespace taper TAPER_API {

enum class DeviceType : int8_t { CPU = 0, CUDA = 1 };
inline constexpr DeviceType kCPU = DeviceType::CPU;
inline constexpr DeviceType kCUDA = DeviceType::CUDA;

/// Where a tensor's memory is: a type and, for CUDA, an index (-1: the current one).
class Device {
 public:
  constexpr Device() = default;
  constexpr Device(DeviceType type, int8_t index = -1) : type_(type), index_(index) {}
  /// From "cpu", "cuda" or "cuda:1"; throws on anything else.
  Device(std::string_view text);
  Device(const char* text) : Device(std::string_view(text)) {}
  Device(const std::string& text) : Device(std::string_view(text)) {}

  constexpr DeviceType type() const { return type_; }
  constexpr int8_t index() const { return index_; }
  constexpr bool is_cpu() const { return type_ == DeviceType::CPU; }
  constexpr bool is_cuda() const { return type_ == DeviceType::CUDA; }
  constexpr bool has_index() const { return index_ >= 0; }
  std::string str() const;
  friend constexpr bool operator==(Device a, Device b) {
    return a.type_ == b.type_ && a.index_ == b.index_;
  }

 private:
  DeviceType type_ = DeviceType::CPU;
  int8_t index_ = -1;
};

void append(std::string& s, Device device);

namespace cuda {
/// Whether tensors can be on a GPU: this build computes on the CPU only, so never.
bool is_available();
bool cudnn_is_available();
size_t device_count();
}  // namespace cuda

}  // namespace taper
