#pragma once

#include <vector>

#include "taper/ops/op_util.h"

// Padding, patches, resampling, grids and bags: products with a sparse matrix along a dimension.
namespace taper {

/// The matrix [rows, inputs] (see kernel/sampling.h). Without weights every tap counts once.
struct Taps {
  Tensor first, index, weight;
  int64_t inputs = 0;

  int64_t rows() const { return first.numel() - 1; }
};

/// A row's taps, written one after another.
class TapsBuilder {
 public:
  /// Throws an OutOfMemoryError where there is no room for the rows.
  TapsBuilder(int64_t rows, int64_t inputs, int64_t taps_per_row);
  void add(int64_t index) { index_.push_back(index); }
  void add(int64_t index, double weight) {
    index_.push_back(index);
    weight_.push_back(weight);
  }
  void end_row() { first_.push_back(static_cast<int64_t>(index_.size())); }
  /// The weights in `dtype`.
  Taps done(ScalarType dtype) const;

 private:
  int64_t inputs_;
  std::vector<int64_t> first_{0}, index_;
  std::vector<double> weight_;
};

/// One tap or, where element(j) is negative, none for each of `rows` rows.
template <class F>
Taps taps_of(int64_t rows, int64_t inputs, F element) {
  TapsBuilder b(rows, inputs, 1);
  for (int64_t j = 0; j < rows; ++j) {
    if (const int64_t i = element(j); i >= 0) b.add(i);
    b.end_row();
  }
  return b.done(kFloat);
}

/// Windows of `kernel` elements, `dilation` apart, every `stride` of a line of `inputs` between
/// `padding` zeros: row k * windows + w is element k of window w.
Taps window_taps(int64_t inputs, int64_t windows, int64_t kernel, int64_t stride, int64_t padding,
                 int64_t dilation);
/// The transposed matrix; its weights are those of the taps, and differentiable in them.
Taps transpose(const Taps& taps);

/// out[a, j, b] = sum over j's taps of weight[k] x[a, index[k], b] along dim. Differentiable in x
/// and, for dim 0, in the weights, any number of times.
Tensor sample(const Tensor& x, int64_t dim, const Taps& taps);
/// sample() by taps[i] along dimension first + i for each i, the last one first; undefined taps
/// leave theirs. Channels-last tensors stay so.
Tensor sample_each(const Tensor& x, int64_t first, const std::vector<Taps>& taps);

}  // namespace taper
