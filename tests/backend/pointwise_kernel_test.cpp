#include "taper/kernel/pointwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "taper/base/parallel.h"
#include "taper/core/tensor_impl.h"
#include "taper/kernel/copy.h"

namespace taper {
namespace {

constexpr Device kHost;

bool same_float_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

template <class T>
TensorImplPtr tensor(std::vector<int64_t> sizes, const std::vector<T>& values) {
  TensorImplPtr t = TensorImpl::empty("test", sizes, scalar_type_of<T>);
  for (size_t i = 0; i < values.size(); ++i) static_cast<T*>(t->data())[i] = values[i];
  return t;
}
TensorImplPtr empty(IntArrayRef sizes, ScalarType type) {
  return TensorImpl::empty("test", sizes, type);
}
template <class T>
std::vector<T> values(const TensorImplPtr& t) {
  TensorImplPtr flat = empty(t->sizes(), t->dtype());
  copy_kernel(kHost, View(flat.get()), ConstView(t.get()));
  std::vector<T> v(t->numel());
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<const T*>(flat->data())[i];
  return v;
}
Operand in(const TensorImplPtr& t) { return Operand(t.get()); }
View out(const TensorImplPtr& t) { return View(t.get()); }

uint32_t next(uint32_t& state) { return state = state * 1664525u + 1013904223u; }

template <class T>
TensorImplPtr random(IntArrayRef sizes, uint32_t seed) {
  TensorImplPtr t = empty(sizes, scalar_type_of<T>);
  for (int64_t i = 0; i < t->numel(); ++i) {
    const double u = (next(seed) >> 8) * 0x1p-24;
    static_cast<T*>(t->data())[i] = static_cast<T>(std::is_integral_v<T> ? u * 20 + 1 : u * 8 - 4);
  }
  return t;
}

/// The same values in another layout: columns first, every second element, at an offset.
TensorImplPtr strided_copy(const TensorImplPtr& t) {
  const int64_t n = t->sizes()[0], m = t->sizes()[1];
  TensorImplPtr whole = empty({m, 2 * n + 3}, t->dtype());
  const int64_t strides[] = {2, 2 * n + 3};
  TensorImplPtr view =
      TensorImpl::make("test", t->sizes(), strides, t->dtype(), whole->storage(), 3);
  copy_kernel(kHost, View(view.get()), ConstView(t.get()));
  return view;
}

struct Case {
  const char* name;
  const UnaryKernel* unary;
  const BinaryKernel* binary;
};
#define UNARY(name) Case{#name, &name##_kernel, nullptr},
#define BINARY(name) Case{#name, nullptr, &name##_kernel},
const Case kFloatCases[] = {TAPER_UNARY_KERNELS(UNARY) TAPER_BINARY_KERNELS(BINARY)
                                Case{"", nullptr, nullptr}};
#undef UNARY
#undef BINARY
const Scalar kParams[] = {0.75, 1.5, 2.0};

bool is_of_integers(const std::string& name) {
  return name.rfind("bitwise", 0) == 0 || name.rfind("shift", 0) == 0 || name == "gcd" ||
         name == "lcm";
}

template <class T>
std::vector<T> call(const Case& c, const TensorImplPtr& a, const TensorImplPtr& b,
                    const TensorImplPtr& r) {
  if (c.unary) {
    (*c.unary)(kHost, out(r), in(a), kParams, scalar_type_of<T>);
  } else {
    (*c.binary)(kHost, out(r), in(a), in(b), kParams, scalar_type_of<T>);
  }
  return values<T>(r);
}

template <class T>
void same_bits_in_any_layout() {
  for (const Case& c : kFloatCases) {
    if (c.unary == nullptr && c.binary == nullptr) continue;
    if (is_of_integers(c.name)) continue;
    const TensorImplPtr a = random<T>({37, 53}, 1), b = random<T>({37, 53}, 2);
    const TensorImplPtr as = strided_copy(a), bs = strided_copy(b);
    const ScalarType type = scalar_type_of<T>;
    const std::vector<T> want = call<T>(c, a, b, empty({37, 53}, type));
    const std::vector<T> inputs_strided = call<T>(c, as, bs, empty({37, 53}, type));
    const std::vector<T> all_strided = call<T>(c, as, b, strided_copy(empty({37, 53}, type)));
    EXPECT_EQ(0, std::memcmp(want.data(), inputs_strided.data(), want.size() * sizeof(T)))
        << c.name;
    EXPECT_EQ(0, std::memcmp(want.data(), all_strided.data(), want.size() * sizeof(T))) << c.name;
  }
}
TEST(PointwiseKernel, SameBitsInAnyLayout) {
  same_bits_in_any_layout<float>();
  same_bits_in_any_layout<double>();
}

TEST(PointwiseKernel, SameBitsAtAnyLengthAndOffset) {
  for (const Case& c : kFloatCases) {
    if ((c.unary == nullptr && c.binary == nullptr) || is_of_integers(c.name)) continue;
    const TensorImplPtr a = random<float>({80}, 3), b = random<float>({80}, 4);
    const std::vector<float> want = call<float>(c, a, b, empty({80}, kFloat));
    for (int64_t offset : {0, 1, 5}) {
      for (int64_t n = 0; n <= 67; ++n) {
        const int64_t sizes[] = {n}, strides[] = {1};
        auto part = [&](const TensorImplPtr& t) {
          return TensorImpl::make("test", sizes, strides, kFloat, t->storage(), offset);
        };
        const std::vector<float> got = call<float>(c, part(a), part(b), empty({n}, kFloat));
        ASSERT_TRUE(std::equal(got.begin(), got.end(), want.begin() + offset, same_float_bits))
            << c.name << " " << n << " " << offset;
      }
    }
  }
}

TEST(PointwiseKernel, SameBitsAtAnyThreadCount) {
  const int before = get_num_threads();
  const TensorImplPtr a = random<float>({517, 401}, 5), b = random<float>({517, 401}, 6);
  const TensorImplPtr as = strided_copy(a);
  for (const Case& c : kFloatCases) {
    if ((c.unary == nullptr && c.binary == nullptr) || is_of_integers(c.name)) continue;
    set_num_threads(1);
    const std::vector<float> want = call<float>(c, a, b, empty({517, 401}, kFloat));
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      const std::vector<float> got = call<float>(c, a, b, empty({517, 401}, kFloat));
      const std::vector<float> strided = call<float>(c, as, b, empty({517, 401}, kFloat));
      EXPECT_EQ(0, std::memcmp(want.data(), got.data(), got.size() * 4)) << c.name << threads;
      EXPECT_EQ(0, std::memcmp(want.data(), strided.data(), got.size() * 4)) << c.name << threads;
    }
  }
  set_num_threads(before);
}

TEST(PointwiseKernel, Broadcasts) {
  const TensorImplPtr a = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const TensorImplPtr row = tensor<float>({3}, {10, 20, 30});
  const TensorImplPtr column = tensor<float>({2, 1}, {100, 200});
  const TensorImplPtr r = empty({2, 3}, kFloat);
  add_kernel(kHost, out(r), in(a), in(row), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{11, 22, 33, 14, 25, 36}));
  add_kernel(kHost, out(r), in(column), in(row), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{110, 120, 130, 210, 220, 230}));
  const TensorImplPtr big = random<float>({64, 70}, 7), tall = random<float>({64, 1}, 8);
  const TensorImplPtr rb = empty({64, 70}, kFloat);
  mul_kernel(kHost, out(rb), in(big), in(tall), {}, kFloat);
  const auto x = values<float>(big), y = values<float>(tall), z = values<float>(rb);
  for (int i = 0; i < 64 * 70; ++i) ASSERT_EQ(z[i], x[i] * y[i / 70]);
}

