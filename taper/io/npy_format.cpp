#include "taper/io/npy_format.h"

#include <algorithm>
#include <bit>

#include "taper/base/error.h"
#include "taper/core/sizes.h"

namespace taper::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kPrefixBytes = 8;           // magic and version
constexpr uint64_t kLargestHeader = 10'000;  // as NumPy
constexpr size_t kAlignment = 64;

struct Type {
  const char* name;
  ScalarType dtype;
};
constexpr Type kTypes[] = {{"b1", kBool},         {"i1", kChar},          {"u1", kByte},
                           {"i2", kShort},        {"i4", kInt},           {"i8", kLong},
                           {"f2", kHalf},         {"f4", kFloat},         {"f8", kDouble},
                           {"c8", kComplexFloat}, {"c16", kComplexDouble}};

// What the letter of an unsupported type stands for.
const char* kind_of(char letter) {
  switch (letter) {
    case 'O':
      return "Python objects";
    case 'V':
      return "raw or structured data";
    case 'S':
    case 'a':
      return "byte strings";
    case 'U':
      return "text";
    case 'M':
    case 'm':
      return "dates or times";
    case 'u':
      return "unsigned integers wider than a byte";
  }
  return "an unknown type";
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool seen[3] = {};
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      constexpr std::string_view kKeys[] = {"descr", "fortran_order", "shape"};
      const size_t index = static_cast<size_t>(std::find(kKeys, kKeys + 3, key) - kKeys);
      if (index == 3 || seen[index]) {
        fail("key ", quote_name(key), index == 3 ? " is unknown" : " comes twice");
      }
      seen[index] = true;
      expect(':');
      if (index == 0) {
        type(header);
      } else if (index == 1) {
        header.fortran_order = boolean();
      } else {
        shape(header.sizes);
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    for (size_t i = 0; i < 3; ++i) {
      if (!seen[i]) fail("expected the keys descr, fortran_order and shape");
    }
    end();
    return header;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    detail::fail<IoError>(where_, ": header character ", at_, ": ", parts...);
  }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("expected '", c, "' in a dict of descr, fortran_order and shape");
  }
  void end() {
    skip_spaces();
    if (at_ + 1 != text_.size() || text_[at_] != '\n') fail("expected a newline at the end");
  }
  std::string_view string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a text in quotes");
    const size_t begin = ++at_;
    const size_t end = text_.find_first_of("'\"\\\n", begin);
    if (end == text_.npos || text_[end] != quote) fail("the text does not end, or has escapes");
    at_ = end + 1;
    return text_.substr(begin, end - begin);
  }
  bool word(std::string_view expected) {
    skip_spaces();
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  bool boolean() {
    if (word("True")) return true;
    if (!word("False")) fail("fortran_order: expected True or False");
    return false;
  }
  int64_t integer() {
    skip_spaces();
    const size_t begin = at_;
    int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value)) {
        fail("shape: a size beyond 64 bits");
      }
    }
    if (at_ == begin) fail("shape: expected an integer of 0 or more");
    return value;
  }
  void shape(std::vector<int64_t>& sizes) {
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail("shape: expected ',' or ')'");
      if (sizes.size() == static_cast<size_t>(kMaxDims)) {
        fail("shape: more than ", kMaxDims, " dimensions");
      }
      sizes.push_back(integer());
      comma = take(',');
    }
    // (3) is a number, not a tuple.
    if (sizes.size() == 1 && !comma) fail("shape: expected a tuple");
  }
  void type(NpyHeader& header) {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[') fail("dtype: a structured array is not supported");
    const std::string_view name = string();
    const char order = name.empty() ? '\0' : name.front();
    const bool has_order = order == '<' || order == '>' || order == '=' || order == '|';
    const std::string_view plain = name.substr(has_order ? 1 : 0);
    for (const Type& type : kTypes) {
      if (plain != type.name) continue;
      if (elementSize(type.dtype) > 1 && order == '|')
        fail("dtype ", quote_name(name), ": no byte order");
      header.dtype = type.dtype;
      header.other_order = order == (std::endian::native == std::endian::little ? '>' : '<');
      return;
    }
    fail("dtype ", quote_name(name), " (", kind_of(plain.empty() ? '\0' : plain.front()),
         ") is not supported, expected one of b1, i1, u1, i2, i4, i8, f2, f4, f8, c8, c16");
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& where) {
  return Parser(text, where).parse();
}

std::string make_npy_header(const char* op, const Tensor& tensor) {
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& known) {
    return known.dtype == tensor.scalar_type();
  });
  TAPER_CHECK_AS(DTypeError, type != std::end(kTypes), op, ": NumPy has no type for ",
                 tensor.scalar_type(), "; convert the tensor to Float first");
  const char order = tensor.element_size() == 1 ? '|' : '<';
  std::string text = str("{'descr': '", order, type->name, "', 'fortran_order': False, 'shape': (");
  for (const int64_t size : tensor.sizes()) text += str(size, ", ");
  if (tensor.dim() > 0) text.resize(text.size() - (tensor.dim() > 1 ? 2 : 1));
  text += "), }";
  const size_t used = kPrefixBytes + 2 + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string header(kMagic);
  header += {'\1', '\0'};
  put_little<uint16_t>(header, static_cast<uint16_t>(text.size()));
  return header + text;
}

