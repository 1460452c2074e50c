#include "taper/train/config.h"

#include <gtest/gtest.h>

#include <clocale>
#include <limits>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::spill;
using taper::testing::TempFolder;

Config parse(std::string_view text) { return Config::parse(text, "c.json"); }

TEST(Config, ReadsJsonWithCommentsAndTrailingCommas) {
  const Config config = parse(R"(// a run
{
  "name": "net", /* of
  two lines */ "seed": -7, "lr": 1e-3,
  "list": [1, 2.5, "x", [], {}, true, null,],
  "deep": {"a": {"b": "c"}},  // the end
}
)");
  EXPECT_TRUE(config.is_object());
  EXPECT_EQ(config.keys(), (std::vector<std::string>{"name", "seed", "lr", "list", "deep"}));
  EXPECT_EQ(config.at("name").to_text(), "net");
  EXPECT_EQ(config.at("seed").to_int(), -7);
  EXPECT_EQ(config.at("lr").to_double(), 1e-3);
  const Config list = config.at("list");
  EXPECT_EQ(list.size(), 7U);
  EXPECT_EQ(list.at(size_t{1}).to_double(), 2.5);
  EXPECT_TRUE(list.at(size_t{3}).is_list());
  EXPECT_TRUE(list.at(size_t{5}).to_bool());
  EXPECT_TRUE(list.at(size_t{6}).is_null());
  EXPECT_EQ(config.get("deep.a.b").to_text(), "c");
  EXPECT_EQ(config.get("list.2").to_text(), "x");
  EXPECT_FALSE(config.find("absent"));
}

TEST(Config, KnowsPathAndPlaceOfEachValue) {
  const Config config =
      parse("{\"a\": 1,\n  \"b\": [true, {\"\xc3\xa4\": \"\xc3\xa4\", \"x.y\": 2}]}");
  EXPECT_EQ(config.path(), "");
  EXPECT_EQ(config.where(), "c.json:1:1");
  EXPECT_EQ(config.at("a").where(), "c.json:1:7: a");
  EXPECT_EQ(config.get("b.0").where(), "c.json:2:9: b.0");
  // Columns count characters, and a key with a dot stands in quotes.
  EXPECT_EQ(config.get("b.1.\"x.y\"").where(), "c.json:2:33: b.1.\"x.y\"");
  EXPECT_EQ(Config(3).where(), "default");
}

