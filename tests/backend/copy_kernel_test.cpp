#include "taper/kernel/copy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "taper/core/tensor_impl.h"

namespace taper {
namespace {

constexpr Device kHost;

// Values that differ at every place of a tensor, for types of any width.
template <class T>
void number_storage(const TensorImplPtr& t) {
  T* p = static_cast<T*>(t->storage()->data());
  for (size_t i = 0; i < t->storage()->nbytes() / sizeof(T); ++i) {
    p[i] = static_cast<T>(i * 2654435761u >> 7);
  }
}
template <class T>
T at(const TensorImpl& t, int64_t i, int64_t j, int64_t k) {
  return static_cast<const T*>(
      t.data())[i * t.strides()[0] + j * t.strides()[1] + k * t.strides()[2]];
}

template <class T>
void check_permutations(int64_t n0, int64_t n1, int64_t n2) {
  const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const int64_t sizes[] = {n0, n1, n2};
  for (const auto& from_order : order) {
    for (const auto& to_order : order) {
      auto make = [&](const int* o, int64_t pad) {
        int64_t strides[3], step = 1;
        for (int d = 2; d >= 0; --d) {
          strides[o[d]] = step;
          step *= sizes[o[d]] + pad;
        }
        TensorImplPtr whole = TensorImpl::empty("test", {step + 8}, scalar_type_of<T>);
        return TensorImpl::make("test", sizes, strides, scalar_type_of<T>, whole->storage(), pad);
      };
      const TensorImplPtr src = make(from_order, 1), dst = make(to_order, 0);
      number_storage<T>(src);
      copy_kernel(kHost, View(dst.get()), ConstView(src.get()));
      for (int64_t i = 0; i < n0; ++i) {
        for (int64_t j = 0; j < n1; ++j) {
          for (int64_t k = 0; k < n2; ++k) {
            ASSERT_EQ(at<T>(*dst, i, j, k), at<T>(*src, i, j, k)) << i << " " << j << " " << k;
          }
        }
      }
    }
  }
}
TEST(CopyKernel, AnyPermutation) {
  check_permutations<uint8_t>(3, 21, 37);
  check_permutations<int16_t>(3, 21, 37);
  check_permutations<int32_t>(3, 21, 37);
  check_permutations<int64_t>(3, 21, 37);
  check_permutations<int32_t>(2, 80, 67);
  check_permutations<int64_t>(80, 1, 130);
}

TEST(CopyKernel, LargeTransposeUsesEveryPath) {
  // Past the size from which stores are streamed.
  const int64_t n = 2048, m = 2064;
  const int64_t sizes[] = {n, m}, strides[] = {1, n};
  TensorImplPtr whole = TensorImpl::empty("test", {n * m}, kFloat);
  TensorImplPtr src = TensorImpl::make("test", sizes, strides, kFloat, whole->storage(), 0);
  for (int64_t i = 0; i < n * m; ++i) static_cast<float*>(whole->data())[i] = i % 16777213;
  TensorImplPtr dst = TensorImpl::empty("test", sizes, kFloat);
  copy_kernel(kHost, View(dst.get()), ConstView(src.get()));
  const float* got = static_cast<const float*>(dst->data());
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) ASSERT_EQ(got[i * m + j], (j * n + i) % 16777213);
  }
}

template <class To, class From>
void check_conversion(const std::vector<From>& from) {
  const int64_t n = from.size();
  TensorImplPtr a = TensorImpl::empty("test", {n}, scalar_type_of<From>);
  TensorImplPtr b = TensorImpl::empty("test", {n}, scalar_type_of<To>);
  std::memcpy(a->data(), from.data(), n * sizeof(From));
  copy_kernel(kHost, View(b.get()), ConstView(a.get()));
  for (int64_t i = 0; i < n; ++i) {
    const To want = convert<To>(from[i]);
    EXPECT_EQ(0, std::memcmp(&want, static_cast<const To*>(b->data()) + i, sizeof(To)))
        << i << " " << toString(scalar_type_of<From>) << " " << toString(scalar_type_of<To>);
  }
}
TEST(CopyKernel, ConvertsByTheRules) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> reals{0,      -0.0f, 1.5f,   -1.5f,  300,  -300,          1e10f,
                           -1e10f, 1e20f, -1e20f, inf,    -inf, std::nanf(""), 65504,
                           65520,  1e-8f, 6e-8f,  1e-40f, 0.1f, 3e38f};
  for (int i = 0; i < 40; ++i) reals.push_back(i * 0.37f);
  std::vector<double> wide(reals.begin(), reals.end());
  std::vector<int64_t> whole{0,   1,    -1,        127,          128,   255,
                             256, -129, 1ll << 40, -(1ll << 62), 65535, 70000};
  for (int i = 0; i < 40; ++i) whole.push_back(i * 977 - 7000);
#define CHECK(type, name)               \
  check_conversion<type, float>(reals); \
  check_conversion<type, double>(wide); \
  check_conversion<type, int64_t>(whole);
  TAPER_FORALL_TYPES(CHECK)
#undef CHECK
  std::vector<Half> halves;
  std::vector<BFloat16> brains;
  for (int i = 0; i < 65536; ++i) {
    Half h;
    h.bits = static_cast<uint16_t>(i);
    halves.push_back(h);
    BFloat16 b;
    b.bits = static_cast<uint16_t>(i);
    brains.push_back(b);
  }
  check_conversion<float, Half>(halves);
  check_conversion<float, BFloat16>(brains);
  check_conversion<double, Half>(halves);
}

TEST(CopyKernel, ConvertsAcrossLayoutsAndBroadcasts) {
  TensorImplPtr whole = TensorImpl::empty("test", {60}, kInt);
  for (int i = 0; i < 60; ++i) static_cast<int32_t*>(whole->data())[i] = i;
  const int64_t sizes[] = {5, 6}, strides[] = {1, 10};
  TensorImplPtr src = TensorImpl::make("test", sizes, strides, kInt, whole->storage(), 2);
  TensorImplPtr dst = TensorImpl::empty("test", sizes, kDouble);
  copy_kernel(kHost, View(dst.get()), ConstView(src.get()));
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 6; ++j) {
      EXPECT_EQ(static_cast<double*>(dst->data())[i * 6 + j], 2 + i + 10 * j);
    }
  }
  const int64_t column[] = {5, 1}, ones[] = {1, 1};
  TensorImplPtr thin = TensorImpl::make("test", column, ones, kInt, whole->storage(), 7);
  copy_kernel(kHost, View(dst.get()), ConstView(thin.get()));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(static_cast<double*>(dst->data())[i], 7 + i / 6);
}

TEST(CopyKernel, Fill) {
  TensorImplPtr t = TensorImpl::empty("test", {200}, kShort);
  fill_kernel(kHost, View(t.get()), Scalar(7));
  const int64_t sizes[] = {9, 4}, strides[] = {20, 3};
  TensorImplPtr view = TensorImpl::make("test", sizes, strides, kShort, t->storage(), 1);
  fill_kernel(kHost, View(view.get()), Scalar(-2.9));
  int changed = 0;
  for (int i = 0; i < 200; ++i) {
    const int16_t v = static_cast<int16_t*>(t->data())[i];
    const bool inside = i >= 1 && (i - 1) / 20 < 9 && (i - 1) % 20 <= 9 && (i - 1) % 20 % 3 == 0;
    EXPECT_EQ(v, inside ? -2 : 7) << i;
    changed += v == -2;
  }
  EXPECT_EQ(changed, 36);
}

}  // namespace
}  // namespace taper