TEST(PointwiseKernel, NumbersStayNumbers) {
  const TensorImplPtr a = random<float>({1500}, 9), r = empty({1500}, kFloat);
  sub_kernel(kHost, out(r), Operand(Scalar(2.5)), in(a), {Scalar(3)}, kFloat);
  const auto x = values<float>(a), y = values<float>(r);
  for (int i = 0; i < 1500; ++i) ASSERT_EQ(y[i], 2.5f - 3.0f * x[i]);
  const TensorImplPtr bytes = tensor<int8_t>({2}, {100, 5}), rb = empty({2}, kChar);
  add_kernel(kHost, out(rb), in(bytes), Operand(Scalar(300)), {}, kChar);
  EXPECT_EQ(values<int8_t>(rb), (std::vector<int8_t>{static_cast<int8_t>(400), 49}));
}

TEST(PointwiseKernel, MixedTypesConvertToTheComputeType) {
  const TensorImplPtr a = tensor<int64_t>({3}, {1, 2, 3}), b = tensor<float>({3}, {0.5f, 2, 4});
  const TensorImplPtr r = empty({3}, kFloat);
  add_kernel(kHost, out(r), in(a), in(b), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{1.5f, 4, 7}));
  const TensorImplPtr p = empty({3}, kBool);
  eq_kernel(kHost, out(p), in(a), in(b), {}, kFloat);
  EXPECT_EQ(values<bool>(p), (std::vector<bool>{false, true, false}));
  const TensorImplPtr wide = tensor<int64_t>({2}, {260, -129}),
                      narrow = tensor<int8_t>({2}, {4, 127});
  const TensorImplPtr rn = empty({2}, kChar), pn = empty({2}, kBool);
  eq_kernel(kHost, out(pn), in(wide), in(narrow), {}, kChar);
  EXPECT_EQ(values<bool>(pn), (std::vector<bool>{true, true}));
  remainder_kernel(kHost, out(rn), in(wide), in(narrow), {}, kChar);
  EXPECT_EQ(values<int8_t>(rn), (std::vector<int8_t>{0, 0}));
}

