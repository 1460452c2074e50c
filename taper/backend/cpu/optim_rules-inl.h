// The rules of the optimizers: what one step does to each element. The driver, optim.cpp, is
// compiled once per instruction set and includes this for each.
#ifndef TAPER_OPTIM_ONCE_
#define TAPER_OPTIM_ONCE_

#include <tuple>

#include "taper/kernel/optim.h"

namespace taper::cpu {

/// Elements of one parameter's arrays; absent arrays are null.
template <class T>
struct Span {
  T* param;
  const T* grad;
  T* state[StepTensor::kStates];
};

/// One rule's loops over such elements.
template <class Args>
struct Update {
  void (*f32)(const Args&, const StepTensor&, const Span<float>&, int64_t);
  void (*f64)(const Args&, const StepTensor&, const Span<double>&, int64_t);
};
template <class... Args>
using UpdatesOf = std::tuple<Update<Args>...>;
using Updates = UpdatesOf<SgdArgs, AdamArgs, NAdamArgs, RAdamArgs, AdamaxArgs, RMSpropArgs,
                          AdagradArgs, AdadeltaArgs, AsgdArgs, RpropArgs, LionArgs>;

}  // namespace taper::cpu
#endif

#if defined(TAPER_OPTIM_RULES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_OPTIM_RULES_INL_H_
#undef TAPER_OPTIM_RULES_INL_H_
#else
#define TAPER_OPTIM_RULES_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Loads and stores of whole vectors, or of the first lanes of the last one.
template <class D>
struct Whole {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  static HWY_INLINE V load(D d, const T* p) { return hn::LoadU(d, p); }
  static HWY_INLINE void store(V v, D d, T* p) { hn::StoreU(v, d, p); }
};
template <class D>
struct Part {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  hn::Mask<D> mask;
  HWY_INLINE V load(D d, const T* p) const { return hn::MaskedLoad(mask, d, p); }
  HWY_INLINE void store(V v, D d, T* p) const { hn::BlendedStore(v, mask, d, p); }
};

/// Calls update(d, access, i) for vectors that cover [0, n). Every operation is rounded alike in
/// a whole vector and in a rest, so an element's bits do not depend on where it lies.
template <class T, class Update>
HWY_INLINE void over(int64_t n, const Update& update) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) update(d, Whole<decltype(d)>(), i);
  if (i == n) return;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  update(d, Part<decltype(d)>{hn::FirstN(d, static_cast<size_t>(n - i))}, i);
#else
  const hn::CappedTag<T, 1> one;  // a masked store touches memory past the end here
  for (; i < n; ++i) update(one, Whole<decltype(one)>(), i);
#endif
}

/// The gradient that a rule sees, and the parameter that it starts from.
template <class T>
class Decay {
 public:
  Decay(bool maximize, double weight_decay, bool decoupled = false, double lr = 0)
      : sign_(maximize ? T(-1) : T(1)),
        weight_decay_(static_cast<T>(weight_decay)),
        shrink_(decoupled ? static_cast<T>(1 - lr * weight_decay) : T(1)),
        coupled_(weight_decay != 0 && !decoupled) {}
  template <class D, class V>
  HWY_INLINE void apply(D d, V& g, V& p) const {
    coupled_ ? apply_as<true>(d, g, p) : apply_as<false>(d, g, p);
  }
  /// For loops that are compiled for each kind of decay.
  template <bool kCoupled, class D, class V>
  HWY_INLINE void apply_as(D d, V& g, V& p) const {
    g = hn::Mul(g, hn::Set(d, sign_));
    if (kCoupled) {
      g = hn::MulAdd(hn::Set(d, weight_decay_), p, g);
    } else {
      p = hn::Mul(p, hn::Set(d, shrink_));
    }
  }

 private:
  T sign_, weight_decay_, shrink_;
  bool coupled_;
};

