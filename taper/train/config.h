#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/error.h"

namespace taper TAPER_API {
namespace train {

/// A ConfigError that begins with the source and the key path of the value that caused it:
/// `config.json:12:5: optimizer.args.lr: expected a number >= 0, got "fast"`.
class ConfigValueError : public ConfigError {
  using ConfigError::ConfigError;
};

/// What Config::load() puts on top of the file.
struct ConfigLoad {
  /// As Config::overridden() takes them, in order.
  std::vector<std::string> overrides = {};
  /// A key of the file's "presets"; empty: none.
  std::string preset = {};
};

/// A value of a config file: nothing, a truth value, a number, a text, a list, or an object whose
/// keys keep their order. It knows its key path (`optimizer.args.lr`) and where it was written.
/// Values do not change; copies share memory.
class Config {
 public:
  enum class Kind : uint8_t { null, boolean, integer, number, text, list, object };
  enum class Format : uint8_t { json, toml };
  using Items = std::vector<std::pair<std::string, Config>>;

  /// Nothing.
  Config();
  Config(bool value);
  Config(int value) : Config(static_cast<int64_t>(value)) {}
  Config(int64_t value);
  /// Throws ConfigError on NaN and infinities.
  Config(double value);
  Config(std::string value);
  Config(const char* value) : Config(std::string(value)) {}
  static Config list(const std::vector<Config>& elements = {});
  /// Throws ConfigError when a key comes twice.
  static Config object(const Items& items = {});

  /// Reads a .json file (comments and trailing commas are allowed) or a .toml file. Its keys
  /// "extends" (one file or a list of them, relative to this file; later ones win, this file wins
  /// over them) and "presets" are worked in and removed, "$schema" too. Objects merge by key;
  /// another "type" does not keep the "args" of the one before. Throws ConfigError.
  static Config load(const std::string& path, const ConfigLoad& options = {});
  /// Reads a text; name stands for the file in messages. "extends" and its kin mean nothing here.
  static Config parse(std::string_view text, const std::string& name, Format format = Format::json);
  /// A copy with what a command line asks for: `a.b=v` sets a key, `+a.b=v` makes one that must not
  /// be there yet, with the objects above it, `~a.b` removes one. Without `+`, only the last key
  /// (and the "args" of a "type") may be new: whether it is known says who reads the config.
  /// Numbers index lists. v is JSON, or else a text. Throws ConfigError.
  Config overridden(const std::vector<std::string>& overrides) const;
  /// A copy with the keys of another object put over this one's, as "extends" does.
  Config merged(const Config& over) const;

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_int() const { return kind() == Kind::integer; }
  /// A whole number or another one.
  bool is_number() const { return kind() == Kind::number || is_int(); }
  bool is_text() const { return kind() == Kind::text; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_object() const { return kind() == Kind::object; }

  // Reading one kind as another throws ConfigValueError. Whole numbers may be written 1e6.
  bool to_bool() const;
  int64_t to_int() const;
  double to_double() const;
  const std::string& to_text() const;

  /// Elements of a list, items of an object; 0 for others.
  size_t size() const;
  /// The element of a list. Throws past the end.
  Config at(size_t index) const;
  /// The value of a key. Throws ConfigValueError when there is none.
  Config at(std::string_view key) const;
  /// The same, or nothing; also when this is no object.
  std::optional<Config> find(std::string_view key) const;
  /// Keys of an object, in order.
  std::vector<std::string> keys() const;
  /// The value at a path from here: `args.lr`, `callbacks.0.type`.
  Config get(std::string_view path) const;

  /// Keys from the root, joined by dots; empty at the root.
  const std::string& path() const { return path_; }
  /// `config.json:12:5`, that and ` (preset debug)`, `command line` or `default`.
  std::string source() const;
  /// Source and path, as errors begin with them.
  std::string where() const;
  /// Throws ConfigValueError: where() and the text.
  [[noreturn]] void fail(std::string_view text) const;

  /// Indented JSON, or JSON on one line where indent is 0. Numbers read back the same.
  std::string dump(int indent = 2) const;
  /// A line for each leaf: `optimizer.args.lr = 0.001  # config.json:12:5`.
  std::string dump_sources() const;
  /// The same values under the same keys in the same order; sources do not count.
  friend bool operator==(const Config& a, const Config& b);

 private:
  friend struct ConfigAccess;
  struct Node;
  explicit Config(std::shared_ptr<const Node> node, std::string path = {});

  std::shared_ptr<const Node> node_;
  std::string path_;
};

}  // namespace train
}  // namespace taper
