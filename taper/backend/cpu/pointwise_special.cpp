// Pointwise ops without vector code: special functions, and integer arithmetic that does not
// vectorise. One code for all machines.
#include <cmath>
#include <numeric>
#include <type_traits>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/special_bessel.h"
#include "taper/backend/cpu/special_functions.h"
#include "taper/backend/cpu/special_gamma.h"
#include "taper/backend/cpu/special_polynomials.h"
#include "taper/kernel/frexp.h"

namespace taper::cpu {
namespace {

template <class F, class T, int inputs>
void tile(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const T* const a = static_cast<const T*>(in[0]);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (inputs == 1) {
      static_cast<T*>(out)[i] = static_cast<T>(F()(a[i], params));
    } else if constexpr (std::is_invocable_v<F, T, T, const TileParams&>) {
      static_cast<T*>(out)[i] = static_cast<T>(F()(a[i], static_cast<const T*>(in[1])[i], params));
    } else {
      static_cast<T*>(out)[i] = static_cast<T>(F()(a[i], static_cast<const T*>(in[1])[i]));
    }
  }
}

constexpr TileOp costly(const char* name) {
  TileOp op{};
  op.name = name;
  op.costly = true;
  return op;
}
template <class F, int inputs = 1>
constexpr TileOp special(const char* name) {
  TileOp op = costly(name);
  op.tile[kTileF32] = &tile<F, float, inputs>;
  op.tile[kTileF64] = &tile<F, double, inputs>;
  return op;
}
template <class F>
constexpr TileOp with_integers(TileOp op) {
  op.tile[kTileI32] = &tile<F, int32_t, 2>;
  op.tile[kTileI64] = &tile<F, int64_t, 2>;
  op.tile[kTileI16] = &tile<F, int16_t, 2>;
  op.tile[kTileI8] = &tile<F, int8_t, 2>;
  op.tile[kTileU8] = &tile<F, uint8_t, 2>;
  return op;
}
template <class F>
constexpr TileOp integers(const char* name) {
  return with_integers<F>(costly(name));
}

#define TAPER_SPECIAL(Name, expr)                                                            \
  struct Name {                                                                              \
    double operator()(double x, [[maybe_unused]] const TileParams& p) const { return expr; } \
  };
TAPER_SPECIAL(Lgamma, log_gamma(x))
TAPER_SPECIAL(Digamma, cpu::digamma(x))
TAPER_SPECIAL(Erfinv, erf_inverse(x))
TAPER_SPECIAL(I0, bessel_i(0, x))
TAPER_SPECIAL(I1, bessel_i(1, x))
TAPER_SPECIAL(Polygamma, cpu::polygamma(p.whole[0], x))
TAPER_SPECIAL(Erfcx, scaled_erfc(x))
TAPER_SPECIAL(Ndtri, normal_quantile(x))
TAPER_SPECIAL(LogNdtr, log_normal_share(x))
TAPER_SPECIAL(FrexpMantissa, split_number(x).mantissa)
TAPER_SPECIAL(FrexpExponent, split_number(x).exponent)
TAPER_SPECIAL(BesselOf, cpu::bessel(static_cast<Bessel>(p.whole[0]), x))
#undef TAPER_SPECIAL

template <bool upper>
struct GammaShare {
  double operator()(double a, double b) const { return gamma_share(a, b, upper); }
};
struct Zeta {
  double operator()(double a, double b) const { return hurwitz_zeta(a, b); }
};
struct PolynomialOf {
  double operator()(double a, double b, const TileParams& p) const {
    return cpu::polynomial(static_cast<Polynomial>(p.whole[0]), a, b);
  }
};

struct Hypot {
  double operator()(double a, double b) const { return std::hypot(a, b); }
};
struct Copysign {
  template <class T>
  T operator()(T a, T b) const {
    return std::copysign(a, b);
  }
};
struct Nextafter {
  template <class T>
  T operator()(T a, T b) const {
    return std::nextafter(a, b);
  }
};
struct Logaddexp {
  double operator()(double a, double b) const { return log_add_exp(a, b); }
};
struct Logaddexp2 {
  double operator()(double a, double b) const {
    constexpr double kLn2 = 0.69314718055994530942;
    return log_add_exp(a * kLn2, b * kLn2) / kLn2;
  }
};
struct Xlogy {
  double operator()(double a, double b) const { return x_log_y(a, b); }
};
/// 0 below 0, 1 above, b at 0; NaN stays.
struct Heaviside {
  template <class T>
  T operator()(T a, T b) const {
    if (a != a) return a;
    return a == 0 ? b : static_cast<T>(a > 0);
  }
};

// The least integer has no magnitude of its own type.
template <class T>
std::make_unsigned_t<T> magnitude(T v) {
  using U = std::make_unsigned_t<T>;
  return v < 0 ? static_cast<U>(U(0) - U(v)) : U(v);
}
struct Gcd {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(std::gcd(magnitude(a), magnitude(b)));
  }
};
struct Lcm {
  template <class T>
  T operator()(T a, T b) const {
    const auto x = magnitude(a), y = magnitude(b);
    if (x == 0 || y == 0) return 0;
    using U = std::make_unsigned_t<T>;
    const T product = static_cast<T>(static_cast<U>(x / std::gcd(x, y)) * y);
    return product < 0 ? static_cast<T>(U(0) - U(product)) : product;
  }
};
/// A shift by fewer than 0 or more than all bits moves all of them out.
struct ShiftLeft {
  template <class T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    constexpr int kBits = static_cast<int>(sizeof(T)) * 8;
    if (b < 0 || static_cast<int64_t>(b) >= kBits) return 0;
    return static_cast<T>(static_cast<uint64_t>(U(a)) << static_cast<int>(b));
  }
};
struct ShiftRight {
  template <class T>
  T operator()(T a, T b) const {
    constexpr int kBits = static_cast<int>(sizeof(T)) * 8;
    const bool out = b < 0 || static_cast<int64_t>(b) >= kBits;
    if (out && std::is_unsigned_v<T>) return 0;
    return static_cast<T>(a >> (out ? kBits - 1 : static_cast<int>(b)));
  }
};

