#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taper::train {

/// One line of a metrics.jsonl: its numbers (null is NaN, true 1), without the texts.
struct MetricsLine {
  std::optional<int64_t> step;
  std::vector<std::pair<std::string, double>> numbers;
};
/// Replaces line by what text says; returns what is wrong with it, or nothing.
std::string parse_metrics_line(std::string_view text, MetricsLine& line);

}  // namespace taper::train
