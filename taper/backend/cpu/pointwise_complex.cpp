// Pointwise functions of complex numbers, and their conversions.
#include <cmath>
#include <complex>
#include <cstring>

#include "taper/backend/cpu/convert.h"
#include "taper/backend/cpu/pointwise_body.h"
#include "taper/core/convert.h"

namespace taper::cpu {
namespace {

using Wide = std::complex<double>;

template <class T>
Wide widen(const Complex<T>& z) {
  return {static_cast<double>(z.re), static_cast<double>(z.im)};
}
template <class T>
Complex<T> narrow(const Wide& z) {
  return {static_cast<T>(z.real()), static_cast<T>(z.imag())};
}

// Functors of one to three numbers, R f(Complex<T>...). Arithmetic is in T; the other functions are
// the C library's in double, rounded once.

#define TAPER_STD_FUNCTIONS(X)                                                                  \
  X(sqrt)                                                                                       \
  X(exp)                                                                                        \
  X(log) X(log10) X(sin) X(cos) X(tan) X(sinh) X(cosh) X(tanh) X(asin) X(acos) X(atan) X(asinh) \
      X(acosh) X(atanh)
#define TAPER_DEFINE(name) \
  Wide call_##name(Wide z) { return std::name(z); }
TAPER_STD_FUNCTIONS(TAPER_DEFINE)
#undef TAPER_DEFINE

constexpr double kLn2 = 0.69314718055994530942;

Wide call_exp2(Wide z) { return std::exp(kLn2 * z); }
Wide call_log2(Wide z) { return std::log(z) / kLn2; }
Wide call_rsqrt(Wide z) { return 1.0 / std::sqrt(z); }
Wide call_sigmoid(Wide z) { return 1.0 / (1.0 + std::exp(-z)); }
Wide call_silu(Wide z) { return z / (1.0 + std::exp(-z)); }
/// e^x cos y - 1 = (e^x - 1) cos y - 2 sin^2(y / 2), without cancellation.
Wide call_expm1(Wide z) {
  const double half = std::sin(z.imag() / 2), less = std::expm1(z.real());
  return {less * std::cos(z.imag()) - 2 * half * half, (less + 1) * std::sin(z.imag())};
}
/// log |1 + z| from |1 + z|^2 - 1 = x (2 + x) + y^2.
Wide call_log1p(Wide z) {
  const double x = z.real(), y = z.imag();
  const double small = x * (2 + x) + y * y;
  const double length =
      std::fabs(small) < 0.5 ? std::log1p(small) / 2 : std::log(std::hypot(1 + x, y));
  return {length, std::atan2(y, 1 + x)};
}
Wide call_pow(Wide base, Wide exponent) {
  if (exponent == 0.0) return 1.0;
  if (exponent == 1.0) return base;
  if (base == 0.0 && exponent.real() > 0) return 0.0;
  return std::pow(base, exponent);
}

template <Wide (*f)(Wide)>
struct Function {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    return narrow<T>(f(widen(z)));
  }
};
/// |z|, without overflow on the way.
template <class T>
T length(Complex<T> z) {
  return static_cast<T>(std::hypot(static_cast<double>(z.re), static_cast<double>(z.im)));
}

struct Abs {
  template <class T>
  T operator()(Complex<T> z) const {
    return length(z);
  }
};
struct Sgn {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    const T size = length(z);
    return size == 0 ? Complex<T>() : Complex<T>(z.re / size, z.im / size);
  }
};
struct Neg {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    return -z;
  }
};
struct Conj {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    return {z.re, -z.im};
  }
};
struct Square {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    return z * z;
  }
};
/// Where the ratio of b's parts is too small for a number, a part of a is divided first.
inline Complex<double> divide(const Complex<double>& a, const Complex<double>& b) {
  if (std::fabs(b.re) < std::fabs(b.im)) {
    return divide({a.im, -a.re}, {b.im, -b.re});  // both times -i
  }
  const double ratio = b.im / b.re;
  if (ratio != 0 || b.im == 0) return a / b;
  return {(a.re + b.im * (a.im / b.re)) / b.re, (a.im - b.im * (a.re / b.re)) / b.re};
}
struct Div {
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b) const {
    return Complex<T>(divide(Complex<double>(a), Complex<double>(b)));
  }
};
struct Reciprocal {
  template <class T>
  Complex<T> operator()(Complex<T> z) const {
    return Complex<T>(divide(1, Complex<double>(z)));
  }
};
struct IsNan {
  template <class T>
  bool operator()(Complex<T> z) const {
    return std::isnan(z.re) || std::isnan(z.im);
  }
};
struct IsInf {
  template <class T>
  bool operator()(Complex<T> z) const {
    return std::isinf(z.re) || std::isinf(z.im);
  }
};
struct IsFinite {
  template <class T>
  bool operator()(Complex<T> z) const {
    return std::isfinite(z.re) && std::isfinite(z.im);
  }
};
template <class T>
bool truth(Complex<T> z) {
  return convert<bool>(z);
}
struct Not {
  template <class T>
  bool operator()(Complex<T> z) const {
    return !truth(z);
  }
};

