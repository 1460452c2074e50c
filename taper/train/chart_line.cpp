#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/chart_draw.h"

namespace taper::train {
namespace {

constexpr double kMargin = 12, kLetters = 11, kLegendRow = 17;
constexpr size_t kLegendLetters = 40;
constexpr int kMostRows = 4;  // of the legend

double x_of(const Series& series, size_t i) {
  return series.x.empty() ? static_cast<double>(i) : series.x[i];
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Heights count where there is a place for them.
void find_ranges(const LineChart& chart, Range& x, Range& y) {
  const auto taken = [](double value, bool log) {
    return std::isfinite(value) && (!log || value > 0);
  };
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < series.y.size(); ++i) {
      const double at = x_of(series, i);
      if (!taken(at, chart.log_x)) continue;
      x.add(at);
      if (taken(series.y[i], chart.log_y)) y.add(series.y[i]);
    }
  }
  for (const Marker& marker : chart.markers) {
    if (taken(marker.x, chart.log_x)) x.add(marker.x);
  }
}

/// Turns points into path commands. Of the points in one column of pixels the first, the lowest,
/// the highest and the last are drawn.
class PathMaker {
 public:
  void add(double x, double y) {
    if (count_ != 0 && std::floor(x) != std::floor(last_.x)) flush();
    const Point point{x, y, order_++};
    if (count_++ == 0) first_ = low_ = high_ = point;
    if (y < low_.y) low_ = point;
    if (y > high_.y) high_ = point;
    last_ = point;
  }
  void gap() {
    flush();
    // A point without neighbours is a dot.
    if (run_ == 1) path_ += "m-1.3 0a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0 -2.6 0";
    run_ = 0;
  }
  std::string take() {
    gap();
    return std::move(path_);
  }

 private:
  struct Point {
    double x = 0, y = 0;
    int64_t order = 0;
  };
  void flush() {
    if (count_ == 0) return;
    Point points[] = {first_, low_, high_, last_};
    std::sort(points, points + 4, [](const Point& a, const Point& b) { return a.order < b.order; });
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || points[i].order != points[i - 1].order) put(points[i]);
    }
    count_ = 0;
  }
  void put(const Point& point) {
    path_ += run_++ == 0 ? "M" : "L";
    path_ += coordinate(point.x) + " " + coordinate(point.y);
  }

  std::string path_;
  Point first_, low_, high_, last_;
  int64_t count_ = 0, run_ = 0, order_ = 0;
};

std::string draw_series(const Series& series, size_t place, const Scale& x, const Scale& y) {
  PathMaker path;
  for (size_t i = 0; i < series.y.size(); ++i) {
    const double at = x_of(series, i);
    if (x.takes(at) && y.takes(series.y[i])) {
      path.add(x.at(at), y.at(series.y[i]));
    } else {
      path.gap();
    }
  }
  return str("<path class=\"t-line t-s", color_of(series, place), series.dashed ? " t-dash" : "",
             "\" d=\"", path.take(), "\"><title>", markup_text(series.name), "</title></path>\n");
}

std::string draw_horizontal(const Scale& scale, double top, double bottom, const LineChart& chart) {
  std::string out;
  double free_from = -1e9;
  for (size_t i = 0; i < scale.ticks.size(); ++i) {
    const double x = scale.at(scale.ticks[i]);
    out += str("<path class=\"t-grid\" d=\"M", coordinate(x), ' ', coordinate(top), 'V',
               coordinate(bottom), "\"/>");
    const double half = text_width(scale.labels[i]) / 2;
    if (x - half < free_from) continue;
    free_from = x + half + 6;
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" x=\"", coordinate(x), "\" y=\"",
               coordinate(bottom + 14), "\">", scale.labels[i], "</text>\n");
  }
  if (!chart.x_label.empty()) {
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" x=\"",
               coordinate((scale.first + scale.last) / 2), "\" y=\"", coordinate(bottom + 30),
               "\">", markup_text(chart.x_label, 80), "</text>\n");
  }
  return out;
}

std::string draw_markers(const LineChart& chart, const Scale& x, double top, double bottom) {
  std::string out;
  for (const Marker& marker : chart.markers) {
    if (!x.takes(marker.x)) continue;
    const double at = x.at(marker.x);
    const bool left = at > (x.first + x.last) / 2;
    out += str("<path class=\"t-mark\" d=\"M", coordinate(at), ' ', coordinate(top), 'V',
               coordinate(bottom), "\"/><text class=\"t-text\" text-anchor=\"",
               left ? "end" : "start", "\" x=\"", coordinate(at + (left ? -5 : 5)), "\" y=\"",
               coordinate(top + 12), "\">", markup_text(marker.text, 60), "</text>\n");
  }
  return out;
}

}  // namespace

