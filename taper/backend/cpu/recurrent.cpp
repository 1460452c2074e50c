#include "taper/kernel/recurrent.h"

#include "taper/backend/cpu/rows.h"
#include "taper/backend/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/recurrent.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_RECURRENT_ROW
#define TAPER_RECURRENT_ROW
namespace taper::cpu {
namespace {

/// One sample's rows; of the gates, h elements each.
template <class T>
struct StepRow {
  int64_t h;
  T* gates;
  const T* hidden;
  const T* before;
  T* state;
  T* out;
};
template <class T>
struct GradRow {
  int64_t h;
  T *grad_gates, *grad_hidden, *grad_out, *grad_state;
  const T *later, *gates, *hidden, *before, *state;
};
struct RecurrentCode {
  void (*single)(RecurrentCell, const StepRow<float>&);
  void (*twice)(RecurrentCell, const StepRow<double>&);
  void (*single_backward)(RecurrentCell, const GradRow<float>&);
  void (*twice_backward)(RecurrentCell, const GradRow<double>&);
};

}  // namespace
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace vm = taper::HWY_NAMESPACE::vm;

/// 1 - y^2, the slope of tanh where it is y; y (1 - y), that of sigmoid.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> tanh_slope(hn::Vec<Tag<T>> y) {
  return hn::NegMulAdd(y, y, hn::Set(Tag<T>(), T(1)));
}
template <class T>
HWY_INLINE hn::Vec<Tag<T>> sigmoid_slope(hn::Vec<Tag<T>> y) {
  return hn::NegMulAdd(y, y, y);
}

template <class T>
void step_row(RecurrentCell cell, const StepRow<T>& r) {
  const Tag<T> d;
  const int64_t h = r.h;
  over_columns<T>(h, [&](int64_t i, int64_t n) HWY_ATTR {
    T* const gate = r.gates + i;
    const auto load = [n](const T* p) HWY_ATTR { return load_columns<T>(p, n); };
    if (cell == RecurrentCell::kLstm) {
      const auto in = vm::sigmoid(d, load(gate)), forget = vm::sigmoid(d, load(gate + h));
      const auto fresh = vm::tanh(d, load(gate + 2 * h));
      const auto open = vm::sigmoid(d, load(gate + 3 * h));
      const auto state = hn::MulAdd(forget, load(r.before + i), hn::Mul(in, fresh));
      store_columns<T>(in, gate, n);
      store_columns<T>(forget, gate + h, n);
      store_columns<T>(fresh, gate + 2 * h, n);
      store_columns<T>(open, gate + 3 * h, n);
      store_columns<T>(state, r.state + i, n);
      store_columns<T>(hn::Mul(open, vm::tanh(d, state)), r.out + i, n);
    } else if (cell == RecurrentCell::kGru) {
      const T* const hidden = r.hidden + i;
      const auto reset = vm::sigmoid(d, hn::Add(load(gate), load(hidden)));
      const auto keep = vm::sigmoid(d, hn::Add(load(gate + h), load(hidden + h)));
      const auto fresh = vm::tanh(d, hn::MulAdd(reset, load(hidden + 2 * h), load(gate + 2 * h)));
      store_columns<T>(reset, gate, n);
      store_columns<T>(keep, gate + h, n);
      store_columns<T>(fresh, gate + 2 * h, n);
      store_columns<T>(hn::MulAdd(keep, hn::Sub(load(r.before + i), fresh), fresh), r.out + i, n);
    } else {
      const auto x = load(gate);
      // Max would turn NaN into 0.
      const auto y = cell == RecurrentCell::kTanh
                         ? vm::tanh(d, x)
                         : hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Zero(d), x);
      store_columns<T>(y, gate, n);
      store_columns<T>(y, r.out + i, n);
    }
  });
}

