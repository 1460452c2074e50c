#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <vector>

#include "taper/tensor/tensor.h"

// LibTorch's layout: one number format for a whole tensor or matrix, columns cut at 80 characters,
// type and sizes at the end. to_chars, not streams: the text does not depend on the locale.
namespace taper {
namespace {

constexpr int64_t kLineWidth = 80;

/// The elements in row-major order; of complex ones, both parts.
std::vector<double> values_of(const Tensor& t) {
  std::vector<double> values;
  values.reserve(static_cast<size_t>(t.numel()));
  DimVector index(t.dim(), 0);
  visit_any_dtype(t.scalar_type(), [&](auto zero) {
    const auto* data = static_cast<const decltype(zero)*>(t.const_data_ptr());
    int64_t at = 0;
    for (int64_t i = 0; i < t.numel(); ++i) {
      if constexpr (is_complex_v<decltype(zero)>) {
        values.insert(values.end(), {data[at].re, data[at].im});
      } else {
        values.push_back(convert<double>(data[at]));
      }
      for (int64_t d = t.dim() - 1; d >= 0; --d) {
        at += t.strides()[d];
        if (++index[d] < t.sizes()[d]) break;
        at -= t.sizes()[d] * t.strides()[d];
        index[d] = 0;
      }
    }
  });
  return values;
}

/// How the numbers of one tensor or matrix are written.
struct Format {
  std::chars_format style = std::chars_format::general;
  int precision = 6;
  int64_t width = 0;
  double scale = 1;
  int parts = 1;  // of an element: 2 in complex numbers

  /// The element whose parts start at `value`.
  void write(std::string& s, const double* value) const {
    write(s, value[0]);
    if (parts == 1) return;
    const bool minus = std::signbit(value[1]);
    s += minus ? '-' : '+';
    Format narrow = *this;
    narrow.width = 0;
    narrow.write(s, minus ? -value[1] : value[1]);
    s += 'j';
  }
  void write(std::string& s, double value) const {
    char text[512];  // 1e308 in fixed notation
    value /= scale;
    char* end = text;
    if (std::isnan(value)) {
      for (char c : {'n', 'a', 'n'}) *end++ = c;
    } else {
      end = std::to_chars(text, text + sizeof text, value, style, precision).ptr;
    }
    s.append(static_cast<size_t>(std::max<int64_t>(width - (end - text), 0)), ' ');
    s.append(text, end);
  }
};

/// The number of digits before the point of the largest and the smallest magnitude.
struct Digits {
  double least = 1, most = 1;
};

Digits digits_of(const double* values, int64_t count) {
  const double* first =
      std::find_if(values, values + count, [](double v) { return std::isfinite(v); });
  if (first == values + count) return {};
  double low = std::fabs(*first), high = low;
  for (const double* v = first; v < values + count; ++v) {
    if (!std::isfinite(*v)) continue;
    low = std::min(low, std::fabs(*v));
    // LibTorch's rule: a negative number does not widen the columns.
    if (*v > high) high = *v;
  }
  const auto digits = [](double v) { return v == 0 ? 1 : std::floor(std::log10(v)) + 1; };
  return {digits(low), digits(high)};
}

Format format_of_numbers(const double* values, int64_t count) {
  const bool integers = std::all_of(
      values, values + count, [](double v) { return !std::isfinite(v) || v == std::ceil(v); });
  const Digits d = digits_of(values, count);
  constexpr auto scientific = std::chars_format::scientific, fixed = std::chars_format::fixed;
  if (integers) {
    if (d.most > 9) return {scientific, 4, 11, 1};
    return {std::chars_format::general, 6, static_cast<int64_t>(d.most) + 1, 1};
  }
  if (d.most - d.least > 4) {
    const bool wide = std::fabs(d.most) > 99 || std::fabs(d.least) > 99;
    return {scientific, 4, wide ? 12 : 11, 1};
  }
  if (d.most > 5 || d.most < 0) return {fixed, 4, 7, std::pow(10.0, d.most - 1)};
  return {fixed, 4, d.most == 0 ? 7 : static_cast<int64_t>(d.most) + 6, 1};
}

Format format_for(const double* values, int64_t count, int parts) {
  Format format = format_of_numbers(values, count * parts);
  format.parts = parts;
  return format;
}

void write_scale(std::string& s, double scale) {
  Format().write(s, scale);
  s += " *\n";
}

void write_matrix(std::string& s, const double* values, int64_t rows, int64_t columns,
                  int64_t indent, int parts) {
  const Format format = format_for(values, rows * columns, parts);
  const std::string margin(static_cast<size_t>(indent), ' ');
  const int64_t per_line =
      std::max<int64_t>((kLineWidth - indent) / (parts * (format.width + 1)), 1);
  s += margin;
  for (int64_t first = 0; first < columns; first += per_line) {
    const int64_t last = std::min(first + per_line, columns);
    if (per_line < columns) {
      if (first != 0) s += '\n';
      s += str("Columns ", first + 1, " to ", last) + margin;
    }
    if (format.scale != 1) {
      write_scale(s, format.scale);
      s += margin;
    }
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = first; column < last; ++column) {
        format.write(s, values + (row * columns + column) * parts);
        s += column + 1 < last ? ' ' : '\n';
      }
      if (row + 1 < rows) s += format.scale != 1 ? margin + " " : margin;
    }
  }
}