/// A functor with the op's first number, 1 where it has none.
struct Scaled {
  explicit Scaled(const TileParams& p) : alpha(p.get<Complex<double>>(0)) {}
  template <class T>
  Complex<T> by(Complex<T> z) const {
    return alpha == Complex<double>(1) ? z : Complex<T>(alpha) * z;
  }
  Complex<double> alpha;
};
struct Add : Scaled {
  using Scaled::Scaled;
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b) const {
    return a + by(b);
  }
};
struct Sub : Scaled {
  using Scaled::Scaled;
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b) const {
    return a - by(b);
  }
};
struct Mul {
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b) const {
    return a * b;
  }
};
struct Pow {
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b) const {
    return b == Complex<T>(2) ? a * a : narrow<T>(call_pow(widen(a), widen(b)));
  }
};
struct Equal {
  template <class T>
  bool operator()(Complex<T> a, Complex<T> b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  bool operator()(Complex<T> a, Complex<T> b) const {
    return !(a == b);
  }
};
struct And {
  template <class T>
  bool operator()(Complex<T> a, Complex<T> b) const {
    return truth(a) && truth(b);
  }
};
struct Or {
  template <class T>
  bool operator()(Complex<T> a, Complex<T> b) const {
    return truth(a) || truth(b);
  }
};
struct Xor {
  template <class T>
  bool operator()(Complex<T> a, Complex<T> b) const {
    return truth(a) != truth(b);
  }
};
struct Where {
  template <class T>
  Complex<T> operator()(bool c, Complex<T> a, Complex<T> b) const {
    return c ? a : b;
  }
};
struct Lerp {
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b, Complex<T> w) const {
    // The form that is exact at its own end.
    return w.re * w.re + w.im * w.im < T(0.25) ? a + w * (b - a)
                                               : b - (b - a) * (Complex<T>(1) - w);
  }
};
struct Addcmul : Scaled {
  using Scaled::Scaled;
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b, Complex<T> c) const {
    return a + by(b) * c;
  }
};
struct Addcdiv : Scaled {
  using Scaled::Scaled;
  template <class T>
  Complex<T> operator()(Complex<T> a, Complex<T> b, Complex<T> c) const {
    return a + Div()(by(b), c);
  }
};

template <class F>
F make(const TileParams& params) {
  if constexpr (std::is_constructible_v<F, const TileParams&>) {
    return F(params);
  } else {
    return F();
  }
}

/// A tile function of F on numbers of parts T; First is the type of its first input.
template <class F, class First, class... Rest, size_t... I>
void run(void* out, const void* const* in, int64_t n, const TileParams& params,
         std::index_sequence<I...>) {
  const F f = make<F>(params);
  using R = decltype(f(First(), Rest()...));
  auto* to = static_cast<R*>(out);
  const auto* first = static_cast<const First*>(in[0]);
  for (int64_t i = 0; i < n; ++i) {
    to[i] = f(first[i], static_cast<const Rest*>(in[I + 1])[i]...);
  }
}
template <class F, class First, class... Rest>
void tile(void* out, const void* const* in, int64_t n, const TileParams& params) {
  run<F, First, Rest...>(out, in, n, params, std::index_sequence_for<Rest...>());
}

