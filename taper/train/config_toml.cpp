#include <algorithm>
#include <deque>
#include <iterator>
#include <unordered_map>

#include "taper/io/json_text.h"
#include "taper/train/config_cursor.h"

namespace taper::train {
namespace {

/// A table that may still grow.
struct Table {
  std::shared_ptr<ConfigNode> node;
  size_t depth = 0;
  /// Named by a header or filled by dotted keys: no other header may name it.
  bool is_defined = false;

  /// What stands under a key: a table, a list of tables with the last of them, or neither.
  struct Entry {
    Table* table = nullptr;
    std::shared_ptr<ConfigNode> list = nullptr;
  };
  std::unordered_map<std::string, Entry> entries = {};
};

bool is_bare(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// TOML 1.0 without dates, which a config has no kind for.
class TomlParser : ConfigCursor {
 public:
  TomlParser(std::string_view text, const ConfigSource& source) : ConfigCursor(text, source, {}) {}

  ConfigNodePtr parse() {
    Table* root = add_table(0);
    Table* table = root;
    for (skip_lines(); !is_end(); skip_lines()) {
      if (peek() == '[') {
        // Dotted keys may come back to a table within one section only.
        for (Table* dotted : dotted_) dotted->is_defined = true;
        dotted_.clear();
        path_.clear();
        table = parse_header(root);
        table_path_ = path_;
      } else {
        path_ = table_path_;
        parse_pair(*table);
      }
      end_line();
    }
    return root->node;
  }

 private:
  struct Key {
    std::string name;
    ConfigSource source;
  };

  Table* add_table(size_t depth) {
    check_depth(depth);
    tables_.push_back({new_node(Config::Kind::object), depth});
    return &tables_.back();
  }
  /// A new table under a key, with the key's place.
  Table* add_table(Table& parent, const Key& key) {
    Table* table = add_table(parent.depth + 1);
    table->node->source = key.source;
    parent.node->items.emplace_back(key.name, table->node);
    parent.entries.emplace(key.name, Table::Entry{table});
    return table;
  }
  [[noreturn]] void fail_twice(const Key& key) const {
    fail_at(key.source, path_, "the key comes twice");
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  /// Spaces, comments and ends of lines.
  void skip_lines() {
    while (true) {
      skip_space();
      if (peek() == '#') {
        std::string ignored;
        while (!is_end() && peek() != '\n' && !starts("\r\n")) take_character(ignored);
      }
      if (starts("\r\n")) ++at_;
      if (is_end() || peek() != '\n') return;
      advance();
    }
  }
  void end_line() {
    skip_space();
    if (is_end() || peek() == '\n' || starts("\r\n") || peek() == '#') return;
    fail(str("expected the end of the line, got ", next_text()));
  }
  void expect(std::string_view what) {
    if (!starts(what)) fail(str("expected '", what, "', got ", next_text()));
    at_ += what.size();
  }

  Key parse_key() {
    Key key{{}, here()};
    if (peek() == '"' || peek() == '\'') {
      key.name = parse_text(peek());
    } else {
      size_t end = 0;
      while (is_bare(peek(end))) ++end;
      if (end == 0) fail(str("expected a key, got ", next_text()));
      key.name = text_.substr(at_, end);
      at_ += end;
    }
    skip_space();
    return key;
  }
  std::vector<Key> parse_keys() {
    std::vector<Key> keys;
    do {
      if (!keys.empty()) ++at_;
      skip_space();
      check_depth(keys.size());
      keys.push_back(parse_key());
    } while (peek() == '.');
    return keys;
  }

  Table* parse_header(Table* table) {
    const bool is_list = starts("[[");
    at_ += is_list ? 2 : 1;
    const std::vector<Key> keys = parse_keys();
    expect(is_list ? "]]" : "]");
    for (const Key& key : keys) {
      const bool is_last = &key == &keys.back();
      enter(key.name);
      const auto found = table->entries.find(key.name);
      const Table::Entry entry = found == table->entries.end() ? Table::Entry{} : found->second;
      if (found == table->entries.end()) {
        table = is_last && is_list ? add_list(*table, key) : add_table(*table, key);
      } else if (entry.table == nullptr) {
        fail_twice(key);
      } else if (is_last && is_list) {
        if (entry.list == nullptr) fail_twice(key);
        found->second.table = table = add_element(*entry.list, table->depth, key);
      } else {
        if (is_last && (entry.list != nullptr || entry.table->is_defined)) fail_twice(key);
        if (entry.list != nullptr) enter(str(entry.list->items.size() - 1));
        table = entry.table;
      }
    }
    table->is_defined = true;
    return table;
  }
  Table* add_list(Table& parent, const Key& key) {
    auto list = new_node(Config::Kind::list);
    list->source = key.source;
    Table* table = add_element(*list, parent.depth, key);
    parent.node->items.emplace_back(key.name, list);
    parent.entries.emplace(key.name, Table::Entry{table, list});
    return table;
  }
  Table* add_element(ConfigNode& list, size_t depth, const Key& key) {
    enter(str(list.items.size()));
    Table* table = add_table(depth + 2);
    table->node->source = key.source;
    list.items.emplace_back(std::string(), table->node);
    return table;
  }

  // key = value, also within an inline table.
  void parse_pair(Table& start) {
    Table* table = &start;
    const std::vector<Key> keys = parse_keys();
    expect("=");
    skip_space();
    for (const Key& key : keys) {
      enter(key.name);
      const auto found = table->entries.find(key.name);
      const bool is_new = found == table->entries.end();
      if (&key == &keys.back()) {
        if (!is_new) fail_twice(key);
        break;
      }
      if (!is_new && (found->second.table == nullptr || found->second.list != nullptr ||
                      found->second.table->is_defined)) {
        fail_twice(key);
      }
      table = is_new ? add_table(*table, key) : found->second.table;
      dotted_.push_back(table);
    }
    table->entries.emplace(keys.back().name, Table::Entry{});
    ConfigNodePtr value = parse_value(table->depth + 1);
    table->node->items.emplace_back(keys.back().name, std::move(value));
  }

  ConfigNodePtr parse_value(size_t depth) {
    const char c = peek();
    if (c == '"' || c == '\'') {
      auto node = new_node(Config::Kind::text);
      const bool is_long = starts("\"\"\"") || starts("\'\'\'");
      node->text = is_long ? parse_long_text(c) : parse_text(c);
      return node;
    }
    if (c == '[') return parse_list(depth);
    if (c == '{') return parse_inline_table(depth);
    return parse_word();
  }

  ConfigNodePtr parse_list(size_t depth) {
    check_depth(depth);
    auto node = new_node(Config::Kind::list);
    const size_t parent = path_.size();
    ++at_;
    for (skip_lines(); peek() != ']'; skip_lines()) {
      enter(str(node->items.size()));
      node->items.emplace_back(std::string(), parse_value(depth + 1));
      path_.resize(parent);
      skip_lines();
      if (peek() == ']') break;
      if (peek() != ',') fail(str("expected ',' or ']', got ", next_text()));
      ++at_;
    }
    ++at_;
    return node;
  }

  ConfigNodePtr parse_inline_table(size_t depth) {
    Table* table = add_table(depth);
    const size_t parent = path_.size();
    ++at_;
    skip_space();
    if (peek() == '}') {
      ++at_;
      return table->node;
    }
    while (true) {
      parse_pair(*table);
      path_.resize(parent);
      skip_space();
      if (peek() == '}') break;
      if (peek() != ',') fail(str("expected ',' or '}', got ", next_text()));
      ++at_;
      skip_space();
    }
    ++at_;
    return table->node;
  }

  // In quotes or in apostrophes, on one line.
  std::string parse_text(char quote) {
    ++at_;
    std::string value;
    while (peek() != quote) {
      if (is_end() || peek() == '\n' || starts("\r\n")) {
        fail("the text in quotes does not end on its line");
      }
      take(value, quote);
    }
    ++at_;
    return value;
  }

  std::string parse_long_text(char quote) {
    const std::string ends(3, quote);
    std::string value;
    at_ += 3;
    if (starts("\r\n")) ++at_;
    if (peek() == '\n') advance();
    while (!starts(ends)) {
      if (is_end()) fail("the text in quotes does not end");
      if (starts("\r\n")) ++at_;
      if (peek() == '\n') {
        value += '\n';
        advance();
      } else if (quote == '"' && peek() == '\\' && ends_line()) {
        skip_folded();
      } else {
        take(value, quote);
      }
    }
    // Up to two quotes before the last three belong to the text.
    for (int i = 0; i < 2 && peek(3) == quote; ++i) take_character(value);
    at_ += 3;
    return value;
  }
  // Whether a backslash is the last of its line.
  bool ends_line() const {
    size_t end = 1;
    while (peek(end) == ' ' || peek(end) == '\t') ++end;
    return peek(end) == '\n' || (peek(end) == '\r' && peek(end + 1) == '\n');
  }
  void skip_folded() {
    ++at_;
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || starts("\r\n")) advance();
  }

  void take(std::string& value, char quote) {
    if (quote != '"' || peek() != '\\') return take_character(value);
    if (take_escaped(value, "\"\\bfnrt")) return;
    if (peek(1) != 'u' && peek(1) != 'U') fail_at_escape();
    const uint32_t code = take_code(peek(1) == 'u' ? 4 : 8);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) fail("no character has that code");
    io::append_utf8(value, code);
  }

  // Truth values and numbers.
  ConfigNodePtr parse_word() {
    size_t size = 0;
    while (is_bare(peek(size)) || peek(size) == '.' || peek(size) == '+' || peek(size) == ':') {
      ++size;
    }
    const std::string_view word = text_.substr(at_, size);
    if (word == "true" || word == "false") {
      auto node = new_node(Config::Kind::boolean);
      node->boolean = word == "true";
      at_ += size;
      return node;
    }
    ConfigNodePtr node = parse_number(word);
    at_ += size;
    return node;
  }

  ConfigNodePtr parse_number(std::string_view word) const {
    const bool has_sign = word.starts_with('-') || word.starts_with('+');
    const std::string_view size = word.substr(has_sign ? 1 : 0);
    if (size == "nan" || size == "inf") {
      fail(str("expected a finite number, got ", quote_text(word)));
    }
    if (word.find(':') != std::string_view::npos ||
        (word.size() >= 10 && word[4] == '-' && word[7] == '-')) {
      fail("expected a text in quotes, got a date or time");
    }
    const int base = size.starts_with("0x")   ? 16
                     : size.starts_with("0o") ? 8
                     : size.starts_with("0b") ? 2
                                              : 10;
    const std::string_view digits = base == 10 ? size : size.substr(2);
    bool is_whole = true;
    if ((base != 10 && has_sign) || !is_number(digits, base, is_whole)) {
      fail(str("expected a value, got ", next_text()));
    }
    std::string plain(word.starts_with('-') ? "-" : "");
    std::copy_if(digits.begin(), digits.end(), std::back_inserter(plain),
                 [](char c) { return c != '_'; });
    return number_node(plain, is_whole, base);
  }

  static bool is_digit_of(char c, int base) {
    if (base <= 10) return c >= '0' && c < '0' + base;
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }
  // Digits with single underscores between them; returns where they end, or `at` if there are none.
  static size_t after_digits(std::string_view text, size_t at, int base) {
    size_t end = at;
    while (end < text.size() && (is_digit_of(text[end], base) ||
                                 (text[end] == '_' && end > at && text[end - 1] != '_' &&
                                  end + 1 < text.size() && is_digit_of(text[end + 1], base)))) {
      ++end;
    }
    return end;
  }
  static bool is_number(std::string_view text, int base, bool& is_whole) {
    size_t end = after_digits(text, 0, base);
    if (end == 0 || (base == 10 && text[0] == '0' && end > 1)) return false;
    const auto part = [&](size_t from) {
      is_whole = false;
      end = after_digits(text, from, 10);
      return end > from;
    };
    if (base == 10 && end < text.size() && text[end] == '.' && !part(end + 1)) return false;
    if (base == 10 && end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
      const bool has_sign = end + 1 < text.size() && (text[end + 1] == '-' || text[end + 1] == '+');
      if (!part(end + (has_sign ? 2 : 1))) return false;
    }
    return end == text.size();
  }

  std::string table_path_;
  std::deque<Table> tables_;
  std::vector<Table*> dotted_;
};

}  // namespace

ConfigNodePtr parse_toml(std::string_view text, const ConfigSource& source) {
  return TomlParser(text, source).parse();
}

}  // namespace taper::train