void check(const LineChart& chart) {
  for (const Series& series : chart.series) {
    TAPER_CHECK_AS(ShapeError, series.x.empty() || series.x.size() == series.y.size(),
                   "LineChart: got ", series.x.size(), " x and ", series.y.size(),
                   " y in the series ", quote_name(series.name), ", expected as many");
  }
}

std::string draw_head(const std::string& title, const std::vector<Series>& series, double width,
                      double& top) {
  std::string out;
  top = 8;
  if (!title.empty()) {
    const size_t letters = static_cast<size_t>(std::max(4.0, (width - 2 * kMargin) / 7.5));
    out += str("<text class=\"t-title\" x=\"", kMargin, "\" y=\"19\">", markup_text(title, letters),
               "</text>\n");
    top = 27;
  }
  const bool named = series.size() > 1 || (series.size() == 1 && !series[0].name.empty());
  if (!named) return out;
  double x = kMargin;
  int row = 1;
  for (size_t i = 0; i < series.size(); ++i) {
    const std::string& name = series[i].name;
    const double entry =
        30 + std::min(text_width(name), 0.58 * kLetters * static_cast<double>(kLegendLetters));
    if (x > kMargin && x + entry > width - kMargin) {
      if (row++ == kMostRows) {
        out +=
            str("<text class=\"t-faint\" x=\"", kMargin, "\" y=\"",
                coordinate(top + kLegendRow + 12), "\">and ", series.size() - i, " more</text>\n");
        top += kLegendRow;
        break;
      }
      x = kMargin;
      top += kLegendRow;
    }
    out +=
        str("<path class=\"t-line t-s", color_of(series[i], i), series[i].dashed ? " t-dash" : "",
            "\" d=\"M", coordinate(x), ' ', coordinate(top + 8),
            "h16\"/><text class=\"t-text\" x=\"", coordinate(x + 21), "\" y=\"",
            coordinate(top + 12), "\">", markup_text(name, kLegendLetters), "</text>\n");
    x += entry + 8;
  }
  top += kLegendRow + 3;
  return out;
}

std::string draw_vertical(const Scale& scale, double left, double right, const std::string& label) {
  std::string out;
  for (size_t i = 0; i < scale.ticks.size(); ++i) {
    const double y = scale.at(scale.ticks[i]);
    out += str("<path class=\"t-grid\" d=\"M", coordinate(left), ' ', coordinate(y), 'H',
               coordinate(right), "\"/><text class=\"t-faint\" text-anchor=\"end\" x=\"",
               coordinate(left - 6), "\" y=\"", coordinate(y + 4), "\">", scale.labels[i],
               "</text>\n");
  }
  if (!label.empty()) {
    const std::string middle = coordinate((scale.first + scale.last) / 2);
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" transform=\"translate(14 ", middle,
               ") rotate(-90)\">", markup_text(label, 60), "</text>\n");
  }
  return out;
}

std::string draw(const LineChart& chart, double width, double height, LinePlot* plot) {
  Range xs, ys;
  find_ranges(chart, xs, ys);
  LinePlot own;
  double& top = own.top;
  std::string out = draw_head(chart.title, chart.series, width, top);
  own.bottom = std::max(top + 20, height - (chart.x_label.empty() ? 22 : 38));
  Scale& y = own.y =
      make_scale(ys.low, ys.high, chart.log_y, true, static_cast<int>((own.bottom - top) / 50));
  double labels = 0;
  for (const std::string& label : y.labels) labels = std::max(labels, text_width(label));
  const double left = labels + 12 + (chart.y_label.empty() ? 6 : 20), right = width - 16;
  Scale& x = own.x =
      make_scale(xs.low, xs.high, chart.log_x, false, static_cast<int>((right - left) / 70));
  x.first = left;
  x.last = std::max(right, left + 20);
  y.first = own.bottom;
  y.last = top + 4;
  out += draw_vertical(y, x.first, x.last, chart.y_label);
  out += draw_horizontal(x, y.last, own.bottom, chart);
  out += str("<path class=\"t-axis\" d=\"M", coordinate(x.first), ' ', coordinate(own.bottom), 'H',
             coordinate(x.last), "\"/>\n");
  out += draw_markers(chart, x, y.last, own.bottom);
  for (size_t i = 0; i < chart.series.size(); ++i) out += draw_series(chart.series[i], i, x, y);
  if (xs.low > xs.high || ys.low > ys.high) {
    out += str("<text class=\"t-faint\" text-anchor=\"middle\" x=\"",
               coordinate((x.first + x.last) / 2), "\" y=\"", coordinate((own.bottom + y.last) / 2),
               "\">no data</text>\n");
  }
  if (plot != nullptr) *plot = own;
  return out;
}

}  // namespace taper::train