template <class F, int inputs, class T, class First = T>
constexpr TileFn tile_of() {
  if constexpr (inputs == 1) {
    return &tile<F, First>;
  } else if constexpr (inputs == 2) {
    return &tile<F, First, T>;
  } else {
    return &tile<F, First, T, T>;
  }
}
template <class F, int inputs>
constexpr TileOp op(const char* name) {
  using C64 = Complex<float>;
  using C128 = Complex<double>;
  TileOp r{};
  r.name = name;
  if constexpr (std::is_same_v<F, Where>) {
    r.mask_first = true;
    r.tile[kTileC64] = tile_of<F, inputs, C64, bool>();
    r.tile[kTileC128] = tile_of<F, inputs, C128, bool>();
  } else {
    r.tile[kTileC64] = tile_of<F, inputs, C64>();
    r.tile[kTileC128] = tile_of<F, inputs, C128>();
  }
  return r;
}
template <class F, int inputs>
constexpr TileOp predicate(const char* name) {
  TileOp r = op<F, inputs>(name);
  r.predicate = true;
  return r;
}
constexpr TileOp costly(TileOp r) {
  r.costly = true;
  return r;
}
constexpr TileOp real_result(TileOp r) {
  r.real_result = true;
  return r;
}

constexpr TileOp kOps[] = {
#define TAPER_ROW(name) costly(op<Function<call_##name>, 1>(#name)),
    TAPER_STD_FUNCTIONS(TAPER_ROW)
#undef TAPER_ROW
        costly(op<Function<call_exp2>, 1>("exp2")),
    costly(op<Function<call_log2>, 1>("log2")),
    costly(op<Function<call_rsqrt>, 1>("rsqrt")),
    costly(op<Function<call_sigmoid>, 1>("sigmoid")),
    costly(op<Function<call_silu>, 1>("silu")),
    costly(op<Function<call_expm1>, 1>("expm1")),
    costly(op<Function<call_log1p>, 1>("log1p")),
    real_result(costly(op<Abs, 1>("abs"))),
    costly(op<Sgn, 1>("sign")),
    op<Neg, 1>("neg"),
    op<Conj, 1>("conj"),
    op<Square, 1>("square"),
    op<Reciprocal, 1>("reciprocal"),
    predicate<IsNan, 1>("isnan"),
    predicate<IsInf, 1>("isinf"),
    predicate<IsFinite, 1>("isfinite"),
    predicate<Not, 1>("logical_not"),
    op<Add, 2>("add"),
    op<Sub, 2>("sub"),
    op<Mul, 2>("mul"),
    op<Div, 2>("div"),
    costly(op<Pow, 2>("pow")),
    predicate<Equal, 2>("eq"),
    predicate<NotEqual, 2>("ne"),
    predicate<And, 2>("logical_and"),
    predicate<Or, 2>("logical_or"),
    predicate<Xor, 2>("logical_xor"),
    op<Where, 3>("where"),
    op<Lerp, 3>("lerp"),
    op<Addcmul, 3>("addcmul"),
    op<Addcdiv, 3>("addcdiv"),
};

template <class To, class From>
void convert_loop(void* to, const void* from, int64_t n) {
  auto* t = static_cast<To*>(to);
  const auto* f = static_cast<const From*>(from);
  for (int64_t i = 0; i < n; ++i) t[i] = taper::convert<To>(f[i]);
}

}  // namespace

const TileOp& complex_op(const char* name, ScalarType compute) {
  for (const TileOp& row : kOps) {
    if (std::strcmp(row.name, name) == 0) return row;
  }
  fail_complex(name, compute);
}

ConvertFn complex_convert_fn(ScalarType to, ScalarType from) {
  return visit_any_dtype(to, [from](auto t) {
    return visit_any_dtype(from, [](auto f) -> ConvertFn {
      using To = decltype(t);
      using From = decltype(f);
      if constexpr (is_complex_v<To> || is_complex_v<From>) {
        return convert_loop<To, From>;
      } else {
        return nullptr;
      }
    });
  });
}

void conj(View out, const Operand& x, Params params, ScalarType compute) {
  run1(complex_op("conj", compute), out, x, params, compute);
}

}  // namespace taper::cpu
