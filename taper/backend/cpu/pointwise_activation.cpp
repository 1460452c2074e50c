// Activations and the gradients of activations.
#include <cmath>
#include <limits>

#include "taper/backend/cpu/pointwise_loop.h"
#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pointwise_activation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/pointwise_tiles-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_POINTWISE_ACTIVATION_ONCE_
#define TAPER_POINTWISE_ACTIVATION_ONCE_
namespace taper::cpu {
struct ActivationOps {
  TileOp relu, threshold, clamp, clamp_min, clamp_max, leaky_relu, hardsigmoid, hardswish, elu,
      softplus, threshold_backward, clamp_backward, tanh_backward, sigmoid_backward,
      leaky_relu_backward, hardsigmoid_backward, hardswish_backward, elu_backward,
      softplus_backward, silu_backward, gelu_backward, gelu_tanh_backward;
};
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {

// NaN stays NaN: every comparison below keeps the input when it is false.
template <class T>
struct Relu {
  T operator()(T a) const { return a <= 0 ? T(0) : a; }
};
template <class T>
struct LeakyRelu {
  explicit LeakyRelu(const TileParams& p) : slope(p.get<T>(0)) {}
  T operator()(T a) const {
    const T scaled = a * slope;
    return a > 0 ? a : scaled;
  }
  T slope;
};
template <class T>
struct Threshold {
  explicit Threshold(const TileParams& p) : threshold(p.get<T>(0)), value(p.get<T>(1)) {}
  T operator()(T a) const { return a <= threshold ? value : a; }
  T threshold, value;
};
template <class T>
struct ClampMin {
  explicit ClampMin(const TileParams& p) : low(p.get<T>(0)) {}
  T operator()(T a) const { return a < low ? low : a; }
  T low;
};
template <class T>
struct ClampMax {
  explicit ClampMax(const TileParams& p) : high(p.get<T>(0)) {}
  T operator()(T a) const { return a > high ? high : a; }
  T high;
};
template <class T>
struct Clamp {
  explicit Clamp(const TileParams& p) : low(p.get<T>(0)), high(p.get<T>(1)) {}
  T operator()(T a) const {
    const T raised = a < low ? low : a;
    return raised > high ? high : raised;
  }
  T low, high;
};
template <class T>
struct Hardsigmoid {
  T operator()(T a) const {
    const T x = a + T(3);
    const T raised = x < 0 ? T(0) : x;
    return (raised > T(6) ? T(6) : raised) / T(6);
  }
};
template <class T>
struct Hardswish {
  T operator()(T a) const {
    const T x = a + T(3);
    const T raised = x < 0 ? T(0) : x;
    return a * (raised > T(6) ? T(6) : raised) / T(6);
  }
};

// x > 0 ? scale x : alpha scale (e^(input_scale x) - 1)
template <class T>
struct Elu {
  explicit Elu(const TileParams& p)
      : negative(p.get<T>(0) * p.get<T>(1)), positive(p.get<T>(1)), input(p.get<T>(2)) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V low = hn::Mul(vm::expm1(d, hn::Mul(x, hn::Set(d, input))), hn::Set(d, negative));
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Mul(x, hn::Set(d, positive)), low);
  }
  T negative, positive, input;
};
template <class T>
struct Softplus {
  explicit Softplus(const TileParams& p) : beta(p.get<T>(0)), threshold(p.get<T>(1)) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V z = hn::Mul(x, hn::Set(d, beta));
    const V y = hn::Div(vm::softplus(d, z), hn::Set(d, beta));
    return hn::IfThenElse(hn::Gt(z, hn::Set(d, threshold)), x, y);
  }
  T beta, threshold;
};

