#include <gtest/gtest.h>

#include "taper/train/config.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

Config parse(std::string_view text) { return Config::parse(text, "c.toml", Config::Format::toml); }

TEST(ConfigToml, ReadsTomlInTheOrderOfTheFile) {
  const Config config = parse(R"(# a run
name = 'net'
[optimizer]
type = "Adam"
args.lr = 1e-3
args.betas = [0.9, 0.999]
[[callbacks]]
type = "EarlyStop"
[[callbacks]]
type = "Log"
args = {every = 1_000, on = true}
)");
  EXPECT_EQ(config.dump(0),
            R"({"name": "net", "optimizer": {"type": "Adam", "args": {"lr": 0.001, )"
            R"("betas": [0.9, 0.999]}}, "callbacks": [{"type": "EarlyStop"}, )"
            R"({"type": "Log", "args": {"every": 1000, "on": true}}]})");
  EXPECT_EQ(config.get("optimizer.args.lr").where(), "c.toml:5:11: optimizer.args.lr");
  EXPECT_EQ(config.get("callbacks.1.args.on").where(), "c.toml:11:29: callbacks.1.args.on");
}

TEST(ConfigToml, Values) {
  const Config config = parse(R"(
whole = [0, -17, +3, 1_000, 0xFf, 0o17, 0b1_0]
real = [1.5, -0.5e3, 1e+2, 6.022_1E2_0,
  # a comment, and a comma at the end
]
truth = [true, false]
basic = "\u00e4\U0001F600\"\\\b\t\n\f\r"
literal = 'C:\new'
"quoted key" = ''
empty = {}
)");
  EXPECT_EQ(config.at("whole").dump(0), "[0, -17, 3, 1000, 255, 15, 2]");
  EXPECT_EQ(config.at("real").dump(0), "[1.5, -500.0, 100.0, 6.0221e+20]");
  EXPECT_EQ(config.at("truth").dump(0), "[true, false]");
  EXPECT_EQ(config.at("basic").to_text(), "\xc3\xa4\xf0\x9f\x98\x80\"\\\b\t\n\f\r");
  EXPECT_EQ(config.at("literal").to_text(), "C:\\new");
  EXPECT_EQ(config.at("quoted key").to_text(), "");
  EXPECT_EQ(config.at("empty").dump(0), "{}");
  EXPECT_EQ(parse("").size(), 0U);
}

TEST(ConfigToml, LongTexts) {
  const Config config = parse(
      "a = \"\"\"\nx\r\n  y \\\n\n   z\\t\"\"\"\nb = '''\n''x\\n''''\nc = \"\"\"\"\"\"\nd = 1\r\n");
  EXPECT_EQ(config.at("a").to_text(), "x\n  y z\t");
  EXPECT_EQ(config.at("b").to_text(), "''x\\n'");
  EXPECT_EQ(config.at("c").to_text(), "");
  EXPECT_EQ(config.at("d").where(), "c.toml:9:5: d");  // lines within texts count
}

TEST(ConfigToml, TablesGrow) {
  const Config config = parse(R"([fruit]
apple.color = "red"
apple.taste.sweet = true
[fruit.apple.texture]
smooth = true
[x.y.z]
[x]
w = {a.b = 1, a.c = [{d = 2}]}
[[list]]
[list.inner]
n = 1
[[list]]
[[list.more]]
n = 2
)");
  EXPECT_EQ(config.dump(0), R"({"fruit": {"apple": {"color": "red", "taste": {"sweet": true}, )"
                            R"("texture": {"smooth": true}}}, )"
                            R"("x": {"y": {"z": {}}, "w": {"a": {"b": 1, "c": [{"d": 2}]}}}, )"
                            R"("list": [{"inner": {"n": 1}}, {"more": [{"n": 2}]}]})");
  EXPECT_EQ(config.get("list.1.more.0.n").where(), "c.toml:14:5: list.1.more.0.n");
}

