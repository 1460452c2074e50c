#include <cmath>

#include "taper/train/config_node.h"
#include "taper/train/fields_walk.h"
#include "taper/train/registry.h"

// What args structs and registries say of themselves: in messages, as JSON Schema, as help.
namespace taper::train::detail {
namespace {

using Kind = FieldType::Kind;

std::string number_text(double value) { return str(value); }

std::string bounds_text(const FieldRules& rules) {
  const bool has_least = std::isfinite(rules.least), has_most = std::isfinite(rules.most);
  if (has_least && has_most && !rules.is_above && !rules.is_below) {
    return str(" from ", number_text(rules.least), " to ", number_text(rules.most));
  }
  std::string text;
  if (has_least) text += str(rules.is_above ? " > " : " >= ", number_text(rules.least));
  if (has_least && has_most) text += " and";
  if (has_most) text += str(rules.is_below ? " < " : " <= ", number_text(rules.most));
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + quote_text(names[i]);
  return text;
}

std::string count_text(const FieldRules& rules, const FieldType& type) {
  if (type.count != 0) return str(type.count, ' ');
  if (rules.largest == std::numeric_limits<size_t>::max()) {
    return rules.fewest == 0 ? "" : str("at least ", rules.fewest, ' ');
  }
  if (rules.fewest == rules.largest) return str(rules.fewest, ' ');
  return str(rules.fewest, " to ", rules.largest, ' ');
}

// What a list holds, in the plural.
std::string expected_elements(const FieldRules& rules, const FieldType& list) {
  const std::vector<const FieldType*> types = element_types(list, rules.like);
  for (const FieldType* type : types) {
    if (type->kind != types[0]->kind) return "values";
  }
  switch (types[0]->kind) {
    case Kind::boolean:
      return "truth values";
    case Kind::integer:
      return "whole numbers" + bounds_text(rules);
    case Kind::number:
      return "numbers" + bounds_text(rules);
    case Kind::text:
      return rules.choices.empty() ? "texts" : "texts out of " + joined(rules.choices);
    case Kind::list:
      return "lists";
    case Kind::object:
      return "objects";
    case Kind::config:
      return rules.registry == nullptr ? "values" : "objects with \"type\" and \"args\"";
    case Kind::optional:
      break;
  }
  return "values";
}

Config with(const Config& object, const Config::Items& more) {
  return object.merged(Config::object(more));
}

void add_bounds(Config::Items& items, const FieldRules& rules) {
  const auto add = [&](double bound, bool is_open, const char* closed, const char* open) {
    if (!std::isfinite(bound)) return;
    const bool is_whole = std::fabs(bound) < 0x1p53 && bound == std::trunc(bound);
    items.emplace_back(is_open ? open : closed,
                       is_whole ? Config(static_cast<int64_t>(bound)) : Config(bound));
  };
  add(rules.least, rules.is_above, "minimum", "exclusiveMinimum");
  add(rules.most, rules.is_below, "maximum", "exclusiveMaximum");
}

Config nullable(const Config& schema) {
  return Config::object({{"anyOf", Config::list({schema, Config::object({{"type", "null"}})})}});
}

Config value_schema(const FieldRules& rules, const FieldType& type, void* value);

Config list_schema(const FieldRules& rules, const FieldType& type) {
  std::vector<Config> elements;
  EachElement visitor([&](size_t, const FieldType& inner, void* element) {
    elements.push_back(value_schema(rules, inner, element));
  });
  type.sample(rules.like, visitor);
  Config::Items items = {{"type", "array"}};
  if (type.count != 0) {
    items.emplace_back("prefixItems", Config::list(elements));
    items.emplace_back("items", false);
    items.emplace_back("minItems", static_cast<int64_t>(type.count));
    return Config::object(items);
  }
  items.emplace_back("items", elements[0]);
  if (rules.fewest != 0) items.emplace_back("minItems", static_cast<int64_t>(rules.fewest));
  if (rules.largest != std::numeric_limits<size_t>::max()) {
    items.emplace_back("maxItems", static_cast<int64_t>(rules.largest));
  }
  Config schema = Config::object(items);
  if (!type.is_bare) return schema;
  return Config::object({{"anyOf", Config::list({elements[0], schema})}});
}

Config value_schema(const FieldRules& rules, const FieldType& type, void* value) {
  switch (type.kind) {
    case Kind::boolean:
      return Config::object({{"type", "boolean"}});
    case Kind::integer:
    case Kind::number: {
      Config::Items items = {{"type", type.kind == Kind::integer ? "integer" : "number"}};
      add_bounds(items, rules);
      return Config::object(items);
    }
    case Kind::text: {
      Config::Items items = {{"type", "string"}};
      std::vector<Config> choices(rules.choices.begin(), rules.choices.end());
      if (!choices.empty()) items.emplace_back("enum", Config::list(choices));
      return Config::object(items);
    }
    case Kind::config: {
      const Config schema = rules.registry ? rules.registry->schema() : Config::object();
      return rules.registry && !rules.is_required ? nullable(schema) : schema;
    }
    case Kind::optional: {
      Config schema;
      EachElement visitor([&](size_t, const FieldType& inner, void* element) {
        schema = nullable(value_schema(rules, inner, element));
      });
      type.sample(nullptr, visitor);
      return schema;
    }
    case Kind::list:
      return list_schema(rules, type);
    case Kind::object:
      break;
  }
  return object_schema(type, value);
}

class SchemaWalk final : public FieldWalk {
 public:
  Config::Items properties;
  std::vector<Config> required;

