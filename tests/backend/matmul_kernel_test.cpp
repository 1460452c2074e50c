#include "taper/kernel/matmul.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "tests/backend/tensor_util.h"

namespace taper::test {
namespace {

struct Case {
  int64_t m, n, k;
  bool transpose_a = false, transpose_b = false, transpose_out = false;
  bool with_bias = false;
  double alpha = 1, beta = 0;
  int64_t batch = 1;
  int64_t gap = 0;  // memory between the rows
};

struct Operand {
  TensorImplPtr tensor;
  int64_t row, col, step;
};

Operand operand(int64_t batch, int64_t rows, int64_t cols, bool transposed, int64_t gap,
                ScalarType dtype, uint32_t seed) {
  const int64_t row = transposed ? 1 : cols + gap, col = transposed ? rows + gap : 1;
  const int64_t step = transposed ? cols * col : rows * row;
  return {strided({batch, rows, cols}, {step, row, col}, dtype, seed), row, col, step};
}

std::vector<double> expected(const Case& c, const std::vector<double>& a,
                             const std::vector<double>& b, const std::vector<double>& out,
                             const std::vector<double>& bias) {
  std::vector<double> want(c.batch * c.m * c.n);
  for (int64_t q = 0; q < c.batch; ++q) {
    for (int64_t i = 0; i < c.m; ++i) {
      for (int64_t j = 0; j < c.n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < c.k; ++p) {
          sum += a[(q * c.m + i) * c.k + p] * b[(q * c.k + p) * c.n + j];
        }
        const int64_t at = (q * c.m + i) * c.n + j;
        want[at] =
            c.alpha * sum + (c.beta == 0 ? 0 : c.beta * out[at]) + (bias.empty() ? 0 : bias[j]);
      }
    }
  }
  return want;
}

MatmulGeometry geometry(const Case& c, const Operand& out, const Operand& a, const Operand& b) {
  MatmulGeometry g;
  g.batch = c.batch;
  g.m = c.m;
  g.n = c.n;
  g.k = c.k;
  g.out_batch = out.step;
  g.out_row = out.row;
  g.out_col = out.col;
  g.a_batch = a.step;
  g.a_row = a.row;
  g.a_col = a.col;
  g.b_batch = b.step;
  g.b_row = b.row;
  g.b_col = b.col;
  return g;
}

double error_of(const Case& c, ScalarType dtype) {
  const Operand a = operand(c.batch, c.m, c.k, c.transpose_a, c.gap, dtype, 1);
  const Operand b = operand(c.batch, c.k, c.n, c.transpose_b, c.gap, dtype, 2);
  const Operand out = operand(c.batch, c.m, c.n, c.transpose_out, c.gap, dtype, 3);
  const TensorImplPtr bias = c.with_bias ? tensor({c.n}, dtype, 4) : nullptr;
  auto want = expected(c, values(a.tensor), values(b.tensor), values(out.tensor),
                       bias ? values(bias) : std::vector<double>());
  // Integers wrap.
  if (dtype == kByte || dtype == kChar || dtype == kShort) {
    for (double& w : want) {
      const auto whole = static_cast<int64_t>(w);
      w = dtype == kByte   ? static_cast<double>(static_cast<uint8_t>(whole))
          : dtype == kChar ? static_cast<double>(static_cast<int8_t>(whole))
                           : static_cast<double>(static_cast<int16_t>(whole));
    }
  }
  matmul_kernel(kCPU, write(out.tensor), read(a.tensor), read(b.tensor),
                bias ? read(bias) : ConstView(), geometry(c, out, a, b), Scalar(c.alpha),
                Scalar(c.beta));
  return worst_error(values(out.tensor), want);
}

class MatmulKernelDtypes : public testing::TestWithParam<ScalarType> {};

TEST_P(MatmulKernelDtypes, EveryTransposeOfManyShapes) {
  const ScalarType dtype = GetParam();
  const int64_t sizes[][3] = {{1, 1, 1},    {1, 64, 64},  {64, 1, 64},  {3, 5, 7},   {8, 8, 8},
                              {4, 33, 17},  {17, 16, 15}, {9, 49, 31},  {2, 100, 3}, {50, 10, 128},
                              {65, 47, 70}, {1, 131, 9},  {131, 1, 300}};
  for (const auto& s : sizes) {
    for (int mask = 0; mask < 16; ++mask) {
      Case c{s[0], s[1], s[2], (mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, (mask & 8) != 0};
      c.gap = mask % 3;
      EXPECT_LE(error_of(c, dtype), tolerance(dtype))
          << s[0] << "x" << s[1] << "x" << s[2] << " mask " << mask;
    }
  }
}

TEST_P(MatmulKernelDtypes, AlphaAndBeta) {
  for (const double beta : {0.0, 1.0, 2.0}) {
    for (const double alpha : {0.0, 1.0, 3.0}) {
      Case c{13, 50, 21, false, true, false, true, alpha, beta};
      EXPECT_LE(error_of(c, GetParam()), tolerance(GetParam())) << alpha << " " << beta;
      c.m = 1;
      EXPECT_LE(error_of(c, GetParam()), tolerance(GetParam())) << "row " << alpha << " " << beta;
      c.transpose_b = false;
      EXPECT_LE(error_of(c, GetParam()), tolerance(GetParam())) << "axpy " << alpha << " " << beta;
    }
  }
}

TEST_P(MatmulKernelDtypes, Batches) {
  for (const int64_t batch : {2, 3, 9}) {
    Case c{7, 20, 11};
    c.batch = batch;
    c.transpose_b = batch % 2 == 0;
    EXPECT_LE(error_of(c, GetParam()), tolerance(GetParam())) << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, MatmulKernelDtypes,
                         testing::Values(kFloat, kDouble, kHalf, kBFloat16, kByte, kChar, kShort,
                                         kInt, kLong),
                         [](const auto& info) { return toString(info.param); });

// Sizes past each blocking limit: depth 320, rows 256, columns 768.
TEST(MatmulKernel, BlockEdges) {
  for (const ScalarType dtype : {kFloat, kDouble}) {
    for (const auto& s : {Case{257, 769, 40}, Case{300, 100, 700}, Case{30, 1000, 641}}) {
      for (int mask = 0; mask < 4; ++mask) {
        Case c = s;
        c.transpose_a = mask & 1;
        c.transpose_b = mask & 2;
        c.with_bias = true;
        c.beta = 1;
        EXPECT_LE(error_of(c, dtype), tolerance(dtype)) << c.m << "x" << c.n << "x" << c.k;
      }
    }
  }
}

TEST(MatmulKernel, ThreadsGiveTheSameBits) {
  const Case c{301, 207, 300};
  const Operand a = operand(1, c.m, c.k, false, 0, kFloat, 1);
  const Operand b = operand(1, c.k, c.n, true, 0, kFloat, 2);
  const Operand one = operand(1, c.m, c.n, false, 0, kFloat, 3);
  const auto run = [&](const Operand& out, int threads) {
    const Threads scope(threads);
    matmul_kernel(kCPU, write(out.tensor), read(a.tensor), read(b.tensor), ConstView(),
                  geometry(c, out, a, b), Scalar(1), Scalar(0));
  };
  run(one, 1);
  for (const int threads : {2, 3, 4}) {
    const Operand many = operand(1, c.m, c.n, false, 0, kFloat, 4);
    run(many, threads);
    EXPECT_EQ(std::memcmp(one.tensor->data(), many.tensor->data(), 4 * c.m * c.n), 0) << threads;
  }
}

TEST(MatmulKernel, BetaZeroIgnoresNanInOut) {
  for (const int64_t m : {1, 2, 20}) {
    const Case c{m, 19, 5};
    const Operand a = operand(1, c.m, c.k, false, 0, kFloat, 1);
    const Operand b = operand(1, c.k, c.n, false, 0, kFloat, 2);
    const Operand out = operand(1, c.m, c.n, false, 0, kFloat, 3);
    for (int64_t i = 0; i < m * c.n; ++i) {
      set_value(*out.tensor, i, std::numeric_limits<double>::quiet_NaN());
    }
    matmul_kernel(kCPU, write(out.tensor), read(a.tensor), read(b.tensor), ConstView(),
                  geometry(c, out, a, b), Scalar(1), Scalar(0));
    for (const double v : values(out.tensor)) EXPECT_FALSE(std::isnan(v));
  }
}

TEST(MatmulKernel, NanAndInfinityInOperandsArrive) {
  const Case c{9, 20, 6};
  const Operand a = operand(1, c.m, c.k, false, 0, kFloat, 1);
  const Operand b = operand(1, c.k, c.n, false, 0, kFloat, 2);
  const Operand out = operand(1, c.m, c.n, false, 0, kFloat, 3);
  set_value(*a.tensor, 3 * c.k + 2, std::numeric_limits<double>::quiet_NaN());
  matmul_kernel(kCPU, write(out.tensor), read(a.tensor), read(b.tensor), ConstView(),
                geometry(c, out, a, b), Scalar(1), Scalar(0));
  const auto got = values(out.tensor);
  for (int64_t i = 0; i < c.m * c.n; ++i) EXPECT_EQ(std::isnan(got[i]), i / c.n == 3) << i;
}

TEST(MatmulKernel, EmptyDepthGivesBetaAndBias) {
  Case c{4, 5, 0, false, false, false, true, 1, 2};
  EXPECT_EQ(error_of(c, kFloat), 0);
  EXPECT_EQ(error_of(c, kLong), 0);
  c.beta = 0;
  EXPECT_EQ(error_of(c, kDouble), 0);
}

TEST(MatmulKernel, IntegersWrap) {
  const Case c{1, 1, 2};
  const Operand a = operand(1, 1, 2, false, 0, kInt, 1), b = operand(1, 2, 1, false, 0, kInt, 2);
  const Operand out = operand(1, 1, 1, false, 0, kInt, 3);
  set_value(*a.tensor, 0, 65536);
  set_value(*a.tensor, 1, 3);
  set_value(*b.tensor, 0, 65536);
  set_value(*b.tensor, 1, 5);
  matmul_kernel(kCPU, write(out.tensor), read(a.tensor), read(b.tensor), ConstView(),
                geometry(c, out, a, b), Scalar(1), Scalar(0));
  EXPECT_EQ(values(out.tensor)[0], 15);
}

TEST(MatmulKernel, ExpandedOperandAndColumnStrides) {
  // a is one row repeated; b takes every second column of its memory.
  const auto row = tensor({6}, kFloat, 1), b = tensor({6, 40}, kFloat, 2);
  const auto out = tensor({5, 20}, kFloat, 3);
  MatmulGeometry g;
  g.m = 5;
  g.n = 20;
  g.k = 6;
  g.out_row = 20;
  g.a_row = 0;
  g.b_row = 40;
  g.b_col = 2;
  matmul_kernel(kCPU, write(out), read(row), read(b), ConstView(), g, Scalar(1), Scalar(0));
  const auto x = values(row), w = values(b), got = values(out);
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 20; ++j) {
      double want = 0;
      for (int64_t p = 0; p < 6; ++p) want += x[p] * w[p * 40 + 2 * j];
      EXPECT_NEAR(got[i * 20 + j], want, 1e-5);
    }
  }
}

/// One value stands for a whole operand, or one row for all of b: strides of 0 along k.
TEST(MatmulKernel, ExpandedAlongTheSum) {
  const auto one = tensor({1}, kFloat, 1), row = tensor({7}, kFloat, 2);
  const auto out = tensor({9, 7}, kFloat, 3);
  const double a = values(one)[0];
  const auto b = values(row);
  for (const int64_t k : {1, 5}) {
    MatmulGeometry g;
    g.m = 9;
    g.n = 7;
    g.k = k;
    g.out_row = 7;
    g.a_row = g.a_col = g.b_row = 0;
    g.b_col = 1;
    matmul_kernel(kCPU, write(out), read(one), read(row), ConstView(), g, Scalar(1), Scalar(0));
    for (int64_t i = 0; i < 63; ++i) {
      EXPECT_NEAR(values(out)[i], static_cast<double>(k) * a * b[i % 7], 1e-5) << k << ' ' << i;
    }
  }
}

}  // namespace
}  // namespace taper::test
