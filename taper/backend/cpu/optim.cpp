#include "taper/kernel/optim.h"

#include <algorithm>

#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/optim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef TAPER_OPTIM_ONCE_
#define TAPER_OPTIM_ONCE_
namespace taper::cpu {

/// Elements of one parameter's arrays; absent arrays are null.
template <class T>
struct AdamSpan {
  T *param, *exp_avg, *exp_avg_sq, *max_exp_avg_sq;
  const T* grad;
};
template <class T>
struct SgdSpan {
  T *param, *buffer;
  const T* grad;
};

}  // namespace taper::cpu
#endif

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

template <bool kDecay, bool kAmsgrad, class T>
void adam_update(const AdamArgs& a, const AdamTensor& t, const AdamSpan<T>& s, int64_t n) {
  const bool coupled = kDecay && !a.decoupled;
  const T sign = a.maximize ? T(-1) : T(1);
  const T shrink = a.decoupled ? static_cast<T>(1 - a.lr * a.weight_decay) : T(1);
  const T weight_decay = static_cast<T>(a.weight_decay);
  const T beta2 = static_cast<T>(a.beta2), eps = static_cast<T>(a.eps);
  const T rest1 = static_cast<T>(1 - a.beta1), rest2 = static_cast<T>(1 - a.beta2);
  const T step_size = static_cast<T>(t.step_size);
  const T correction = static_cast<T>(1 / t.bias_correction2_sqrt);
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = hn::Mul(at.load(d, s.grad + i), hn::Set(d, sign));
    auto m = at.load(d, s.exp_avg + i);
    auto v = at.load(d, s.exp_avg_sq + i);
    if (coupled) g = hn::MulAdd(hn::Set(d, weight_decay), p, g);
    if (kDecay) p = hn::Mul(p, hn::Set(d, shrink));
    m = hn::MulAdd(hn::Set(d, rest1), hn::Sub(g, m), m);
    v = hn::MulAdd(hn::Mul(g, hn::Set(d, rest2)), g, hn::Mul(v, hn::Set(d, beta2)));
    at.store(m, d, s.exp_avg + i);
    at.store(v, d, s.exp_avg_sq + i);
    if (kAmsgrad) {
      const auto most = at.load(d, s.max_exp_avg_sq + i);
      v = hn::IfThenElse(hn::Or(hn::Gt(most, v), hn::Ne(most, most)), most, v);
      at.store(v, d, s.max_exp_avg_sq + i);
    }
    const auto bottom = hn::MulAdd(hn::Sqrt(v), hn::Set(d, correction), hn::Set(d, eps));
    p = hn::NegMulAdd(hn::Set(d, step_size), hn::Div(m, bottom), p);
    at.store(p, d, s.param + i);
  });
}

template <class T>
void adam_span(const AdamArgs& a, const AdamTensor& t, const AdamSpan<T>& s, int64_t n) {
  const bool decay = a.weight_decay != 0;
  if (decay) {
    a.amsgrad ? adam_update<true, true>(a, t, s, n) : adam_update<true, false>(a, t, s, n);
  } else {
    a.amsgrad ? adam_update<false, true>(a, t, s, n) : adam_update<false, false>(a, t, s, n);
  }
}

template <class T>
void sgd_span(const SgdArgs& a, const SgdTensor& t, const SgdSpan<T>& s, int64_t n) {
  const T sign = a.maximize ? T(-1) : T(1);
  const T lr = static_cast<T>(a.lr), momentum = static_cast<T>(a.momentum);
  const T rest = static_cast<T>(1 - a.dampening), weight_decay = static_cast<T>(a.weight_decay);
  const bool decay = a.weight_decay != 0, buffered = s.buffer != nullptr;
  over<T>(n, [&](auto d, const auto& at, int64_t i) HWY_ATTR {
    auto p = at.load(d, s.param + i);
    auto g = hn::Mul(at.load(d, s.grad + i), hn::Set(d, sign));
    if (decay) g = hn::MulAdd(hn::Set(d, weight_decay), p, g);
    if (buffered) {
      auto b = g;
      if (!t.first) {
        b = hn::MulAdd(g, hn::Set(d, rest),
                       hn::Mul(at.load(d, s.buffer + i), hn::Set(d, momentum)));
      }
      at.store(b, d, s.buffer + i);
      g = a.nesterov ? hn::MulAdd(hn::Set(d, momentum), b, g) : b;
    }
    at.store(hn::NegMulAdd(hn::Set(d, lr), g, p), d, s.param + i);
  });
}

void adam_f32(const AdamArgs& a, const AdamTensor& t, const AdamSpan<float>& s, int64_t n) {
  adam_span(a, t, s, n);
}
void adam_f64(const AdamArgs& a, const AdamTensor& t, const AdamSpan<double>& s, int64_t n) {
  adam_span(a, t, s, n);
}
void sgd_f32(const SgdArgs& a, const SgdTensor& t, const SgdSpan<float>& s, int64_t n) {
  sgd_span(a, t, s, n);
}
void sgd_f64(const SgdArgs& a, const SgdTensor& t, const SgdSpan<double>& s, int64_t n) {
  sgd_span(a, t, s, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);
HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);

