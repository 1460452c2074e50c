#include "taper/ops/fft.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/autocast_state.h"
#include "taper/autograd/grad_mode.h"
#include "taper/kernel/fft.h"
#include "taper/ops/complex.h"
#include "taper/ops/creation.h"
#include "taper/ops/grid.h"
#include "taper/ops/joining.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// x along its last dimension with n elements: cut, or filled up with zeros.
Tensor of_length(const Tensor& x, int64_t n) {
  const int64_t size = x.size(-1);
  if (size >= n) return size == n ? x : x.narrow(-1, 0, n);
  DimVector rest(x.sizes());
  rest.back() = n - size;
  return cat({x, x.new_zeros(rest)}, -1);
}

/// The sizes of x with another last one.
DimVector with_last(const Tensor& x, int64_t n) {
  DimVector sizes(x.sizes());
  sizes.back() = n;
  return sizes;
}

// Transforms along the last dimension, times scale; each one's gradient is made of the others.

Tensor to_complex_rows(const Tensor& input, bool inverse, double scale) {
  const Tensor x = input.contiguous();
  Tensor out = new_tensor("fft", x.sizes(), x.scalar_type());
  fft_complex_kernel(x.device(), out_view(out), in(x), inverse, scale);
  record({.name = "FftC2CBackward0",
          .outputs = {out},
          .inputs = {x},
          .backward = [inverse, scale](Backward& g) {
            g.set(0, to_complex_rows(g.grad(), !inverse, scale));
          }});
  return out;
}

Tensor from_real_rows(const Tensor& input, double scale) {
  const Tensor x = input.contiguous();
  const int64_t n = x.size(-1);
  Tensor out = new_tensor("rfft", with_last(x, n / 2 + 1), toComplexType(x.scalar_type()));
  fft_from_real_kernel(x.device(), out_view(out), in(x), scale);
  record({.name = "FftR2CBackward0",
          .outputs = {out},
          .inputs = {x},
          .backward = [n, scale](Backward& g) {
            g.set(0, real(to_complex_rows(of_length(g.grad(), n), true, scale)));
          }});
  return out;
}

/// Of input's first n / 2 + 1 numbers.
Tensor to_real_rows(const Tensor& input, int64_t n, double scale) {
  const Tensor x = of_length(input, n / 2 + 1).contiguous();
  Tensor out = new_tensor("irfft", with_last(x, n), toRealValueType(x.scalar_type()));
  fft_to_real_kernel(x.device(), out_view(out), in(x), scale);
  record({.name = "FftC2RBackward0",
          .outputs = {out},
          .inputs = {x},
          .backward = [n, scale](Backward& g) {
            const Tensor grad = from_real_rows(g.grad(), scale);
            // All values but the first, and the last of an even length, stand for two.
            Tensor times = ones({n / 2 + 1}, g.grad().options());
            {
              const NoRecordGuard no_record;
              times.narrow(0, 1, (n - 1) / 2).fill_(2);
            }
            g.set(0, mul(grad, times));
          }});
  return out;
}

double scale_of(const char* op, std::optional<std::string_view> norm, int64_t n, bool inverse) {
  const std::string_view mode = norm.value_or("backward");
  TAPER_CHECK_AS(ConfigError, mode == "backward" || mode == "forward" || mode == "ortho", op,
                 ": Invalid normalization mode: \"", mode,
                 "\", expected backward, forward or ortho");
  const double length = static_cast<double>(n);
  if (mode == "ortho") return 1 / std::sqrt(length);
  return (mode == "backward") == inverse ? 1 / length : 1;
}

/// self in a type that has transforms.
Tensor promoted(const char* op, const Tensor& given, bool to_complex) {
  const Tensor self = autocasting() ? autocast_to(given, kFloat) : given;
  ScalarType type = to_floating(self.scalar_type());
  TAPER_CHECK_AS(DTypeError, !isReducedFloatingType(type), op, ": Unsupported dtype ", type);
  if (to_complex) type = toComplexType(type);
  return type == self.scalar_type() ? self : self.to(type);
}

