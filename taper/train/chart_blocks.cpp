#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/chart_draw.h"

namespace taper::train {
namespace {

constexpr size_t kNameLetters = 16;

double longest_name(const std::vector<std::string>& names) {
  double longest = 0;
  for (const std::string& name : names) {
    longest = std::max(longest, std::min(text_width(name), 0.58 * 11 * kNameLetters));
  }
  return longest;
}

// How much room names below cells of a width need: turned where they are wider.
double names_height(const std::vector<std::string>& names, double cell) {
  const double longest = longest_name(names);
  return longest + 4 <= cell ? 18 : 12 + 0.71 * longest;
}

// Names below cells; where cells are narrower than letters only some are written.
std::string draw_names(const std::vector<std::string>& names, double left, double cell, double y) {
  const bool turned = longest_name(names) + 4 > cell;
  const size_t every = static_cast<size_t>(std::ceil(12 / std::max(cell, 0.01)));
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (turned && i % every != 0) continue;
    const std::string x = coordinate(left + (static_cast<double>(i) + 0.5) * cell);
    out += turned ? str("<text class=\"t-text\" text-anchor=\"end\" transform=\"translate(", x, ' ',
                        coordinate(y + 12), ") rotate(-45)\">")
                  : str("<text class=\"t-text\" text-anchor=\"middle\" x=\"", x, "\" y=\"",
                        coordinate(y + 14), "\">");
    out += markup_text(names[i], kNameLetters) + "</text>\n";
  }
  return out;
}

std::string cell_text(double value) {
  const double size = std::fabs(value);
  if (size >= 1e6) return short_number(value);
  if (size >= 1e4) return str(std::llround(value / 1e3), 'k');
  return value == std::floor(value) ? str(static_cast<int64_t>(value)) : short_number(value);
}

/// The shares by which a heat map's cells are shaded.
class Shares {
 public:
  explicit Shares(const HeatMap& map) : map_(map), sums_(map.rows.size()) {
    for (size_t i = 0; i < map.values.size(); ++i) {
      const double value = std::isfinite(map.values[i]) ? std::max(map.values[i], 0.0) : 0;
      sums_[i / map.columns.size()] += value;
      largest_ = std::max(largest_, value);
    }
  }
  double of(size_t row, size_t column) const {
    const double value = map_.values[row * map_.columns.size() + column];
    const double whole = map_.by_row ? sums_[row] : largest_;
    return value > 0 && whole > 0 ? std::min(value / whole, 1.0) : 0;
  }