TEST(PointwiseKernel, HalfTypesComputeInFloat) {
  const TensorImplPtr a = tensor<Half>({2}, {Half(1.0f), Half(2048.0f)});
  const TensorImplPtr r = empty({2}, kHalf);
  add_kernel(kHost, out(r), in(a), Operand(Scalar(0.0004)), {}, kHalf);
  const auto v = values<Half>(r);
  EXPECT_EQ(static_cast<float>(v[0]), static_cast<float>(Half(1.0004f)));
  EXPECT_EQ(static_cast<float>(v[1]), 2048.0f);
}

TEST(PointwiseKernel, IntegerDivision) {
  const int64_t min = std::numeric_limits<int64_t>::min();
  const TensorImplPtr a = tensor<int64_t>({6}, {7, -7, 7, -7, min, min});
  const TensorImplPtr b = tensor<int64_t>({6}, {2, 2, -2, -2, -1, 1});
  const TensorImplPtr r = empty({6}, kLong);
  div_floor_kernel(kHost, out(r), in(a), in(b), {}, kLong);
  EXPECT_EQ(values<int64_t>(r), (std::vector<int64_t>{3, -4, -4, 3, min, min}));
  div_trunc_kernel(kHost, out(r), in(a), in(b), {}, kLong);
  EXPECT_EQ(values<int64_t>(r), (std::vector<int64_t>{3, -3, -3, 3, min, min}));
  remainder_kernel(kHost, out(r), in(a), in(b), {}, kLong);
  EXPECT_EQ(values<int64_t>(r), (std::vector<int64_t>{1, 1, -1, -1, 0, 0}));
  fmod_kernel(kHost, out(r), in(a), in(b), {}, kLong);
  EXPECT_EQ(values<int64_t>(r), (std::vector<int64_t>{1, -1, 1, -1, 0, 0}));
  try {
    remainder_kernel(kHost, out(r), in(a), Operand(Scalar(0)), {}, kLong);
    FAIL() << "no exception";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("ZeroDivisionError"), std::string::npos);
  }
}

TEST(PointwiseKernel, FloatRemainders) {
  const float inf = std::numeric_limits<float>::infinity();
  for (float x : {5.5f, -5.5f, 1e30f, 0.0f, -0.0f, 3.0f, inf, 1e-40f}) {
    for (float y : {2.0f, -2.0f, 0.3f, 1e-30f, inf, 0.0f}) {
      const TensorImplPtr a = tensor<float>({1}, {x}), b = tensor<float>({1}, {y});
      const TensorImplPtr r = empty({1}, kFloat);
      fmod_kernel(kHost, out(r), in(a), in(b), {}, kFloat);
      const float want = std::fmod(x, y), got = values<float>(r)[0];
      EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
          << x << " " << y << " " << got << " " << want;
      div_floor_kernel(kHost, out(r), in(a), in(b), {}, kFloat);
      if (std::abs(x / y) < 1e6 && std::isfinite(y)) {
        EXPECT_EQ(values<float>(r)[0], std::floor(double(x) / double(y))) << x << " " << y;
      }
    }
  }
}