// Gradients: g is that of the result.
template <class T>
struct TanhBackward {
  T operator()(T g, T y) const { return g * (T(1) - y * y); }
};
template <class T>
struct SigmoidBackward {
  T operator()(T g, T y) const { return g * (T(1) - y) * y; }
};
template <class T>
struct ThresholdBackward {
  explicit ThresholdBackward(const TileParams& p) : threshold(p.get<T>(0)) {}
  T operator()(T g, T x) const { return x <= threshold ? T(0) : g; }
  T threshold;
};
template <class T>
struct LeakyReluBackward {
  explicit LeakyReluBackward(const TileParams& p) : slope(p.get<T>(0)) {}
  T operator()(T g, T x) const {
    const T scaled = g * slope;
    return x > 0 ? g : scaled;
  }
  T slope;
};
template <class T>
struct ClampBackward {
  explicit ClampBackward(const TileParams& p) : low(p.get<T>(0)), high(p.get<T>(1)) {}
  T operator()(T g, T x) const { return ((x < low) | (x > high)) ? T(0) : g; }
  T low, high;
};
template <class T>
struct HardsigmoidBackward {
  T operator()(T g, T x) const {
    const T scaled = g / T(6);
    return ((x > T(-3)) & (x < T(3))) ? scaled : T(0);
  }
};
template <class T>
struct HardswishBackward {
  T operator()(T g, T x) const {
    const T middle = g * (x / T(3) + T(0.5));
    const T high = x <= T(3) ? middle : g;
    return x < T(-3) ? T(0) : high;
  }
};
template <class T>
struct EluBackward {
  explicit EluBackward(const TileParams& p)
      : negative(p.get<T>(0) * p.get<T>(1) * p.get<T>(2)),
        positive(p.get<T>(1)),
        input(p.get<T>(2)) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V g, V x) const {
    const V slope = hn::Mul(vm::exp(d, hn::Mul(x, hn::Set(d, input))), hn::Set(d, negative));
    const V factor = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, positive), slope);
    return hn::Mul(g, factor);
  }
  T negative, positive, input;
};
template <class T>
struct SoftplusBackward {
  explicit SoftplusBackward(const TileParams& p) : beta(p.get<T>(0)), threshold(p.get<T>(1)) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V g, V x) const {
    const V z = hn::Mul(x, hn::Set(d, beta));
    const V y = hn::Mul(g, vm::sigmoid(d, z));
    return hn::IfThenElse(hn::Gt(z, hn::Set(d, threshold)), g, y);
  }
  T beta, threshold;
};
template <class T>
struct SiluBackward {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V g, V x) const {
    return hn::Mul(g, vm::silu_slope(d, x));
  }
};
template <class T>
struct GeluBackward {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V g, V x) const {
    return hn::Mul(g, vm::gelu_slope(d, x));
  }
};
template <class T>
struct GeluTanhBackward {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V g, V x) const {
    return hn::Mul(g, vm::gelu_tanh_slope(d, x));
  }
};

constexpr cpu::ActivationOps kOps{
    .relu = numbers<1, Relu>("relu"),
    .threshold = numbers<1, Threshold>("threshold"),
    .clamp = numbers<1, Clamp>("clamp"),
    .clamp_min = numbers<1, ClampMin>("clamp_min"),
    .clamp_max = numbers<1, ClampMax>("clamp_max"),
    .leaky_relu = floats<1, LeakyRelu>("leaky_relu"),
    .hardsigmoid = floats<1, Hardsigmoid>("hardsigmoid"),
    .hardswish = floats<1, Hardswish>("hardswish"),
    .elu = vectors<1, Elu>("elu"),
    .softplus = vectors<1, Softplus>("softplus"),
    .threshold_backward = numbers<2, ThresholdBackward>("threshold_backward"),
    .clamp_backward = floats<2, ClampBackward>("clamp_backward"),
    .tanh_backward = floats<2, TanhBackward>("tanh_backward"),
    .sigmoid_backward = floats<2, SigmoidBackward>("sigmoid_backward"),
    .leaky_relu_backward = floats<2, LeakyReluBackward>("leaky_relu_backward"),
    .hardsigmoid_backward = floats<2, HardsigmoidBackward>("hardsigmoid_backward"),
    .hardswish_backward = floats<2, HardswishBackward>("hardswish_backward"),
    .elu_backward = vectors<2, EluBackward>("elu_backward"),
    .softplus_backward = vectors<2, SoftplusBackward>("softplus_backward"),
    .silu_backward = vectors<2, SiluBackward>("silu_backward"),
    .gelu_backward = vectors<2, GeluBackward>("gelu_backward"),
    .gelu_tanh_backward = vectors<2, GeluTanhBackward>("gelu_tanh_backward"),
};

}  // namespace

const cpu::ActivationOps* activation_ops() { return &kOps; }

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
TAPER_OPS_TABLE(ActivationOps, activation_ops)

namespace cpu {

TAPER_BODY1(relu)
TAPER_BODY1(threshold)
TAPER_BODY1(clamp)
TAPER_BODY1(clamp_min)
TAPER_BODY1(clamp_max)
TAPER_BODY1(leaky_relu)
TAPER_BODY1(hardsigmoid)
TAPER_BODY1(hardswish)
TAPER_BODY1(elu)
TAPER_BODY1(softplus)
TAPER_BODY2(threshold_backward)
TAPER_BODY2(clamp_backward)
TAPER_BODY2(tanh_backward)
TAPER_BODY2(sigmoid_backward)
TAPER_BODY2(leaky_relu_backward)
TAPER_BODY2(hardsigmoid_backward)
TAPER_BODY2(hardswish_backward)
TAPER_BODY2(elu_backward)
TAPER_BODY2(softplus_backward)
TAPER_BODY2(silu_backward)
TAPER_BODY2(gelu_backward)
TAPER_BODY2(gelu_tanh_backward)

}  // namespace cpu
}  // namespace taper
#endif
