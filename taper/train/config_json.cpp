#include <algorithm>
#include <unordered_set>

#include "taper/io/json_text.h"
#include "taper/train/config_cursor.h"

namespace taper::train {
namespace {

// JSON with comments (//, /* */) and trailing commas.
class JsonParser : ConfigCursor {
 public:
  JsonParser(std::string_view text, const ConfigSource& source, std::string path)
      : ConfigCursor(text, source, std::move(path)) {}

  ConfigNodePtr parse() {
    skip_space();
    ConfigNodePtr value = parse_value(0);
    skip_space();
    if (!is_end()) fail(str("expected nothing more, got ", next_text()));
    return value;
  }

 private:
  void skip_space() {
    while (!is_end()) {
      const char c = peek();
      if (starts("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (starts("/*")) {
        skip_block();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        advance();
      } else {
        return;
      }
    }
  }
  void skip_block() {
    const size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) fail("the comment does not end");
    while (at_ < end + 2) advance();
  }
  bool next_is(char c) {
    skip_space();
    if (is_end() || peek() != c) return false;
    ++at_;
    return true;
  }

  ConfigNodePtr parse_value(size_t depth) {
    const char c = peek();
    if (c == '{') return parse_object(depth);
    if (c == '[') return parse_list(depth);
    if (c == '"') {
      auto node = new_node(Config::Kind::text);
      node->text = parse_string();
      return node;
    }
    if (c == '-' || is_digit(c)) return parse_number();
    return parse_word();
  }

  ConfigNodePtr parse_object(size_t depth) {
    check_depth(depth);
    auto node = new_node(Config::Kind::object);
    std::unordered_set<std::string> keys;
    const size_t parent = path_.size();
    ++at_;
    while (!next_is('}')) {
      if (peek() != '"') fail(str("expected a key in double quotes or '}', got ", next_text()));
      const ConfigSource key_source = here();
      std::string key = parse_string();
      enter(key);
      if (!keys.insert(key).second) fail_at(key_source, path_, "the key comes twice");
      if (!next_is(':')) fail(str("expected ':' after the key, got ", next_text()));
      skip_space();
      node->items.emplace_back(std::move(key), parse_value(depth + 1));
      path_.resize(parent);
      if (next_is(',')) continue;
      if (!next_is('}')) fail(str("expected ',' or '}', got ", next_text()));
      break;
    }
    return node;
  }

  ConfigNodePtr parse_list(size_t depth) {
    check_depth(depth);
    auto node = new_node(Config::Kind::list);
    const size_t parent = path_.size();
    ++at_;
    while (!next_is(']')) {
      enter(str(node->items.size()));
      node->items.emplace_back(std::string(), parse_value(depth + 1));
      path_.resize(parent);
      if (next_is(',')) continue;
      if (!next_is(']')) fail(str("expected ',' or ']', got ", next_text()));
      break;
    }
    return node;
  }

  ConfigNodePtr parse_word() {
    auto node = new_node(Config::Kind::null);
    size_t end = 0;
    while (peek(end) >= 'a' && peek(end) <= 'z') ++end;
    const std::string_view word = text_.substr(at_, end);
    if (word == "true" || word == "false") {
      node->kind = Config::Kind::boolean;
      node->boolean = word == "true";
    } else if (word != "null") {
      fail(str("expected a value, got ", next_text()));
    }
    at_ += end;
    return node;
  }

  void skip_digits(size_t& end) const {
    if (!is_digit(peek(end))) fail(str("expected a number, got ", next_text()));
    while (is_digit(peek(end))) ++end;
  }
  ConfigNodePtr parse_number() {
    size_t end = peek() == '-' ? 1 : 0;
    const size_t first = end;
    skip_digits(end);
    if (peek(first) == '0' && end > first + 1) {
      fail(str("expected a number without leading zeros, got ", next_text()));
    }
    bool is_whole = true;
    if (peek(end) == '.') {
      is_whole = false;
      skip_digits(++end);
    }
    if (peek(end) == 'e' || peek(end) == 'E') {
      is_whole = false;
      ++end;
      if (peek(end) == '+' || peek(end) == '-') ++end;
      skip_digits(end);
    }
    constexpr std::string_view kEnds = ",]}/ \t\r\n";
    if (at_ + end < text_.size() && kEnds.find(peek(end)) == std::string_view::npos) {
      fail(str("expected a number, got ", next_text()));
    }
    ConfigNodePtr node = number_node(text_.substr(at_, end), is_whole);
    at_ += end;
    return node;
  }

  std::string parse_string() {
    ++at_;
    std::string value;
    while (peek() != '"') {
      if (is_end() || peek() == '\n' || peek() == '\r') {
        fail("the text in quotes does not end on its line");
      }
      if (peek() == '\\') {
        parse_escape(value);
      } else {
        take_character(value);
      }
    }
    ++at_;
    return value;
  }

  void parse_escape(std::string& value) {
    if (take_escaped(value, "\"\\/bfnrt")) return;
    if (peek(1) != 'u') fail_at_escape();
    uint32_t code = take_code(4);
    if (code >= 0xd800 && code < 0xdc00 && starts("\\u")) {
      const uint32_t low = take_code(4);
      if (low < 0xdc00 || low > 0xdfff) fail("expected the second half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
      fail("half of a surrogate pair");
    }
    io::append_utf8(value, code);
  }
};

}  // namespace

ConfigNodePtr parse_json(std::string_view text, const ConfigSource& source, std::string path) {
  return JsonParser(text, source, std::move(path)).parse();
}

}  // namespace taper::train