 private:
  const HeatMap& map_;
  std::vector<double> sums_;
  double largest_ = 0;
};

struct Cells {
  double left, top, width, height;
};

std::string draw_cells(const HeatMap& map, const Cells& cells) {
  const Shares shares(map);
  std::string out;
  const bool with_text = cells.width >= 22 && cells.height >= 13;
  for (size_t r = 0; r < map.rows.size(); ++r) {
    for (size_t c = 0; c < map.columns.size(); ++c) {
      const double value = map.values[r * map.columns.size() + c];
      const double share = shares.of(r, c);
      const double x = cells.left + static_cast<double>(c) * cells.width;
      const double y = cells.top + static_cast<double>(r) * cells.height;
      // Zeros stay blank: large matrices are mostly empty.
      if (value == 0 && !with_text) continue;
      out += str("<g><rect class=\"t-shade\" fill-opacity=\"", short_number(0.04 + 0.9 * share),
                 "\" x=\"", coordinate(x + 0.5), "\" y=\"", coordinate(y + 0.5), "\" width=\"",
                 coordinate(std::max(cells.width - 1, 0.5)), "\" height=\"",
                 coordinate(std::max(cells.height - 1, 0.5)), "\"/>");
      if (with_text && value != 0) {
        out += str("<text text-anchor=\"middle\" class=\"", share > 0.45 ? "t-deep" : "t-text",
                   "\" x=\"", coordinate(x + cells.width / 2), "\" y=\"",
                   coordinate(y + cells.height / 2 + 4), "\">", cell_text(value), "</text>");
      }
      out += str("<title>", markup_text(map.rows[r]), " / ", markup_text(map.columns[c]), ": ",
                 short_number(value),
                 map.by_row ? str(" (", short_number(std::round(share * 1000) / 10), " %)") : "",
                 "</title></g>\n");
    }
  }
  return out;
}

void add_range(const BarChart& chart, double& low, double& high) {
  for (const Series& series : chart.series) {
    for (const double value : series.y) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
}

}  // namespace

void check(const BarChart& chart) {
  for (const Series& series : chart.series) {
    TAPER_CHECK_AS(ShapeError, series.y.size() == chart.names.size(), "BarChart: got ",
                   series.y.size(), " bars in the series ", quote_name(series.name), " for ",
                   chart.names.size(), " names, expected as many");
  }
}

void check(const HeatMap& map) {
  TAPER_CHECK_AS(ShapeError,
                 map.columns.empty()
                     ? map.values.empty()
                     : map.values.size() % map.columns.size() == 0 &&
                           map.values.size() / map.columns.size() == map.rows.size(),
                 "HeatMap: got ", map.values.size(), " values, expected ", map.rows.size(),
                 " rows of ", map.columns.size());
}

std::string draw(const BarChart& chart, double width, double height) {
  double top, low = 0, high = 0;
  std::string out = draw_head(chart.title, chart.series, width, top);
  add_range(chart, low, high);
  double bottom = height - 24;
  Scale y = make_scale(low, high == low ? low + 1 : high, false, true,
                       static_cast<int>((bottom - top) / 50));
  double labels = 0;
  for (const std::string& label : y.labels) labels = std::max(labels, text_width(label));
  const double left = labels + 12 + (chart.y_label.empty() ? 6 : 20), right = width - 16;
  const double count = static_cast<double>(std::max<size_t>(chart.names.size(), 1));
  const double cell = (right - left) / count;
  bottom = std::max(top + 20, height - names_height(chart.names, cell) - 6);
  y.first = bottom;
  y.last = top + 4;
  out += draw_vertical(y, left, right, chart.y_label);
  const double bar = cell * 0.8 / static_cast<double>(std::max<size_t>(chart.series.size(), 1));
  for (size_t s = 0; s < chart.series.size(); ++s) {
    for (size_t i = 0; i < chart.names.size(); ++i) {
      const double value = chart.series[s].y[i];
      if (!std::isfinite(value)) continue;
      const double from = y.at(0), to = y.at(value);
      const double x = left + cell * (static_cast<double>(i) + 0.1) + bar * static_cast<double>(s);
      out += str("<rect class=\"t-f", color_of(chart.series[s], s), "\" x=\"", coordinate(x),
                 "\" y=\"", coordinate(std::min(from, to)), "\" width=\"",
                 coordinate(std::max(bar - 1, 0.5)), "\" height=\"",
                 coordinate(std::fabs(from - to)), "\"><title>", markup_text(chart.names[i]), ' ',
                 markup_text(chart.series[s].name), ": ", short_number(value), "</title></rect>\n");
    }
  }
  out += str("<path class=\"t-axis\" d=\"M", coordinate(left), ' ', coordinate(y.at(0)), 'H',
             coordinate(right), "\"/>\n");
  return out + draw_names(chart.names, left, cell, bottom);
}

std::string draw(const HeatMap& map, double width, double height) {
  double top;
  std::string out = draw_head(map.title, {}, width, top);
  if (map.values.empty()) {
    return out + str("<text class=\"t-faint\" x=\"12\" y=\"", coordinate(top + 20),
                     "\">no data</text>\n");
  }
  const double left = longest_name(map.rows) + (map.y_label.empty() ? 18 : 34);
  const double columns = static_cast<double>(map.columns.size());
  const double rows = static_cast<double>(map.rows.size());
  Cells cells{left, top + 4, std::max((width - left - 14) / columns, 0.1), 0};
  const double below = names_height(map.columns, cells.width) + (map.x_label.empty() ? 4 : 20);
  cells.height = std::max((height - cells.top - below) / rows, 0.1);
  const double bottom = cells.top + rows * cells.height;
  out += draw_cells(map, cells);
  const size_t every = static_cast<size_t>(std::ceil(12 / cells.height));
  for (size_t r = 0; r < map.rows.size(); r += every) {
    out += str("<text class=\"t-text\" text-anchor=\"end\" x=\"", coordinate(left - 6), "\" y=\"",
               coordinate(cells.top + (static_cast<double>(r) + 0.5) * cells.height + 4), "\">",
               markup_text(map.rows[r], kNameLetters), "</text>\n");
  }
  out += draw_names(map.columns, left, cells.width, bottom);
  if (!map.x_label.empty()) {
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" x=\"",
               coordinate(left + columns * cells.width / 2), "\" y=\"", coordinate(height - 6),
               "\">", markup_text(map.x_label, 80), "</text>\n");
  }
  if (!map.y_label.empty()) {
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" transform=\"translate(14 ",
               coordinate((cells.top + bottom) / 2), ") rotate(-90)\">",
               markup_text(map.y_label, 60), "</text>\n");
  }
  return out;
}

}  // namespace taper::train
