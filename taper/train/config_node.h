#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/train/config.h"

// What stands behind a Config, for the files that read, merge and write them.
namespace taper::train {

/// Values lie at most this deep in files, and paths have at most so many keys and bytes.
constexpr size_t kMostNested = 100;
constexpr size_t kLongestPath = 1000;

/// Where a value was written. Texts are shared by all values of a file.
struct ConfigSource {
  std::shared_ptr<const std::string> name;    // null: default
  std::shared_ptr<const std::string> preset;  // null: none
  uint32_t line = 0, column = 0;              // from 1; 0: none
};

struct Config::Node {
  Kind kind = Kind::null;
  union {
    bool boolean;
    int64_t integer = 0;
    double number;
  };
  std::string text;
  /// Of an object; of a list, with empty keys.
  std::vector<std::pair<std::string, std::shared_ptr<const Node>>> items;
  ConfigSource source;

  const std::shared_ptr<const Node>* find(std::string_view key) const;
};

struct ConfigAccess {
  using Node = Config::Node;
  using NodePtr = std::shared_ptr<const Node>;

  static Config make(NodePtr node, std::string path = {}) {
    return Config(std::move(node), std::move(path));
  }
  static const NodePtr& node(const Config& config) { return config.node_; }
  /// The same value at another path.
  static Config moved(const Config& config, std::string path) {
    return Config(config.node_, std::move(path));
  }
  /// A list or an object of these parts where `place` stands, with its source.
  static Config make_at(const Config& place, Config::Kind kind, const Config::Items& parts);
};
using ConfigNode = ConfigAccess::Node;
using ConfigNodePtr = ConfigAccess::NodePtr;

/// `file.json:12:5 (preset debug)`.
std::string text_of(const ConfigSource& source);
/// path.key, the key in quotes where it could be mistaken for several.
void append_key(std::string& path, std::string_view key);
std::string child_path(std::string path, std::string_view key);
/// A value for a message: `"fast"`, `12`, `a list`.
std::string describe(const Config& config);
/// A key or another text for a message, in quotes and not too long.
std::string quote_text(std::string_view text);
/// `, did you mean "name"?`, or `, known are: ...` when no name is near.
std::string suggestion(std::string_view wrong, const std::vector<std::string>& names);

/// `source: path: text`, without the path at the root.
[[noreturn]] void fail_at(const ConfigSource& source, const std::string& path,
                          std::string_view text);

/// Throws at the first byte that is not UTF-8.
void check_utf8(std::string_view text, const ConfigSource& source);
/// Parses a text whose value will stand at path. Lines are counted if source has one.
ConfigNodePtr parse_json(std::string_view text, const ConfigSource& source, std::string path = {});
ConfigNodePtr parse_toml(std::string_view text, const ConfigSource& source);

/// over's values over base's.
ConfigNodePtr merge(const ConfigNodePtr& base, const ConfigNodePtr& over);
/// A copy of an object without a key.
ConfigNodePtr without(const ConfigNodePtr& object, std::string_view key);

}  // namespace taper::train
