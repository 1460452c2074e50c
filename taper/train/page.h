#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taper/base/macros.h"
#include "taper/train/lr_curve.h"
#include "taper/train/metrics_table.h"

namespace taper TAPER_API {
namespace train {

class RunFolder;

/// How often a class was taken for another: counts[truth * classes + predicted].
struct ConfusionCounts {
  std::vector<std::string> names;
  std::vector<int64_t> counts;
};

/// Keep them in a run's plots/ as confusion.json and lr_finder.json, where read_run() finds them.
/// Throw ShapeError when the lengths do not fit together, and IoError.
void write_confusion(const RunFolder& folder, const ConfusionCounts& counts);
void write_lr_curve(const RunFolder& folder, const LrCurve& curve);

/// What a report shows of one run.
struct RunRecord {
  std::string name;
  std::string path;
  std::string config;       ///< JSON; may be empty
  std::string environment;  ///< JSON; may be empty
  std::vector<MetricSeries> metrics;
  ConfusionCounts confusion;
  LrCurve lr_curve;
};
/// Reads a run folder; what is not there stays empty. Throws IoError, with file and line, on a file
/// that is damaged.
RunRecord read_run(const std::string& path);

/// Writes one HTML page, without anything to be loaded: a table of the runs, the settings in which
/// they differ, learning curves, learning rates, gradient norms, confusion matrices and learning
/// rate finders. Throws IoError.
void write_report(const std::string& path, const std::vector<RunRecord>& runs,
                  const std::string& title = "Training report");
/// Writes the same charts of one run as SVG files into a folder, and returns their paths.
std::vector<std::string> write_plots(const std::string& folder, const RunRecord& run);

}  // namespace train
}  // namespace taper
