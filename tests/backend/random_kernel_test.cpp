#include "taper/kernel/random.h"

#include <cmath>
#include <limits>
#include <random>

#include "kernel_test_util.h"
#include "taper/base/parallel.h"
#include "taper/kernel/dropout.h"

namespace taper {
namespace {

using namespace taper::testing;

TensorImplPtr filled_normal(int64_t n, ScalarType dtype, RandomEngine& engine) {
  auto t = fresh({n}, dtype);
  normal_kernel(Device(), mut(t), engine, 0.0, 1.0);
  return t;
}

TEST(RandomKernel, UniformTakesTheLowBitsOfOneWord) {
  std::mt19937 words(123);
  RandomEngine engine(123);
  auto t = fresh({1000});
  uniform_kernel(Device(), mut(t), engine, 0.0, 1.0);
  for (int64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(get(t, i), double(words() & 0xffffff) / 0x1p24);
  }
  auto scaled = fresh({5});
  uniform_kernel(Device(), mut(scaled), engine, -2.0, 3.0);
  for (int64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(get(scaled, i), double(float(double(words() & 0xffffff) / 0x1p24 * 5.0 - 2.0)));
  }
  auto wide = fresh({100}, kDouble);
  uniform_kernel(Device(), mut(wide), engine, 0.0, 1.0);
  for (int64_t i = 0; i < 100; ++i) {
    const uint64_t high = words();
    const uint64_t word = high << 32 | words();
    ASSERT_EQ(get(wide, i), double(word & ((1ull << 53) - 1)) * 0x1p-53);
  }
}

// torch.manual_seed(0); torch.rand(3): values that PyTorch prints.
TEST(RandomKernel, KnownValuesOfSeedZero) {
  RandomEngine engine(0);
  auto t = fresh({3});
  uniform_kernel(Device(), mut(t), engine, 0.0, 1.0);
  EXPECT_NEAR(get(t, 0), 0.4963, 5e-5);
  EXPECT_NEAR(get(t, 1), 0.7682, 5e-5);
  EXPECT_NEAR(get(t, 2), 0.0885, 5e-5);
  engine.reseed(0);
  auto normal = filled_normal(3, kFloat, engine);
  EXPECT_NEAR(get(normal, 0), 1.5410, 5e-5);
  EXPECT_NEAR(get(normal, 1), -0.2934, 5e-5);
  EXPECT_NEAR(get(normal, 2), -2.1788, 5e-5);
}

TEST(RandomKernel, NormalOfSixteenOrMoreWorksInBlocks) {
  for (int64_t n : {16, 32, 37, 70001}) {
    for (ScalarType dtype : {kFloat, kDouble}) {
      RandomEngine engine(9), again(9);
      auto t = filled_normal(n, dtype, engine);
      std::vector<double> u(n);
      const auto draw = [&] {
        return dtype == kDouble ? again.uniform() : double(again.random() & 0xffffff) / 0x1p24;
      };
      const auto transform = [&](double* x) {
        for (int j = 0; j < 8; ++j) {
          const double r = std::sqrt(-2 * std::log(1 - x[j])), a = 2 * M_PI * x[j + 8];
          x[j] = r * std::cos(a);
          x[j + 8] = r * std::sin(a);
        }
      };
      for (auto& e : u) e = draw();
      for (int64_t b = 0; b + 16 <= n; b += 16) transform(u.data() + b);
      if (n % 16 != 0) {
        for (int64_t i = n - 16; i < n; ++i) u[i] = draw();
        transform(u.data() + n - 16);
      }
      for (int64_t i = 0; i < n; ++i) {
        if (dtype == kDouble) {
          ASSERT_EQ(get(t, i), u[i]);
        } else {
          ASSERT_NEAR(get(t, i), u[i], 2e-6 * (1 + std::abs(u[i])));
        }
      }
      EXPECT_EQ(engine.random(), again.random());
    }
  }
}

TEST(RandomKernel, NormalKeepsTheSecondValueOfAPair) {
  RandomEngine engine(1), other(1);
  auto odd = filled_normal(3, kFloat, engine);
  auto next = filled_normal(1, kDouble, engine);
  auto all = filled_normal(4, kDouble, other);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(float(get(all, i)), get(odd, i));
  EXPECT_EQ(get(next, 0), get(all, 3));
}

TEST(RandomKernel, StridedTensorsAreFilledInMemoryOrder) {
  RandomEngine engine(4), other(4);
  auto dense = fresh({4, 6});
  auto turned = permuted({6, 4}, {1, 0}, 0);
  uniform_kernel(Device(), mut(dense), engine, 0.0, 1.0);
  uniform_kernel(Device(), mut(turned), other, 0.0, 1.0);
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t k = 0; k < 4; ++k) ASSERT_EQ(get(turned, i * 4 + k), get(dense, k * 6 + i));
  }
}

