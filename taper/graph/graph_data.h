#pragma once

#include <cstdint>

#include "taper/graph/graph.h"

// What the algorithms see of a graph. Every index in it has been checked.
namespace taper {
namespace graph {

/// A double up to here is the integer that it should be: no sum was rounded to it.
inline constexpr int64_t kLargestExact = (int64_t(1) << 53) - 1;

/// The rows of a graph: columns ascend in each row and are distinct; weights are finite.
template <class T>
struct Csr {
  int64_t nodes;
  const int64_t* rows;
  const int32_t* cols;
  const T* weights;
};

namespace detail {

struct GraphData {
  int64_t nodes = 0;
  Tensor rows, cols, weights;  // Long [nodes + 1], Int [E], Float or Double [E]
  bool integers = false;       // the weights were: distances have to be exact
  double most = 0;             // the largest magnitude of a weight
  int64_t negative_edge = -1;  // the first edge of negative weight

  int64_t edges() const { return weights.numel(); }
  template <class T>
  Csr<T> csr() const {
    return {nodes, rows.const_data_ptr<int64_t>(), cols.const_data_ptr<int32_t>(),
            weights.const_data_ptr<T>()};
  }
};

}  // namespace detail

/// Calls f(float()) or f(double()), the type of the graph's distances.
template <class F>
decltype(auto) visit_weights(const Graph& graph, F&& f) {
  return graph.dtype() == kFloat ? f(float()) : f(double());
}

}  // namespace graph
}  // namespace taper
