#include "taper/kernel/matmul.h"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "taper/backend/cpu/gemm.h"
#include "taper/backend/cpu/matmul_onednn.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

namespace taper {
namespace {
constinit std::atomic<bool> bf16_kernels{true};
}
bool bf16_kernels_enabled() { return bf16_kernels.load(std::memory_order_relaxed); }
void set_bf16_kernels_enabled(bool enabled) {
  bf16_kernels.store(enabled, std::memory_order_relaxed);
}

namespace cpu {
namespace {

/// A matrix in memory of one batch entry.
template <class T>
struct Matrix {
  T* data;
  int64_t rows, cols, row, col;
};

template <class T>
Matrix<T> transposed(const Matrix<T>& m) {
  return {m.data, m.cols, m.rows, m.col, m.row};
}

template <class T>
struct Product {
  Matrix<T> out;
  Matrix<const T> a, b;
  const T* bias;
  int64_t bias_stride;
  Scalar alpha, beta;
  bool parallel;
};

// Copies between matrices of one shape, converting; the inner loop follows the adjacent side.
template <class To, class From>
void copy_matrix(Matrix<To> to, Matrix<const From> from) {
  if (to.col > to.row) {
    to = transposed(to);
    from = transposed(from);
  }
  for (int64_t i = 0; i < to.rows; ++i) {
    To* t = to.data + i * to.row;
    const From* f = from.data + i * from.row;
    if (to.col == 1 && from.col == 1) {
      for (int64_t j = 0; j < to.cols; ++j) t[j] = convert<To>(f[j]);
    } else {
      for (int64_t j = 0; j < to.cols; ++j) t[j * to.col] = convert<To>(f[j * from.col]);
    }
  }
}

template <class T>
Matrix<T> dense(T* data, int64_t rows, int64_t cols) {
  return {data, rows, cols, cols, 1};
}

// float and double: the GEMM wants adjacent columns in the result.
template <class T>
void real_product(const Product<T>& p) {
  GemmArgs<T> g{.m = p.out.rows,
                .n = p.out.cols,
                .k = p.a.cols,
                .a = p.a.data,
                .a_row = p.a.row,
                .a_col = p.a.col,
                .b = p.b.data,
                .b_row = p.b.row,
                .b_col = p.b.col,
                .c = p.out.data,
                .c_row = p.out.row,
                .alpha = p.alpha.template to<T>(),
                .beta = p.beta.template to<T>(),
                .bias = p.bias};
  const auto run = [&] { p.parallel ? gemm_parallel(g) : gemm_serial(g); };
  Scratch<T> bias(p.bias != nullptr && p.bias_stride != 1 ? g.n : 0);
  if (bias.data() != nullptr) {
    for (int64_t j = 0; j < g.n; ++j) bias[j] = p.bias[j * p.bias_stride];
    g.bias = bias.data();
  }
  if (p.out.row == 1 && (p.out.col != 1 || g.n == 1) && g.m != 1) {
    std::swap(g.m, g.n);
    std::swap(g.a, g.b);
    std::swap(g.a_row, g.b_col);
    std::swap(g.a_col, g.b_row);
    g.c_row = p.out.col;
    g.bias_per_row = true;
    return run();
  }
  if (p.out.col == 1 || g.n == 1) return run();
  Scratch<T> copy(static_cast<size_t>(g.m) * g.n);
  const Matrix<T> whole = dense(copy.data(), g.m, g.n);
  if (g.beta != T(0))
    copy_matrix(whole, Matrix<const T>{p.out.data, g.m, g.n, p.out.row, p.out.col});
  g.c = whole.data;
  g.c_row = whole.row;
  run();
  copy_matrix(p.out, Matrix<const T>{whole.data, g.m, g.n, whole.row, 1});
}

// Half types: float32 copies of the operands, one rounding at the end.
template <class T>
Matrix<const float> widen(Matrix<const T> from, float* to) {
  if (from.row < from.col) return transposed(widen(transposed(from), to));
  const Matrix<float> copy = dense(to, from.rows, from.cols);
  copy_matrix(copy, from);
  return {to, from.rows, from.cols, from.cols, 1};
}

template <class T>
void half_product(const Product<T>& p) {
  const size_t m = p.out.rows, n = p.out.cols, k = p.a.cols;
  Scratch<float> memory(m * k + k * n + m * n + n);
  float* const a = memory.data();
  float* const b = a + m * k;
  float* const out = b + k * n;
  float* const bias = out + m * n;
  Product<float> wide{dense(out, m, n), widen(p.a, a), widen(p.b, b), nullptr, 1,
                      p.alpha,          p.beta,        p.parallel};
  if (p.bias != nullptr) {
    for (size_t j = 0; j < n; ++j) bias[j] = p.bias[j * p.bias_stride];
    wide.bias = bias;
  }
  if (p.beta.toDouble() != 0) {
    copy_matrix(wide.out,
                Matrix<const T>{p.out.data, p.out.rows, p.out.cols, p.out.row, p.out.col});
  }
  real_product(wide);
  copy_matrix(p.out, Matrix<const float>{out, p.out.rows, p.out.cols, p.out.cols, 1});
}

// Integers wrap: their sums are formed in the unsigned type.
template <class T>
void integer_product(const Product<T>& p) {
  using U = std::make_unsigned_t<T>;
  const U alpha = static_cast<U>(p.alpha.template to<T>());
  const U beta = static_cast<U>(p.beta.template to<T>());
  const int64_t n = p.out.cols, k = p.a.cols;
  const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, n * k));
  parallel_for(0, p.out.rows, grain, [&](int64_t first, int64_t last) {
    Scratch<U> sums(n);
    for (int64_t i = first; i < last; ++i) {
      std::fill_n(sums.data(), n, U(0));
      for (int64_t q = 0; q < k; ++q) {
        const U x = static_cast<U>(p.a.data[i * p.a.row + q * p.a.col]);
        const T* b = p.b.data + q * p.b.row;
        for (int64_t j = 0; j < n; ++j) {
          // Narrow types would promote to int, where a product of two 16-bit values overflows.
          sums[j] = static_cast<U>(sums[j] + uint64_t{x} * static_cast<U>(b[j * p.b.col]));
        }
      }
      T* out = p.out.data + i * p.out.row;
      for (int64_t j = 0; j < n; ++j) {
        T& o = out[j * p.out.col];
        uint64_t v = uint64_t{alpha} * sums[j];
        if (beta != 0) v += uint64_t{beta} * static_cast<U>(o);
        if (p.bias != nullptr) v += static_cast<U>(p.bias[j * p.bias_stride]);
        o = static_cast<T>(static_cast<U>(v));
      }
    }
  });
}

template <class T>
void product(const Product<T>& p) {
  if constexpr (std::is_floating_point_v<T>) {
    real_product(p);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    integer_product(p);
  } else if constexpr (!std::is_same_v<T, bool>) {
    half_product(p);
  } else {
    TAPER_CHECK_AS(DTypeError, false, "matmul: \"addmm_impl_cpu_\" not implemented for 'Bool'");
  }
}

// The plain case, straight to the GEMM: small products are as quick as their overhead.
bool plain(const View& out, const ConstView& bias, const MatmulGeometry& g) {
  return out.dtype() == kFloat && g.batch == 1 && g.out_col == 1 && g.n > 1 &&
         (!bias.defined() || bias.is_contiguous());
}

}  // namespace

