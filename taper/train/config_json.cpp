#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "taper/base/file.h"
#include "taper/io/json_text.h"
#include "taper/train/config_node.h"

namespace taper::train {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

// JSON with comments (//, /* */) and trailing commas.
class JsonParser {
 public:
  JsonParser(std::string_view text, const ConfigSource& source, std::string path)
      : text_(text), source_(source), path_(std::move(path)) {}

  ConfigNodePtr parse() {
    check_utf8(text_, source_);
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
    skip_space();
    ConfigNodePtr value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) fail(str("expected nothing more, got ", next_text()));
    return value;
  }

 private:
  // Columns count characters.
  ConfigSource here() const {
    ConfigSource source = source_;
    if (source.line == 0) return source;
    // Counted on from the last time, for a whole file may be one line.
    if (counted_to_ < line_start_ || counted_to_ > at_) {
      counted_to_ = line_start_;
      column_ = 1;
    }
    for (; counted_to_ < at_; ++counted_to_) {
      if ((static_cast<unsigned char>(text_[counted_to_]) & 0xc0) != 0x80) ++column_;
    }
    source.line = line_;
    source.column = column_;
    return source;
  }
  [[noreturn]] void fail(std::string_view text) const { fail_at(here(), path_, text); }
  std::string next_text() const {
    if (at_ >= text_.size()) return "the end of the text";
    size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return quote_text(text_.substr(at_, std::max(end - at_, io::utf8_length(text_.substr(at_)))));
  }

  void start_line(size_t at) {
    ++line_;
    line_start_ = at;
  }

  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (starts("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (starts("/*")) {
        skip_block();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
        if (c == '\n') start_line(at_);
      } else {
        return;
      }
    }
  }
  void skip_block() {
    const size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) fail("the comment does not end");
    for (; at_ < end + 2; ++at_) {
      if (text_[at_] == '\n') start_line(at_ + 1);
    }
  }
  bool next_is(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::shared_ptr<ConfigNode> new_node(Config::Kind kind) const {
    auto node = std::make_shared<ConfigNode>();
    node->kind = kind;
    node->source = here();
    return node;
  }

  ConfigNodePtr parse_value(size_t depth) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if ((c == '{' || c == '[') && depth >= kMostNested) {
      fail(str("expected at most ", kMostNested, " objects and lists in one another"));
    }
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
    auto node = new_node(Config::Kind::object);
    std::unordered_set<std::string> keys;
    const size_t parent = path_.size();
    ++at_;
    while (!next_is('}')) {
      if (at_ >= text_.size() || text_[at_] != '"') {
        fail(str("expected a key in double quotes or '}', got ", next_text()));
      }
      const ConfigSource key_source = here();
      std::string key = parse_string();
      if (parent + key.size() > kLongestPath) fail("expected shorter keys");
      append_key(path_, key);
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
    auto node = new_node(Config::Kind::list);
    const size_t parent = path_.size();
    ++at_;
    while (!next_is(']')) {
      append_key(path_, str(node->items.size()));
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
    size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "true" || word == "false") {
      node->kind = Config::Kind::boolean;
      node->boolean = word == "true";
    } else if (word != "null") {
      fail(str("expected a value, got ", next_text()));
    }
    at_ = end;
    return node;
  }

  void skip_digits(size_t& end) const {
    const size_t start = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == start) fail(str("expected a number, got ", next_text()));
  }
  ConfigNodePtr parse_number() {
    size_t end = at_ + (text_[at_] == '-' ? 1 : 0);
    const size_t first = end;
    skip_digits(end);
    if (text_[first] == '0' && end > first + 1) {
      fail(str("expected a number without leading zeros, got ", next_text()));
    }
    bool is_whole = true;
    if (end < text_.size() && text_[end] == '.') {
      is_whole = false;
      skip_digits(++end);
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      is_whole = false;
      ++end;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      skip_digits(end);
    }
    if (end < text_.size() && is_word(text_[end])) {
      fail(str("expected a number, got ", next_text()));
    }
    auto node = new_node(is_whole ? Config::Kind::integer : Config::Kind::number);
    const char* begin = text_.data() + at_;
    const auto result = is_whole ? std::from_chars(begin, text_.data() + end, node->integer)
                                 : std::from_chars(begin, text_.data() + end, node->number);
    if (result.ec != std::errc()) {
      fail(str("expected a ", is_whole ? "whole number of at most 64 bits" : "number within double",
               ", got ", quote_text(text_.substr(at_, end - at_))));
    }
    at_ = end;
    return node;
  }

  std::string parse_string() {
    ++at_;
    std::string value;
    while (true) {
      const size_t run = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      value.append(text_.substr(run, at_ - run));
      if (at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r') {
        fail("the text in quotes does not end on its line");
      }
      if (text_[at_] == '"') break;
      if (text_[at_] != '\\') fail("expected no control character within quotes");
      parse_escape(value);
    }
    ++at_;
    return value;
  }

  void parse_escape(std::string& value) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    const size_t which = c == '\0' ? std::string_view::npos : kNames.find(c);
    if (which != std::string_view::npos) {
      value += kMeanings[which];
      at_ += 2;
      return;
    }
    if (c != 'u') fail(str("unknown escape ", quote_text(text_.substr(at_, 2))));
    uint32_t code = parse_hex();
    if (code >= 0xd800 && code < 0xdc00 && starts("\\u")) {
      const uint32_t low = parse_hex();
      if (low < 0xdc00 || low > 0xdfff) fail("expected the second half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
      fail("half of a surrogate pair");
    }
    io::append_utf8(value, code);
  }
  uint32_t parse_hex() {
    uint32_t code = 0;
    const std::string_view digits = text_.substr(std::min(at_ + 2, text_.size()), 4);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || result.ptr != digits.data() + 4) {
      fail(str("expected four hexadecimal digits after \\u, got ", quote_text(digits)));
    }
    at_ += 6;
    return code;
  }

  std::string_view text_;
  ConfigSource source_;
  std::string path_;
  size_t at_ = 0;
  uint32_t line_ = source_.line;
  size_t line_start_ = 0;
  mutable size_t counted_to_ = 0;
  mutable uint32_t column_ = 1;
};

}  // namespace

void check_utf8(std::string_view text, const ConfigSource& source) {
  ConfigSource at = source;
  at.column = 1;
  for (size_t i = 0; i < text.size();) {
    const size_t length = io::utf8_length(text.substr(i));
    if (length == 0) {
      fail_at(at, {}, str("expected UTF-8, got the byte ", quote_name(text.substr(i, 1))));
    }
    ++at.column;
    if (text[i] == '\n' && at.line != 0) {
      ++at.line;
      at.column = 1;
    }
    i += length;
  }
}

ConfigNodePtr parse_json(std::string_view text, const ConfigSource& source, std::string path) {
  return JsonParser(text, source, std::move(path)).parse();
}

}  // namespace taper::train
