#include "taper/train/fields.h"

#include <gtest/gtest.h>

#include "taper/train/registry.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

struct Inner {
  int64_t depth = 2;
  std::optional<double> scale;
  void fields(Fields& f) {
    f("depth", depth, "how deep").min(1);
    f("scale", scale, "a factor").above(0);
  }
};

struct All {
  bool flag = true;
  int64_t count = 3;
  double rate = 0.5;
  std::string name = "x";
  std::vector<bool> flags = {true, false};
  std::vector<std::string> names;
  std::optional<std::vector<int64_t>> sizes;
  std::tuple<std::optional<double>, double> eps = {std::nullopt, 1e-3};
  OneOrMore<double> lr = {0.1};
  Config any = Config::object({{"k", 1}});
  Inner inner = {.depth = 5, .scale = {}};
  std::vector<Inner> inners = {{.depth = 7, .scale = 2.0}};
  std::optional<Inner> maybe;

  void fields(Fields& f) {
    f("flag", flag, "a switch");
    f("count", count, "how many").range(0, 10);
    f("rate", rate, "how fast").min(0);
    f("name", name, "what it is called");
    f("flags", flags, "switches");
    f("names", names, "texts").one_of({"a", "b"});
    f("sizes", sizes, "numbers").min(1).size(1, 3);
    f("eps", eps, "two numbers");
    f("lr", lr, "one or more");
    f("any", any, "anything");
    f("inner", inner, "an object");
    f("inners", inners, "objects");
    f("maybe", maybe, "an object or nothing");
  }
};

constexpr const char* kDefaults =
    R"({"flag": true, "count": 3, "rate": 0.5, "name": "x", "flags": [true, false], "names": [], )"
    R"("sizes": null, "eps": [null, 0.001], "lr": [0.1], "any": {"k": 1}, )"
    R"("inner": {"depth": 5, "scale": null}, "inners": [{"depth": 7, "scale": 2.0}], )"
    R"("maybe": null})";

Config parse(std::string_view text) { return Config::parse(text, "c.json"); }

TEST(Fields, DefaultsAreWrittenBack) {
  All all;
  const Config resolved = read_args(parse("{}"), all);
  EXPECT_EQ(resolved.dump(0), kDefaults);
  EXPECT_EQ(resolved.at("rate").source(), "default");
  EXPECT_EQ(resolved.get("inner.depth").where(), "default: inner.depth");
  EXPECT_EQ(all.count, 3);
  EXPECT_EQ(all.inner.depth, 5);
  EXPECT_EQ(all.inners.at(0).depth, 7);
  // And what was written reads back as the same.
  All again;
  EXPECT_EQ(read_args(resolved, again), resolved);
}