void check_real(const char* op, const char* name, const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, !self.is_complex(), op, ": ", name,
                 " expects a real input tensor, but got ", self.scalar_type());
}

void check_length(const char* op, int64_t n) {
  TAPER_CHECK_AS(ShapeError, n >= 1, op, ": Invalid number of data points (", n, ") specified");
  // Bluestein's convolution is up to four times as long.
  TAPER_CHECK_AS(ShapeError, n <= (int64_t{1} << 40), op, ": Invalid number of data points (", n,
                 ") specified: too many");
}

enum class Kind { kComplex, kFromReal, kToReal };

/// One dimension's transform. n: the length of the signal, checked.
Tensor along(const char* op, const Tensor& x, Kind kind, bool inverse, int64_t n, int64_t dim,
             std::optional<std::string_view> norm) {
  const double scale = scale_of(op, norm, n, inverse);
  const Tensor rows = dim == x.dim() - 1 ? x : x.movedim(dim, -1);
  Tensor out;
  if (kind == Kind::kComplex) {
    out = to_complex_rows(of_length(rows, n), inverse, scale);
  } else if (kind == Kind::kFromReal) {
    out = from_real_rows(of_length(rows, n), scale);
    if (inverse) out = conj(out);
  } else {
    out = to_real_rows(inverse ? rows : conj(rows), n, scale);
  }
  return dim == x.dim() - 1 ? out : out.movedim(-1, dim);
}

/// fft() and the others of one dimension.
Tensor line(const char* op, const Tensor& self, std::optional<int64_t> n, int64_t dim,
            std::optional<std::string_view> norm, Kind kind, bool inverse) {
  TAPER_CHECK_AS(IndexError, self.dim() > 0, op, ": Dimension specified as ", dim,
                 " but tensor has no dimensions");
  const int64_t d = wrap_dim(dim, self.dim());
  if (kind == Kind::kFromReal) check_real(op, inverse ? "ihfft" : "rfft", self);
  const int64_t size = self.sizes()[d];
  const int64_t length = n.value_or(kind == Kind::kToReal ? 2 * (size - 1) : size);
  check_length(op, length);
  const Tensor x = promoted(op, self, kind != Kind::kFromReal);
  return along(op, x, kind, inverse, length, d, norm);
}

/// The dimensions of a transform and the signal's lengths in them.
struct Shape {
  DimVector dims, lengths;
};
Shape shape_of(const char* op, const Tensor& self, OptionalIntArrayRef s, OptionalIntArrayRef dim,
               Kind kind) {
  const int64_t rank = self.dim();
  const size_t count = dim ? (*dim).size() : s ? (*s).size() : static_cast<size_t>(rank);
  if (dim) {
    TAPER_CHECK_AS(ShapeError, !s || (*s).size() == count, op,
                   ": When given, dim and shape arguments must have the same length, got ", count,
                   " and ", s ? (*s).size() : 0);
  } else {
    TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(count) <= rank, op, ": Got shape with ", count,
                   " values but input tensor only has ", rank, " dimensions.");
  }
  Shape shape;
  uint64_t seen = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t d = dim ? wrap_dim((*dim)[i], rank)
                          : rank - static_cast<int64_t>(count) + static_cast<int64_t>(i);
    TAPER_CHECK_AS(IndexError, rank > 0, op, ": tensor has no dimensions, got dim ", d);
    TAPER_CHECK_AS(ShapeError, (seen >> d & 1) == 0, op, ": FFT dims must be unique, got ", d,
                   " twice");
    seen |= uint64_t{1} << d;
    const bool given = s && (*s)[i] != -1;
    const bool half = kind == Kind::kToReal && i + 1 == count;
    const int64_t size = self.sizes()[d];
    const int64_t length = given ? (*s)[i] : half ? 2 * (size - 1) : size;
    check_length(op, length);
    shape.dims.push_back(d);
    shape.lengths.push_back(length);
  }
  TAPER_CHECK_AS(ShapeError, kind == Kind::kComplex || count > 0, op,
                 " must transform at least one axis");
  return shape;
}