/// average = (1 - weight) average + weight * value
template <class D, class V>
HWY_INLINE V blend(D d, V average, V value, hn::TFromD<D> weight) {
  return hn::MulAdd(hn::Set(d, weight), hn::Sub(value, average), average);
}
/// average = keep * average + rest * g^2
template <class D, class V>
HWY_INLINE V blend_square(D d, V average, V g, hn::TFromD<D> keep, hn::TFromD<D> rest) {
  return hn::MulAdd(hn::Mul(g, hn::Set(d, rest)), g, hn::Mul(average, hn::Set(d, keep)));
}
/// The larger; NaN where either is.
template <class V>
HWY_INLINE V larger(V a, V b) {
  return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::Ne(a, a)), a, b);
}
/// -1, 0 or 1.
template <class D, class V>
HWY_INLINE V sign_of(D d, V v) {
  const V zero = hn::Zero(d), one = hn::Set(d, hn::TFromD<D>(1));
  const V signs = hn::IfThenElse(hn::Gt(v, zero), one, zero);
  return hn::IfThenElse(hn::Lt(v, zero), hn::Neg(one), signs);
}

template <class T>
void update(const SgdArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T lr = static_cast<T>(a.lr), momentum = static_cast<T>(a.momentum);
  const T rest = static_cast<T>(1 - a.dampening);
  const bool buffered = s.state[0] != nullptr, first = t.scalar[0] != 0;
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    if (buffered) {
      auto b = g;
      if (!first) {
        b = hn::MulAdd(g, hn::Set(d, rest),
                       hn::Mul(at.load(d, s.state[0] + i), hn::Set(d, momentum)));
      }
      at.store(b, d, s.state[0] + i);
      g = a.nesterov ? hn::MulAdd(hn::Set(d, momentum), b, g) : b;
    }
    at.store(hn::NegMulAdd(hn::Set(d, lr), g, p), d, s.param + i);
  });
}

template <bool kCoupled, bool kAmsgrad, class T>
void adam_update(const AdamArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay, a.decoupled, a.lr);
  const T beta2 = static_cast<T>(a.beta2), eps = static_cast<T>(a.eps);
  const T rest1 = static_cast<T>(1 - a.beta1), rest2 = static_cast<T>(1 - a.beta2);
  const T step_size = static_cast<T>(t.scalar[0]);
  const T correction = static_cast<T>(1 / t.scalar[1]);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.template apply_as<kCoupled>(d, g, p);
    const auto m = blend(d, at.load(d, s.state[0] + i), g, rest1);
    auto v = blend_square(d, at.load(d, s.state[1] + i), g, beta2, rest2);
    at.store(m, d, s.state[0] + i);
    at.store(v, d, s.state[1] + i);
    if (kAmsgrad) {
      v = larger(at.load(d, s.state[2] + i), v);
      at.store(v, d, s.state[2] + i);
    }
    const auto bottom = hn::MulAdd(hn::Sqrt(v), hn::Set(d, correction), hn::Set(d, eps));
    p = hn::NegMulAdd(hn::Set(d, step_size), hn::Div(m, bottom), p);
    at.store(p, d, s.param + i);
  });
}
template <class T>
void update(const AdamArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  if (a.weight_decay != 0 && !a.decoupled) {
    a.amsgrad ? adam_update<true, true>(a, t, s, n) : adam_update<true, false>(a, t, s, n);
  } else {
    a.amsgrad ? adam_update<false, true>(a, t, s, n) : adam_update<false, false>(a, t, s, n);
  }
}

