#include "taper/io/safetensors_parse.h"

#include <unordered_set>

#include "taper/base/error.h"
#include "taper/core/sizes.h"
#include "taper/io/json_text.h"

namespace taper::io {
namespace {

struct DtypeName {
  ScalarType dtype;
  const char* name;
};
constexpr DtypeName kDtypes[] = {
    {kBool, "BOOL"}, {kByte, "U8"},  {kChar, "I8"},       {kShort, "I16"}, {kInt, "I32"},
    {kLong, "I64"},  {kHalf, "F16"}, {kBFloat16, "BF16"}, {kFloat, "F32"}, {kDouble, "F64"},
};
// Types of the format that Taper has no tensors of.
constexpr const char* kForeignDtypes[] = {"U16",     "U32",         "U64",     "C64",
                                          "F8_E5M2", "F8_E4M3",     "F8_E8M0", "F8_E5M2FNUZ",
                                          "F4",      "F8_E4M3FNUZ", "F6_E2M3", "F6_E3M2"};

// The header's grammar is a fixed shape of two levels, so the parser cannot be made to recurse.
class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  ParsedHeader parse() {
    // JSON may not start with a space here, so that the file's first bytes tell the format.
    if (text_.empty() || text_[0] != '{') fail("expected '{'");
    parse_object([&](const std::string& key, size_t position) {
      if (!names_.insert(key).second) {
        at_ = position;
        fail("duplicate name ", quote_name(key));
      }
      if (key == "__metadata__") {
        parse_metadata();
      } else {
        parse_tensor(key, position);
      }
    });
    skip_space();
    if (at_ != text_.size()) fail("text after the JSON object");
    return std::move(header_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) {
    detail::fail<IoError>("safetensors file ", quote_path(file_), ": header byte ",
                          kLengthBytes + at_, ": ", parts...);
  }

  char peek() { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  void expect(char c) {
    skip_space();
    if (at_ >= text_.size()) fail("the JSON text ends early, expected '", c, "'");
    if (text_[at_] != c) {
      fail("expected '", c, "', got ", quote_name(text_.substr(at_, 1)));
    }
    ++at_;
  }
  bool next_is(char c) {
    skip_space();
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  // Calls member(key, position of the key) at each value; it must take the value.
  template <class Member>
  void parse_object(Member&& member) {
    expect('{');
    if (next_is('}')) return;
    do {
      skip_space();
      const size_t position = at_;
      const std::string key = parse_string();
      expect(':');
      member(key, position);
    } while (next_is(','));
    expect('}');
  }

  std::string parse_string() {
    expect('"');
    std::string value;
    while (true) {
      // Plain ASCII goes in runs.
      size_t run = at_;
      while (run < text_.size() && text_[run] >= 0x20 && text_[run] != '"' && text_[run] != '\\') {
        ++run;
      }
      value.append(text_.substr(at_, run - at_));
      at_ = run;
      if (at_ >= text_.size()) fail("the JSON text ends inside a string");
      if (text_[at_] == '"') break;
      if (text_[at_] == '\\') {
        parse_escape(value);
        continue;
      }
      const size_t length = utf8_length(text_.substr(at_));
      if (static_cast<unsigned char>(text_[at_]) < 0x20 || length == 0) {
        fail("a control character or bytes that are not UTF-8 in a string");
      }
      value.append(text_.substr(at_, length));
      at_ += length;
    }
    ++at_;
    return value;
  }
  void parse_escape(std::string& value) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    ++at_;
    const size_t index = at_ < text_.size() ? kNames.find(text_[at_]) : std::string_view::npos;
    if (index != std::string_view::npos) {
      value += kValues[index];
      ++at_;
      return;
    }
    if (peek() != 'u') fail("unknown escape in a string");
    uint32_t code = parse_hex();
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      ++at_;
      const uint32_t low = parse_hex();
      if (low < 0xdc00 || low > 0xdfff) fail("half of a surrogate pair in a string");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
      fail("half of a surrogate pair in a string");
    }
    append_utf8(value, code);
  }
  uint32_t parse_hex() {
    ++at_;  // the u
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
  }

