#include "taper/train/page_charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "taper/base/error.h"
#include "taper/base/file.h"

namespace taper::train {
namespace {

constexpr std::array<const char*, 5> kSplits = {"train", "valid", "val", "validation", "test"};

/// Where a metric is drawn: the chart's name and the line's.
struct Place {
  std::string chart, line;
  int split = -1;  // 0 train, 1 validation, 2 test
};

Place place_of(const std::string& name) {
  const auto [split, rest] = split_of(name);
  if (!split.empty()) {
    return {rest, split, split == "train" ? 0 : split == "test" ? 2 : 1};
  }
  const size_t slash = name.find('/');
  if (slash == std::string::npos || slash == 0) return {name, "", -1};
  return {name.substr(0, slash), name.substr(slash + 1), -1};
}

enum Section { kCurves, kRates, kGradients, kOthers };
constexpr std::array<const char*, 4> kSections = {"Learning curves", "Learning rate",
                                                  "Gradient norms", "Further figures"};

Section section_of(const Place& place) {
  if (place.split >= 0) return kCurves;
  if (place.chart == "lr" || place.chart == "learning_rate") return kRates;
  return place.chart == "grad_norm" ? kGradients : kOthers;
}

// A file's name for a chart's.
std::string file_of(const std::string& chart) {
  std::string file = chart.substr(0, 80);
  for (char& c : file) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return file.empty() ? "_" : file;
}

// Whether powers of ten show more of the values: they are positive and far apart.
bool spans_powers(const LineChart& chart) {
  double low = INFINITY, high = 0;
  for (const Series& series : chart.series) {
    for (const double value : series.y) {
      if (!std::isfinite(value)) continue;
      if (value <= 0) return false;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  return high > 300 * low;
}

/// The line charts that metrics make up, in the order of the sections.
class Curves {
 public:
  explicit Curves(const std::vector<RunRecord>& runs) : runs_(runs) {
    for (size_t run = 0; run < runs.size(); ++run) {
      for (const MetricSeries& series : runs[run].metrics) {
        if (!is_place(series.name)) add(run, series);
      }
    }
    for (One& one : found_) {
      one.line.log_y = one.section == kGradients || spans_powers(one.line);
    }
    std::stable_sort(found_.begin(), found_.end(),
                     [](const One& a, const One& b) { return rank(a) < rank(b); });
  }

  std::vector<PageChart> take() {
    std::vector<PageChart> charts;
    for (One& one : found_) {
      charts.push_back({kSections[one.section], file_of(one.file), std::move(one.line), {}});
    }
    return charts;
  }

 private:
  struct One {
    Section section;
    std::string key, file;
    LineChart line;
  };

  static int rank(const One& one) {
    return 2 * static_cast<int>(one.section) + (one.key == "loss" ? 0 : 1);
  }

  void add(size_t run, const MetricSeries& metric) {
    const Place place = place_of(metric.name);
    const Section section = section_of(place);
    // Layers of several runs in one chart would be too many lines.
    const bool many = runs_.size() > 1;
    const bool own = many && section == kGradients;
    One& one = chart(section, own ? str(place.chart, ' ', runs_[run].name) : place.chart);
    std::string name = place.line;
    if (many && !own) name = name.empty() ? runs_[run].name : str(runs_[run].name, ' ', name);
    Series line{name, metric.steps, metric.values};
    if (many && !own) {
      line.color = static_cast<int>(run % 8);
      line.dashed = place.split == 0;
    } else if (place.split >= 0) {
      line.color = place.split;
    }
    one.line.series.push_back(std::move(line));
  }

  One& chart(Section section, const std::string& key) {
    const auto [place, is_new] = places_.try_emplace({section, key}, found_.size());
    if (!is_new) return found_[place->second];
    One one{section, key, key, {}};
    one.line.title = key;
    one.line.x_label = "step";
    found_.push_back(std::move(one));
    return found_.back();
  }

  const std::vector<RunRecord>& runs_;
  std::vector<One> found_;
  std::map<std::pair<Section, std::string>, size_t> places_;
};

std::string titled(const char* title, const RunRecord& run, bool many) {
  return many ? str(title, ", ", run.name) : title;
}

PageChart confusion_chart(const RunRecord& run, bool many) {
  HeatMap map;
  map.title = titled("Confusion matrix", run, many);
  map.x_label = "predicted";
  map.y_label = "true";
  map.rows = map.columns = run.confusion.names;
  map.by_row = true;
  for (const int64_t count : run.confusion.counts) {
    map.values.push_back(static_cast<double>(count));
  }
  return {"Confusion matrix", file_of(titled("confusion", run, many)), {}, std::move(map)};
}

PageChart lr_curve_chart(const RunRecord& run, bool many) {
  LineChart line;
  line.title = titled("Loss by learning rate", run, many);
  line.x_label = "learning rate";
  line.y_label = "loss";
  line.log_x = true;
  line.series.push_back({"", run.lr_curve.learning_rates, run.lr_curve.losses});
  if (const auto& rate = run.lr_curve.suggestion) {
    line.markers.push_back({*rate, str("suggested: ", *rate)});
  }
  return {"Learning-rate finder", file_of(titled("lr_finder", run, many)), std::move(line), {}};
}

}  // namespace

bool is_place(const std::string& name) {
  return name == "step" || name == "epoch" || name == "time";
}

std::pair<std::string, std::string> split_of(const std::string& name) {
  const size_t end = name.find_first_of("/_");
  if (end != std::string::npos && end + 1 < name.size()) {
    for (const char* split : kSplits) {
      if (name.compare(0, end, split) == 0) return {split, name.substr(end + 1)};
    }
  }
  return {"", name};
}

std::vector<PageChart> charts_of(const std::vector<RunRecord>& runs) {
  const bool many = runs.size() > 1;
  std::vector<PageChart> charts = Curves(runs).take();
  for (const RunRecord& run : runs) {
    if (!run.confusion.counts.empty()) charts.push_back(confusion_chart(run, many));
  }
  for (const RunRecord& run : runs) {
    if (!run.lr_curve.learning_rates.empty()) charts.push_back(lr_curve_chart(run, many));
  }
  return charts;
}

std::vector<std::string> write_plots(const std::string& folder, const RunRecord& run) {
  make_folders(folder);
  std::vector<std::string> paths;
  for (const PageChart& chart : charts_of({run})) {
    Figure figure(1, 720, chart.map ? 640 : 400);
    if (chart.line) figure.add(*chart.line);
    if (chart.map) figure.add(*chart.map);
    std::string path = str(folder, '/', chart.file, ".svg");
    for (int i = 2; std::find(paths.begin(), paths.end(), path) != paths.end(); ++i) {
      path = str(folder, '/', chart.file, '-', i, ".svg");
    }
    figure.save(path);
    paths.push_back(path);
  }
  return paths;
}

}  // namespace taper::train