void matmul(View out, ConstView a, ConstView b, ConstView bias, const MatmulGeometry& g,
            Scalar alpha, Scalar beta) {
  if (plain(out, bias, g)) {
    return gemm_parallel(GemmArgs<float>{.m = g.m,
                                         .n = g.n,
                                         .k = g.k,
                                         .a = a.data<float>(),
                                         .a_row = g.a_row,
                                         .a_col = g.a_col,
                                         .b = b.data<float>(),
                                         .b_row = g.b_row,
                                         .b_col = g.b_col,
                                         .c = out.data<float>(),
                                         .c_row = g.out_row,
                                         .alpha = alpha.to<float>(),
                                         .beta = beta.to<float>(),
                                         .bias = bias.defined() ? bias.data<float>() : nullptr});
  }
  if (out.dtype() == kBFloat16 && matmul_onednn(out, a, b, bias, g, alpha, beta)) return;
  visit_dtype(out.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto entry = [&](int64_t i, bool parallel) {
      product(Product<T>{{out.data<T>() + i * g.out_batch, g.m, g.n, g.out_row, g.out_col},
                         {a.data<T>() + i * g.a_batch, g.m, g.k, g.a_row, g.a_col},
                         {b.data<T>() + i * g.b_batch, g.k, g.n, g.b_row, g.b_col},
                         bias.defined() ? bias.data<T>() : nullptr,
                         bias.defined() && bias.dim() == 1 ? bias.stride(0) : 1,
                         alpha,
                         beta,
                         parallel});
    };
    if (g.batch < 2 * get_num_threads()) {
      for (int64_t i = 0; i < g.batch; ++i) entry(i, true);
      return;
    }
    const int64_t work = std::max<int64_t>(1, g.m * g.n * g.k);
    parallel_for(0, g.batch, std::max<int64_t>(1, (int64_t{1} << 18) / work),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last; ++i) entry(i, false);
                 });
  });
}

}  // namespace cpu
}  // namespace taper