/// Elements below which a second thread does not pay.
constexpr int64_t kGrain = 16384;
/// Elements of a half-precision array that are widened at a time.
constexpr int64_t kTile = 512;

/// Splits the elements of all tensors, laid end to end, over the threads; calls
/// work(tensor, first, count) on each piece.
template <class Entry, class Work>
void over_elements(ArrayRef<Entry> tensors, const Work& work) {
  int64_t total = 0;
  for (const Entry& t : tensors) total += t.param.numel();
  if (total <= kGrain) {
    for (const Entry& t : tensors) work(t, 0, t.param.numel());
    return;
  }
  parallel_for(0, total, kGrain, [&](int64_t begin, int64_t end) {
    int64_t start = 0;
    for (const Entry& t : tensors) {
      const int64_t n = t.param.numel();
      const int64_t first = std::max<int64_t>(begin - start, 0);
      const int64_t last = std::min(end - start, n);
      if (first < last) work(t, first, last - first);
      start += n;
      if (start >= end) break;
    }
  });
}

/// A half-precision array through a float tile: widened before the update, rounded after.
template <class T>
class Tile {
 public:
  Tile(const View& view, int64_t first) : Tile(static_cast<const ConstView&>(view), first) {}
  Tile(const ConstView& view, int64_t first)
      : data_(view.defined() ? const_cast<T*>(view.data<T>()) + first : nullptr) {}
  float* load(int64_t i, int64_t n) {
    if (data_ == nullptr) return nullptr;
    for (int64_t j = 0; j < n; ++j) tile_[j] = static_cast<float>(data_[i + j]);
    return tile_;
  }
  void store(int64_t i, int64_t n) {
    if (data_ == nullptr) return;
    for (int64_t j = 0; j < n; ++j) data_[i + j] = T(tile_[j]);
  }

 private:
  T* data_;
  float tile_[kTile];
};

template <class T>
T* at(const View& view, int64_t first) {
  return view.defined() ? view.data<T>() + first : nullptr;
}

template <class T, class Update>
void adam_piece(const AdamArgs& a, const AdamTensor& t, int64_t first, int64_t n,
                const Update& update) {
  if constexpr (sizeof(T) >= 4) {
    update(a, t,
           AdamSpan<T>{at<T>(t.param, first), at<T>(t.exp_avg, first), at<T>(t.exp_avg_sq, first),
                       at<T>(t.max_exp_avg_sq, first), t.grad.data<T>() + first},
           n);
  } else {
    Tile<T> p(t.param, first), g(t.grad, first), m(t.exp_avg, first), v(t.exp_avg_sq, first),
        most(t.max_exp_avg_sq, first);
    for (int64_t i = 0; i < n; i += kTile) {
      const int64_t count = std::min(kTile, n - i);
      update(a, t,
             AdamSpan<float>{p.load(i, count), m.load(i, count), v.load(i, count),
                             most.load(i, count), g.load(i, count)},
             count);
      p.store(i, count), m.store(i, count), v.store(i, count), most.store(i, count);
    }
  }
}

template <class T, class Update>
void sgd_piece(const SgdArgs& a, const SgdTensor& t, int64_t first, int64_t n,
               const Update& update) {
  if constexpr (sizeof(T) >= 4) {
    update(a, t,
           SgdSpan<T>{at<T>(t.param, first), at<T>(t.momentum_buffer, first),
                      t.grad.data<T>() + first},
           n);
  } else {
    Tile<T> p(t.param, first), g(t.grad, first), b(t.momentum_buffer, first);
    for (int64_t i = 0; i < n; i += kTile) {
      const int64_t count = std::min(kTile, n - i);
      update(a, t, SgdSpan<float>{p.load(i, count), b.load(i, count), g.load(i, count)}, count);
      p.store(i, count), b.store(i, count);
    }
  }
}

}  // namespace

void adam_step(const AdamArgs& args, ArrayRef<AdamTensor> tensors) {
  const auto f32 = HWY_DYNAMIC_DISPATCH(adam_f32);
  const auto f64 = HWY_DYNAMIC_DISPATCH(adam_f64);
  over_elements(tensors, [&](const AdamTensor& t, int64_t first, int64_t n) {
    switch (t.param.dtype()) {
      case kFloat:
        return adam_piece<float>(args, t, first, n, f32);
      case kDouble:
        return adam_piece<double>(args, t, first, n, f64);
      case kHalf:
        return adam_piece<Half>(args, t, first, n, f32);
      default:
        return adam_piece<BFloat16>(args, t, first, n, f32);
    }
  });
}

void sgd_step(const SgdArgs& args, ArrayRef<SgdTensor> tensors) {
  const auto f32 = HWY_DYNAMIC_DISPATCH(sgd_f32);
  const auto f64 = HWY_DYNAMIC_DISPATCH(sgd_f64);
  over_elements(tensors, [&](const SgdTensor& t, int64_t first, int64_t n) {
    switch (t.param.dtype()) {
      case kFloat:
        return sgd_piece<float>(args, t, first, n, f32);
      case kDouble:
        return sgd_piece<double>(args, t, first, n, f64);
      case kHalf:
        return sgd_piece<Half>(args, t, first, n, f32);
      default:
        return sgd_piece<BFloat16>(args, t, first, n, f32);
    }
  });
}

}  // namespace taper::cpu
#endif
