#pragma once

#include <optional>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// What a range test of learning rates saw.
struct LrCurve {
  std::vector<double> learning_rates;
  std::vector<double> losses;  ///< smoothed
  /// Where the loss falls steepest; none when it never falls.
  std::optional<double> suggestion = std::nullopt;
};

}  // namespace train
}  // namespace taper
