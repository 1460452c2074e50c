#include "taper/train/fields.h"

#include <algorithm>
#include <cmath>

#include "taper/train/config_node.h"
#include "taper/train/fields_walk.h"
#include "taper/train/registry.h"

namespace taper::train {

using detail::FieldType;

Field& Field::min(double least) {
  rules_->least = least;
  rules_->is_above = false;
  return *this;
}
Field& Field::max(double most) {
  rules_->most = most;
  rules_->is_below = false;
  return *this;
}
Field& Field::above(double bound) {
  rules_->least = bound;
  rules_->is_above = true;
  return *this;
}
Field& Field::below(double bound) {
  rules_->most = bound;
  rules_->is_below = true;
  return *this;
}
Field& Field::one_of(std::vector<std::string> choices) {
  rules_->choices = std::move(choices);
  return *this;
}
Field& Field::size(size_t least, size_t most) {
  rules_->fewest = least;
  rules_->largest = most;
  return *this;
}
Field& Field::required() {
  rules_->is_required = true;
  return *this;
}
Field& Field::of(const RegistryBase& registry) {
  rules_->registry = &registry;
  return *this;
}

Field& Fields::add(const char* name, const FieldType& type, void* value, const void* like,
                   const char* help) {
  walk_->flush();
  walk_->pending_.push_back({name, &type, value, like, help});
  field_.rules_ = &walk_->pending_.back();
  return field_;
}

void Fields::flush() { walk_->flush(); }

namespace detail {
namespace {

using Kind = FieldType::Kind;

Config read_value(const FieldRules& rules, const FieldType& type, void* value, const Config& given);

/// Sets the members of one object from a config.
class Reader final : public FieldWalk {
 public:
  explicit Reader(const Config& from) : from_(from) {}

  Config read(const FieldType& type, void* object) {
    if (!from_.is_object()) from_.fail(str("expected an object, got ", describe(from_)));
    run(type, object);
    // A key that is mistyped explains one that is missing.
    for (const std::string& key : from_.keys()) {
      if (std::find(names_.begin(), names_.end(), key) == names_.end()) {
        from_.at(key).fail("unknown key" + suggestion(key, names_));
      }
    }
    if (!missing_.empty()) throw ConfigValueError(missing_);
    check(type, object);
    return ConfigAccess::make_at(from_, Config::Kind::object, resolved_);
  }

 private:
  void field(const FieldRules& rules) override {
    TAPER_CHECK_AS(ConfigError, std::find(names_.begin(), names_.end(), rules.name) == names_.end(),
                   "fields(): the name ", quote_text(rules.name), " comes twice");
    names_.emplace_back(rules.name);
    if (const std::optional<Config> given = from_.find(rules.name)) {
      resolved_.emplace_back(rules.name, read_value(rules, *rules.type, rules.value, *given));
    } else if (rules.is_required) {
      if (missing_.empty()) missing_ = missing(rules);
    } else {
      resolved_.emplace_back(rules.name, default_of(rules));
    }
  }

  std::string missing(const FieldRules& rules) const {
    return str(from_.source(), ": ", child_path(from_.path(), rules.name), ": missing, expected ",
               expected_value(rules, *rules.type), " (", rules.help, ')');
  }

  // Read back what stands there, so that things named by type get their args, too.
  Config default_of(const FieldRules& rules) const {
    const std::string path = child_path(from_.path(), rules.name);
    if (rules.type->kind == Kind::object) {
      const Config empty = ConfigAccess::make_at(from_, Config::Kind::object, {});
      return read_value(rules, *rules.type, rules.value, ConfigAccess::moved(empty, path));
    }
    const Config value = write_value(*rules.type, rules.value);
    return read_value(rules, *rules.type, rules.value, ConfigAccess::moved(value, path));
  }

  void check(const FieldType& type, void* object) const {
    try {
      type.check(object);
    } catch (const ConfigValueError&) {
      throw;
    } catch (const OutOfMemoryError&) {
      throw;
    } catch (const Error& error) {
      from_.fail(error.what());
    }
  }

