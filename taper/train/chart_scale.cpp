#include <algorithm>
#include <charconv>
#include <cmath>

#include "taper/base/error.h"
#include "taper/train/chart_draw.h"

namespace taper::train {
namespace {

std::string number_text(double value, std::chars_format format, int digits) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format, digits);
  return std::string(buffer, end.ptr);
}

// 1.50e-07 as 1.5e-7.
std::string scientific(double value, int digits) {
  const std::string text = number_text(value, std::chars_format::scientific, digits);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') != std::string::npos) {
    mantissa.erase(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  const size_t digit = std::min(text.find_first_not_of('0', e + 2), text.size() - 1);
  return mantissa + (text[e + 1] == '-' ? "e-" : "e") + text.substr(digit);
}

// 1, 2 or 5 times a power of ten, near the value.
double nice(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  const double share = value / power;
  return (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10) * power;
}

// Labels of ticks that are a step apart, all in one form.
std::vector<std::string> linear_labels(const std::vector<double>& ticks, double step) {
  const double largest =
      ticks.empty() ? 0 : std::max(std::fabs(ticks.front()), std::fabs(ticks.back()));
  struct Unit {
    double size;
    const char* text;
  };
  static constexpr Unit kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
  const Unit* unit = &kUnits[3];
  for (const Unit& one : kUnits) {
    if (largest >= 10 * one.size && largest >= 1e4) {
      unit = &one;
      break;
    }
  }
  std::vector<std::string> labels;
  for (const double tick : ticks) {
    if (largest >= 1e13 || largest < 1e-3) {
      labels.push_back(tick == 0 ? "0" : scientific(tick, 2));
    } else {
      const int digits =
          std::max(0, -static_cast<int>(std::floor(std::log10(step / unit->size) + 1e-9)));
      labels.push_back(number_text(tick / unit->size, std::chars_format::fixed, digits) +
                       (tick == 0 ? "" : unit->text));
    }
  }
  return labels;
}

void linear_ticks(Scale& scale, bool rounded, int count) {
  constexpr double kLeast = 1e-290;  // what lies closer together is one value
  const double size = std::max(std::fabs(scale.low), std::fabs(scale.high));
  if (scale.high - scale.low < std::max(1e-12 * size, kLeast)) {
    const double around = size < kLeast ? 1 : size * 0.1;
    scale.low -= around;
    scale.high += around;
  }
  const double step = nice((scale.high - scale.low) / count);
  if (!std::isfinite(step) || step <= 0) return;
  if (rounded) {
    scale.low = std::floor(scale.low / step + 1e-9) * step;
    scale.high = std::ceil(scale.high / step - 1e-9) * step;
  }
  const double first = std::ceil(scale.low / step - 1e-9);
  for (int i = 0; i < 4 * count && (first + i) * step <= scale.high + 1e-9 * step; ++i) {
    scale.ticks.push_back((first + i) * step + 0.0);
  }
  scale.labels = linear_labels(scale.ticks, step);
}

void log_ticks(Scale& scale, bool rounded, int count) {
  double low = std::log10(scale.low), high = std::log10(scale.high);
  if (high - low < 0.05) {
    low -= 0.5;
    high += 0.5;
  } else if (rounded) {
    const double room = 0.04 * (high - low);
    low -= room;
    high += room;
  }
  scale.low = std::pow(10, low);
  scale.high = std::pow(10, high);
  static constexpr double kInner[] = {1, 2, 5};
  const int inner = high - low < 1.5 ? 3 : 1;
  const int every = std::max(1, static_cast<int>(std::ceil((high - low) / count)));
  for (int power = static_cast<int>(std::floor(low)); power <= high; ++power) {
    if (power % every != 0) continue;
    for (int i = 0; i < inner; ++i) {
      const double tick = kInner[i] * std::pow(10, power);
      if (tick < scale.low * (1 - 1e-9) || tick > scale.high * (1 + 1e-9)) continue;
      scale.ticks.push_back(tick);
      const bool plain = tick > 0.0099 && tick < 9999;
      scale.labels.push_back(plain ? number_text(tick, std::chars_format::general, 4)
                                   : scientific(tick, 0));
    }
  }
}

}  // namespace

std::string coordinate(double value) {
  std::string text = number_text(std::clamp(value, -1e6, 1e6), std::chars_format::fixed, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return str(value);
  const double size = std::fabs(value);
  if (value == std::floor(value) && size < 1e6) {
    return number_text(value + 0.0, std::chars_format::fixed, 0);
  }
  if (size < 1e-3 || size >= 1e6) return scientific(value, 3);
  return number_text(value, std::chars_format::general, 4);
}

bool Scale::takes(double value) const { return std::isfinite(value) && (!log || value > 0); }

double Scale::at(double value) const {
  const double share =
      log ? (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low))
          : (value / (high - low)) - low / (high - low);
  return first + share * (last - first);
}

Scale make_scale(double low, double high, bool log, bool rounded, int count) {
  Scale scale;
  scale.log = log;
  if (low > high) {
    low = log ? 0.1 : 0;
    high = 1;
  }
  // Sums of the ends must stay finite.
  constexpr double kLargest = 1e300;
  scale.low = std::clamp(low, log ? 1e-300 : -kLargest, kLargest);
  scale.high = std::clamp(high, log ? 1e-300 : -kLargest, kLargest);
  if (log) {
    log_ticks(scale, rounded, std::max(count, 2));
  } else {
    linear_ticks(scale, rounded, std::max(count, 2));
  }
  return scale;
}

}  // namespace taper::train
