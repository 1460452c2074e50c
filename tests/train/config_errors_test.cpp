// What is wrong with a config is said in one line that begins with the place and the key.
#include <gtest/gtest.h>

#include <filesystem>

#include "taper/train/standard.h"
#include "tests/support/temp_folder.h"
#include "tests/support/train_models.h"

namespace taper::train {
namespace {

using taper::testing::ModelRegistry;
using taper::testing::spill;
using taper::testing::TempFolder;

struct LoopArgs {
  int64_t epochs = 1;
  double clip = 1;
  std::optional<double> max_hours;
  bool deterministic = false;
  std::tuple<int64_t, double> pair = {1, 0.5};
  OneOrMore<std::string> metrics;

  void fields(Fields& f) {
    f("epochs", epochs, "passes over the data").min(1).max(1000);
    f("clip", clip, "largest norm").above(0);
    f("max_hours", max_hours, "time at which to stop").above(0).below(100);
    f("deterministic", deterministic, "same bits each time");
    f("pair", pair, "two numbers").min(0);
    f("metrics", metrics, "what is measured").one_of({"accuracy", "top5"});
  }
};

struct Stage {
  std::string name;
  void fields(Fields& f) { f("name", name, "of the stage").required(); }
};

struct Project {
  ModelRegistry models{"model"};
  OptimizerRegistry optimizers = standard_optimizers();
  SchedulerRegistry schedulers = standard_schedulers();
  LossRegistry losses = standard_losses();
  Config model, optimizer = "Adam", scheduler, loss = "MSELoss";
  LoopArgs trainer;
  std::vector<Stage> stages;
  int64_t seed = 0;