TEST(Fields, ReadsEveryKind) {
  All all;
  const Config config = parse(R"({"flag": false, "count": 1e1, "rate": 2, "name": "y",
    "flags": [false], "names": ["b", "a"], "sizes": [4, 5], "eps": [1, 2], "lr": 3, "any": [1],
    "inner": {"scale": 1.5}, "inners": [{}, {"depth": 9}], "maybe": {"depth": 1}})");
  const Config resolved = read_args(config, all);
  EXPECT_FALSE(all.flag);
  EXPECT_EQ(all.count, 10);
  EXPECT_EQ(all.rate, 2.0);
  EXPECT_EQ(all.flags, std::vector<bool>{false});
  EXPECT_EQ(all.names, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(all.sizes, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(all.eps, (std::tuple<std::optional<double>, double>(1.0, 2.0)));
  EXPECT_EQ(all.lr, OneOrMore<double>{3.0});
  EXPECT_EQ(all.any.dump(0), "[1]");
  EXPECT_EQ(all.any.where(), "c.json:2:92: any");
  EXPECT_EQ(all.inner.depth, 5);  // the member's own default
  EXPECT_EQ(all.inner.scale, 1.5);
  ASSERT_EQ(all.inners.size(), 2U);
  EXPECT_EQ(all.inners[0].depth, 2);  // the struct's
  EXPECT_EQ(all.inners[1].depth, 9);
  EXPECT_EQ(all.maybe->depth, 1);
  EXPECT_EQ(resolved.get("inners.1.depth").source(), "c.json:3:55");
  EXPECT_EQ(resolved.get("inners.1.scale").source(), "default");
}

struct Chosen {
  std::string kind = "a";
  int64_t x = 0;
  void fields(Fields& f) {
    f("kind", kind, "which").one_of({"a", "b"});
    f.flush();
    if (kind == "b") f("x", x, "only of b");
  }
};

TEST(Fields, MembersMayDependOnEarlierOnes) {
  Chosen chosen;
  read_args(parse(R"({"x": 3, "kind": "b"})"), chosen);
  EXPECT_EQ(chosen.x, 3);
  Chosen other;
  EXPECT_ERROR(train::ConfigValueError, read_args(parse(R"({"x": 3})"), other),
               "c.json:1:7: x: unknown key, known are: \"kind\"");
}

struct Like {
  Inner like = {.depth = 6, .scale = 0.5};
  std::vector<Inner> inners;
  void fields(Fields& f) { f("inners", inners, like, "like that one"); }
};

TEST(Fields, ElementsBeginAsTheOneGiven) {
  Like args;
  EXPECT_EQ(read_args(parse(R"({"inners": [{}, {"depth": 1}]})"), args).dump(0),
            R"({"inners": [{"depth": 6, "scale": 0.5}, {"depth": 1, "scale": 0.5}]})");
  EXPECT_EQ(schema_of<Like>().get("properties.inners.items.properties.depth.default").to_int(), 6);
}

struct Twice {
  int64_t x = 0;
  void fields(Fields& f) {
    f("x", x, "one");
    f("x", x, "two");
  }
};
struct Wrong {
  int64_t x = -1;
  void fields(Fields& f) { f("x", x, "one").min(0); }
};

TEST(Fields, MistakesOfTheProgramAreErrors) {
  Twice twice;
  EXPECT_ERROR(ConfigError, read_args(parse("{}"), twice), "the name \"x\" comes twice");
  Wrong wrong;
  EXPECT_ERROR(ConfigError, read_args(parse("{}"), wrong),
               "default: x: expected a whole number >= 0, got -1");
}

struct Required {
  int64_t classes = 0;
  Inner inner;
  OneOrMore<std::string> names;
  void fields(Fields& f) {
    f("classes", classes, "number of classes").range(1, 10).required();
    f("inner", inner, "an object");
    f("names", names, "some names").one_of({"a", "b"}).size(1, 2);
  }
};

TEST(Fields, Schema) {
  EXPECT_EQ(schema_of<Required>().dump(0),
            R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", )"
            R"("properties": {"classes": {"type": "integer", "minimum": 1, "maximum": 10, )"
            R"("description": "number of classes"}, )"
            R"("inner": {"type": "object", "properties": {"depth": {"type": "integer", )"
            R"("minimum": 1, "description": "how deep", "default": 2}, )"
            R"("scale": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, )"
            R"({"type": "null"}], "description": "a factor", "default": null}}, )"
            R"("additionalProperties": false, "description": "an object"}, )"
            R"("names": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "array", )"
            R"("items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1, "maxItems": 2}], )"
            R"("description": "some names", "default": []}, )"
            R"("$schema": {"type": "string"}, )"
            R"("extends": {"anyOf": [{"type": "string"}, )"
            R"({"type": "array", "items": {"type": "string"}}], )"
            R"("description": "files whose values this file goes on from"}, )"
            R"("presets": {"type": "object", "additionalProperties": {"type": "object"}, )"
            R"("description": "values by the name of a preset"}}, )"
            R"("required": ["classes"], "additionalProperties": false})");
}

TEST(Fields, Help) {
  EXPECT_EQ(help_of<Required>(),
            "classes: a whole number from 1 to 10, required: number of classes\n"
            "inner: an object: an object\n"
            "  depth: a whole number >= 1, default 2: how deep\n"
            "  scale: a number > 0 or null, default null: a factor\n"
            "names: one of \"a\", \"b\" or a list of 1 to 2 texts out of \"a\", \"b\", default []: "
            "some names\n");
}

}  // namespace
}  // namespace taper::train
