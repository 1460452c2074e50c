#include "taper/train/metrics_log.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "taper/base/error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::slurp;
using taper::testing::TempFolder;

TEST(MetricsLog, WritesOneObjectPerLine) {
  TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write({{"epoch", 1}, {"loss", 0.25}, {"best", true}, {"name", "a \"b\"\n\x01\xff"}});
  log.write({});
  EXPECT_EQ(slurp(log.path()),
            "{\"epoch\":1,\"loss\":0.25,\"best\":true,\"name\":\"a \\\"b\\\"\\u000a\\u0001"
            "\xef\xbf\xbd\"}\n{}\n");
}

TEST(MetricsLog, NumbersReadBackTheSame) {
  TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  const std::vector<double> values = {0.1, -1e30, 5e-324, 1e22, 3, 0, 1.0 / 3};
  for (const double value : values) {
    log.write({{"double", value}, {"float", static_cast<float>(value)}});
  }
  log.write({{"a", std::numeric_limits<int64_t>::min()}, {"b", ~uint64_t{0}}});
  log.write({{"nan", std::nan("")}, {"inf", std::numeric_limits<float>::infinity()}});
  std::istringstream lines(slurp(log.path()));
  std::string line;
  for (const double value : values) {
    ASSERT_TRUE(std::getline(lines, line));
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json.at("double").get<double>(), value);
    EXPECT_EQ(json.at("float").get<float>(), static_cast<float>(value));
  }
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, "{\"a\":-9223372036854775808,\"b\":18446744073709551615}");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, "{\"nan\":null,\"inf\":null}");
}

TEST(MetricsLog, IgnoresTheLocale) {
  const char* german = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if (german == nullptr) german = std::setlocale(LC_ALL, name);
  }
  TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write({{"loss", 1234.5}});
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(slurp(log.path()), "{\"loss\":1234.5}\n");
}

TEST(MetricsLog, StartsAnewOrGoesOn) {
  TempFolder folder;
  const std::string path = folder / "metrics.jsonl";
  { MetricsLog(path).write({{"a", 1}}); }
  { MetricsLog(path, true).write({{"a", 2}}); }
  EXPECT_EQ(slurp(path), "{\"a\":1}\n{\"a\":2}\n");
  { MetricsLog(path).write({{"a", 3}}); }
  EXPECT_EQ(slurp(path), "{\"a\":3}\n");
  EXPECT_THROW(MetricsLog(folder / "no/metrics.jsonl"), IoError);
}

TEST(MetricsLog, RefusesANameGivenTwice) {
  TempFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  EXPECT_THROW(log.write({{"a", 1}, {"a", 2}}), ConfigError);
  EXPECT_EQ(slurp(log.path()), "");
}

}  // namespace
}  // namespace taper::train
