#include "taper/train/registry.h"

#include <algorithm>

#include "taper/train/config_node.h"
#include "taper/train/fields_walk.h"

namespace taper::train {
namespace {

using detail::EachElement;
using detail::FieldType;

// The name in {"type": name, ...}, or the config itself when it is a bare name.
Config type_of(const Config& config, const std::vector<std::string>& names) {
  if (config.is_text()) return config;
  if (!config.is_object()) {
    config.fail(str("expected an object with \"type\" and \"args\" or a type's name, got ",
                    describe(config)));
  }
  for (const std::string& key : config.keys()) {
    if (key != "type" && key != "args") {
      config.at(key).fail("unknown key" + suggestion(key, {"type", "args"}));
    }
  }
  const std::optional<Config> type = config.find("type");
  if (!type) {
    fail_at(ConfigAccess::node(config)->source, child_path(config.path(), "type"),
            "missing" + suggestion("", names));
  }
  return *type;
}

Config args_of(const Config& config) {
  if (const std::optional<Config> args = config.find("args")) return *args;
  const Config empty = ConfigAccess::make_at(config, Config::Kind::object, {});
  return ConfigAccess::moved(empty, child_path(config.path(), "args"));
}

}  // namespace

std::vector<std::string> RegistryBase::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

bool RegistryBase::contains(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.name == name; });
}

void RegistryBase::add_entry(std::string name, std::string help, WithArgs with_args) {
  TAPER_CHECK_AS(ConfigError, !name.empty(), "registry of ", kind_, ": expected a name, got none");
  TAPER_CHECK_AS(ConfigError, !contains(name), "registry of ", kind_, ": the name ",
                 quote_text(name), " is taken");
  entries_.push_back({std::move(name), std::move(help), with_args});
}

size_t RegistryBase::select(const Config& config) const {
  const Config type = type_of(config, names());
  const std::string& name = type.to_text();
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name == name) return i;
  }
  type.fail(str("no ", kind_, ' ', quote_text(name), suggestion(name, names())));
}

void RegistryBase::read(const Config& config, const FieldType& type, void* args) {
  detail::read_object(args_of(config), type, args);
}

void RegistryBase::rethrow(const Config& config) {
  try {
    throw;
  } catch (const ConfigValueError&) {
    throw;
  } catch (const OutOfMemoryError&) {
    throw;
  } catch (const Error& error) {
    config.fail(error.what());
  }
}

Config RegistryBase::resolve(const Config& config) const {
  const Entry& entry = entries_[select(config)];
  Config args;
  EachElement reader([&](size_t, const FieldType& type, void* object) {
    args = detail::read_object(args_of(config), type, object);
  });
  entry.with_args(reader);
  return ConfigAccess::make_at(
      config, Config::Kind::object,
      {{"type", config.is_text() ? config : config.at("type")}, {"args", args}});
}

Config RegistryBase::schema() const {
  std::vector<Config> names, forms;
  for (const Entry& entry : entries_) {
    names.emplace_back(entry.name);
    EachElement visitor([&](size_t, const FieldType& type, void* object) {
      const Config properties = Config::object({{"type", Config::object({{"const", entry.name}})},
                                                {"args", detail::object_schema(type, object)}});
      forms.push_back(Config::object({{"type", "object"},
                                      {"description", entry.help},
                                      {"properties", properties},
                                      {"required", Config::list({"type"})},
                                      {"additionalProperties", false}}));
    });
    entry.with_args(visitor);
  }
  forms.push_back(Config::object({{"type", "string"}, {"enum", Config::list(names)}}));
  return Config::object({{"anyOf", Config::list(forms)}});
}

std::string RegistryBase::help() const {
  std::string text;
  for (const Entry& entry : entries_) {
    text += str(entry.name, ": ", entry.help, '\n');
    EachElement visitor([&](size_t, const FieldType& type, void* object) {
      text += detail::object_help(type, object, 2);
    });
    entry.with_args(visitor);
  }
  return text;
}

}  // namespace taper::train
