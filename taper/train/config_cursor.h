#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "taper/train/config_node.h"

namespace taper::train {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A place in the text of a config, what the parsers of JSON and TOML share.
class ConfigCursor {
 protected:
  /// Throws when the text is not UTF-8. Lines are counted if source has one.
  ConfigCursor(std::string_view text, const ConfigSource& source, std::string path);

  /// The place as a source; columns count characters.
  ConfigSource here() const;
  [[noreturn]] void fail(std::string_view text) const { fail_at(here(), path_, text); }
  /// The word or the character that comes next, for a message.
  std::string next_text() const;

  bool is_end() const { return at_ >= text_.size(); }
  /// The next character, or 0 at the end.
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  /// Steps over one character.
  void advance() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }
  /// Appends the next byte of a text in quotes; refuses control characters.
  void take_character(std::string& to);
  /// Appends what a backslash and one of these characters mean, and steps over them; false when
  /// there is none of them.
  bool take_escaped(std::string& to, std::string_view characters);
  /// Reads so many hexadecimal digits behind a backslash and a letter, and steps over them.
  uint32_t take_code(size_t digits);

  [[noreturn]] void fail_at_escape() const;

  std::shared_ptr<ConfigNode> new_node(Config::Kind kind) const;
  void check_depth(size_t depth) const;
  /// Adds a key to the path. Throws when it is too long.
  void enter(std::string_view key);
  /// A number of JSON's form, without the underscores that TOML allows. Throws when it is too
  /// large.
  ConfigNodePtr number_node(std::string_view digits, bool is_whole, int base = 10) const;

  std::string_view text_;
  ConfigSource source_;
  std::string path_;
  size_t at_ = 0;

 private:
  uint32_t line_;
  size_t line_start_ = 0;
  mutable size_t counted_to_ = 0;
  mutable uint32_t column_ = 1;
};

}  // namespace taper::train
