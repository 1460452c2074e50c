#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace taper::cpu {

/// What transforms of one length and type share: factors, roots of unity, Bluestein's chirp. All
/// complex arrays are split into real and imaginary ones.
template <class T>
struct FftPlan {
  /// One pass of Stockham's algorithm: y[q + s (radix p + k)] of x[q + s (p + k m)], for k < radix,
  /// p < m, q < s. The factors e^(-2 pi i p k / (radix m)) stand at [(k - 1) m + p].
  struct Stage {
    int radix;
    int64_t m, s;
    std::vector<T> re, im;
    std::vector<T> cos, sin;  // of 2 pi k / radix
  };

  explicit FftPlan(int64_t length);

  int64_t n;
  std::vector<Stage> stages;
  /// e^(-2 pi i k / (2 n)) for k <= n: for a real signal of twice the length.
  std::vector<T> half_re, half_im;
  /// A length with a large prime is a convolution of a smooth length with a chirp.
  std::unique_ptr<FftPlan> convolution;
  std::vector<T> chirp_re, chirp_im;    // e^(-pi i j^2 / n)
  std::vector<T> kernel_re, kernel_im;  // the transform of its conjugate, over the smooth length

  /// Elements of type T that a transform needs beside its data.
  int64_t scratch() const { return convolution ? 4 * convolution->n : 2 * n; }
  /// About how many numbers the plan holds.
  int64_t weight() const { return 4 * n + (convolution ? 8 * convolution->n : 0); }
};

/// The plan of a length, from a bounded cache.
template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n);

/// Transforms the split array (re, im) in place; scratch has plan.scratch() elements.
void fft_split(const FftPlan<float>& plan, float* re, float* im, float* scratch);
void fft_split(const FftPlan<double>& plan, double* re, double* im, double* scratch);

}  // namespace taper::cpu