TEST(Config, NumbersAreExact) {
  const Config config = parse("[9223372036854775807, -9223372036854775808, 1e3, 1.5, -0.0, 0]");
  EXPECT_EQ(config.at(size_t{0}).to_int(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(config.at(size_t{1}).to_int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(config.at(size_t{2}).to_int(), 1000);
  EXPECT_ERROR(train::ConfigValueError, config.at(size_t{3}).to_int(),
               "c.json:1:50: 3: expected a whole number, got 1.5");
  EXPECT_EQ(config.dump(0), "[9223372036854775807, -9223372036854775808, 1000.0, 1.5, -0.0, 0]");
}

TEST(Config, EscapesAndUnicode) {
  const Config config = parse(R"(["\u00e4\ud83d\ude00\n\"\\\/\b\f\r\t", "ä"])");
  EXPECT_EQ(config.at(size_t{0}).to_text(), "\xc3\xa4\xf0\x9f\x98\x80\n\"\\/\b\f\r\t");
  EXPECT_EQ(config.at(size_t{1}).to_text(), "\xc3\xa4");
  EXPECT_EQ(Config::parse("\xef\xbb\xbf[1]", "bom.json").size(), 1U);
}

TEST(Config, DumpReadsBackTheSame) {
  const char* german = std::setlocale(LC_ALL, "de_DE.UTF-8");
  const Config config = parse(
      R"({"a": 0.1, "b": [1, 2], "c": {"d": [], "e": {}, "f": [{"g": null}]}, "t": "\u0001\"x"})");
  EXPECT_EQ(parse(config.dump()), config);
  EXPECT_EQ(parse(config.dump(0)), config);
  if (german != nullptr) std::setlocale(LC_ALL, "C");
  EXPECT_EQ(config.dump(),
            "{\n  \"a\": 0.1,\n  \"b\": [1, 2],\n  \"c\": {\n    \"d\": [],\n    \"e\": {},\n"
            "    \"f\": [\n      {\n        \"g\": null\n      }\n    ]\n  },\n"
            "  \"t\": \"\\u0001\\\"x\"\n}");
  EXPECT_FALSE(config == parse("{}"));
  EXPECT_FALSE(Config(1) == Config(1.0));
}

TEST(Config, MadeByAProgram) {
  const Config config = Config::object({{"type", "Adam"},
                                        {"args", Config::object({{"lr", 1e-3}, {"n", 3}})},
                                        {"list", Config::list({true, "x"})}});
  EXPECT_EQ(config.dump(0),
            R"({"type": "Adam", "args": {"lr": 0.001, "n": 3}, "list": [true, "x"]})");
  EXPECT_EQ(config.get("args.lr").where(), "default: args.lr");
  EXPECT_ERROR(ConfigError, Config::object({{"a", 1}, {"a", 2}}), "the key \"a\" comes twice");
  EXPECT_ERROR(ConfigError, Config(std::numeric_limits<double>::quiet_NaN()), "finite");
  EXPECT_ERROR(train::ConfigValueError, config.at("typo"),
               "default: no key \"typo\", did you mean \"type\"?");
  EXPECT_ERROR(train::ConfigValueError, config.at(size_t{0}), "expected a list, got an object");
  EXPECT_ERROR(train::ConfigValueError, config.get("list.2"), "default: list: no element 2");
  EXPECT_ERROR(train::ConfigValueError, config.get("list.x"), "expected an object, got a list");
  EXPECT_ERROR(train::ConfigValueError, config.get("a..b"), "keys joined by dots");
}

TEST(ConfigLoad, ExtendsMergesByKeyAndTypesReplaceArgs) {
  TempFolder folder;
  std::filesystem::create_directory(folder.path() / "base");
  spill(folder / "base/a.json", R"({"x": 1, "list": [1, 2], "opt": {"type": "SGD",
    "args": {"lr": 1, "momentum": 2}}, "data": {"root": "r", "args": {"size": 4}}})");
  spill(folder / "base/b.toml", "x = 2\n[data]\nargs.crop = 3\n");
  spill(folder / "c.json", R"({"$schema": "s.json", "extends": ["base/a.json", "base/b.toml"],
    "list": [3], "opt": {"type": "Adam", "args": {"lr": 5}}})");
  const Config config = Config::load(folder / "c.json");
  EXPECT_EQ(config.dump(0), R"({"x": 2, "list": [3], "opt": {"type": "Adam", "args": {"lr": 5}}, )"
                            R"("data": {"root": "r", "args": {"size": 4, "crop": 3}}})");
  EXPECT_EQ(config.at("x").source(), (folder / "base/b.toml") + ":1:5");
  EXPECT_EQ(config.get("data.args.size").source(), (folder / "base/a.json") + ":2:79");
  // The same type keeps the args that were there.
  spill(folder / "d.json",
        R"({"extends": "base/a.json", "opt": {"type": "SGD", "args": {"lr": 7}}})");
  EXPECT_EQ(Config::load(folder / "d.json").at("opt").dump(0),
            R"({"type": "SGD", "args": {"lr": 7, "momentum": 2}})");
}

TEST(ConfigLoad, AFileMayBeReachedByTwoWays) {
  TempFolder folder;
  spill(folder / "root.json", R"({"x": 1, "y": 1})");
  spill(folder / "a.json", R"({"extends": "root.json", "x": 2})");
  spill(folder / "b.json", R"({"extends": "root.json", "z": 3})");
  spill(folder / "c.json", R"({"extends": ["a.json", "b.json"]})");
  EXPECT_EQ(Config::load(folder / "c.json").dump(0), R"({"x": 1, "y": 1, "z": 3})");
}

TEST(ConfigLoad, PresetsGoOnTop) {
  TempFolder folder;
  spill(folder / "base.json", R"({"presets": {"debug": {"epochs": 1, "deep": {"a": 1}}}})");
  spill(folder / "c.json", R"({"extends": "base.json", "epochs": 20, "deep": {"a": 5, "b": 6},
    "presets": {"debug": {"workers": 0}, "long": {"epochs": 200}}})");
  EXPECT_EQ(Config::load(folder / "c.json").dump(0), R"({"epochs": 20, "deep": {"a": 5, "b": 6}})");
  const Config debug = Config::load(folder / "c.json", {.preset = "debug"});
  EXPECT_EQ(debug.dump(0), R"({"epochs": 1, "deep": {"a": 1, "b": 6}, "workers": 0})");
  EXPECT_EQ(debug.at("workers").source(), (folder / "c.json") + ":2:38 (preset debug)");
  EXPECT_EQ(Config::load(folder / "c.json", {.preset = "long"}).at("epochs").to_int(), 200);
}

