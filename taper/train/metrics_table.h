#pragma once

#include <string>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// The values of one name in a metrics file, and the steps that they were written at.
struct MetricSeries {
  std::string name;
  std::vector<double> steps;
  std::vector<double> values;  ///< NaN where the file says null
};

/// The numbers of a metrics.jsonl by their names, in the order of first appearance; "step" gives
/// the steps, or the line's place when there is none, and texts are left out. Throws IoError,
/// naming file and line, on a line that is damaged or cut off, a step that is no whole number and
/// steps that go back.
std::vector<MetricSeries> read_metrics(const std::string& path);
/// The series of a name, or null.
const MetricSeries* find_series(const std::vector<MetricSeries>& series, const std::string& name);

}  // namespace train
}  // namespace taper