Tensor read_npy(const ByteReader& read, uint64_t size, const std::string& where) {
  auto fail = [&](const auto&... parts) { detail::fail<IoError>(where, ": ", parts...); };
  unsigned char prefix[kPrefixBytes] = {};
  if (size < kPrefixBytes + 2) fail("truncated: ", size, " bytes, expected a header");
  read(prefix, kPrefixBytes);
  if (std::memcmp(prefix, kMagic.data(), kMagic.size()) != 0) {
    fail("no npy array: it does not start with \\x93NUMPY");
  }
  const int major = prefix[6], minor = prefix[7];
  if (major < 1 || major > 3 || minor != 0) {
    fail("format version ", major, ".", minor, " is unknown, expected 1.0, 2.0 or 3.0");
  }
  unsigned char raw[4] = {};
  const size_t length_bytes = major == 1 ? 2 : 4;
  if (size < kPrefixBytes + length_bytes) fail("truncated: ", size, " bytes");
  read(raw, length_bytes);
  const uint64_t length = get_little<uint32_t>(raw);
  const uint64_t left = size - kPrefixBytes - length_bytes;
  if (length > kLargestHeader || length > left) {
    fail("byte ", kPrefixBytes, ": the header's length is ", length, ", expected at most ",
         std::min(kLargestHeader, left), " (truncated?)");
  }
  std::string text(length, '\0');
  read(text.data(), text.size());
  const NpyHeader header = parse_npy_header(text, where);
  const int64_t item = elementSize(header.dtype);
  int64_t numel = 0;
  try {
    numel = checked_numel("shape", header.sizes, item);
  } catch (const ShapeError& error) {
    fail(error.what());
  }
  const uint64_t bytes = static_cast<uint64_t>(numel * item);
  if (bytes != left - length) {
    fail("the shape ", IntArrayRef(header.sizes), " needs ", bytes, " bytes, but ", left - length,
         bytes > left - length ? " are left (truncated?)" : " follow the header");
  }
  DimVector strides = contiguous_strides(header.sizes);
  if (header.fortran_order) {
    int64_t step = 1;
    for (size_t d = 0; d < header.sizes.size(); ++d) {
      strides[d] = step;
      step *= std::max<int64_t>(header.sizes[d], 1);
    }
  }
  Tensor tensor(TensorImpl::make("load_npy", header.sizes, strides, header.dtype, nullptr, 0));
  read(tensor.data_ptr(), static_cast<size_t>(bytes));
  if (header.other_order) {
    // Each part of a complex number by itself.
    const int64_t part = elementSize(toRealValueType(header.dtype));
    reverse_items(tensor.data_ptr(), static_cast<size_t>(bytes), static_cast<size_t>(part));
  }
  if (header.dtype == kBool) {
    const size_t wrong = find_wrong_bool(tensor.data_ptr(), static_cast<size_t>(bytes));
    if (wrong != bytes) fail("the boolean at byte ", size - bytes + wrong, " is neither 0 nor 1");
  }
  return tensor;
}

}  // namespace taper::io
