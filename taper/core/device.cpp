#include "taper/core/device.h"

#include <charconv>

#include "taper/base/error.h"

namespace taper {

Device::Device(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  bool ok = type == "cpu" || type == "cuda";
  type_ = type == "cuda" ? DeviceType::CUDA : DeviceType::CPU;
  if (ok && colon != std::string_view::npos) {
    const std::string_view number = text.substr(colon + 1);
    int value = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    ok = error == std::errc() && end == number.data() + number.size() && value >= 0 && value < 128;
    index_ = static_cast<int8_t>(value);
  }
  TAPER_CHECK(ok, "Device: invalid device string: '", text, "', expected cpu, cuda or cuda:N");
}

std::string Device::str() const {
  std::string text = is_cpu() ? "cpu" : "cuda";
  if (has_index()) text += ":" + std::to_string(index_);
  return text;
}

void append(std::string& s, Device device) { s += device.str(); }

bool cuda::is_available() { return device_count() > 0; }
bool cuda::cudnn_is_available() { return is_available(); }
size_t cuda::device_count() { return 0; }

}  // namespace taper
