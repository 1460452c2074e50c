#include <algorithm>
#include <charconv>

#include "taper/train/config_node.h"

namespace taper::train {
namespace {

constexpr const char* kCommandLine = "command line";

ConfigSource command_line() {
  ConfigSource source;
  source.name = std::make_shared<const std::string>(kCommandLine);
  return source;
}
bool is_from_command_line(const ConfigNode& node) {
  return node.source.line == 0 && node.source.name != nullptr && *node.source.name == kCommandLine;
}

std::shared_ptr<ConfigNode> new_object() {
  auto node = std::make_shared<ConfigNode>();
  node->kind = Config::Kind::object;
  node->source = command_line();
  return node;
}

// Where a key in quotes ends: behind the closing quote, or at the end of the text.
size_t after_quotes(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

/// The first of some characters that stands outside of quotes, or the end of the text.
size_t find_plain(std::string_view text, char wanted, size_t at) {
  while (at < text.size() && text[at] != wanted) {
    at = text[at] == '"' ? after_quotes(text, at) : at + 1;
  }
  return at;
}

// `a."b.c".0` as its keys.
std::vector<std::string> split_path(std::string_view path) {
  if (path.size() > kLongestPath) fail_at(command_line(), {}, "expected a shorter key");
  std::vector<std::string> keys;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = find_plain(path, '.', at);
    const std::string_view key = path.substr(at, end - at);
    if (key.empty() || keys.size() == kMostNested) {
      fail_at(
          command_line(), {},
          str("expected at most ", kMostNested, " keys joined by dots, got ", quote_text(path)));
    }
    keys.push_back(key[0] == '"' ? parse_json(key, command_line())->text : std::string(key));
    at = end + 1;
  }
  return keys;
}

// JSON, or else the text itself; what begins as JSON does has to be JSON.
ConfigNodePtr parse_value(std::string_view text, const std::string& path) {
  const bool is_json = !text.empty() && std::string_view("[{\"").find(text[0]) != std::string::npos;
  try {
    return parse_json(text, command_line(), path);
  } catch (const ConfigValueError&) {
    if (is_json) throw;
  }
  auto node = std::make_shared<ConfigNode>();
  node->kind = Config::Kind::text;
  node->text = text;
  node->source = command_line();
  return node;
}

/// What of args was itself set on the command line, for these are meant for the new type.
ConfigNodePtr set_by_hand(const ConfigNode& args) {
  auto kept = std::make_shared<ConfigNode>(args);
  std::erase_if(kept->items, [](const auto& item) { return !is_from_command_line(*item.second); });
  return kept;
}

class Override {
 public:
  explicit Override(std::string_view text) {
    check_utf8(text, command_line());
    is_new_ = text.starts_with('+');
    is_removal_ = text.starts_with('~');
    const std::string_view rest = text.substr(is_new_ || is_removal_ ? 1 : 0);
    const size_t equals = find_plain(rest, '=', 0);
    if (is_removal_ != (equals == rest.size()) || rest.empty()) {
      fail_at(command_line(), {},
              str("expected key=value, +key=value or ~key, got ", quote_text(text)));
    }
    keys_ = split_path(rest.substr(0, equals));
    if (!is_removal_) value_ = parse_value(rest.substr(equals + 1), path_of(keys_.size()));
  }

  ConfigNodePtr apply(const ConfigNodePtr& node, size_t depth = 0) const {
    if (depth == keys_.size()) return value_;
    return node->kind == Config::Kind::list ? apply_to_list(*node, depth)
                                            : apply_to_object(*node, depth);
  }

 private:
  std::string path_of(size_t count) const {
    std::string path;
    for (size_t i = 0; i < count; ++i) append_key(path, keys_[i]);
    return path;
  }
  [[noreturn]] void fail(size_t count, std::string_view text) const {
    fail_at(command_line(), path_of(count), text);
  }
  bool is_last(size_t depth) const { return depth + 1 == keys_.size(); }

  // A copy to change. A bare type's name becomes an object where args are asked for.
  std::shared_ptr<ConfigNode> object_of(const ConfigNode& node, size_t depth) const {
    if (node.kind == Config::Kind::object) return std::make_shared<ConfigNode>(node);
    const bool is_type = node.kind == Config::Kind::text && keys_[depth] == "args";
    if (!is_type && (is_removal_ || node.kind != Config::Kind::null)) {
      const ConfigNodePtr copy = std::make_shared<ConfigNode>(node);
      fail(depth, str("expected an object or a list, got ", describe(ConfigAccess::make(copy))));
    }
    auto object = new_object();
    if (is_type) object->items.emplace_back("type", std::make_shared<ConfigNode>(node));
    return object;
  }

  ConfigNodePtr apply_to_object(const ConfigNode& node, size_t depth) const {
    auto object = object_of(node, depth);
    const std::string& key = keys_[depth];
    const auto item = std::find_if(object->items.begin(), object->items.end(),
                                   [&](const auto& item) { return item.first == key; });
    if (item == object->items.end()) {
      // Whether something has such a key is found out when it is read.
      if (is_removal_) {
        const Config config = ConfigAccess::make(object);
        fail(depth + 1, "no such key" + suggestion(key, config.keys()));
      }
      object->items.emplace_back(key, apply(new_object(), depth + 1));
    } else if (is_last(depth)) {
      check_new(depth);
      if (is_removal_) {
        object->items.erase(item);
      } else {
        item->second = value_;
        if (key == "type" && node.find(key)->get()->text != value_->text) forget_args(*object);
      }
    } else {
      item->second = apply(item->second, depth + 1);
    }
    return object;
  }
  void check_new(size_t depth) const {
    if (is_new_) fail(depth + 1, "expected a new key, but it is there: leave out the +");
  }
  static void forget_args(ConfigNode& object) {
    for (auto& [key, value] : object.items) {
      if (key == "args") value = set_by_hand(*value);
    }
  }

  ConfigNodePtr apply_to_list(const ConfigNode& node, size_t depth) const {
    auto list = std::make_shared<ConfigNode>(node);
    const std::string& key = keys_[depth];
    size_t index = 0;
    const auto result = std::from_chars(key.data(), key.data() + key.size(), index);
    const bool appends = is_new_ && is_last(depth) && index == list->items.size();
    if (result.ec != std::errc() || result.ptr != key.data() + key.size() ||
        (index >= list->items.size() && !appends)) {
      fail(depth + 1, str("expected an index into a list of ", list->items.size(), " elements"));
    }
    const auto item = list->items.begin() + static_cast<ptrdiff_t>(index);
    if (appends) {
      list->items.emplace_back(std::string(), value_);
    } else if (!is_last(depth)) {
      item->second = apply(item->second, depth + 1);
    } else {
      check_new(depth);
      if (is_removal_) {
        list->items.erase(item);
      } else {
        item->second = value_;
      }
    }
    return list;
  }

  bool is_new_, is_removal_;
  std::vector<std::string> keys_;
  ConfigNodePtr value_;
};

}  // namespace

Config Config::overridden(const std::vector<std::string>& overrides) const {
  ConfigNodePtr node = node_;
  for (const std::string& text : overrides) node = Override(text).apply(node);
  return Config(std::move(node), path_);
}

Config Config::get(std::string_view path) const {
  Config value = *this;
  for (const std::string& key : split_path(path)) {
    size_t index = 0;
    const auto result = std::from_chars(key.data(), key.data() + key.size(), index);
    const bool is_index = result.ec == std::errc() && result.ptr == key.data() + key.size();
    value = value.is_list() && is_index ? value.at(index) : value.at(key);
  }
  return value;
}

}  // namespace taper::train