  int64_t parse_integer() {
    skip_space();
    const size_t start = at_;
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{peek() - '0'}, &value)) {
        at_ = start;
        fail("a number beyond 2^63 - 1");
      }
      ++at_;
    }
    const bool leading_zero = at_ - start > 1 && text_[start] == '0';
    if (at_ == start || leading_zero || peek() == '.' || peek() == 'e' || peek() == 'E') {
      at_ = start;
      fail("expected a non-negative integer");
    }
    return value;
  }
  std::vector<int64_t> parse_integers(size_t most, const char* what) {
    std::vector<int64_t> values;
    expect('[');
    if (next_is(']')) return values;
    do {
      if (values.size() == most) fail(what, " has more than ", most, " numbers");
      values.push_back(parse_integer());
    } while (next_is(','));
    expect(']');
    return values;
  }

  void parse_metadata() {
    std::unordered_set<std::string> keys;
    parse_object([&](const std::string& key, size_t position) {
      if (!keys.insert(key).second) {
        at_ = position;
        fail("duplicate key ", quote_name(key), " in __metadata__");
      }
      skip_space();
      if (peek() != '"') fail("the value of __metadata__ ", quote_name(key), " is not a string");
      header_.metadata_positions.push_back(at_ + 1);
      std::string value = parse_string();
      header_.metadata.emplace_back(key, std::move(value));
    });
  }

  void parse_tensor(const std::string& name, size_t position) {
    if (name.empty()) fail("a tensor without a name");
    ParsedHeader::Tensor tensor;
    tensor.entry.name = name;
    tensor.position = position;
    bool has_dtype = false, has_shape = false, has_offsets = false;
    auto once = [&](bool& seen, const std::string& key) {
      if (seen) fail("tensor ", quote_name(name), ": duplicate key ", quote_name(key));
      seen = true;
    };
    parse_object([&](const std::string& key, size_t) {
      if (key == "dtype") {
        once(has_dtype, key);
        tensor.entry.dtype = parse_dtype(name);
      } else if (key == "shape") {
        once(has_shape, key);
        tensor.entry.sizes = parse_integers(kMaxDims, "the shape");
      } else if (key == "data_offsets") {
        once(has_offsets, key);
        const std::vector<int64_t> offsets = parse_integers(2, "data_offsets");
        if (offsets.size() != 2) {
          fail("tensor ", quote_name(name), ": data_offsets has ", offsets.size(),
               " numbers, expected 2");
        }
        tensor.entry.begin = static_cast<uint64_t>(offsets[0]);
        tensor.entry.end = static_cast<uint64_t>(offsets[1]);
      } else {
        fail("tensor ", quote_name(name), ": unknown key ", quote_name(key),
             ", expected dtype, shape and data_offsets");
      }
    });
    if (!has_dtype || !has_shape || !has_offsets) {
      fail("tensor ", quote_name(name), ": ",
           !has_dtype   ? "dtype"
           : !has_shape ? "shape"
                        : "data_offsets",
           " is missing");
    }
    header_.tensors.push_back(std::move(tensor));
  }

  ScalarType parse_dtype(const std::string& name) {
    const std::string text = parse_string();
    for (const DtypeName& known : kDtypes) {
      if (text == known.name) return known.dtype;
    }
    for (const char* foreign : kForeignDtypes) {
      if (text == foreign) {
        fail("tensor ", quote_name(name), ": dtype ", text, " has no counterpart in Taper");
      }
    }
    fail("tensor ", quote_name(name), ": unknown dtype ", quote_name(text));
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  std::unordered_set<std::string> names_;
  ParsedHeader header_;
};

}  // namespace

const char* safetensors_dtype(ScalarType dtype) {
  for (const DtypeName& known : kDtypes) {
    if (known.dtype == dtype) return known.name;
  }
  return nullptr;
}

ParsedHeader parse_safetensors_header(std::string_view text, const std::string& file) {
  return Parser(text, file).parse();
}

}  // namespace taper::io
