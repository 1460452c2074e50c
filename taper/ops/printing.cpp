#include "taper/ops/printing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "taper/autograd/node.h"

namespace taper {
namespace {

// Python's print options.
constexpr int kPrecision = 4;
constexpr int64_t kThreshold = 1000, kEdge = 3, kLineWidth = 80;

/// An element in the forms that its type may need.
struct Element {
  double real = 0;
  int64_t integer = 0;
  double imag = 0;
};

Element element_at(const Tensor& t, int64_t offset) {
  Element e;
  visit_any_dtype(t.scalar_type(), [&](auto zero) {
    const auto value = static_cast<const decltype(zero)*>(t.const_data_ptr())[offset];
    if constexpr (is_complex_v<decltype(zero)>) {
      e = {value.re, 0, value.im};
    } else {
      e = {convert<double>(value), convert<int64_t>(value)};
    }
  });
  return e;
}

std::string number(double value, std::chars_format style, int precision) {
  if (std::isnan(value)) return "nan";
  char text[512];  // 1e308 in fixed notation
  return {text, std::to_chars(text, text + sizeof text, value, style, precision).ptr};
}

/// Chooses one notation and one width for all elements shown.
class Formatter {
 public:
  explicit Formatter(ScalarType type) : type_(type) {}

  /// First pass: every element that will be shown.
  void see(const Element& e) {
    if (!isFloatingType(type_)) {
      width_ = std::max(width_, write(e).size());
    } else if (std::isfinite(e.real) && e.real != 0) {
      shown_.push_back(e.real);
    }
  }
  void choose() {
    if (shown_.empty()) return;
    double low = std::fabs(shown_[0]), high = low;
    for (double v : shown_) {
      low = std::min(low, std::fabs(v));
      high = std::max(high, std::fabs(v));
      integers_ = integers_ && v == std::ceil(v);
    }
    scientific_ = high / low > 1000 || high > 1e8 || (!integers_ && low < 1e-4);
    for (double v : shown_) width_ = std::max(width_, write({v, 0}).size());
  }

  std::string write(const Element& e) const {
    if (type_ == kBool) return e.integer != 0 ? "True" : "False";
    if (!isFloatingType(type_)) return str(e.integer);
    if (scientific_) return scientific(e.real);
    if (!integers_) return number(e.real, std::chars_format::fixed, kPrecision);
    return number(e.real, std::chars_format::fixed, 0) + (std::isfinite(e.real) ? "." : "");
  }
  std::string padded(const Element& e) const {
    const std::string text = write(e);
    return std::string(std::max(width_, text.size()) - text.size(), ' ') + text;
  }
  int64_t width() const { return static_cast<int64_t>(width_); }

 private:
  static std::string scientific(double value) {
    return number(value, std::chars_format::scientific, kPrecision);
  }

  ScalarType type_;
  std::vector<double> shown_;
  bool integers_ = true, scientific_ = false;
  size_t width_ = 1;
};

/// A Formatter for the numbers, or one for each part of complex ones.
class ElementFormatter {
 public:
  explicit ElementFormatter(ScalarType type)
      : complex_(isComplexType(type)), real_(toRealValueType(type)), imag_(toRealValueType(type)) {}

  void see(const Element& e) {
    real_.see(e);
    if (complex_) imag_.see({e.imag});
  }
  void choose() {
    real_.choose();
    if (complex_) imag_.choose();
  }
  std::string write(const Element& e) const {
    return complex_ ? joined(real_.write(e), imag_.write({e.imag})) : real_.write(e);
  }
  std::string padded(const Element& e) const {
    return complex_ ? joined(real_.padded(e), imag_.write({e.imag})) : real_.padded(e);
  }
  int64_t width() const { return complex_ ? real_.width() + imag_.width() + 2 : real_.width(); }

 private:
  static std::string joined(std::string real, const std::string& imag) {
    return real + (imag[0] == '-' ? "" : "+") + imag + "j";
  }

  bool complex_;
  Formatter real_, imag_;
};

class Printer {
 public:
  explicit Printer(const Tensor& t)
      : t_(t), summarize_(t.numel() > kThreshold), format_(t.scalar_type()) {
    see(0, 0);
    format_.choose();
  }

  std::string text(int64_t indent) const { return text(0, 0, indent); }

 private:
  bool cut(int64_t d) const { return summarize_ && t_.sizes()[d] > 2 * kEdge; }