struct SpecialOps {
  TileOp lgamma = special<Lgamma>("lgamma");
  TileOp digamma = special<Digamma>("digamma");
  TileOp erfinv = special<Erfinv>("erfinv");
  TileOp i0 = special<I0>("i0");
  TileOp i1 = special<I1>("i1");
  TileOp polygamma = special<Polygamma>("polygamma");
  TileOp erfcx = special<Erfcx>("special_erfcx");
  TileOp ndtri = special<Ndtri>("special_ndtri");
  TileOp log_ndtr = special<LogNdtr>("special_log_ndtr");
  TileOp frexp_mantissa = special<FrexpMantissa>("frexp");
  TileOp frexp_exponent = special<FrexpExponent>("frexp");
  TileOp bessel = special<BesselOf>("bessel");
  TileOp igamma = special<GammaShare<false>, 2>("igamma");
  TileOp igammac = special<GammaShare<true>, 2>("igammac");
  TileOp zeta = special<Zeta, 2>("special_zeta");
  TileOp polynomial = special<PolynomialOf, 2>("polynomial");
  TileOp hypot = special<Hypot, 2>("hypot");
  TileOp copysign = special<Copysign, 2>("copysign");
  TileOp nextafter = special<Nextafter, 2>("nextafter");
  TileOp logaddexp = special<Logaddexp, 2>("logaddexp");
  TileOp logaddexp2 = special<Logaddexp2, 2>("logaddexp2");
  TileOp xlogy = special<Xlogy, 2>("xlogy");
  TileOp heaviside = with_integers<Heaviside>(special<Heaviside, 2>("heaviside"));
  TileOp gcd = integers<Gcd>("gcd");
  TileOp lcm = integers<Lcm>("lcm");
  TileOp shift_left = integers<ShiftLeft>("bitwise_left_shift");
  TileOp shift_right = integers<ShiftRight>("bitwise_right_shift");
};

const SpecialOps& ops() {
  static constexpr SpecialOps kOps;
  return kOps;
}

}  // namespace

TAPER_BODY1(lgamma)
TAPER_BODY1(digamma)
TAPER_BODY1(erfinv)
TAPER_BODY1(i0)
TAPER_BODY1(i1)
TAPER_BODY1(polygamma)
TAPER_BODY1(erfcx)
TAPER_BODY1(ndtri)
TAPER_BODY1(log_ndtr)
TAPER_BODY1(frexp_mantissa)
TAPER_BODY1(frexp_exponent)
TAPER_BODY1(bessel)
TAPER_BODY2(igamma)
TAPER_BODY2(igammac)
TAPER_BODY2(zeta)
TAPER_BODY2(polynomial)
TAPER_BODY2(hypot)
TAPER_BODY2(copysign)
TAPER_BODY2(nextafter)
TAPER_BODY2(logaddexp)
TAPER_BODY2(logaddexp2)
TAPER_BODY2(xlogy)
TAPER_BODY2(heaviside)
TAPER_BODY2(gcd)
TAPER_BODY2(lcm)
TAPER_BODY2(shift_left)
TAPER_BODY2(shift_right)

}  // namespace taper::cpu