template <class T>
void step_row_backward(RecurrentCell cell, const GradRow<T>& r) {
  const Tag<T> d;
  const int64_t h = r.h;
  over_columns<T>(h, [&](int64_t i, int64_t n) HWY_ATTR {
    const T* const gate = r.gates + i;
    T* const to = r.grad_gates + i;
    const auto load = [n](const T* p) HWY_ATTR { return load_columns<T>(p, n); };
    auto grad = load(r.grad_out + i);
    if (r.later != nullptr) grad = hn::Add(grad, load(r.later + i));
    if (cell == RecurrentCell::kLstm) {
      const auto in = load(gate), forget = load(gate + h);
      const auto fresh = load(gate + 2 * h), open = load(gate + 3 * h);
      const auto y = vm::tanh(d, load(r.state + i));
      const auto grad_state =
          hn::MulAdd(hn::Mul(grad, open), tanh_slope<T>(y), load(r.grad_state + i));
      const auto along = [&](auto a, auto slope)
                             HWY_ATTR { return hn::Mul(hn::Mul(grad_state, a), slope); };
      store_columns<T>(along(fresh, sigmoid_slope<T>(in)), to, n);
      store_columns<T>(along(load(r.before + i), sigmoid_slope<T>(forget)), to + h, n);
      store_columns<T>(along(in, tanh_slope<T>(fresh)), to + 2 * h, n);
      store_columns<T>(hn::Mul(hn::Mul(grad, y), sigmoid_slope<T>(open)), to + 3 * h, n);
      store_columns<T>(hn::Mul(grad_state, forget), r.grad_state + i, n);
    } else if (cell == RecurrentCell::kGru) {
      const auto reset = load(gate), keep = load(gate + h), fresh = load(gate + 2 * h);
      const auto around = hn::Mul(grad, keep);
      const auto inner = hn::Mul(hn::Sub(grad, around), tanh_slope<T>(fresh));
      const auto of_reset =
          hn::Mul(hn::Mul(inner, load(r.hidden + i + 2 * h)), sigmoid_slope<T>(reset));
      const auto of_keep =
          hn::Mul(hn::Mul(grad, hn::Sub(load(r.before + i), fresh)), sigmoid_slope<T>(keep));
      T* const hidden = r.grad_hidden + i;
      store_columns<T>(of_reset, to, n);
      store_columns<T>(of_reset, hidden, n);
      store_columns<T>(of_keep, to + h, n);
      store_columns<T>(of_keep, hidden + h, n);
      store_columns<T>(inner, to + 2 * h, n);
      store_columns<T>(hn::Mul(inner, reset), hidden + 2 * h, n);
      store_columns<T>(around, r.grad_out + i, n);
    } else if (cell == RecurrentCell::kTanh) {
      store_columns<T>(hn::Mul(grad, tanh_slope<T>(load(gate))), to, n);
    } else {
      store_columns<T>(hn::IfThenElseZero(hn::Gt(load(gate), hn::Zero(d)), grad), to, n);
    }
  });
}

const RecurrentCode* find_recurrent() {
  static constexpr RecurrentCode kCode{&step_row<float>, &step_row<double>,
                                       &step_row_backward<float>, &step_row_backward<double>};
  return &kCode;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(find_recurrent);

/// The rows of a view from row i on, or null for an absent one.
template <class T>
const T* row_of(const ConstView& view, int64_t i) {
  return view.defined() ? view.data<T>() + i * view.size(1) : nullptr;
}
template <class T>
T* row_of(const View& view, int64_t i) {
  return view.defined() ? view.data<T>() + i * view.size(1) : nullptr;
}

template <class F>
void each_sample(const ConstView& gates, F&& f) {
  parallel_for(0, gates.size(0),
               std::max<int64_t>(kRowsGrain / (4 * std::max<int64_t>(gates.size(1), 1)), 1),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = first; i < last; ++i) f(i);
               });
}

template <class T, class F>
void step_all(RecurrentCell cell, F* row, View gates, ConstView hidden, ConstView before,
              View state, View out) {
  each_sample(gates, [&](int64_t i) {
    row(cell, StepRow<T>{out.size(1), row_of<T>(gates, i), row_of<T>(hidden, i),
                         row_of<T>(before, i), row_of<T>(state, i), row_of<T>(out, i)});
  });
}

template <class T, class F>
void back_all(RecurrentCell cell, F* row, const RecurrentGradients& g, ConstView gates,
              ConstView hidden, ConstView before, ConstView state) {
  each_sample(gates, [&](int64_t i) {
    row(cell, GradRow<T>{g.output.size(1), row_of<T>(g.gates, i), row_of<T>(g.hidden, i),
                         row_of<T>(g.output, i), row_of<T>(g.state, i), row_of<T>(g.later, i),
                         row_of<T>(gates, i), row_of<T>(hidden, i), row_of<T>(before, i),
                         row_of<T>(state, i)});
  });
}

}  // namespace

void recurrent_step(RecurrentCell cell, View gates, ConstView hidden, ConstView before, View state,
                    View out) {
  const RecurrentCode& code = *HWY_DYNAMIC_DISPATCH(find_recurrent)();
  if (gates.dtype() == kFloat) {
    step_all<float>(cell, code.single, gates, hidden, before, state, out);
  } else {
    step_all<double>(cell, code.twice, gates, hidden, before, state, out);
  }
}

void recurrent_step_backward(RecurrentCell cell, const RecurrentGradients& grads, ConstView gates,
                             ConstView hidden, ConstView before, ConstView state) {
  const RecurrentCode& code = *HWY_DYNAMIC_DISPATCH(find_recurrent)();
  if (gates.dtype() == kFloat) {
    back_all<float>(cell, code.single_backward, grads, gates, hidden, before, state);
  } else {
    back_all<double>(cell, code.twice_backward, grads, gates, hidden, before, state);
  }
}

}  // namespace taper::cpu
#endif
