#include "tests/oracle/call_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace taper::oracle {
namespace {

constexpr int64_t kSharedBytes = 1 << 14;

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Call call() {
    Call result{std::string(word()), {}};
    if (result.name.empty()) fail("a name");
    result.arguments = list('(', ')');
    if (!rest_.empty()) fail("the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    throw BadCase{str("expected ", expected, " at \"", rest_, "\"")};
  }

  bool take(char letter) {
    if (rest_.empty() || rest_.front() != letter) return false;
    rest_.remove_prefix(1);
    return true;
  }

  template <class Belongs>
  std::string_view take_while(Belongs belongs) {
    size_t end = 0;
    while (end < rest_.size() && belongs(rest_[end])) ++end;
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }

  std::string_view word() {
    return take_while([](unsigned char c) { return std::isalnum(c) || c == '_'; });
  }

  std::vector<IValue> list(char open, char close) {
    if (!take(open)) fail("a list");
    std::vector<IValue> values;
    while (!take(close)) {
      if (!values.empty() && !take(',')) fail("a comma");
      take(' ');
      values.push_back(value());
    }
    return values;
  }

  IValue value() {
    const char first = rest_.empty() ? '\0' : rest_.front();
    if (first == '[') return IValue::list(list('[', ']'));
    if (take('"')) {
      const std::string_view text = take_while([](char c) { return c != '"'; });
      if (!take('"')) fail("a quote");
      return std::string(text);
    }
    if (first == '-' || std::isdigit(static_cast<unsigned char>(first))) return number();
    const std::string_view name = word();
    if (name == "None") return {};
    if (name == "true" || name == "false") return name == "true";
    if (name == "dtype" && take('=')) {
      IValue options = IValue::dict();
      options.insert("dtype", std::string(word()));
      return options;
    }
    return tensor(type_named(name));
  }

  IValue number() {
    const std::string_view text = take_while(
        [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '+' || c == '.'; });
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    if (std::from_chars(text.data(), end, whole).ptr == end) return whole;
    double real = 0;
    if (std::from_chars(text.data(), end, real).ptr != end) fail("a number");
    return real;
  }

  Tensor tensor(ScalarType type) {
    std::vector<int64_t> sizes;
    for (const IValue& size : list('[', ']')) sizes.push_back(size.toInt());
    Tensor result;
    bool leaf = false;
    while (take(':')) {
      if (rest_.empty()) fail("a mark");
      if (rest_.front() == '-' || std::isdigit(static_cast<unsigned char>(rest_.front()))) {
        const IValue fill = number();
        result = full(sizes, fill.isInt() ? Scalar(fill.toInt()) : Scalar(fill.toDouble()), type);
        continue;
      }
      const std::string_view mark = word();
      if (mark == "leaf") {
        leaf = true;
      } else if (mark == "eye") {
        result = eye(sizes.empty() ? 1 : sizes.back(), type).expand(sizes).clone();
      } else if (mark == "expanded") {
        result = ones({}, type).expand(sizes);
      } else if (mark == "shared" || mark == "shifted") {
        result = shared(sizes, type, mark == "shifted");
      } else {
        fail("another mark");
      }
    }
    if (!result.defined()) result = ones(sizes, type);
    return leaf ? result.set_requires_grad(true) : result;
  }

  Tensor shared(IntArrayRef sizes, ScalarType type, int64_t offset) {
    if (!memory_.defined()) memory_ = ones({kSharedBytes}, kByte);
    int64_t count = 1;
    for (int64_t size : sizes) count *= size;
    return memory_.view(type).narrow(0, offset, count).view(sizes);
  }

  std::string_view rest_;
  Tensor memory_;
};

/// The number of parameters in add(Tensor,Tensor,Scalar).
size_t parameters(std::string_view signature) {
  const bool none = signature.ends_with("()");
  return none ? 0 : 1 + static_cast<size_t>(std::count(signature.begin(), signature.end(), ','));
}

}  // namespace

Call read_call(std::string_view text) { return Reader(text).call(); }

std::vector<Tensor> perform(const Call& call) {
  std::optional<BadCase> unfit;
  for (size_t i = 0; i < kTableSize; ++i) {
    const std::string_view signature = kTable[i].signature;
    if (signature.substr(0, signature.find('(')) != call.name) continue;
    if (parameters(signature) != call.arguments.size()) continue;
    try {
      Arguments arguments(call.arguments);
      return kTable[i].call(arguments);
    } catch (const BadCase& bad) {
      unfit = bad;
    }
  }
  throw unfit ? *unfit : BadCase{"no overload of " + call.name + " takes so many arguments"};
}

}  // namespace taper::oracle
