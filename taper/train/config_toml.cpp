#include <algorithm>
#include <cmath>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 100
#include <toml++/toml.h>

#include "taper/train/config_node.h"

namespace taper::train {
namespace {

/// toml++ follows dotted keys to any depth, and takes its result apart by recursion.
constexpr size_t kMostDots = 32;

ConfigSource place(const ConfigSource& source, const toml::source_position& position) {
  ConfigSource at = source;
  at.line = std::max<uint32_t>(1, position.line);
  at.column = std::max<uint32_t>(1, position.column);
  return at;
}

/// Where a string that begins at `at` ends: behind its closing quotes, or at the end of the text.
size_t after_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const bool is_long = text.substr(at).starts_with(triple);
  at += is_long ? 3 : 1;
  while (at < text.size()) {
    if (text[at] == '\\' && quote == '"') {
      at += 2;
    } else if (is_long ? text.substr(at).starts_with(triple) : text[at] == quote) {
      return at + (is_long ? 3 : 1);
    } else if (!is_long && text[at] == '\n') {
      return at;
    } else {
      ++at;
    }
  }
  return text.size();
}

void check_dots(std::string_view text, const ConfigSource& source) {
  constexpr std::string_view kEnds = "=,[]{}\n#";
  size_t dots = 0;
  toml::source_position position{1, 1};
  size_t line_start = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\n') {
      ++position.line;
      line_start = at + 1;
    }
    if (kEnds.find(c) != std::string_view::npos) dots = 0;
    if (c == '.' && ++dots > kMostDots) {
      position.column = static_cast<uint32_t>(at - line_start + 1);
      fail_at(place(source, position), {}, str("expected at most ", kMostDots, " dots in a key"));
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '"' || c == '\'') {
      const size_t end = after_string(text, at);
      position.line += static_cast<uint32_t>(std::count(text.begin() + static_cast<ptrdiff_t>(at),
                                                        text.begin() + static_cast<ptrdiff_t>(end),
                                                        '\n'));
      at = end;
    } else {
      ++at;
    }
  }
}

class Converter {
 public:
  explicit Converter(const ConfigSource& source) : source_(source) {}

  ConfigNodePtr convert(const toml::node& from, size_t depth) {
    auto node = std::make_shared<ConfigNode>();
    node->source = place(source_, from.source().begin);
    if (depth > kMostNested) {
      fail(*node, str("expected at most ", kMostNested, " tables and lists in one another"));
    }
    switch (from.type()) {
      case toml::node_type::table:
        convert_table(*from.as_table(), *node, depth);
        break;
      case toml::node_type::array:
        convert_array(*from.as_array(), *node, depth);
        break;
      case toml::node_type::string:
        node->kind = Config::Kind::text;
        node->text = from.as_string()->get();
        break;
      case toml::node_type::integer:
        node->kind = Config::Kind::integer;
        node->integer = from.as_integer()->get();
        break;
      case toml::node_type::floating_point:
        node->kind = Config::Kind::number;
        node->number = from.as_floating_point()->get();
        if (!std::isfinite(node->number)) {
          fail(*node, str("expected a finite number, got ", node->number));
        }
        break;
      case toml::node_type::boolean:
        node->kind = Config::Kind::boolean;
        node->boolean = from.as_boolean()->get();
        break;
      default:
        fail(*node, "expected a text in quotes, got a date or time");
    }
    return node;
  }

 private:
  [[noreturn]] void fail(const ConfigNode& node, std::string_view text) {
    fail_at(node.source, path_, text);
  }

  void convert_table(const toml::table& table, ConfigNode& node, size_t depth) {
    node.kind = Config::Kind::object;
    // toml++ sorts by name; the order of the text is kept here.
    std::vector<std::pair<const toml::key*, const toml::node*>> items;
    for (const auto& [key, value] : table) items.emplace_back(&key, &value);
    std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
      return a.first->source().begin < b.first->source().begin;
    });
    const size_t parent = path_.size();
    for (const auto& [key, value] : items) {
      if (parent + key->str().size() > kLongestPath) fail(node, "expected shorter keys");
      append_key(path_, key->str());
      node.items.emplace_back(std::string(key->str()), convert(*value, depth + 1));
      path_.resize(parent);
    }
  }

  void convert_array(const toml::array& array, ConfigNode& node, size_t depth) {
    node.kind = Config::Kind::list;
    const size_t parent = path_.size();
    for (const toml::node& element : array) {
      append_key(path_, str(node.items.size()));
      node.items.emplace_back(std::string(), convert(element, depth + 1));
      path_.resize(parent);
    }
  }

  const ConfigSource& source_;
  std::string path_;
};

}  // namespace

ConfigNodePtr parse_toml(std::string_view text, const ConfigSource& source) {
  check_utf8(text, source);
  check_dots(text, source);
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    fail_at(place(source, error.source().begin), {}, error.description());
  }
  return Converter(source).convert(result.table(), 0);
}

}  // namespace taper::train
