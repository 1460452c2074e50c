#include "taper/train/page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "taper/base/error.h"
#include "taper/train/page_charts.h"
#include "taper/train/recorder.h"
#include "taper/train/run_folder.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/xml.h"

namespace taper::train {
namespace {

using taper::testing::count_of;
using taper::testing::expect_xml;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

RunFolder made_run(const TempFolder& root, double lr) {
  const RunFolder folder = RunFolder::create(root.path().string(), "a<b>");
  folder.write_config(str("{\"lr\": ", lr, ", \"name\": \"</pre><script>\", \"same\": [1, 2]}"));
  Recorder recorder(folder);
  for (int64_t step = 1; step <= 20; ++step) {
    recorder.write(step, 0,
                   {{"train/loss", 2.0 / static_cast<double>(step)},
                    {"lr", lr},
                    {"grad_norm/conv.weight", 0.1},
                    {"speed", 100}});
    if (step % 10 == 0) {
      recorder.write(step, 0, {{"valid/loss", 0.5}, {"valid/accuracy", 0.9}, {"x/<y>", 1}});
    }
  }
  return folder;
}

TEST(Report, SetsOneRunInCharts) {
  TempFolder root;
  const RunFolder folder = made_run(root, 0.1);
  write_confusion(folder, {{"cat", "dog"}, {8, 2, 1, 9}});
  write_lr_curve(folder, {{1e-4, 1e-3, 1e-2}, {2, 1, NAN}, 1e-3});
  const RunRecord run = read_run(root / "a<b>/latest");
  EXPECT_EQ(run.name, "a<b>/" + folder.id());
  EXPECT_EQ(run.confusion.counts, (std::vector<int64_t>{8, 2, 1, 9}));
  EXPECT_TRUE(std::isnan(run.lr_curve.losses[2]));

  std::vector<std::string> found;
  for (const PageChart& chart : charts_of({run})) {
    found.push_back(chart.section + ": " + (chart.line ? chart.line->title : chart.map->title));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"Learning curves: loss", "Learning curves: accuracy",
                                             "Learning rate: lr", "Gradient norms: grad_norm",
                                             "Further figures: speed", "Further figures: x",
                                             "Confusion matrix: Confusion matrix",
                                             "Learning-rate finder: Loss by learning rate"}));

  write_report(root / "report.html", {run}, "<title>");
  const std::string page = slurp(root / "report.html");
  expect_xml(page);
  EXPECT_EQ(count_of(page, "<script>"), 1);
  EXPECT_EQ(count_of(page, "<figure"), 8);
  EXPECT_EQ(count_of(page, "http"), count_of(page, "http://www.w3.org/2000/svg"));
  EXPECT_NE(page.find("<title>&lt;title&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b&gt;/"), std::string::npos);
}

TEST(Report, ComparesRuns) {
  TempFolder root;
  const RunFolder first = made_run(root, 0.1), second = made_run(root, 0.01);
  const std::vector<RunRecord> runs = {read_run(first.path()), read_run(second.path())};
  const std::vector<PageChart> charts = charts_of(runs);
  ASSERT_TRUE(charts[0].line);
  EXPECT_EQ(charts[0].line->title, "loss");
  ASSERT_EQ(charts[0].line->series.size(), 4u);
  EXPECT_EQ(charts[0].line->series[0].name, runs[0].name + " train");
  EXPECT_TRUE(charts[0].line->series[0].dashed);
  EXPECT_EQ(charts[0].line->series[3].color, 1);
  write_report(root / "report.html", runs);
  const std::string page = slurp(root / "report.html");
  expect_xml(page);
  EXPECT_NE(page.find("<td>lr</td><td class=\"number\">0.1</td><td class=\"number\">0.01</td>"),
            std::string::npos);
  EXPECT_EQ(page.find("<td>same.0</td>"), std::string::npos);
}

TEST(Report, OfNothingIsAPage) {
  TempFolder root;
  write_report(root / "report.html", {});
  expect_xml(slurp(root / "report.html"));
  RunRecord empty;
  write_report(root / "report.html", {empty, empty});
  expect_xml(slurp(root / "report.html"));
}

TEST(Plots, AreOnePictureForEachChart) {
  TempFolder root;
  const RunFolder folder = made_run(root, 0.1);
  const std::vector<std::string> paths = write_plots(folder.plots(), read_run(folder.path()));
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    expect_xml(slurp(path));
    names.push_back(std::filesystem::path(path).filename().string());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"loss.svg", "accuracy.svg", "lr.svg", "grad_norm.svg",
                                             "speed.svg", "x.svg"}));
}

TEST(Plots, NamesBecomePlainFileNamesWithoutCollisions) {
  TempFolder root;
  RunRecord run;
  for (const char* name : {"../a", "..|a", "loss", ""}) run.metrics.push_back({name, {1}, {1}});
  const std::vector<std::string> paths = write_plots(root / "p", run);
  ASSERT_EQ(paths.size(), 4u);
  for (const std::string& path : paths) {
    EXPECT_EQ(std::filesystem::path(path).parent_path(), root / "p");
    EXPECT_TRUE(std::filesystem::exists(path)) << path;
  }
}

TEST(ReadRun, NamesTheFileAndLineOfDamage) {
  TempFolder root;
  const RunFolder folder = made_run(root, 0.1);
  const auto expect = [&](const std::string& path, const std::string& text, const char* wrong) {
    const std::string before = slurp(path);
    spill(path, text);
    EXPECT_ERROR(IoError, read_run(folder.path()), wrong);
    spill(path, before);
  };
  expect(folder.config(), "{\n\"a\": }\n", "config.json' line 2: no JSON");
  expect(folder.config(), std::string(200, '['), "config.json' line 1: nested more than 100 deep");
  expect(folder.config(), "{\"a\xff\": 1}", "config.json' line 1: no JSON");
  expect(folder.metrics(), "{\"step\":1}\n{\n", "metrics.jsonl' line 2: no JSON");
  write_confusion(folder, {{"a"}, {1}});
  write_lr_curve(folder, {{1}, {1}, 0});
  expect(folder.plots() + "/confusion.json", "{\"names\":[\"a\"],\"counts\":[[1,2]]}",
         "confusion.json': write_confusion: got 2 counts for 1 names");
  expect(folder.plots() + "/confusion.json", "{\"names\":1}",
         "confusion.json': it has another form");
  expect(folder.plots() + "/lr_finder.json", "{\"rates\":[1],\"losses\":[\"x\"]}",
         "lr_finder.json': it has another form");
  EXPECT_NO_THROW(read_run(folder.path()));
}

TEST(WriteConfusion, RefusesCountsThatAreNoSquare) {
  TempFolder root;
  const RunFolder folder = RunFolder::create(root.path().string(), "a");
  EXPECT_ERROR(ShapeError, write_confusion(folder, {{"a", "b"}, {1, 2, 3}}), "got 3 counts for 2");
  EXPECT_ERROR(ShapeError, write_lr_curve(folder, {{1}, {}, 0}), "got 1 rates and 0 losses");
}

}  // namespace
}  // namespace taper::train
