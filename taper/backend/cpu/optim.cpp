#include "taper/kernel/optim.h"

#include <algorithm>

#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/optim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/optim_rules-inl.h"

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(updates);

/// Elements below which a second thread does not pay.
constexpr int64_t kGrain = 16384;
/// Elements of a half-precision array that are widened at a time.
constexpr int64_t kTile = 512;

/// Splits the elements of all tensors, laid end to end, over the threads; calls
/// work(tensor, first, count) on each piece.
template <class Work>
void over_elements(ArrayRef<StepTensor> tensors, const Work& work) {
  int64_t total = 0;
  for (const StepTensor& t : tensors) total += t.param.numel();
  if (total <= kGrain) {
    for (const StepTensor& t : tensors) work(t, 0, t.param.numel());
    return;
  }
  parallel_for(0, total, kGrain, [&](int64_t begin, int64_t end) {
    int64_t start = 0;
    for (const StepTensor& t : tensors) {
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

template <class T, class Args, class F>
void piece(const Args& a, const StepTensor& t, int64_t first, int64_t n, const F& update) {
  if constexpr (sizeof(T) >= 4) {
    update(a, t,
           Span<T>{at<T>(t.param, first),
                   t.grad.data<T>() + first,
                   {at<T>(t.state[0], first), at<T>(t.state[1], first), at<T>(t.state[2], first)}},
           n);
  } else {
    static_assert(StepTensor::kStates == 3);
    Tile<T> p(t.param, first), g(t.grad, first);
    Tile<T> states[] = {{t.state[0], first}, {t.state[1], first}, {t.state[2], first}};
    for (int64_t i = 0; i < n; i += kTile) {
      const int64_t count = std::min(kTile, n - i);
      update(a, t,
             Span<float>{
                 p.load(i, count),
                 g.load(i, count),
                 {states[0].load(i, count), states[1].load(i, count), states[2].load(i, count)}},
             count);
      p.store(i, count);
      for (Tile<T>& state : states) state.store(i, count);
    }
  }
}

}  // namespace

template <class Args>
void optimizer_step(const Args& args, ArrayRef<StepTensor> tensors) {
  const auto& update = std::get<Update<Args>>(HWY_DYNAMIC_DISPATCH(updates)());
  over_elements(tensors, [&](const StepTensor& t, int64_t first, int64_t n) {
    switch (t.param.dtype()) {
      case kFloat:
        return piece<float>(args, t, first, n, update.f32);
      case kDouble:
        return piece<double>(args, t, first, n, update.f64);
      case kHalf:
        return piece<Half>(args, t, first, n, update.f32);
      default:
        return piece<BFloat16>(args, t, first, n, update.f32);
    }
  });
}

template void optimizer_step(const SgdArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const AdamArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const NAdamArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const RAdamArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const AdamaxArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const RMSpropArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const AdagradArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const AdadeltaArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const AsgdArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const RpropArgs&, ArrayRef<StepTensor>);
template void optimizer_step(const LionArgs&, ArrayRef<StepTensor>);

}  // namespace taper::cpu
#endif