/// fftn() and the others of several dimensions; the last one is real in two of the kinds.
Tensor many(const char* op, const Tensor& self, OptionalIntArrayRef s, OptionalIntArrayRef dim,
            std::optional<std::string_view> norm, Kind kind, bool inverse) {
  if (kind == Kind::kFromReal) check_real(op, inverse ? "ihfftn" : "rfftn", self);
  const Shape shape = shape_of(op, self, s, dim, kind);
  Tensor x = promoted(op, self, kind != Kind::kFromReal);
  const size_t count = shape.dims.size();
  const auto last = [&] {
    x = along(op, x, kind, inverse, shape.lengths.back(), shape.dims.back(), norm);
  };
  if (kind == Kind::kFromReal) last();
  for (size_t i = count - (kind == Kind::kComplex ? 0 : 1); i-- > 0;) {
    x = along(op, x, Kind::kComplex, inverse, shape.lengths[i], shape.dims[i], norm);
  }
  if (kind == Kind::kToReal) last();
  return x;
}

Tensor shifted(const Tensor& self, OptionalIntArrayRef dim, int64_t up) {
  DimVector dims, shifts;
  if (dim) {
    for (int64_t d : *dim) dims.push_back(wrap_dim(d, self.dim()));
  } else {
    for (int64_t d = 0; d < self.dim(); ++d) dims.push_back(d);
  }
  if (self.dim() == 0 || dims.empty()) return self.clone();
  for (int64_t d : dims) shifts.push_back((self.sizes()[d] + up) / 2);
  return self.roll(shifts, dims);
}

}  // namespace

#define TAPER_LINE(name, kind, inverse)                                                    \
  Tensor fft_##name(const Tensor& self, std::optional<int64_t> n, int64_t dim,             \
                    std::optional<std::string_view> norm) {                                \
    return line(#name, self, n, dim, norm, kind, inverse);                                 \
  }                                                                                        \
  Tensor fft_##name##n(const Tensor& self, OptionalIntArrayRef s, OptionalIntArrayRef dim, \
                       std::optional<std::string_view> norm) {                             \
    return many(#name "n", self, s, dim, norm, kind, inverse);                             \
  }
TAPER_LINE(fft, Kind::kComplex, false)
TAPER_LINE(ifft, Kind::kComplex, true)
TAPER_LINE(rfft, Kind::kFromReal, false)
TAPER_LINE(irfft, Kind::kToReal, true)
TAPER_LINE(hfft, Kind::kToReal, false)
TAPER_LINE(ihfft, Kind::kFromReal, true)
#undef TAPER_LINE

Tensor fft_fftfreq(int64_t n, double d, const TensorOptions& options) {
  const TensorOptions plain = options.has_dtype() ? options : options.dtype(get_default_dtype());
  Tensor result = arange(n, plain.requires_grad(false));
  Tensor negative = result.narrow(0, (n + 1) / 2, n / 2);
  negative.sub_(n);
  result.mul_(1 / (static_cast<double>(n) * d));
  return options.requires_grad() ? result.requires_grad_() : result;
}
Tensor fft_rfftfreq(int64_t n, double d, const TensorOptions& options) {
  TAPER_CHECK(n >= 0, "rfftfreq: n must be non-negative, got ", n);
  const TensorOptions plain = options.has_dtype() ? options : options.dtype(get_default_dtype());
  Tensor result = arange(n / 2 + 1, plain.requires_grad(false));
  result.mul_(1 / (static_cast<double>(n) * d));
  return options.requires_grad() ? result.requires_grad_() : result;
}
Tensor fft_fftshift(const Tensor& self, OptionalIntArrayRef dim) { return shifted(self, dim, 0); }
Tensor fft_ifftshift(const Tensor& self, OptionalIntArrayRef dim) { return shifted(self, dim, 1); }

}  // namespace taper