  const Config& from_;
  std::vector<std::string> names_;
  Config::Items resolved_;
  std::string missing_;
};

[[noreturn]] void refuse(const FieldRules& rules, const FieldType& type, const Config& given) {
  given.fail(str("expected ", expected_value(rules, type), ", got ", describe(given)));
}

double read_number(const FieldRules& rules, const FieldType& type, const Config& given) {
  if (!given.is_number() || !rules.allows(given.to_double())) refuse(rules, type, given);
  return given.to_double();
}

int64_t read_integer(const FieldRules& rules, const FieldType& type, const Config& given) {
  const double number = read_number(rules, type, given);
  const bool is_exact =
      given.is_int() || (number == std::trunc(number) && std::fabs(number) < 0x1p53);
  if (!is_exact) refuse(rules, type, given);
  return given.to_int();
}

const std::string& read_text(const FieldRules& rules, const FieldType& type, const Config& given) {
  if (!given.is_text()) refuse(rules, type, given);
  const std::string& text = given.to_text();
  const auto& choices = rules.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    const std::string near = suggestion(text, choices);
    const bool is_near = near.find("did you mean") != std::string::npos;
    given.fail(str("expected ", expected_value(rules, type), ", got ", quote_text(text),
                   is_near ? near : ""));
  }
  return text;
}

Config read_config(const FieldRules& rules, const FieldType& type, const Config& given) {
  if (given.is_null() && rules.is_required) refuse(rules, type, given);
  return given.is_null() || rules.registry == nullptr ? given : rules.registry->resolve(given);
}

Config read_optional(const FieldRules& rules, const FieldType& type, void* value,
                     const Config& given) {
  Config resolved = given;
  EachElement reader([&](size_t, const FieldType& inner, void* element) {
    resolved = read_value(rules, inner, element, given);
  });
  type.assign(value, given.is_null() ? 0 : 1, nullptr, reader);
  return resolved;
}

Config read_list(const FieldRules& rules, const FieldType& type, void* value, const Config& given) {
  const bool is_bare = type.is_bare && !given.is_list();
  const size_t size = is_bare ? 1 : given.size();
  const bool fits =
      type.count == 0 ? size >= rules.fewest && size <= rules.largest : size == type.count;
  if (!(is_bare || given.is_list()) || !fits) refuse(rules, type, given);
  Config::Items resolved;
  EachElement reader([&](size_t i, const FieldType& inner, void* element) {
    resolved.emplace_back("", read_value(rules, inner, element, is_bare ? given : given.at(i)));
  });
  type.assign(value, size, rules.like, reader);
  return ConfigAccess::make_at(given, Config::Kind::list, resolved);
}

Config read_value(const FieldRules& rules, const FieldType& type, void* value,
                  const Config& given) {
  switch (type.kind) {
    case Kind::boolean:
      if (!given.is_bool()) refuse(rules, type, given);
      *static_cast<bool*>(value) = given.to_bool();
      return given;
    case Kind::integer:
      *static_cast<int64_t*>(value) = read_integer(rules, type, given);
      return given;
    case Kind::number:
      *static_cast<double*>(value) = read_number(rules, type, given);
      return given;
    case Kind::text:
      *static_cast<std::string*>(value) = read_text(rules, type, given);
      return given;
    case Kind::config:
      return *static_cast<Config*>(value) = read_config(rules, type, given);
    case Kind::optional:
      return read_optional(rules, type, value, given);
    case Kind::list:
      return read_list(rules, type, value, given);
    case Kind::object:
      break;
  }
  return Reader(given).read(type, value);
}

/// Collects the members of one object; those without a default are left out.
class Writer final : public FieldWalk {
 public:
  Config::Items items;

 private:
  void field(const FieldRules& rules) override {
    if (!rules.is_required) items.emplace_back(rules.name, write_value(*rules.type, rules.value));
  }
};

}  // namespace

void FieldWalk::run(const FieldType& type, void* object) {
  Fields fields(*this);
  type.walk(object, fields);
  flush();
}

void FieldWalk::flush() {
  if (pending_.empty()) return;
  const FieldRules rules = std::move(pending_.back());
  pending_.clear();
  field(rules);
}

bool FieldRules::allows(double number) const {
  return (is_above ? number > least : number >= least) &&
         (is_below ? number < most : number <= most);
}

Config write_value(const FieldType& type, void* value) {
  switch (type.kind) {
    case Kind::boolean:
      return *static_cast<bool*>(value);
    case Kind::integer:
      return *static_cast<int64_t*>(value);
    case Kind::number:
      return *static_cast<double*>(value);
    case Kind::text:
      return *static_cast<std::string*>(value);
    case Kind::config:
      return *static_cast<Config*>(value);
    case Kind::object: {
      Writer writer;
      writer.run(type, value);
      return Config::object(writer.items);
    }
    default:
      break;
  }
  std::vector<Config> elements;
  EachElement visitor([&](size_t, const FieldType& inner, void* element) {
    elements.push_back(write_value(inner, element));
  });
  type.visit(value, visitor);
  if (type.kind == Kind::list) return Config::list(elements);
  return elements.empty() ? Config() : elements[0];
}

Config read_object(const Config& config, const FieldType& type, void* object) {
  return Reader(config).read(type, object);
}

}  // namespace detail
}  // namespace taper::train