TEST(ConfigOverrides, SetAddAndRemove) {
  const Config config = parse(R"({"seed": 1, "opt": {"type": "SGD", "args": {"lr": 1, "m": 2}},
    "model": {"type": "Net"}, "loss": "CE", "list": [{"a": 1}, {"a": 2}], "none": null})");
  const auto with = [&](std::vector<std::string> overrides) {
    return config.overridden(overrides);
  };
  EXPECT_EQ(with({"seed=2", "opt.args.lr=1e-3"}).get("opt.args.lr").to_double(), 1e-3);
  EXPECT_EQ(with({"seed=2"}).at("seed").where(), "command line: seed");
  // What a file leaves to its default can be set as well.
  EXPECT_EQ(with({"opt.args.nesterov=true"}).get("opt.args.nesterov").to_bool(), true);
  EXPECT_EQ(with({"model.args.size=3"}).at("model").dump(0),
            R"({"type": "Net", "args": {"size": 3}})");
  EXPECT_EQ(with({"loss.args.x=3"}).at("loss").dump(0), R"({"type": "CE", "args": {"x": 3}})");
  EXPECT_EQ(with({"a.b.c=x"}).get("a.b.c").to_text(), "x") << "and what stands above it";
  EXPECT_EQ(with({"+a.b.c=x"}).get("a.b.c").to_text(), "x");
  EXPECT_EQ(with({"none.b=x"}).get("none.b").to_text(), "x");
  EXPECT_EQ(with({"list.1.a=5", "+list.2={\"a\": 7}"}).at("list").dump(0),
            R"([{"a": 1}, {"a": 5}, {"a": 7}])");
  EXPECT_EQ(with({"~list.0", "~seed", "~opt.args.m", "~model", "~loss", "~none"}).dump(0),
            R"({"opt": {"type": "SGD", "args": {"lr": 1}}, "list": [{"a": 2}]})");
  EXPECT_EQ(with({"+\"a.b\"=1"}).at("a.b").to_int(), 1);
  EXPECT_EQ(config.at("seed").to_int(), 1);  // the original stays
}

TEST(ConfigOverrides, ValuesAreJsonOrText) {
  const auto value = [](const std::string& text) {
    return Config::object({{"k", 0}}).overridden({"k=" + text}).at("k").dump(0);
  };
  EXPECT_EQ(value("3"), "3");
  EXPECT_EQ(value("3.0"), "3.0");
  EXPECT_EQ(value("true"), "true");
  EXPECT_EQ(value("null"), "null");
  EXPECT_EQ(value("\"3\""), "\"3\"");
  EXPECT_EQ(value("[1, \"a=b\"]"), "[1, \"a=b\"]");
  EXPECT_EQ(value("adam"), "\"adam\"");
  EXPECT_EQ(value("a=b.c"), "\"a=b.c\"");
  EXPECT_EQ(value("http://x/y"), "\"http://x/y\"");
  EXPECT_EQ(value(""), "\"\"");
  EXPECT_EQ(value("007"), "\"007\"");
  EXPECT_EQ(value("nan"), "\"nan\"");
}

TEST(ConfigOverrides, AnotherTypeForgetsTheArgsOfTheFile) {
  const Config config = parse(R"({"opt": {"type": "SGD", "args": {"momentum": 0.9}}})");
  const std::string expected = R"({"type": "Adam", "args": {"lr": 0.1}})";
  EXPECT_EQ(config.overridden({"opt.type=Adam", "opt.args.lr=0.1"}).at("opt").dump(0), expected);
  EXPECT_EQ(config.overridden({"opt.args.lr=0.1", "opt.type=Adam"}).at("opt").dump(0), expected);
  EXPECT_EQ(config.overridden({"opt.type=SGD"}).at("opt"), config.at("opt"));
}

TEST(Config, DumpSourcesNamesEachLeaf) {
  const Config config =
      parse("{\"a\": {\"b\": 1, \"c\": [1, 2]},\n\"d\": [{\"e\": \"x\"}], \"f\": {}}")
          .overridden({"a.b=2"});
  EXPECT_EQ(config.dump_sources(),
            "a.b = 2  # command line\na.c = [1, 2]  # c.json:1:21\nd.0.e = \"x\"  # c.json:2:13\n"
            "f = {}  # c.json:2:25\n");
}

// One long line, and one long list: nothing is counted from the start for each value.
TEST(Config, ALargeFileIsReadOnce) {
  std::string text = "{\"list\": [";
  for (int i = 0; i < 100'000; ++i) text += "1.5,";
  text += "]";
  for (int i = 0; i < 20'000; ++i)
    text += ",\"key" + std::to_string(i) + "\": " + std::to_string(i);
  text += "}";
  const Config config = parse(text);
  EXPECT_EQ(config.at("list").size(), 100'000U);
  EXPECT_EQ(config.merged(config).size(), 20'001U);
  EXPECT_EQ(parse(config.dump()), config);
}

}  // namespace
}  // namespace taper::train