TEST(RandomKernel, IntegersAreWordsModuloTheRange) {
  std::mt19937 words(8);
  RandomEngine engine(8);
  auto t = fresh({100}, kLong);
  random_range_kernel(Device(), mut(t), engine, 10, -3);
  for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(get(t, i), double(words() % 10) - 3);
  auto full = fresh({100}, kInt);
  random_full_kernel(Device(), mut(full), engine);
  for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(get(full, i), double(words() % 0x80000000u));
  auto floats = fresh({100});
  random_full_kernel(Device(), mut(floats), engine);
  for (int64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(get(floats, i), double(float(words() % ((1u << 24) + 1))));
  }
  auto bytes = fresh({100}, kByte);
  random_full_kernel(Device(), mut(bytes), engine);
  for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(get(bytes, i), double(words() % 256));
  auto wide = fresh({10}, kLong);
  random_range_kernel(Device(), mut(wide), engine, uint64_t{1} << 40, 0);
  for (int64_t i = 0; i < 10; ++i) {
    const uint64_t high = words();
    ASSERT_EQ(get(wide, i), double((high << 32 | words()) % (uint64_t{1} << 40)));
  }
}

TEST(RandomKernel, RandpermIsAPermutationByForwardFisherYates) {
  std::mt19937 words(5);
  RandomEngine engine(5);
  auto t = fresh({50}, kLong);
  randperm_kernel(Device(), mut(t), engine);
  std::vector<int64_t> expected(50);
  for (int64_t i = 0; i < 50; ++i) expected[i] = i;
  for (int64_t i = 0; i < 49; ++i) std::swap(expected[i], expected[i + words() % (50 - i)]);
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(get(t, i), double(expected[i]));
}

TEST(DropoutKernel, MaskFollowsThePhiloxWordsAtAnyThreadCount) {
  const int threads = get_num_threads();
  const CounterKey key{0x1234567890abcdefull, 77};
  for (int n : {1, 2, 3}) {
    set_num_threads(n);
    for (int64_t size : {int64_t(1), int64_t(63), int64_t(64), int64_t(1000), int64_t(70001)}) {
      auto x = fresh({size}), out = fresh({size}), mask = fresh({size}, kBool);
      fill_normal(x, 2);
      dropout_kernel(Device(), mut(out), mut(mask), view(x), 0.3, key);
      int64_t kept = 0;
      for (int64_t i = 0; i < size; ++i) {
        uint32_t block[4];
        Philox::block(key.seed, uint64_t(i / 64 * 16 + i % 16), key.call, block);
        const bool keep = block[i % 64 / 16] >= uint32_t(0.3 * 0x1p32);
        ASSERT_EQ(get(mask, i) != 0, keep) << i;
        ASSERT_EQ(get(out, i), keep ? double(float(get(x, i)) * float(1 / 0.7)) : 0.0 * get(x, i));
        kept += keep;
      }
      if (size == 70001) {
        EXPECT_NEAR(double(kept) / double(size), 0.7, 0.01);
      }
      auto scaled = fresh({size});
      masked_scale_kernel(Device(), mut(scaled), view(x), view(mask), 1 / 0.7);
      EXPECT_EQ(bits(scaled), bits(out));
    }
  }
  set_num_threads(threads);
}

TEST(DropoutKernel, ExtremesOfP) {
  auto x = fresh({200}), out = fresh({200}), mask = fresh({200}, kBool);
  fill_normal(x, 2);
  dropout_kernel(Device(), mut(out), mut(mask), view(x), 0.0, CounterKey{1, 1});
  EXPECT_EQ(bits(out), bits(x));
  dropout_kernel(Device(), mut(out), mut(mask), view(x), 1.0, CounterKey{1, 1});
  for (int64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(get(out, i), 0);
    EXPECT_EQ(get(mask, i), 0);
  }
}

TEST(DropoutKernel, BernoulliTakesANumberOrATensor) {
  const CounterKey key{11, 3};
  auto a = fresh({5000}), b = fresh({5000}), p = fresh({5000}, kDouble);
  for (int64_t i = 0; i < 5000; ++i) set(p, i, 0.25);
  bernoulli_kernel(Device(), mut(a), 0.25, key);
  bernoulli_tensor_kernel(Device(), mut(b), view(p), key);
  EXPECT_EQ(bits(a), bits(b));
  double sum = 0;
  for (double v : values(a)) sum += v;
  EXPECT_NEAR(sum / 5000, 0.25, 0.03);
  auto ones = fresh({100}), zeros = fresh({100});
  bernoulli_kernel(Device(), mut(ones), 1.0, key);
  bernoulli_kernel(Device(), mut(zeros), 0.0, key);
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(get(ones, i), 1);
    EXPECT_EQ(get(zeros, i), 0);
  }
}

}  // namespace
}  // namespace taper
