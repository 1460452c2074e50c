#pragma once

#include <cstdint>

// Dense matrix products on raw memory, for the kernels of this folder.
namespace taper::cpu {

/// How the sums are formed: chosen from the whole problem, so that its parts add alike.
enum class GemmWay : uint8_t { choose, dots, one_row, tiles };

/// c[m, n] = alpha * a[m, k] b[k, n] + beta * c + bias. Every operand has free strides but c,
/// whose columns are adjacent. With beta = 0 the old c is not read.
template <class T>
struct GemmArgs {
  int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  int64_t a_row = 0, a_col = 0;
  const T* b = nullptr;
  int64_t b_row = 0, b_col = 0;
  T* c = nullptr;
  int64_t c_row = 0;
  T alpha = 1, beta = 0;
  const T* bias = nullptr;  // n values, or m when bias_per_row
  bool bias_per_row = false;
  GemmWay way = GemmWay::choose;
};

/// Runs on the calling thread only.
void gemm_serial(const GemmArgs<float>& args);
void gemm_serial(const GemmArgs<double>& args);

/// Splits the result over the threads when the work pays for it. An element's sum is formed in
/// the same order whatever the split.
void gemm_parallel(const GemmArgs<float>& args);
void gemm_parallel(const GemmArgs<double>& args);

}  // namespace taper::cpu