template <class T>
void update(const NAdamArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay, a.decoupled, a.lr);
  const T beta2 = static_cast<T>(a.beta2), eps = static_cast<T>(a.eps);
  const T rest1 = static_cast<T>(1 - a.beta1), rest2 = static_cast<T>(1 - a.beta2);
  const T along_g = static_cast<T>(t.scalar[0]), along_m = static_cast<T>(t.scalar[1]);
  const T correction = static_cast<T>(1 / t.scalar[2]);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto m = blend(d, at.load(d, s.state[0] + i), g, rest1);
    const auto v = blend_square(d, at.load(d, s.state[1] + i), g, beta2, rest2);
    at.store(m, d, s.state[0] + i);
    at.store(v, d, s.state[1] + i);
    const auto top = hn::MulAdd(hn::Set(d, along_g), g, hn::Mul(hn::Set(d, along_m), m));
    const auto bottom = hn::MulAdd(hn::Sqrt(v), hn::Set(d, correction), hn::Set(d, eps));
    at.store(hn::Sub(p, hn::Div(top, bottom)), d, s.param + i);
  });
}

template <class T>
void update(const RAdamArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay, a.decoupled, a.lr);
  const T beta2 = static_cast<T>(a.beta2), eps = static_cast<T>(a.eps);
  const T rest1 = static_cast<T>(1 - a.beta1), rest2 = static_cast<T>(1 - a.beta2);
  const T step_size = static_cast<T>(t.scalar[0]);
  const bool rectified = t.scalar[1] != 0;
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto m = blend(d, at.load(d, s.state[0] + i), g, rest1);
    const auto v = blend_square(d, at.load(d, s.state[1] + i), g, beta2, rest2);
    at.store(m, d, s.state[0] + i);
    at.store(v, d, s.state[1] + i);
    const auto along = rectified ? hn::Div(m, hn::Add(hn::Sqrt(v), hn::Set(d, eps))) : m;
    at.store(hn::NegMulAdd(hn::Set(d, step_size), along, p), d, s.param + i);
  });
}

template <class T>
void update(const AdamaxArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T beta2 = static_cast<T>(a.beta2), eps = static_cast<T>(a.eps);
  const T rest1 = static_cast<T>(1 - a.beta1), step_size = static_cast<T>(t.scalar[0]);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto m = blend(d, at.load(d, s.state[0] + i), g, rest1);
    const auto u = larger(hn::Mul(at.load(d, s.state[1] + i), hn::Set(d, beta2)),
                          hn::Add(hn::Abs(g), hn::Set(d, eps)));
    at.store(m, d, s.state[0] + i);
    at.store(u, d, s.state[1] + i);
    at.store(hn::NegMulAdd(hn::Set(d, step_size), hn::Div(m, u), p), d, s.param + i);
  });
}

template <class T>
void update(const RMSpropArgs& a, const StepTensor&, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T lr = static_cast<T>(a.lr), momentum = static_cast<T>(a.momentum);
  const T alpha = static_cast<T>(a.alpha), rest = static_cast<T>(1 - a.alpha);
  const T eps = static_cast<T>(a.eps);
  T *square_avg = s.state[0], *buffer = s.state[1], *grad_avg = s.state[2];
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    auto v = blend_square(d, at.load(d, square_avg + i), g, alpha, rest);
    at.store(v, d, square_avg + i);
    if (grad_avg != nullptr) {
      const auto m = blend(d, at.load(d, grad_avg + i), g, rest);
      at.store(m, d, grad_avg + i);
      v = hn::NegMulAdd(m, m, v);
    }
    auto step = hn::Div(g, hn::Add(hn::Sqrt(v), hn::Set(d, eps)));
    if (buffer != nullptr) {
      step = hn::MulAdd(at.load(d, buffer + i), hn::Set(d, momentum), step);
      at.store(step, d, buffer + i);
    }
    at.store(hn::NegMulAdd(hn::Set(d, lr), step, p), d, s.param + i);
  });
}

template <class T>
void update(const AdagradArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T lr = static_cast<T>(t.scalar[0]), eps = static_cast<T>(a.eps);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto sum = hn::MulAdd(g, g, at.load(d, s.state[0] + i));
    at.store(sum, d, s.state[0] + i);
    const auto step = hn::Div(g, hn::Add(hn::Sqrt(sum), hn::Set(d, eps)));
    at.store(hn::NegMulAdd(hn::Set(d, lr), step, p), d, s.param + i);
  });
}

