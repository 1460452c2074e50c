#pragma once

#include "tests/support/op_case.h"

namespace taper::testing {

using Index = std::vector<int64_t>;

/// A reference that gives each element of a result of these sizes by its index.
inline Reference mapped(Index sizes,
                        std::function<double(const std::vector<Dense>&, const Index&)> element) {
  return [=](const std::vector<Dense>& inputs) {
    Dense out{sizes, {}};
    for_each_index(sizes, [&](const Index& i) { out.values.push_back(element(inputs, i)); });
    return std::vector<Dense>{out};
  };
}

/// The values of the one argument, in row-major order, in other sizes.
inline Reference same_values(Index sizes) {
  return [=](const std::vector<Dense>& inputs) {
    return std::vector<Dense>{{sizes, inputs[0].values}};
  };
}

/// A case that only moves elements: every type passes.
inline OpCase moving_case(std::string name, std::vector<Sample> samples) {
  OpCase op;
  op.name = std::move(name);
  op.samples = std::move(samples);
  op.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kLong, kInt, kShort, kChar, kByte, kBool};
  return op;
}

/// An op of one tensor.
inline Sample moving(std::string label, Index sizes, std::function<Tensor(const Tensor&)> op,
                     Reference reference) {
  return {std::move(label),
          {Arg{std::move(sizes)}},
          [op = std::move(op)](const Tensors& x) { return Tensors{op(x[0])}; },
          std::move(reference)};
}

}  // namespace taper::testing
