#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/train/chart.h"

namespace taper::train {

/// Text for XML and HTML: markup characters as entities; what is no UTF-8, and control characters,
/// which XML forbids, as U+FFFD. Longer texts are cut to a number of characters with an ellipsis.
std::string markup_text(std::string_view text, size_t longest = SIZE_MAX);
/// About how wide a text is, in pixels, in letters of a size.
double text_width(std::string_view text, double size = 11);
/// A coordinate with at most one decimal.
std::string coordinate(double value);
/// A figure in about four digits, for reading: 0.0123, 1,234 as 1234, 1.5e-07.
std::string short_number(double value);

/// Maps values to pixels and knows where ticks stand. first and last are the pixels of its ends.
struct Scale {
  double low = 0, high = 1;
  bool log = false;
  double first = 0, last = 1;
  std::vector<double> ticks;
  std::vector<std::string> labels;

  bool takes(double value) const;
  double at(double value) const;
};
/// A scale over finite values from low to high (low > high: there are none) with about count ticks;
/// widened to whole ticks when rounded. Its pixels are set later.
Scale make_scale(double low, double high, bool log, bool rounded, int count);

/// Where a LineChart's plot stands, for a page that shows values.
struct LinePlot {
  Scale x, y;
  double top = 0, bottom = 0;
};

/// A chart as the content of an SVG element of width x height.
std::string draw(const LineChart& chart, double width, double height, LinePlot* plot = nullptr);
std::string draw(const BarChart& chart, double width, double height);
std::string draw(const HeatMap& chart, double width, double height);
void check(const LineChart& chart);
void check(const BarChart& chart);
void check(const HeatMap& chart);

/// The colour that a series has in its place.
int color_of(const Series& series, size_t place);

/// Title and legend in the top left corner; moves top below them.
std::string draw_head(const std::string& title, const std::vector<Series>& series, double width,
                      double& top);
/// The plot's frame: grid lines and labels of the vertical scale, and its name.
std::string draw_vertical(const Scale& scale, double left, double right, const std::string& label);
/// The start of an SVG element, and the style that its classes need.
std::string svg_start(double width, double height);
const char* chart_style();

}  // namespace taper::train