TEST(PointwiseKernel, NanPropagates) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const TensorImplPtr a = tensor<float>({4}, {nan, 1, nan, 2});
  const TensorImplPtr b = tensor<float>({4}, {1, nan, nan, 3});
  const TensorImplPtr r = empty({4}, kFloat);
  for (const BinaryKernel* k : {&maximum_kernel, &minimum_kernel}) {
    (*k)(kHost, out(r), in(a), in(b), {}, kFloat);
    const auto v = values<float>(r);
    EXPECT_TRUE(std::isnan(v[0]) && std::isnan(v[1]) && std::isnan(v[2]));
    EXPECT_EQ(v[3], k == &maximum_kernel ? 3.0f : 2.0f);
  }
  for (const UnaryKernel* k : {&relu_kernel, &leaky_relu_kernel, &clamp_kernel, &gelu_kernel,
                               &hardswish_kernel, &elu_kernel, &softplus_kernel, &silu_kernel}) {
    (*k)(kHost, out(r), in(a), kParams, kFloat);
    const auto v = values<float>(r);
    EXPECT_TRUE(std::isnan(v[0]) && std::isnan(v[2]) && !std::isnan(v[1])) << k->name();
  }
}

TEST(PointwiseKernel, TernaryAndInPlace) {
  const TensorImplPtr c = tensor<bool>({4}, {true, false, false, true});
  const TensorImplPtr a = tensor<float>({4}, {1, 2, 3, 4}),
                      b = tensor<float>({4}, {10, 20, 30, 40});
  const TensorImplPtr r = empty({4}, kFloat);
  where_kernel(kHost, out(r), in(c), in(a), in(b), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{1, 20, 30, 4}));
  where_kernel(kHost, out(r), in(c), Operand(Scalar(-1)), in(b), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{-1, 20, 30, -1}));
  lerp_kernel(kHost, out(r), in(a), in(b), Operand(Scalar(0.5)), {}, kFloat);
  EXPECT_EQ(values<float>(r), (std::vector<float>{5.5f, 11, 16.5f, 22}));
  addcmul_kernel(kHost, out(a), in(a), in(b), in(b), {Scalar(2)}, kFloat);
  EXPECT_EQ(values<float>(a), (std::vector<float>{201, 802, 1803, 3204}));
}

TEST(PointwiseKernel, IntegerPowersAndBits) {
  const TensorImplPtr a = tensor<int32_t>({4}, {3, -1, 1, 2}),
                      b = tensor<int32_t>({4}, {4, -3, -9, -1});
  const TensorImplPtr r = empty({4}, kInt);
  pow_kernel(kHost, out(r), in(a), in(b), {}, kInt);
  EXPECT_EQ(values<int32_t>(r), (std::vector<int32_t>{81, -1, 1, 0}));
  bitwise_xor_kernel(kHost, out(r), in(a), in(b), {}, kInt);
  EXPECT_EQ(values<int32_t>(r), (std::vector<int32_t>{3 ^ 4, -1 ^ -3, 1 ^ -9, 2 ^ -1}));
  const TensorImplPtr f = tensor<bool>({2}, {true, false}), rf = empty({2}, kBool);
  bitwise_not_kernel(kHost, out(rf), in(f), {}, kBool);
  EXPECT_EQ(values<bool>(rf), (std::vector<bool>{false, true}));
  add_kernel(kHost, out(rf), in(f), in(f), {}, kBool);
  EXPECT_EQ(values<bool>(rf), (std::vector<bool>{true, false}));
}

TEST(PointwiseKernel, RefusesTypesItDoesNotHave) {
  const TensorImplPtr a = tensor<int64_t>({1}, {1});
  EXPECT_THROW(exp_kernel(kHost, out(a), in(a), {}, kLong), DTypeError);
  const TensorImplPtr f = tensor<float>({1}, {1});
  EXPECT_THROW(bitwise_and_kernel(kHost, out(f), in(f), in(f), {}, kFloat), DTypeError);
}

}  // namespace
}  // namespace taper
