#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// One line of a LineChart. Without x the places are 0, 1, 2...
struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  bool dashed = false;
  /// Which of the colours; negative: the next one.
  int color = -1;
};

/// A vertical line with a text, e.g. a learning rate that is suggested.
struct Marker {
  double x = 0;
  std::string text;
};

/// Lines over axes. Points that are not finite, or not positive on a logarithmic axis, are gaps.
struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool log_x = false;
  bool log_y = false;
  std::vector<Marker> markers;
};

/// Bars in groups: one for each name, side by side for each series (whose x is not used).
struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<std::string> names;
  std::vector<Series> series;
};

/// Numbers as shades, row by row, e.g. a confusion matrix: rows are truth, columns predictions.
struct HeatMap {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<double> values;  ///< rows x columns
  /// Shades as the share of a row's sum instead of the largest value's.
  bool by_row = false;
};

/// Charts in a grid, as one SVG picture that is readable on light and dark pages. Texts may hold
/// anything. Every add throws ShapeError when the lengths of names and values do not fit together.
class Figure {
 public:
  /// Each chart takes width x height; at least 120 x 80.
  explicit Figure(int64_t columns = 1, int64_t width = 640, int64_t height = 360);

  void add(const LineChart& chart);
  void add(const BarChart& chart);
  void add(const HeatMap& chart);

  std::string svg() const;
  /// Writes the picture in one step. Throws IoError.
  void save(const std::string& path) const;

 private:
  int64_t columns_;
  int64_t width_;
  int64_t height_;
  std::vector<std::string> panels_;
};

}  // namespace train
}  // namespace taper
