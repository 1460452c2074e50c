#pragma once

#include <utility>

#include "taper/base/macros.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace data {

/// A sample, or a batch of them: what goes into a model, and what should come out.
template <class Data = Tensor, class Target = Tensor>
struct Example {
  using DataType = Data;
  using TargetType = Target;

  Example() = default;
  Example(Data data, Target target) : data(std::move(data)), target(std::move(target)) {}

  Data data;
  Target target;
};

namespace example {
/// The target of samples that have none.
struct NoTarget {};
}  // namespace example

template <class Data>
struct Example<Data, example::NoTarget> {
  using DataType = Data;
  using TargetType = example::NoTarget;

  Example() = default;
  /* implicit */ Example(Data data) : data(std::move(data)) {}
  operator Data&() { return data; }
  operator const Data&() const { return data; }

  Data data;
};
using TensorExample = Example<Tensor, example::NoTarget>;

}  // namespace data
}  // namespace taper