std::string repeated(const char* text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(ConfigToml, Errors) {
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"a = [1", "c.toml:1:7: a: expected ',' or ']', got the end of the text"},
      {"a = 1\nb =\n", "c.toml:2:4: b: expected a value, got the end of the line"},
      {"a = 1 b = 2", "c.toml:1:7: a: expected the end of the line, got \"b\""},
      {"a", "c.toml:1:2: expected '=', got the end of the text"},
      {"= 1", "c.toml:1:1: expected a key, got \"=\""},
      {"[t", "c.toml:1:3: expected ']', got the end of the text"},
      {"[~]", "c.toml:1:2: expected a key, got \"~\""},
      {"[[t]", "c.toml:1:4: expected ']]', got \"]\""},
      {"[t]\nlr = 1\nlr = 2\n", "c.toml:3:1: t.lr: the key comes twice"},
      {"[t]\n[t]", "c.toml:2:2: t: the key comes twice"},
      {"t = 1\n[t.u]", "c.toml:2:2: t: the key comes twice"},
      {"t = {}\n[t.u]", "c.toml:2:2: t: the key comes twice"},
      {"t = {}\nt.u = 1", "c.toml:2:1: t: the key comes twice"},
      {"t = []\n[[t]]", "c.toml:2:3: t: the key comes twice"},
      {"[[t]]\n[t]", "c.toml:2:2: t: the key comes twice"},
      {"[t]\n[[t]]", "c.toml:2:3: t: the key comes twice"},
      {"[t.u]\n[t]\nu.v = 1", "c.toml:3:1: t.u: the key comes twice"},
      {"t.u = 1\n[t]", "c.toml:2:2: t: the key comes twice"},
      {"t = {a = 1, a = 2}", "c.toml:1:13: t.a: the key comes twice"},
      {"t = {a = 1,}", "c.toml:1:12: t: expected a key, got \"}\""},
      {"t = {a = 1\n}", "c.toml:1:11: t: expected ',' or '}', got the end of the line"},
      {"[t]\nd = 2026-01-01\n", "c.toml:2:5: t.d: expected a text in quotes, got a date or time"},
      {"d = 07:32:00", "c.toml:1:5: d: expected a text in quotes, got a date or time"},
      {"lr = nan\n", "c.toml:1:6: lr: expected a finite number, got \"nan\""},
      {"lr = -inf\n", "c.toml:1:6: lr: expected a finite number, got \"-inf\""},
      {"n = 01", "c.toml:1:5: n: expected a value, got \"01\""},
      {"n = 1__0", "c.toml:1:5: n: expected a value, got \"1__0\""},
      {"n = 1.", "c.toml:1:5: n: expected a value, got \"1.\""},
      {"n = -0x1", "c.toml:1:5: n: expected a value, got \"-0x1\""},
      {"n = yes", "c.toml:1:5: n: expected a value, got \"yes\""},
      {"n = 9223372036854775808", "n: expected a whole number of at most 64 bits"},
      {"n = 1e999", "n: expected a number within double, got \"1e999\""},
      {"s = \"x\n\"", "c.toml:1:7: s: the text in quotes does not end on its line"},
      {"s = \"\"\"x\n", "c.toml:2:1: s: the text in quotes does not end"},
      {"s = \"\\q\"", "c.toml:1:6: s: unknown escape \"\\\\q\""},
      {"s = \"\\ud800\"", "s: no character has that code"},
      {"s = \"\\U0011000\"", "s: expected 8 hexadecimal digits"},
      {"s = \"\x01\"", "c.toml:1:6: s: expected no control character within quotes"},
      {"# \x01", "c.toml:1:3: expected no control character"},
      {"a = \"\xff\"\n", "c.toml:1:6: expected UTF-8, got the byte '\\xff'"},
      {repeated("a.", 100'000) + "b = 1", "expected at most 100 objects and lists"},
      {"[" + repeated("a.", 98) + "b]\nc.d = 1", "expected at most 100 objects and lists"},
      {"a = " + repeated("[", 100'000), "expected at most 100 objects and lists"},
      {"a = " + repeated("{a = ", 100'000), "expected at most 100 objects and lists"},
      {"a = " + repeated("{a.a.a = ", 40), "expected at most 100 objects and lists"},
      {std::string(5000, 'k') + " = 1", "expected shorter keys"},
  };
  for (const auto& [text, expected] : bad) {
    SCOPED_TRACE(text.substr(0, 40));
    EXPECT_ERROR(train::ConfigValueError, parse(text), expected);
  }
}

}  // namespace
}  // namespace taper::train