  Project() { taper::testing::register_models(models); }
  void fields(Fields& f) {
    f("seed", seed, "of all random numbers");
    f("model", model, "the network").of(models).required();
    f("optimizer", optimizer, "the optimizer").of(optimizers).required();
    f("scheduler", scheduler, "the schedule of the rate").of(schedulers);
    f("loss", loss, "the loss").of(losses);
    f("trainer", trainer, "the loop");
    f("stages", stages, "of the run");
  }
};

struct BadConfig {
  const char* label;
  /// c.json, with the rest of a good config added where it says MODEL.
  std::string text;
  const char* expected;
  std::vector<std::string> overrides = {};
  const char* preset = "";
  std::vector<std::pair<const char*, std::string>> files = {};
};

constexpr const char* kGood =
    R"({"model": "Net", "optimizer": {"type": "SGD", "args": {"lr": 1}}})";

std::string nested(const char* open, const char* close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

/// A good config with one more key, which begins at 1:31.
std::string with(const std::string& more) {
  return R"({"model": "Net", "optimizer":"SGD",)" + more + "}";
}

std::vector<BadConfig> syntax_cases() {
  return {
      {"empty", "", "c.json:1:1: expected a value, got the end of the text"},
      {"no object", "[1]", "c.json:1:1: expected an object, got a list"},
      {"no end", R"({"a": 1)", "c.json:1:8: expected ',' or '}', got the end of the text"},
      {"no end within", R"({"a": {"b": [1)", "c.json:1:15: a.b: expected ',' or ']', got the end"},
      {"no comma", "{\"a\": 1\n \"b\": 2}", "c.json:2:2: expected ',' or '}', got \"\\\"\""},
      {"no colon", R"({"a" 1})", "c.json:1:6: a: expected ':' after the key, got \"1\""},
      {"no value", R"({"a": , "b": 1})", "c.json:1:7: a: expected a value, got \",\""},
      {"key without quotes", "{a: 1}",
       "c.json:1:2: expected a key in double quotes or '}', got \"a\""},
      {"key in single quotes", "{'a': 1}", "c.json:1:2: expected a key in double quotes"},
      {"a word", R"({"a": yes})", "c.json:1:7: a: expected a value, got \"yes\""},
      {"Python's True", R"({"a": True})", "c.json:1:7: a: expected a value, got \"True\""},
      {"NaN", R"({"seed": NaN})", "c.json:1:10: seed: expected a value, got \"NaN\""},
      {"infinity", R"({"seed": -Infinity})",
       "c.json:1:10: seed: expected a number, got \"-Infinity\""},
      {"leading zero", R"({"seed": 01})", "c.json:1:10: seed: expected a number without leading"},
      {"half a number", R"({"seed": 1.})", "c.json:1:10: seed: expected a number, got \"1.\""},
      {"hexadecimal", R"({"seed": 0x10})", "c.json:1:10: seed: expected a number, got \"0x10\""},
      {"huge whole number", R"({"seed": 9223372036854775808})",
       "c.json:1:10: seed: expected a whole number of at most 64 bits, got "
       "\"9223372036854775808\""},
      {"huge number", R"({"seed": 1e999})",
       "c.json:1:10: seed: expected a number within double, got \"1e999\""},
      {"more than one value", "{} {}", "c.json:1:4: expected nothing more, got \"{\""},
      {"duplicate", "{\"a\": 1,\n\"a\": 2}", "c.json:2:1: a: the key comes twice"},
      {"duplicate within", R"({"a": {"b": 1, "b": 1}})", "c.json:1:16: a.b: the key comes twice"},
      {"text without end", "{\"a\": \"x\n\"}", "c.json:1:9: a: the text in quotes does not end"},
      {"control character", "{\"a\": \"\x01\"}", "c.json:1:8: a: expected no control character"},
      {"unknown escape", R"({"a": "\q"})", "c.json:1:8: a: unknown escape \"\\\\q\""},
      {"half an escape", R"({"a": "\u12"})", "c.json:1:8: a: expected 4 hexadecimal digits"},
      {"half a pair", R"({"a": "\ud83d!"})", "c.json:1:14: a: half of a surrogate pair"},
      {"comment without end", "{\n/* ", "c.json:2:1: the comment does not end"},
      {"not UTF-8", "{\"seed\": 1,\n \"a\": \"\xff\"}",
       "c.json:2:8: expected UTF-8, got the byte '\\xff'"},
      {"UTF-16", std::string("\xff\xfe{\0}\0", 6), "c.json:1:1: expected UTF-8"},
      {"deep lists", R"({"a": )" + nested("[", "]", 200) + "}",
       "expected at most 100 objects and lists in one another"},
      {"deep objects", nested(R"({"a":)", "}", 5000), "expected at most 100 objects and lists"},
      {"deep and never closed", nested("[", "", 500'000), "expected at most 100 objects"},
      {"long key", R"({")" + std::string(5000, 'k') + R"(": 1})", "expected shorter keys"},
      {"larger than a config", std::string((size_t{1} << 20) + 1, ' '),
       "'c.json': it has 1048577 bytes, expected at most 1048576"},
  };
}

std::vector<BadConfig> value_cases() {
  return {
      {"wrong type", R"({"model": "Net", "optimizer": {"type": "Adam", "args": {"lr": "fast"}}})",
       "c.json:1:63: optimizer.args.lr: expected a number >= 0, got \"fast\""},
      {"number of a text", with(R"("seed":"1")"),
       "c.json:1:43: seed: expected a whole number, got \"1\""},
      {"whole number", with(R"("trainer":{"epochs":1.5})"),
       "c.json:1:56: trainer.epochs: expected a whole number from 1 to 1000, got 1.5"},
      {"out of range", with(R"("trainer":{"epochs":0})"),
       "trainer.epochs: expected a whole number from 1 to 1000, got 0"},
      {"too many", with(R"("trainer":{"epochs":1e30})"),
       "trainer.epochs: expected a whole number from 1 to 1000, got 1e+30"},
      {"not exact", with(R"("seed":1e300)"), "seed: expected a whole number, got 1e+300"},
      {"bound that is out", with(R"("trainer":{"clip":0})"),
       "trainer.clip: expected a number > 0, got 0"},
      {"optional", with(R"("trainer":{"max_hours":100})"),
       "trainer.max_hours: expected a number > 0 and < 100, got 100"},
      {"truth value", with(R"("trainer":{"deterministic":1})"),
       "trainer.deterministic: expected true or false, got 1"},
      {"tuple of another size", with(R"("trainer":{"pair":[1]})"),
       "trainer.pair: expected a list of 2 values, got a list"},
      {"element of a tuple", with(R"("trainer":{"pair":[1,-1]})"),
       "trainer.pair.1: expected a number >= 0, got -1"},
      {"one or more", with(R"("trainer":{"metrics":"accurracy"})"),
       "trainer.metrics: expected one of \"accuracy\", \"top5\", got \"accurracy\", did you mean "
       "\"accuracy\"?"},
      {"element of a list",
       R"({"model":{"type":"Net","args":{"layers":[8,"x"]}},"optimizer":"SGD"})",
       "model.args.layers.1: expected a whole number >= 1, got \"x\""},
      {"too few elements", R"({"model":{"type":"Net","args":{"layers":[]}},"optimizer":"SGD"})",
       "model.args.layers: expected a list of 1 to 8 whole numbers >= 1, got an empty list"},
      {"no list", R"({"model":{"type":"Net","args":{"layers":3}},"optimizer":"SGD"})",
       "model.args.layers: expected a list of 1 to 8 whole numbers >= 1, got 3"},
      {"no choice", R"({"model":{"type":"Net","args":{"init":"hee"}},"optimizer":"SGD"})",
       "model.args.init: expected one of \"he\", \"xavier\", got \"hee\", did you mean \"he\"?"},
      {"check() of args",
       R"({"model":{"type":"Net","args":{"init":"xavier","bias":false}},"optimizer":"SGD"})",
       "c.json:1:31: model.args: init: without biases expected \"he\", got xavier"},
      {"unknown key", with(R"("trainer":{"epoch":3})"),
       "c.json:1:55: trainer.epoch: unknown key, did you mean \"epochs\"?"},
      {"unknown key at the root", with(R"("sede":3)"),
       "c.json:1:43: sede: unknown key, did you mean"},
      {"unknown key far from all", with(R"("trainer":{"zzz":3})"),
       "trainer.zzz: unknown key, known are: \"epochs\", \"clip\""},
      {"unknown arg", R"({"model":{"type":"Net","args":{"clases":3}},"optimizer":"SGD"})",
       "c.json:1:41: model.args.clases: unknown key, did you mean \"classes\"?"},
      {"arg beside args", R"({"model":{"type":"Net","classes":3},"optimizer":"SGD"})",
       "model.classes: unknown key, known are: \"type\", \"args\""},
      {"missing key", R"({"optimizer":"SGD"})",
       "c.json:1:1: model: missing, expected an object with \"type\" and \"args\" (the network)"},
      {"mistyped required key", R"({"modle":"Net","optimizer":"SGD"})",
       "c.json:1:10: modle: unknown key, did you mean \"model\"?"},
      {"null where something must be", R"({"model":null,"optimizer":"SGD"})",
       "c.json:1:10: model: expected an object with \"type\" and \"args\", got null"},
      {"no object", with(R"("trainer":[])"), "trainer: expected an object, got an empty list"},
      {"missing in a list", with(R"("stages":[{"name":"a"},{}])"),
       "c.json:1:59: stages.1.name: missing, expected a text (of the stage)"},
      {"unknown type", R"({"model":"Net","optimizer":{"type":"Adamm"}})",
       "c.json:1:36: optimizer.type: no optimizer \"Adamm\", did you mean \"Adam\"?"},
      {"unknown type by name", R"({"model":"Nett","optimizer":"SGD"})",
       "c.json:1:10: model: no model \"Nett\", did you mean \"Net\"?"},
      {"case of a type", R"({"model":"Net","optimizer":"sgd"})",
       "optimizer: no optimizer \"sgd\", did you mean \"SGD\"?"},
      {"no type", R"({"model":{"args":{}},"optimizer":"SGD"})",
       "c.json:1:10: model.type: missing, known are: \"Net\", \"Linear\""},
      {"type that is no text", R"({"model":{"type":3},"optimizer":"SGD"})",
       "model.type: expected a text, got 3"},
      {"thing that is a number", R"({"model":3,"optimizer":"SGD"})",
       "model: expected an object with \"type\" and \"args\" or a type's name, got 3"},
      {"args that are no object", R"({"model":{"type":"Net","args":[1]},"optimizer":"SGD"})",
       "model.args: expected an object, got a list"},
      {"args of what has none", R"({"model":{"type":"Linear","args":{"x":1}},"optimizer":"SGD"})",
       "model.args.x: unknown key"},
  };
}

std::vector<BadConfig> standard_cases() {
  const auto optimizer = [](const std::string& value) {
    return R"({"model":"Net","optimizer":)" + value + "}";
  };
  return {
      {"SGD's momentum", optimizer(R"({"type":"SGD","args":{"momentum":-1}})"),
       "optimizer.args.momentum: expected a number >= 0, got -1"},
      {"what SGD itself refuses", optimizer(R"({"type":"SGD","args":{"nesterov":true}})"),
       "optimizer.args: SGD: Nesterov momentum requires a momentum and zero dampening"},
      {"betas", optimizer(R"({"type":"Adam","args":{"betas":[0.9,1]}})"),
       "optimizer.args.betas.1: expected a number >= 0 and < 1, got 1"},
      {"one beta", optimizer(R"({"type":"Adam","args":{"betas":[0.9]}})"),
       "optimizer.args.betas: expected a list of 2 numbers >= 0 and < 1, got a list"},
      {"group without match", optimizer(R"({"type":"Adam","args":{"groups":[{"lr":1}]}})"),
       "optimizer.args.groups.0.match: missing, expected a text or a list of texts"},
      {"option of a group",
       optimizer(R"({"type":"Adam","args":{"groups":[{"match":"*","lr":-1}]}})"),
       "optimizer.args.groups.0.lr: expected a number >= 0, got -1"},
      {"interval", with(R"("scheduler":{"type":"CosineAnnealingLR","args":{"interval":"batch"}})"),
       "scheduler.args.interval: expected one of \"epoch\", \"step\", got \"batch\""},
      {"plateau without a metric", with(R"("scheduler":"ReduceLROnPlateau")"),
       "scheduler.args.monitor: missing, expected a text (metric that has to get better)"},
      {"milestones", with(R"("scheduler":{"type":"SequentialLR","args":{"schedulers":["LinearLR"],
                            "milestones":[1]}})"),
       "scheduler.args: milestones: expected one fewer than schedulers, got 1 for 1"},
      {"interval within", with(R"("scheduler":{"type":"ChainedScheduler","args":{"schedulers":
                                [{"type":"LinearLR","args":{"interval":"step"}}]}})"),
       "scheduler.args.schedulers.0.args.interval: expected no interval within another scheduler"},
      {"scheduler within that needs a metric",
       with(
           R"("scheduler":{"type":"ChainedScheduler","args":{"schedulers":["ReduceLROnPlateau"]}})"),
       "scheduler.args.schedulers.0: no scheduler \"ReduceLROnPlateau\""},
      {"label smoothing",
       with(R"("loss":{"type":"CrossEntropyLoss","args":{"label_smoothing":2}})"),
       "loss.args.label_smoothing: expected a number from 0 to 1, got 2"},
      {"reduction", with(R"("loss":{"type":"MSELoss","args":{"reduction":"none"}})"),
       "loss.args.reduction: expected one of \"mean\", \"sum\", got \"none\""},
  };
}

std::vector<BadConfig> file_cases() {
  return {
      {"missing base", R"({"extends":"no.json"})", "c.json:1:12: extends: cannot open "},
      {"missing base of a list", R"({"extends":["no.json"]})",
       "c.json:1:13: extends.0: cannot open "},
      {"base that is no text", R"({"extends":[3]})",
       "c.json:1:13: extends.0: expected a text, got 3"},
      {"extends that is no list", R"({"extends":{}})",
       "c.json:1:12: extends: expected a file or a list of files, got an object"},
      {"base of another kind", R"({"extends":"a.yaml"})",
       "extends: a.yaml: expected a name that ends in .json or .toml"},
      {"folder as base", R"({"extends":"folder.json"})", "c.json:1:12: extends: "},
      {"base with an error",
       R"({"extends":"a.json"})",
       "a.json:1:2: expected a key",
       {},
       "",
       {{"a.json", "{x}"}}},
      {"itself", R"({"extends":"c.json"})", "c.json:1:12: extends: c.json extends itself"},
      {"cycle",
       R"({"extends":"a.json"})",
       "b.json:1:12: extends: c.json extends itself",
       {},
       "",
       {{"a.json", R"({"extends":"b.json"})"}, {"b.json", R"({"extends":"c.json"})"}}},
      {"cycle by another name", R"({"extends":"./x/../c.json"})", "extends itself"},
      {"many files",
       R"({"extends":["a.json","a.json"]})",
       "expected at most 64 files",
       {},
       "",
       {{"a.json", R"({"extends":["b.json","b.json","b.json","b.json","b.json","b.json"]})"},
        {"b.json", R"({"extends":["d.json","d.json","d.json","d.json","d.json","d.json"]})"},
        {"d.json", "{}"}}},
      {"unknown preset",
       with(R"("presets":{"debug":{},"long":{}})"),
       "c.json:1:46: presets: no preset \"debgu\", did you mean \"debug\"?",
       {},
       "debgu"},
      {"no presets",
       kGood,
       "c.json:1:1: presets: no preset \"debug\", there are none",
       {},
       "debug"},
      {"preset that is no object",
       with(R"("presets":{"debug":3})"),
       "presets.debug: expected an object, got 3",
       {},
       "debug"},
      {"presets that are no object", with(R"("presets":[])"),
       "c.json:1:46: presets: expected an object, got an empty list"},
      {"value of a preset",
       with(R"("presets":{"debug":{"seed":"x"}})"),
       "c.json:1:63 (preset debug): seed: expected a whole number, got \"x\"",
       {},
       "debug"},
      {"value of a TOML file",
       R"({"extends":"a.toml"})",
       "a.toml:2:21: optimizer.args.lr: expected a number >= 0, got \"fast\"",
       {},
       "",
       {{"a.toml", "optimizer.type = \"Adam\"\noptimizer.args.lr = \"fast\"\nmodel = \"Net\"\n"}}},
  };
}

std::vector<BadConfig> override_cases() {
  return {
      {"no equals sign",
       kGood,
       "command line: expected key=value, +key=value or ~key, got \"seed\"",
       {"seed"}},
      {"nothing", kGood, "command line: expected key=value, +key=value or ~key, got \"\"", {""}},
      {"removal with a value",
       kGood,
       "expected key=value, +key=value or ~key, got \"~seed=1\"",
       {"~seed=1"}},
      {"empty key",
       kGood,
       "command line: expected at most 100 keys joined by dots, got \"a..b\"",
       {"a..b=1"}},
      {"no key", kGood, "command line: expected at most 100 keys joined by dots, got \"\"", {"=1"}},
      {"unknown parent",
       kGood,
       "command line: optimzer: unknown key, did you mean \"optimizer\"?",
       {"optimzer.args.lr=1"}},
      {"unknown key",
       kGood,
       "command line: optimizer.args.lrr: unknown key, did you mean \"lr\"?",
       {"optimizer.args.lrr=1"}},
      {"wrong type",
       kGood,
       "command line: optimizer.args.lr: expected a number >= 0, got \"fast\"",
       {"optimizer.args.lr=fast"}},
      {"bad JSON",
       kGood,
       "command line: seed: expected ',' or ']', got the end of the text",
       {"seed=[1"}},
      {"keys of a number",
       kGood,
       "command line: optimizer.args.lr: expected an object or a list, got 1",
       {"optimizer.args.lr.x=1"}},
      {"key that is there",
       kGood,
       "command line: model: expected a new key, but it is there",
       {"+model=Net"}},
      {"removal of nothing", kGood, "command line: sede: no such key", {"~sede"}},
      {"index past the end",
       with(R"("stages":[{"name":"a"}])"),
       "command line: stages.1: expected an index into a list of 1 elements",
       {"stages.1.name=b"}},
      {"index that is none",
       with(R"("stages":[{"name":"a"}])"),
       "command line: stages.x: expected an index into a list of 1 elements",
       {"stages.x=b"}},
      {"index of a new element",
       with(R"("stages":[])"),
       "command line: stages.3: expected an index",
       {"+stages.3=b"}},
      {"too many keys",
       kGood,
       "command line: expected at most 100 keys",
       {"+a" + nested(".a", "", 200) + "=1"}},
      {"too long a key",
       kGood,
       "command line: expected a shorter key",
       {std::string(5000, 'k') + "=1"}},
      {"not UTF-8", kGood, "command line: expected UTF-8, got the byte '\\xff'", {"seed=\xff"}},
      {"infinity",
       kGood,
       "command line: optimizer.args.lr: expected a number >= 0, got \"inf\"",
       {"optimizer.args.lr=inf"}},
      {"quotes without end",
       kGood,
       "command line: expected key=value, +key=value or ~key, got",
       {"\"a=1"}},
  };
}

void check(const BadConfig& bad) {
  SCOPED_TRACE(bad.label);
  TempFolder folder;
  spill(folder / "c.json", bad.text);
  std::filesystem::create_directory(folder.path() / "folder.json");
  for (const auto& [name, text] : bad.files) spill(folder / name, text);
  try {
    Project project;
    read_args(Config::load(folder / "c.json", {bad.overrides, bad.preset}), project);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const ConfigError& error) {
    // Without the folder's name, which is another each time.
    std::string text = error.what();
    const std::string prefix = folder / "";
    for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    EXPECT_NE(text.find(bad.expected), std::string::npos)
        << "  got: " << text << "\n  expected: " << bad.expected;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_LT(text.size(), 1500U) << text;
  }
}

TEST(ConfigErrors, Syntax) {
  for (const BadConfig& bad : syntax_cases()) check(bad);
}
TEST(ConfigErrors, Values) {
  for (const BadConfig& bad : value_cases()) check(bad);
}
TEST(ConfigErrors, StandardThings) {
  for (const BadConfig& bad : standard_cases()) check(bad);
}
TEST(ConfigErrors, Files) {
  for (const BadConfig& bad : file_cases()) check(bad);
}
TEST(ConfigErrors, Overrides) {
  for (const BadConfig& bad : override_cases()) check(bad);
}

TEST(ConfigErrors, TheGoodConfigIsGood) {
  TempFolder folder;
  spill(folder / "c.json", kGood);
  Project project;
  const Config resolved = read_args(Config::load(folder / "c.json"), project);
  EXPECT_EQ(resolved.get("optimizer.args.lr").to_double(), 1);
  EXPECT_EQ(resolved.get("model.args.classes").source(), "default");
}

TEST(ConfigErrors, MissingFile) {
  for (const char* name : {"/no/such/c.json", "c.txt", "", "/no\n/c.json"}) {
    EXPECT_THROW(Config::load(name), ConfigError) << name;
  }
}

}  // namespace
}  // namespace taper::train