  /// The indices of a dimension that are shown; -1 stands for the dots.
  std::vector<int64_t> shown(int64_t d) const {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < t_.sizes()[d]; ++i) {
      if (cut(d) && i == kEdge) {
        indices.push_back(-1);
        i = t_.sizes()[d] - kEdge;
      }
      indices.push_back(i);
    }
    return indices;
  }

  void see(int64_t d, int64_t offset) {
    if (d == t_.dim()) {
      format_.see(element_at(t_, offset));
      return;
    }
    for (int64_t i : shown(d)) {
      if (i >= 0) see(d + 1, offset + i * t_.strides()[d]);
    }
  }

  std::string text(int64_t d, int64_t offset, int64_t indent) const {
    if (d == t_.dim()) return format_.write(element_at(t_, offset));
    if (d + 1 == t_.dim()) return vector(offset, indent);
    const std::string gap = "," + std::string(static_cast<size_t>(t_.dim() - d - 1), '\n') +
                            std::string(static_cast<size_t>(indent + 1), ' ');
    std::string s;
    for (int64_t i : shown(d)) {
      if (!s.empty()) s += gap;
      s += i < 0 ? "..." : text(d + 1, offset + i * t_.strides()[d], indent + 1);
    }
    return "[" + s + "]";
  }

  std::string vector(int64_t offset, int64_t indent) const {
    const int64_t d = t_.dim() - 1;
    const int64_t per_line = std::max<int64_t>((kLineWidth - indent) / (format_.width() + 2), 1);
    const std::string gap = ",\n" + std::string(static_cast<size_t>(indent + 1), ' ');
    std::string s;
    int64_t place = 0;
    for (int64_t i : shown(d)) {
      if (place > 0) s += place % per_line == 0 ? gap : ", ";
      s += i < 0 ? " ..." : format_.padded(element_at(t_, offset + i * t_.strides()[d]));
      ++place;
    }
    return "[" + s + "]";
  }

  const Tensor& t_;
  bool summarize_;
  ElementFormatter format_;
};

std::string as_tuple(IntArrayRef sizes) {
  std::string s = "(";
  for (size_t d = 0; d < sizes.size(); ++d) s += str(d > 0 ? ", " : "", sizes[d]);
  return s + (sizes.size() == 1 ? ",)" : ")");
}

}  // namespace

const char* python_name(ScalarType type) {
  switch (type) {
    case kByte:
      return "torch.uint8";
    case kChar:
      return "torch.int8";
    case kShort:
      return "torch.int16";
    case kInt:
      return "torch.int32";
    case kLong:
      return "torch.int64";
    case kHalf:
      return "torch.float16";
    case kFloat:
      return "torch.float32";
    case kDouble:
      return "torch.float64";
    case kBool:
      return "torch.bool";
    case kBFloat16:
      return "torch.bfloat16";
    case kComplexFloat:
      return "torch.complex64";
    case kComplexDouble:
      return "torch.complex128";
    case ScalarType::Undefined:
      break;
  }
  return "undefined";
}

std::string repr(const Tensor& tensor) {
  if (!tensor.defined()) return "None";
  constexpr int64_t kIndent = 7;  // of what follows "tensor("
  std::vector<std::string> suffixes;
  const ScalarType type = tensor.scalar_type();
  std::string s = "tensor(";
  bool usual_type = type == get_default_dtype() ||
                    (type == kComplexFloat && get_default_dtype() == kFloat) ||
                    (type == kComplexDouble && get_default_dtype() == kDouble);
  if (tensor.numel() == 0) {
    s += "[]";
    if (tensor.dim() != 1) suffixes.push_back("size=" + as_tuple(tensor.sizes()));
  } else {
    s += Printer(tensor).text(kIndent);
    usual_type = usual_type || type == kLong || type == kBool;
  }
  if (!usual_type) suffixes.push_back(str("dtype=", python_name(type)));
  if (const IntrusivePtr<Node> node = tensor.grad_fn()) {
    suffixes.push_back(str("grad_fn=<", node->name(), ">"));
  } else if (tensor.requires_grad()) {
    suffixes.push_back("requires_grad=True");
  }
  const size_t newline = s.rfind('\n');
  int64_t line =
      static_cast<int64_t>(newline == std::string::npos ? s.size() + 2 : s.size() - newline + 1);
  for (const std::string& suffix : suffixes) {
    const int64_t length = static_cast<int64_t>(suffix.size());
    if (line + length + 2 > kLineWidth) {
      s += ",\n" + std::string(kIndent, ' ') + suffix;
      line = kIndent + length;
    } else {
      s += ", " + suffix;
      line += length + 2;
    }
  }
  return s + ")";
}

}  // namespace taper
