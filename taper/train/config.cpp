#include "taper/train/config.h"

#include <cmath>
#include <unordered_set>

#include "taper/train/config_node.h"

namespace taper::train {
namespace {

// Whole numbers beyond this are not exact as double.
constexpr double kExactDouble = 9007199254740992.0;

std::shared_ptr<ConfigNode> new_node(Config::Kind kind) {
  auto node = std::make_shared<ConfigNode>();
  node->kind = kind;
  return node;
}

[[noreturn]] void wrong_kind(const Config& config, std::string_view expected) {
  config.fail(str("expected ", expected, ", got ", describe(config)));
}

}  // namespace

Config::Config() : Config(new_node(Kind::null)) {}

Config::Config(bool value) {
  auto node = new_node(Kind::boolean);
  node->boolean = value;
  node_ = std::move(node);
}

Config::Config(int64_t value) {
  auto node = new_node(Kind::integer);
  node->integer = value;
  node_ = std::move(node);
}

Config::Config(double value) {
  TAPER_CHECK_AS(ConfigError, std::isfinite(value), "Config: expected a finite number, got ",
                 value);
  auto node = new_node(Kind::number);
  node->number = value;
  node_ = std::move(node);
}

Config::Config(std::string value) {
  auto node = new_node(Kind::text);
  node->text = std::move(value);
  node_ = std::move(node);
}

Config::Config(std::shared_ptr<const Node> node, std::string path)
    : node_(std::move(node)), path_(std::move(path)) {}

Config Config::list(const std::vector<Config>& elements) {
  auto node = new_node(Kind::list);
  for (const Config& element : elements) node->items.emplace_back(std::string(), element.node_);
  return Config(std::move(node));
}

Config Config::object(const Items& items) {
  auto node = new_node(Kind::object);
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : items) {
    TAPER_CHECK_AS(ConfigError, keys.insert(key).second, "Config::object: the key ",
                   quote_text(key), " comes twice");
    node->items.emplace_back(key, value.node_);
  }
  return Config(std::move(node));
}

Config::Kind Config::kind() const { return node_->kind; }

bool Config::to_bool() const {
  if (!is_bool()) wrong_kind(*this, "true or false");
  return node_->boolean;
}

int64_t Config::to_int() const {
  if (is_int()) return node_->integer;
  if (kind() != Kind::number || std::fabs(node_->number) > kExactDouble ||
      node_->number != std::trunc(node_->number)) {
    wrong_kind(*this, "a whole number");
  }
  return static_cast<int64_t>(node_->number);
}

double Config::to_double() const {
  if (!is_number()) wrong_kind(*this, "a number");
  return is_int() ? static_cast<double>(node_->integer) : node_->number;
}

const std::string& Config::to_text() const {
  if (!is_text()) wrong_kind(*this, "a text");
  return node_->text;
}

size_t Config::size() const { return node_->items.size(); }

Config Config::at(size_t index) const {
  if (!is_list()) wrong_kind(*this, "a list");
  if (index >= size()) fail(str("no element ", index, ", the list has ", size()));
  return Config(node_->items[index].second, child_path(path_, str(index)));
}

Config Config::at(std::string_view key) const {
  if (!is_object()) wrong_kind(*this, "an object");
  std::optional<Config> found = find(key);
  if (!found) fail(str("no key ", quote_text(key), suggestion(key, keys())));
  return *std::move(found);
}

std::optional<Config> Config::find(std::string_view key) const {
  if (!is_object()) return std::nullopt;
  const auto* value = node_->find(key);
  if (value == nullptr) return std::nullopt;
  return Config(*value, child_path(path_, key));
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> keys;
  if (!is_object()) return keys;
  keys.reserve(size());
  for (const auto& item : node_->items) keys.push_back(item.first);
  return keys;
}

std::string Config::source() const { return text_of(node_->source); }

std::string Config::where() const { return path_.empty() ? source() : source() + ": " + path_; }

void Config::fail(std::string_view text) const { fail_at(node_->source, path_, text); }

Config Config::merged(const Config& over) const { return Config(merge(node_, over.node_), path_); }

const std::shared_ptr<const Config::Node>* Config::Node::find(std::string_view key) const {
  for (const auto& item : items) {
    if (item.first == key) return &item.second;
  }
  return nullptr;
}

Config ConfigAccess::make_at(const Config& place, Config::Kind kind, const Config::Items& parts) {
  auto node = new_node(kind);
  node->source = place.node_->source;
  for (const auto& [key, part] : parts) node->items.emplace_back(key, part.node_);
  return Config(std::move(node), place.path_);
}

std::string text_of(const ConfigSource& source) {
  if (source.name == nullptr) return "default";
  std::string text = *source.name;
  if (source.line != 0) text += str(':', source.line, ':', source.column);
  if (source.preset != nullptr) text += str(" (preset ", *source.preset, ')');
  return text;
}

void fail_at(const ConfigSource& source, const std::string& path, std::string_view text) {
  std::string message = text_of(source) + ": ";
  if (!path.empty()) message += path + ": ";
  // One line, whatever an error of an op said.
  for (const char c : text) message += c == '\n' ? ' ' : c;
  throw ConfigValueError(std::move(message));
}

}  // namespace taper::train
