#include "taper/train/config_cursor.h"

#include <algorithm>
#include <charconv>

#include "taper/base/file.h"
#include "taper/io/json_text.h"

namespace taper::train {
namespace {

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

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

ConfigCursor::ConfigCursor(std::string_view text, const ConfigSource& source, std::string path)
    : text_(text), source_(source), path_(std::move(path)), line_(source.line) {
  check_utf8(text_, source_);
  if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
}

ConfigSource ConfigCursor::here() const {
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

std::string ConfigCursor::next_text() const {
  if (is_end()) return "the end of the text";
  if (peek() == '\n' || starts("\r\n")) return "the end of the line";
  size_t end = at_;
  while (end < text_.size() && is_word(text_[end])) ++end;
  return quote_text(text_.substr(at_, std::max(end - at_, io::utf8_length(text_.substr(at_)))));
}

void ConfigCursor::take_character(std::string& to) {
  if (static_cast<unsigned char>(peek()) < 0x20 && peek() != '\t') {
    fail("expected no control character within quotes");
  }
  to += text_[at_++];
}

bool ConfigCursor::take_escaped(std::string& to, std::string_view characters) {
  constexpr std::string_view kNames = "bfnrt", kMeanings = "\b\f\n\r\t";
  const char c = peek(1);
  if (c == '\0' || characters.find(c) == std::string_view::npos) return false;
  const size_t which = kNames.find(c);
  to += which == std::string_view::npos ? c : kMeanings[which];
  at_ += 2;
  return true;
}

uint32_t ConfigCursor::take_code(size_t digits) {
  uint32_t code = 0;
  const std::string_view text = text_.substr(std::min(at_ + 2, text_.size()), digits);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), code, 16);
  if (text.size() != digits || result.ptr != text.data() + digits) {
    fail(str("expected ", digits, " hexadecimal digits, got ", quote_text(text)));
  }
  at_ += 2 + digits;
  return code;
}

void ConfigCursor::fail_at_escape() const {
  const size_t size = std::max<size_t>(1, io::utf8_length(text_.substr(at_ + 1)));
  fail("unknown escape " + quote_text(text_.substr(at_, size + 1)));
}

std::shared_ptr<ConfigNode> ConfigCursor::new_node(Config::Kind kind) const {
  auto node = std::make_shared<ConfigNode>();
  node->kind = kind;
  node->source = here();
  return node;
}

void ConfigCursor::check_depth(size_t depth) const {
  if (depth >= kMostNested) {
    fail(str("expected at most ", kMostNested, " objects and lists in one another"));
  }
}

void ConfigCursor::enter(std::string_view key) {
  if (path_.size() + key.size() > kLongestPath) fail("expected shorter keys");
  append_key(path_, key);
}

ConfigNodePtr ConfigCursor::number_node(std::string_view digits, bool is_whole, int base) const {
  auto node = new_node(is_whole ? Config::Kind::integer : Config::Kind::number);
  const char *begin = digits.data(), *end = begin + digits.size();
  const auto result = is_whole ? std::from_chars(begin, end, node->integer, base)
                               : std::from_chars(begin, end, node->number);
  if (result.ec != std::errc() || result.ptr != end) {
    fail(str("expected a ", is_whole ? "whole number of at most 64 bits" : "number within double",
             ", got ", quote_text(digits)));
  }
  return node;
}

}  // namespace taper::train
