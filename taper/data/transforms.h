#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/function.h"
#include "taper/data/example.h"
#include "taper/data/sample_random.h"

namespace taper TAPER_API {
namespace data {
namespace transforms {

/// Turns a batch into another.
template <class InputBatch, class OutputBatch>
class BatchTransform {
 public:
  using InputBatchType = InputBatch;
  using OutputBatchType = OutputBatch;
  virtual ~BatchTransform() = default;
  virtual OutputBatch apply_batch(InputBatch input_batch) = 0;
};

/// Turns each sample into another.
template <class Input, class Output>
class Transform : public BatchTransform<std::vector<Input>, std::vector<Output>> {
 public:
  using InputType = Input;
  using OutputType = Output;
  virtual OutputType apply(InputType input) = 0;
  std::vector<Output> apply_batch(std::vector<Input> input_batch) override {
    std::vector<Output> output;
    output.reserve(input_batch.size());
    for (size_t i = 0; i < input_batch.size(); ++i) {
      data::detail::start_sample(i);
      output.push_back(apply(std::move(input_batch[i])));
    }
    return output;
  }
};

/// Turns many samples into one batch.
template <class BatchType, class Sample = BatchType>
using Collation = BatchTransform<std::vector<Sample>, BatchType>;

/// A Transform by a function.
template <class Input, class Output = Input>
class Lambda : public Transform<Input, Output> {
 public:
  explicit Lambda(Function<Output(Input)> function) : function_(std::move(function)) {}
  Output apply(Input input) override { return function_(std::move(input)); }

 private:
  Function<Output(Input)> function_;
};

/// A BatchTransform by a function.
template <class Input, class Output = Input>
class BatchLambda : public BatchTransform<Input, Output> {
 public:
  explicit BatchLambda(Function<Output(Input)> function) : function_(std::move(function)) {}
  Output apply_batch(Input input) override { return function_(std::move(input)); }

 private:
  Function<Output(Input)> function_;
};

/// Many samples into one T by a function, as Python's collate_fn.
template <class T, class BatchType = std::vector<T>>
using Collate = BatchLambda<BatchType, T>;

/// Changes each sample's data and leaves its target.
template <class Target = Tensor>
class TensorTransform : public Transform<Example<Tensor, Target>, Example<Tensor, Target>> {
 public:
  using E = Example<Tensor, Target>;
  virtual Tensor operator()(Tensor input) = 0;
  E apply(E input) override {
    input.data = (*this)(std::move(input.data));
    return input;
  }
};

/// A TensorTransform by a function.
template <class Target = Tensor>
class TensorLambda : public TensorTransform<Target> {
 public:
  explicit TensorLambda(Function<Tensor(Tensor)> function) : function_(std::move(function)) {}
  Tensor operator()(Tensor input) override { return function_(std::move(input)); }

 private:
  Function<Tensor(Tensor)> function_;
};

/// (x - mean) / stddev for each channel, which is the third dimension from the end.
template <class Target = Tensor>
class Normalize : public TensorTransform<Target> {
 public:
  Normalize(ArrayRef<double> mean, ArrayRef<double> stddev);
  Tensor operator()(Tensor input) override;

  /// The transform of a whole stacked batch at once, where that is the same; see MapDataset.
  using StackedSelf = Normalize;
  bool apply_stacked(Example<Tensor, Target>& batch) {
    // A sample of fewer dimensions than the mean would grow some, a batch would not.
    if (batch.data.dim() <= mean.dim()) return false;
    batch.data = (*this)(std::move(batch.data));
    return true;
  }

  Tensor mean, stddev;
};

/// Stacks samples along a new first dimension: many Examples become one.
template <class T = Example<>>
struct Stack;

template <>
struct Stack<Example<>> : public Collation<Example<>> {
  Example<> apply_batch(std::vector<Example<>> examples) override;
};

template <>
struct Stack<TensorExample> : public Collation<TensorExample> {
  TensorExample apply_batch(std::vector<TensorExample> examples) override;
};

namespace detail {
template <class T>
inline constexpr bool is_stack = false;
template <class T>
inline constexpr bool is_stack<Stack<T>> = true;
}  // namespace detail

}  // namespace transforms
}  // namespace data
}  // namespace taper
