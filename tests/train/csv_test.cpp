#include "taper/train/csv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;
using Rows = std::vector<std::vector<std::string>>;

TEST(CsvLog, WritesAHeaderAndRows) {
  TempFolder folder;
  CsvLog log(folder / "m.csv");
  log.write({{"step", 1}, {"loss", 0.1}, {"best", true}});
  log.write({{"step", 2}, {"best", false}, {"loss", 1e-30}});
  log.write({{"loss", std::nan("")}});
  log.write({{"loss", -std::numeric_limits<double>::infinity()}, {"step", 3}});
  EXPECT_EQ(slurp(log.path()), "step,loss,best\n1,0.1,true\n2,1e-30,false\n,nan,\n3,-inf,\n");
}

TEST(CsvLog, ANewColumnComesLastAndEarlierRowsAreEmptyThere) {
  TempFolder folder;
  CsvLog log(folder / "m.csv");
  log.write({{"step", 1}, {"note", "two\nlines"}});
  log.write({{"lr", 0.5}, {"step", 2}, {"x", 1}});
  log.write({{"step", 3}});
  EXPECT_EQ(slurp(log.path()), "step,note,lr,x\n1,\"two\nlines\",,\n2,,0.5,1\n3,,,\n");
  EXPECT_EQ(log.columns(), (std::vector<std::string>{"step", "note", "lr", "x"}));
}

TEST(CsvLog, QuotesWhatNeedsItAndReadsItBack) {
  TempFolder folder;
  CsvLog log(folder / "m.csv");
  const std::vector<std::string> texts = {"plain", "a,b", "say \"x\"", "cr\r", "two\nlines", ""};
  for (const std::string& text : texts) log.write({{"na\"me,", text}});
  const Rows rows = parse_csv(slurp(log.path()), "m.csv");
  ASSERT_EQ(rows.size(), texts.size() + 1);
  EXPECT_EQ(rows[0], std::vector<std::string>{"na\"me,"});
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(rows[i + 1][0], texts[i]);
}

TEST(CsvLog, GoesOnBehindARowThatWasCutOff) {
  TempFolder folder;
  const std::string path = folder / "m.csv";
  spill(path, "step,note\n1,a\n2,\"cut\n off");
  {
    CsvLog log(path, true);
    log.write({{"note", "b"}, {"step", 3}});
    log.write({{"new", 1}});
  }
  EXPECT_EQ(slurp(path), "step,note,new\n1,a,\n3,b,\n,,1\n");
  CsvLog(path).write({{"z", 1}});
  EXPECT_EQ(slurp(path), "z\n1\n");
}

TEST(CsvLog, RefusesANameGivenTwice) {
  TempFolder folder;
  CsvLog log(folder / "m.csv");
  EXPECT_ERROR(ConfigError, log.write({{"a", 1}, {"a", 2}}), "the name 'a' comes twice");
  log.write({{"a", 1}});
  EXPECT_ERROR(ConfigError, log.write({{"a", 1}, {"b", 1}, {"a", 2}}), "the name 'a' comes twice");
  EXPECT_EQ(slurp(log.path()), "a\n1\n");
  EXPECT_ERROR(IoError, CsvLog(folder / "no/m.csv"), "no/m.csv");
}

TEST(ParseCsv, TakesEitherLineEndAndNamesTheLineOfAnError) {
  EXPECT_EQ(parse_csv("", "f"), Rows());
  EXPECT_EQ(parse_csv("a,b\r\n\"c\",\n", "f"), (Rows{{"a", "b"}, {"c", ""}}));
  EXPECT_EQ(parse_csv("a", "f"), (Rows{{"a"}}));
  EXPECT_ERROR(IoError, parse_csv("a\n\"b\n", "f.csv"), "'f.csv' line 3: a quote does not end");
  EXPECT_ERROR(IoError, parse_csv("a\nb\"c\n", "f.csv"), "'f.csv' line 2: a quote");
  EXPECT_ERROR(IoError, parse_csv("\"a\"b\n", "f.csv"), "'f.csv' line 1: a quote");
  EXPECT_ERROR(IoError, parse_csv("a\rb\n", "f.csv"), "'f.csv' line 1: ");
}

}  // namespace
}  // namespace taper::train
