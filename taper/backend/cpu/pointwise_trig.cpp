// Inverse trigonometric and hyperbolic functions.
#include <cmath>

#include "taper/backend/cpu/pointwise_loop.h"
#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pointwise_trig.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/pointwise_tiles-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_POINTWISE_TRIG_ONCE_
#define TAPER_POINTWISE_TRIG_ONCE_
namespace taper::cpu {
struct TrigOps {
  TileOp asin, acos, atan, sinh, cosh, asinh, acosh, atanh;
};
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {

TAPER_VECTOR_FUNCTOR(Asin, asin)
TAPER_VECTOR_FUNCTOR(Acos, acos)
TAPER_VECTOR_FUNCTOR(Atan, atan)
TAPER_VECTOR_FUNCTOR(Sinh, sinh)
TAPER_VECTOR_FUNCTOR(Cosh, cosh)
TAPER_VECTOR_FUNCTOR(Asinh, asinh)
TAPER_VECTOR_FUNCTOR(Acosh, acosh)
TAPER_VECTOR_FUNCTOR(Atanh, atanh)

constexpr cpu::TrigOps kOps{
    .asin = vectors<1, Asin>("asin"),
    .acos = vectors<1, Acos>("acos"),
    .atan = vectors<1, Atan>("atan"),
    .sinh = vectors<1, Sinh>("sinh"),
    .cosh = vectors<1, Cosh>("cosh"),
    .asinh = vectors<1, Asinh>("asinh"),
    .acosh = vectors<1, Acosh>("acosh"),
    .atanh = vectors<1, Atanh>("atanh"),
};

}  // namespace

const cpu::TrigOps* trig_ops() { return &kOps; }

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
TAPER_OPS_TABLE(TrigOps, trig_ops)

namespace cpu {

TAPER_BODY1(asin)
TAPER_BODY1(acos)
TAPER_BODY1(atan)
TAPER_BODY1(sinh)
TAPER_BODY1(cosh)
TAPER_BODY1(asinh)
TAPER_BODY1(acosh)
TAPER_BODY1(atanh)

}  // namespace cpu
}  // namespace taper
#endif
