#include "taper/train/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "taper/train/chart_draw.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/xml.h"

namespace taper::train {
namespace {

using taper::testing::count_of;
using taper::testing::expect_xml;
using taper::testing::slurp;
using taper::testing::TempFolder;

std::vector<std::string> labels_of(double low, double high, bool log, int count) {
  return make_scale(low, high, log, true, count).labels;
}
using Labels = std::vector<std::string>;

TEST(Scale, TicksAreRoundNumbers) {
  EXPECT_EQ(labels_of(0, 1, false, 5), (Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels_of(0.13, 0.87, false, 4), (Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels_of(-3, 4, false, 3), (Labels{"-4", "-2", "0", "2", "4"}));
  EXPECT_EQ(labels_of(0, 60'000, false, 3), (Labels{"0", "20k", "40k", "60k"}));
  EXPECT_EQ(labels_of(0, 2e-5, false, 2), (Labels{"0", "1e-5", "2e-5"}));
  EXPECT_EQ(labels_of(0, 1e15, false, 2), (Labels{"0", "5e14", "1e15"}));
  EXPECT_EQ(labels_of(1e-4, 100, true, 8),
            (Labels{"1e-4", "1e-3", "0.01", "0.1", "1", "10", "100"}));
  EXPECT_EQ(labels_of(1, 9, true, 8), (Labels{"1", "2", "5"}));
}

TEST(Scale, HoldsForAnyRange) {
  const double largest = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {3, 3}, {0, 0}, {-largest, largest}, {1, 0}, {least, 2 * least}, {1e20, 1e20 + 1e5}}) {
    for (const bool log : {false, true}) {
      if (log && low <= 0) continue;
      Scale scale = make_scale(low, high, log, true, 5);
      scale.first = 10;
      scale.last = 110;
      EXPECT_TRUE(std::isfinite(scale.low) && std::isfinite(scale.high)) << low;
      EXPECT_LT(scale.low, scale.high) << low << ' ' << high;
      EXPECT_LE(scale.ticks.size(), 40u);
      EXPECT_EQ(scale.ticks.size(), scale.labels.size());
      const double middle = scale.at(log ? std::sqrt(scale.low) * std::sqrt(scale.high)
                                         : scale.low / 2 + scale.high / 2);
      EXPECT_NEAR(middle, 60, 0.01) << low << ' ' << high;
    }
  }
}

TEST(MarkupText, EscapesAndCuts) {
  EXPECT_EQ(markup_text("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(markup_text(std::string_view("a\x01\0b", 4)),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
  EXPECT_EQ(markup_text("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(markup_text("\xef\xbf\xbf"), "\xef\xbf\xbd");
  EXPECT_EQ(markup_text("größer", 6), "größer");
  EXPECT_EQ(markup_text("größeres", 6), "größe\xe2\x80\xa6");
}

LineChart lines() {
  LineChart chart;
  chart.title = "loss <b>&amp;";
  chart.x_label = "step";
  chart.y_label = "\"y\"";
  chart.series = {{"train", {}, {3, 2, 1}}, {"valid", {0, 2}, {3, 1.5}, true, 5}};
  chart.markers = {{1, "here"}};
  return chart;
}

TEST(Figure, LinesStandWhereTheirValuesAre) {
  LinePlot plot;
  const std::string drawing = draw(lines(), 640, 360, &plot);
  const std::string path = str("M", coordinate(plot.x.first), ' ', coordinate(plot.y.at(3)), "L",
                               coordinate(plot.x.at(1)), ' ', coordinate(plot.y.at(2)), "L",
                               coordinate(plot.x.last), ' ', coordinate(plot.y.at(1)));
  EXPECT_NE(drawing.find("t-s0\" d=\"" + path + "\""), std::string::npos) << drawing;
  EXPECT_NE(drawing.find("t-s5 t-dash\""), std::string::npos);
  EXPECT_NE(drawing.find("loss &lt;b&gt;&amp;amp;"), std::string::npos);
  EXPECT_NE(drawing.find(">here</text>"), std::string::npos);
  EXPECT_LT(plot.y.at(3), plot.y.at(1));
}

TEST(Figure, GapsAreWhereThereIsNothingToDraw) {
  LineChart chart;
  chart.log_y = true;
  chart.series = {{"", {}, {1, 10, std::nan(""), 5, 0, -1, 2, 3, INFINITY}}};
  const std::string drawing = draw(chart, 640, 360);
  const size_t at = drawing.find("t-line t-s0\" d=\"");
  ASSERT_NE(at, std::string::npos);
  const std::string path = drawing.substr(at + 16, drawing.find('"', at + 16) - at - 16);
  EXPECT_EQ(count_of(path, "M"), 3) << path;
  EXPECT_EQ(count_of(path, "L"), 2) << path;
  EXPECT_EQ(count_of(path, "m"), 1) << path;
}

TEST(Figure, ManyPointsKeepTheirExtremes) {
  LineChart chart;
  std::vector<double> values(200'000, 1.0);
  values[77'777] = 9;
  values[123'456] = -9;
  chart.series = {{"", {}, values}};
  LinePlot plot;
  const std::string drawing = draw(chart, 640, 360, &plot);
  EXPECT_LT(drawing.size(), 60'000u);
  EXPECT_NE(drawing.find(' ' + coordinate(plot.y.at(9))), std::string::npos);
  EXPECT_NE(drawing.find(' ' + coordinate(plot.y.at(-9))), std::string::npos);
}

TEST(Figure, IsWellFormedWhateverItIsGiven) {
  Figure figure(2, 400, 300);
  figure.add(lines());
  figure.add(LineChart());
  LineChart odd;
  odd.log_x = odd.log_y = true;
  odd.series = {{"<\xff>", {-1, 0}, {0, INFINITY}}, {"", {}, {}}};
  for (int i = 0; i < 100; ++i) odd.series.push_back({str("series ", i), {}, {1.0 * i}});
  odd.markers = {{-1, "]]>"}};
  figure.add(odd);
  figure.add(BarChart());
  figure.add(BarChart{"b", "n", {"a", "\"b\""}, {{"x", {}, {1, NAN}}, {"y", {}, {-2, 1e300}}}});
  figure.add(HeatMap());
  HeatMap map;
  map.rows = {"a&b", "c"};
  map.columns = {"<x>", "a very long name of a class", "z"};
  map.values = {1, 0, -5, NAN, INFINITY, 12345};
  figure.add(map);
  map.by_row = true;
  figure.add(map);
  const std::string svg = figure.svg();
  expect_xml(svg);
  // Only the texts of cells name what is no number.
  EXPECT_EQ(count_of(svg, "nan"), count_of(svg, ": nan") + count_of(svg, ">nan<"));
  EXPECT_EQ(count_of(svg, "inf"), count_of(svg, ": inf") + count_of(svg, ">inf<"));
  EXPECT_NE(svg.find("and "), std::string::npos) << "the legend of 102 lines is cut";
  EXPECT_NE(svg.find("width=\"800\" height=\"1200\""), std::string::npos);
}

TEST(Figure, AHeatMapShadesByShare) {
  HeatMap map;
  map.rows = map.columns = {"a", "b"};
  map.values = {3, 1, 0, 8};
  map.by_row = true;
  const std::string drawing = draw(map, 400, 300);
  EXPECT_NE(drawing.find("<title>a / a: 3 (75 %)</title>"), std::string::npos) << drawing;
  EXPECT_NE(drawing.find("<title>b / b: 8 (100 %)</title>"), std::string::npos);
  EXPECT_NE(drawing.find("fill-opacity=\"0.94\""), std::string::npos);
}

TEST(Figure, RefusesLengthsThatDoNotFit) {
  Figure figure;
  LineChart chart;
  chart.series = {{"a", {1}, {1, 2}}};
  EXPECT_ERROR(ShapeError, figure.add(chart), "got 1 x and 2 y in the series 'a'");
  EXPECT_ERROR(ShapeError, figure.add(BarChart{"", "", {"n"}, {{"a", {}, {1, 2}}}}),
               "got 2 bars in the series 'a' for 1 names");
  HeatMap map;
  map.rows = {"r"};
  map.columns = {"c", "d"};
  map.values = {1};
  EXPECT_ERROR(ShapeError, figure.add(map), "got 1 values, expected 1 rows of 2");
  map.columns.clear();
  EXPECT_ERROR(ShapeError, figure.add(map), "got 1 values");
  EXPECT_ERROR(ShapeError, Figure(0), "got 0 columns");
  EXPECT_ERROR(ShapeError, Figure(1, 100, 100), "got 1 columns of 100 x 100");
}

TEST(Figure, IsSavedInOneStep) {
  TempFolder folder;
  Figure figure;
  figure.add(lines());
  figure.save(folder / "a.svg");
  EXPECT_EQ(slurp(folder / "a.svg"), figure.svg());
  EXPECT_ERROR(IoError, figure.save(folder / "no/a.svg"), "no/a.svg");
}

}  // namespace
}  // namespace taper::train
