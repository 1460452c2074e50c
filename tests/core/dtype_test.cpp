#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "taper/core/convert.h"
#include "taper/core/device.h"
#include "taper/core/scalar.h"
#include "taper/core/scalar_type.h"

namespace taper {
namespace {

TEST(Half, EveryValueSurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    Half h;
    h.bits = static_cast<uint16_t>(bits);
    const float f = h;
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(Half(f))));
    } else {
      EXPECT_EQ(Half(f).bits, h.bits) << bits;
    }
    BFloat16 b;
    b.bits = static_cast<uint16_t>(bits);
    const float g = b;
    if (std::isnan(g)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(g))));
    } else {
      EXPECT_EQ(BFloat16(g).bits, b.bits) << bits;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(static_cast<float>(Half(1.0f + 0x1p-11f)), 1.0f);  // tie, to even
  EXPECT_EQ(static_cast<float>(Half(1.0f + 3 * 0x1p-11f)), 1.0f + 0x1p-9f);
  EXPECT_EQ(static_cast<float>(Half(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(Half(65520.0f))));
  EXPECT_EQ(static_cast<float>(Half(0x1p-25f)), 0.0f);  // tie with 2^-24
  EXPECT_EQ(static_cast<float>(Half(0x1.8p-25f)), 0x1p-24f);
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(std::signbit(static_cast<float>(Half(-0.0f))));
}

TEST(Promotion, FollowsTheTable) {
  EXPECT_EQ(promoteTypes(kUInt8, kInt8), kInt16);
  EXPECT_EQ(promoteTypes(kUInt8, kInt64), kInt64);
  EXPECT_EQ(promoteTypes(kBool, kUInt8), kUInt8);
  EXPECT_EQ(promoteTypes(kInt64, kHalf), kHalf);
  EXPECT_EQ(promoteTypes(kHalf, kBFloat16), kFloat);
  EXPECT_EQ(promoteTypes(kFloat, kBFloat16), kFloat);
  EXPECT_EQ(promoteTypes(kFloat, kDouble), kDouble);
  const ScalarType all[] = {kBool,  kUInt8,    kInt8,  kInt16,  kInt32,
                            kInt64, kBFloat16, kFloat, kDouble, kHalf};
  for (ScalarType a : all) {
    for (ScalarType b : all) {
      EXPECT_EQ(promoteTypes(a, b), promoteTypes(b, a)) << toString(a) << toString(b);
      EXPECT_TRUE(canCast(a, promoteTypes(a, b)));
    }
  }
  EXPECT_FALSE(canCast(kFloat, kLong));
  EXPECT_TRUE(canCast(kDouble, kFloat));
}

TEST(DefaultDtype, IsFloatingOnly) {
  EXPECT_EQ(get_default_dtype(), kFloat);
  set_default_dtype(kDouble);
  EXPECT_EQ(get_default_dtype(), kDouble);
  set_default_dtype(kFloat);
  EXPECT_THROW(set_default_dtype(kInt), DTypeError);
}

TEST(Convert, FloatToIntegerSaturatesThenWraps) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(convert<int64_t>(inf), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(convert<int64_t>(-inf), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(convert<int64_t>(std::nan("")), 0);
  EXPECT_EQ(convert<int64_t>(1e30f), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(convert<uint8_t>(300.0f), 44);
  EXPECT_EQ(convert<int8_t>(-1.9), -1);
  EXPECT_EQ(convert<bool>(0.5), true);
  EXPECT_EQ(convert<bool>(std::nan("")), true);
  EXPECT_EQ(convert<float>(Half(1.5f)), 1.5f);
  EXPECT_EQ(convert<Half>(0.1).bits, Half(0.1f).bits);
}

TEST(Scalar, KeepsItsKind) {
  EXPECT_TRUE(Scalar(1).isIntegral(false));
  EXPECT_TRUE(Scalar(true).isBoolean());
  EXPECT_FALSE(Scalar(true).isIntegral(false));
  EXPECT_TRUE(Scalar(1.5f).isFloatingPoint());
  EXPECT_EQ(Scalar(3.7).toLong(), 3);
  EXPECT_EQ((-Scalar(3)).toLong(), -3);
  EXPECT_EQ((-Scalar(std::numeric_limits<int64_t>::min())).toLong(),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(str(Scalar(2), " ", Scalar(0.25), " ", Scalar(false)), "2 0.25 false");
}

TEST(Device, ParsesItsText) {
  EXPECT_TRUE(Device("cpu").is_cpu());
  EXPECT_EQ(Device("cuda:3").index(), 3);
  EXPECT_EQ(Device("cuda:3").str(), "cuda:3");
  for (const char* bad : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cuda:999", "cpu:"}) {
    EXPECT_THROW(Device{bad}, Error) << bad;
  }
}

}  // namespace
}  // namespace taper