/// Matrix after matrix; the first dimension counts fastest, as LibTorch has it.
void write_matrices(std::string& s, const std::vector<double>& values, IntArrayRef sizes,
                    int parts) {
  const size_t outer = sizes.size() - 2;
  const int64_t rows = sizes[outer], columns = sizes[outer + 1];
  DimVector index(outer, 0);
  const int64_t count = static_cast<int64_t>(values.size()) / (rows * columns * parts);
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) s += '\n';
    s += '(';
    int64_t at = 0;
    for (size_t d = 0; d < outer; ++d) {
      at = at * sizes[d] + index[d];
      s += str(index[d] + 1, ",");
    }
    s += ".,.) = \n";
    write_matrix(s, values.data() + at * rows * columns * parts, rows, columns, 1, parts);
    for (size_t d = 0; d < outer && ++index[d] == sizes[d]; ++d) index[d] = 0;
  }
}

}  // namespace

std::string Tensor::toString() const {
  return str(is_cpu() ? "CPU" : "CUDA", taper::toString(scalar_type()), "Type");
}

std::string to_string(const Tensor& tensor) {
  if (!tensor.defined()) return "[ Tensor (undefined) ]";
  std::string s;
  if (tensor.numel() > 0) {
    const std::vector<double> values = values_of(tensor);
    const int64_t count = tensor.numel();
    const int parts = tensor.is_complex() ? 2 : 1;
    if (tensor.dim() == 0) {
      Format format;
      format.parts = parts;
      format.write(s, values.data());
      s += '\n';
    } else if (tensor.dim() == 1) {
      const Format format = format_for(values.data(), count, parts);
      if (format.scale != 1) write_scale(s, format.scale);
      for (int64_t i = 0; i < count; ++i) {
        format.write(s, values.data() + i * parts);
        s += '\n';
      }
    } else if (tensor.dim() == 2) {
      write_matrix(s, values.data(), tensor.sizes()[0], tensor.sizes()[1], 0, parts);
    } else {
      write_matrices(s, values, tensor.sizes(), parts);
    }
  }
  s += "[ " + tensor.toString() + "{";
  for (int64_t d = 0; d < tensor.dim(); ++d) s += str(d > 0 ? "," : "", tensor.sizes()[d]);
  return s + "} ]";
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  return out << to_string(tensor);
}

std::ostream& operator<<(std::ostream& out, IntArrayRef sizes) { return out << str(sizes); }
std::ostream& operator<<(std::ostream& out, ScalarType type) { return out << str(type); }
std::ostream& operator<<(std::ostream& out, Device device) { return out << str(device); }
std::ostream& operator<<(std::ostream& out, const Scalar& value) { return out << str(value); }

}  // namespace taper