 private:
  void field(const FieldRules& rules) override {
    Config::Items more = {{"description", rules.help}};
    if (rules.is_required) {
      required.emplace_back(rules.name);
    } else if (rules.type->kind != Kind::object) {
      more.emplace_back("default", write_value(*rules.type, rules.value));
    }
    properties.emplace_back(rules.name, with(value_schema(rules, *rules.type, rules.value), more));
  }
};

/// The objects that stand in a member itself, in its list or in its optional, get lines of their
/// own.
class HelpWalk final : public FieldWalk {
 public:
  explicit HelpWalk(int indent) : indent_(indent) {}
  std::string text;

 private:
  void field(const FieldRules& rules) override {
    constexpr size_t kLongestDefault = 60;
    const bool is_object = rules.type->kind == Kind::object;
    text.append(static_cast<size_t>(indent_), ' ');
    text += str(rules.name, ": ", expected_value(rules, *rules.type));
    if (rules.is_required) {
      text += ", required";
    } else if (!is_object) {
      const std::string value = write_value(*rules.type, rules.value).dump(0);
      if (value.size() <= kLongestDefault) text += ", default " + value;
    }
    text += str(": ", rules.help, '\n');
    if (rules.registry)
      text += std::string(static_cast<size_t>(indent_) + 2, ' ') + "one of " +
              joined(rules.registry->names()) + '\n';
    add_members(*rules.type, rules.value, rules.like);
  }
  void add_members(const FieldType& type, void* value, const void* like) {
    if (type.kind == Kind::object) {
      text += object_help(type, value, indent_ + 2);
    } else if (type.sample != nullptr) {
      EachElement visitor([&](size_t, const FieldType& inner, void* element) {
        add_members(inner, element, nullptr);
      });
      type.sample(like, visitor);
    }
  }

  int indent_;
};

}  // namespace

std::vector<const FieldType*> element_types(const FieldType& type, const void* like) {
  std::vector<const FieldType*> types;
  EachElement visitor([&](size_t, const FieldType& inner, void*) { types.push_back(&inner); });
  type.sample(like, visitor);
  return types;
}

std::string expected_value(const FieldRules& rules, const FieldType& type) {
  switch (type.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "a whole number" + bounds_text(rules);
    case Kind::number:
      return "a number" + bounds_text(rules);
    case Kind::text:
      return rules.choices.empty() ? "a text" : "one of " + joined(rules.choices);
    case Kind::config:
      return rules.registry == nullptr ? "a value" : "an object with \"type\" and \"args\"";
    case Kind::optional:
      return expected_value(rules, *element_types(type, nullptr)[0]) + " or null";
    case Kind::list: {
      std::string list = str("a list of ", count_text(rules, type), expected_elements(rules, type));
      if (!type.is_bare) return list;
      return expected_value(rules, *element_types(type, rules.like)[0]) + " or " + list;
    }
    case Kind::object:
      break;
  }
  return "an object";
}

Config object_schema(const FieldType& type, void* object) {
  SchemaWalk walk;
  walk.run(type, object);
  Config::Items items = {{"type", "object"}, {"properties", Config::object(walk.properties)}};
  if (!walk.required.empty()) items.emplace_back("required", Config::list(walk.required));
  items.emplace_back("additionalProperties", false);
  return Config::object(items);
}

Config schema_of_object(const FieldType& type, void* object) {
  const Config text = Config::object({{"type", "string"}});
  const Config objects = Config::object(
      {{"type", "object"}, {"additionalProperties", Config::object({{"type", "object"}})}});
  const Config files = Config::object(
      {{"anyOf", Config::list({text, Config::object({{"type", "array"}, {"items", text}})})},
       {"description", "files whose values this file goes on from"}});
  const Config of_files = Config::object(
      {{"$schema", text},
       {"extends", files},
       {"presets", with(objects, {{"description", "values by the name of a preset"}})}});
  const Config schema = object_schema(type, object);
  // "type" here is a key of a schema, which merging would take for the name of a thing.
  const Config properties = of_files.merged(schema.at("properties"));
  return Config::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"}})
      .merged(schema)
      .merged(Config::object({{"properties", properties}}));
}

std::string object_help(const FieldType& type, void* object, int indent) {
  HelpWalk walk(indent);
  walk.run(type, object);
  return std::move(walk.text);
}

std::string help_of_object(const FieldType& type, void* object) {
  return object_help(type, object, 0);
}

}  // namespace taper::train::detail