template <class T>
void update(const AdadeltaArgs& a, const StepTensor&, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T lr = static_cast<T>(a.lr), eps = static_cast<T>(a.eps);
  const T rho = static_cast<T>(a.rho), rest = static_cast<T>(1 - a.rho);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto v = blend_square(d, at.load(d, s.state[0] + i), g, rho, rest);
    const auto deltas = at.load(d, s.state[1] + i);
    const auto ratio =
        hn::Div(hn::Sqrt(hn::Add(deltas, hn::Set(d, eps))), hn::Sqrt(hn::Add(v, hn::Set(d, eps))));
    const auto delta = hn::Mul(ratio, g);
    at.store(v, d, s.state[0] + i);
    at.store(blend_square(d, deltas, delta, rho, rest), d, s.state[1] + i);
    at.store(hn::NegMulAdd(hn::Set(d, lr), delta, p), d, s.param + i);
  });
}

template <class T>
void update(const AsgdArgs& a, const StepTensor& t, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay);
  const T eta = static_cast<T>(t.scalar[0]), mu = static_cast<T>(t.scalar[1]);
  const T shrink = static_cast<T>(1 - a.lambd * t.scalar[0]);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    p = hn::NegMulAdd(hn::Set(d, eta), g, hn::Mul(p, hn::Set(d, shrink)));
    at.store(p, d, s.param + i);
    // A mean of one is the value itself, whatever the state holds.
    at.store(mu == T(1) ? p : blend(d, at.load(d, s.state[0] + i), p, mu), d, s.state[0] + i);
  });
}

template <class T>
void update(const RpropArgs& a, const StepTensor&, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, 0);
  const T minus = static_cast<T>(a.eta_minus), plus = static_cast<T>(a.eta_plus);
  const T least = static_cast<T>(a.step_min), most = static_cast<T>(a.step_max);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    const auto zero = hn::Zero(d);
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto turn = hn::Mul(g, at.load(d, s.state[0] + i));
    auto factor = hn::IfThenElse(hn::Gt(turn, zero), hn::Set(d, plus), hn::Set(d, T(1)));
    factor = hn::IfThenElse(hn::Lt(turn, zero), hn::Set(d, minus), factor);
    auto size = hn::Mul(at.load(d, s.state[1] + i), factor);
    size = larger(hn::Set(d, least), size);
    size = hn::IfThenElse(hn::Gt(size, hn::Set(d, most)), hn::Set(d, most), size);
    g = hn::IfThenElse(hn::Lt(turn, zero), zero, g);
    at.store(g, d, s.state[0] + i);
    at.store(size, d, s.state[1] + i);
    at.store(hn::NegMulAdd(sign_of(d, g), size, p), d, s.param + i);
  });
}

template <class T>
void update(const LionArgs& a, const StepTensor&, const Span<T>& s, int64_t n) {
  const Decay<T> decay(a.maximize, a.weight_decay, true, a.lr);
  const T lr = static_cast<T>(a.lr);
  const T rest1 = static_cast<T>(1 - a.beta1), rest2 = static_cast<T>(1 - a.beta2);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = at.load(d, s.grad + i);
    decay.apply(d, g, p);
    const auto m = at.load(d, s.state[0] + i);
    const auto way = sign_of(d, blend(d, m, g, rest1));
    at.store(blend(d, m, g, rest2), d, s.state[0] + i);
    at.store(hn::NegMulAdd(hn::Set(d, lr), way, p), d, s.param + i);
  });
}

template <class All>
struct Table;
template <class... Args>
struct Table<std::tuple<Update<Args>...>> {
  static constexpr std::tuple<Update<Args>...> all{
      Update<Args>{&update<float>, &update<double>}...};
};
const Updates& updates() { return Table<Updates>::all; }

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
