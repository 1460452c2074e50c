#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/train/chart.h"
#include "taper/train/page.h"

namespace taper::train {

/// One chart of a report: lines, or a map.
struct PageChart {
  std::string section;
  std::string file;  ///< a plain file name without extension
  std::optional<LineChart> line;
  std::optional<HeatMap> map;
};
/// The charts of runs, in the order in which a report shows them.
std::vector<PageChart> charts_of(const std::vector<RunRecord>& runs);

/// Whether a series is the place of a row rather than a figure of it.
bool is_place(const std::string& name);
/// The part of a name that says whose data it was measured on, e.g. valid, and the rest; an empty
/// first part where there is none.
std::pair<std::string, std::string> split_of(const std::string& name);

/// The values of a JSON text by dotted keys, as text. Throws IoError, naming name and line, on text
/// that is no JSON or nested more than 100 deep.
std::vector<std::pair<std::string, std::string>> flat_settings(const std::string& json,
                                                               const std::string& name);

}  // namespace taper::train
