#include "taper/train/registry.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/train_models.h"

namespace taper::train {
namespace {

using taper::testing::ModelRegistry;
using taper::testing::register_models;

Config parse(std::string_view text) { return Config::parse(text, "c.json"); }

// register_models() stands in a static library, of which the linker takes what is called.
ModelRegistry models() {
  ModelRegistry registry("model");
  register_models(registry);
  return registry;
}

TEST(Registry, MakesByName) {
  const ModelRegistry registry = models();
  EXPECT_EQ(registry.names(), (std::vector<std::string>{"Net", "Linear"}));
  EXPECT_TRUE(registry.contains("Net"));
  EXPECT_FALSE(registry.contains("net"));
  const auto net = registry.make(parse(R"({"type": "Net", "args": {"classes": 3}})"), 8);
  EXPECT_EQ(net->parameters()[0].sizes(), IntArrayRef({3, 8}));
  EXPECT_EQ(registry.make("Net", 8)->parameters()[0].size(0), 10);
  EXPECT_EQ(registry.make(parse(R"("Linear")"), 8)->parameters()[0].size(0), 1);
}

TEST(Registry, ResolvesWithDefaults) {
  const Config config =
      parse(R"({"model": {"type": "Net", "args": {"classes": 3}}, "bare": "Net"})");
  const Config resolved = models().resolve(config.at("model"));
  EXPECT_EQ(resolved.dump(0),
            R"({"type": "Net", "args": {"classes": 3, "dropout": 0.5, "init": "he", )"
            R"("layers": [32, 64], "bias": true}})");
  EXPECT_EQ(resolved.get("args.classes").where(), "c.json:1:47: model.args.classes");
  EXPECT_EQ(resolved.get("args.dropout").where(), "default: model.args.dropout");
  EXPECT_EQ(models().resolve(config.at("bare")).get("args.classes").to_int(), 10);
  EXPECT_EQ(models().resolve(resolved), resolved);
}

TEST(Registry, ErrorsOfTheThingGetTheKeyPath) {
  const Config config = parse(R"({"a": {"model": "Net"}})");
  EXPECT_ERROR(train::ConfigValueError, models().make(config.get("a.model"), 0),
               "c.json:1:17: a.model: Net: expected an input with features, got 0");
  // One that already has a place keeps it; memory is no matter of configs.
  Registry<int> registry("thing");
  registry.add("Config", "", [&]() -> int { config.at("a").fail("inner"); });
  registry.add("Memory", "", []() -> int { throw OutOfMemoryError("none left"); });
  registry.add("Lines", "", []() -> int { throw ShapeError("one\ntwo"); });
  EXPECT_ERROR(train::ConfigValueError, registry.make("Config"), "c.json:1:7: a: inner");
  EXPECT_ERROR(OutOfMemoryError, registry.make("Memory"), "none left");
  EXPECT_ERROR(train::ConfigValueError, registry.make("Lines"), "default: one two");
}

TEST(Registry, NamesAreTakenOnce) {
  ModelRegistry registry = models();
  EXPECT_ERROR(ConfigError, register_models(registry),
               "registry of model: the name \"Net\" is taken");
  EXPECT_ERROR(ConfigError, registry.add("", "", [](int64_t) { return nullptr; }), "got none");
  EXPECT_ERROR(train::ConfigValueError, ModelRegistry("model").make("Net", 1), "no model \"Net\"");
}

// What is made may come without a copy, and things may take what must not be copied.
TEST(Registry, ForwardsReferences) {
  Registry<std::unique_ptr<int>, std::unique_ptr<int>, int&> registry("box");
  registry.add("Same", "", [](std::unique_ptr<int> box, int& calls) {
    ++calls;
    return box;
  });
  int calls = 0;
  EXPECT_EQ(*registry.make("Same", std::make_unique<int>(5), calls), 5);
  EXPECT_EQ(calls, 1);
}

TEST(Registry, SchemaAndHelp) {
  const Config schema = models().schema();
  EXPECT_EQ(schema.get("anyOf.0.properties.type.const").to_text(), "Net");
  EXPECT_EQ(schema.get("anyOf.0.properties.args.properties.layers").dump(0),
            R"({"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, )"
            R"("maxItems": 8, "description": "channels of each layer", "default": [32, 64]})");
  EXPECT_EQ(schema.get("anyOf.2").dump(0), R"({"type": "string", "enum": ["Net", "Linear"]})");
  EXPECT_EQ(models().help(),
            "Net: a network\n"
            "  classes: a whole number >= 1, default 10: number of classes\n"
            "  dropout: a number from 0 to 1, default 0.5: part of the features that is dropped\n"
            "  init: one of \"he\", \"xavier\", default \"he\": how weights begin\n"
            "  layers: a list of 1 to 8 whole numbers >= 1, default [32, 64]: channels of each "
            "layer\n"
            "  bias: true or false, default true: layers have biases\n"
            "Linear: one layer\n");
}

struct Project {
  ModelRegistry registry = models();
  Config model = "Net";
  std::vector<Config> more;
  Config extra;
  void fields(Fields& f) {
    f("model", model, "the network").of(registry).required();
    f("more", more, "others").of(registry);
    f("extra", extra, "one more").of(registry);
  }
};

TEST(Registry, FieldsOfThingsAreResolved) {
  Project project;
  const Config resolved =
      read_args(parse(R"({"model": "Linear", "more": ["Linear", {"type": "Net"}]})"), project);
  EXPECT_EQ(resolved.at("model").dump(0), R"({"type": "Linear", "args": {}})");
  EXPECT_EQ(resolved.get("more.1.args.classes").where(), "default: more.1.args.classes");
  EXPECT_TRUE(resolved.at("extra").is_null());
  EXPECT_EQ(project.more[1].get("args.classes").to_int(), 10);
  EXPECT_EQ(project.registry.make(project.more[1], 4)->parameters()[0].size(1), 4);
  EXPECT_EQ(schema_of<Project>().get("properties.more.items.anyOf.0.anyOf").size(), 3U);
}

}  // namespace
}  // namespace taper::train
