#include "taper/train/command_line.h"

#include "gtest/gtest.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

VerbSpec verb() {
  return {"train",  "RUN [key=value ...]",
          "trains", 1,
          3,        {{'c', "config", "FILE", "the config"}, {0, "older", nullptr, "older ones"}}};
}

TEST(CommandLine, TakesOptionsAndWordsInAnyOrder) {
  const CommandLine line(verb(), {"a=1", "--config=x.json", "~b", "--older", "+c.d=2"});
  EXPECT_EQ(line.words(), (std::vector<std::string>{"a=1", "~b", "+c.d=2"}));
  EXPECT_EQ(line.get("config", ""), "x.json");
  EXPECT_TRUE(line.has("older"));
}

TEST(CommandLine, ReadsValues) {
  const CommandLine line(verb(), {"-c", "a.json", "run", "--config=b=1.json", "--", "--older"});
  EXPECT_EQ(line.get("config", ""), "b=1.json") << "the last one counts";
  EXPECT_FALSE(line.has("older"));
  EXPECT_EQ(line.words(), (std::vector<std::string>{"run", "--older"}));
  const CommandLine numbers(verb(), {"-c", "1e-3", "-"});
  EXPECT_EQ(numbers.number("config", 0), 1e-3);
  EXPECT_EQ(numbers.number("older", 7), 7);
  EXPECT_EQ(numbers.words(), (std::vector<std::string>{"-"}));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  const auto read = [](std::vector<std::string> given) { CommandLine(verb(), given); };
  const auto expect = [&](std::vector<std::string> given, const char* text) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(ConfigError, (read(given), 0), text);
  };
  expect({"run", "--confg", "x"}, "train: no option \"--confg\", did you mean \"--config\"?");
  expect({"run", "-x"}, "no option \"-x\"");
  expect({"run", "--older=1"}, "--older takes no value");
  expect({"run", "--config"}, "--config needs a value, expected FILE");
  expect({}, "train: expected RUN [key=value ...], got 0 words");
  expect({"a", "b", "c", "d"}, "got \"d\" as well");
  const CommandLine line(verb(), {"run", "-c", "1e"});
  EXPECT_ERROR(ConfigError, line.number("config", 0), "--config: expected a number, got \"1e\"");
}

TEST(CommandLine, FindsVerbs) {
  const ProgramSpec program{"demo", "Shows.", {verb()}};
  EXPECT_STREQ(find_verb(program, {"train", "run"})->name, "train");
  EXPECT_ERROR(ConfigError, find_verb(program, {}), "expected a verb");
  EXPECT_ERROR(ConfigError, find_verb(program, {"trian"}),
               "no verb \"trian\", did you mean \"train\"");
  testing::internal::CaptureStdout();
  EXPECT_EQ(find_verb(program, {"--help"}), nullptr);
  EXPECT_EQ(find_verb(program, {"train", "run", "-h"}), nullptr);
  EXPECT_EQ(find_verb(program, {"--version"}), nullptr);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_NE(text.find("train RUN [key=value ...]"), std::string::npos) << text;
  EXPECT_NE(text.find("-c, --config FILE"), std::string::npos) << text;
  EXPECT_NE(text.find("with Taper"), std::string::npos) << text;
}

TEST(CommandLine, ErrorsAreOneLine) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_command("demo", []() -> int { throw ConfigError("a\nb"); }), kUsage);
  EXPECT_EQ(run_command("demo", []() -> int { throw std::runtime_error("c"); }), kFailed);
  EXPECT_EQ(run_command("demo", [] { return 75; }), 75);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "demo: a b\ndemo: c\n");
}

}  // namespace
}  // namespace taper::train
