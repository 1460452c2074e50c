#pragma once

#include <cstdint>
#include <memory>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace graph {

namespace detail {
struct GraphData;
}

/// A directed graph with weighted edges: an immutable value that is cheap to copy. The tensors that
/// it is made of are read once, whatever their strides, and no gradient flows through it.
///
/// Weights are Int, Long, Float or Double; indices are Int or Long. Distances are Float for Float
/// weights and Double for all others; integers have to fit Double exactly. An edge of weight
/// +inf is no edge. Of parallel edges the one of least weight stays. Graphs have up to 2^31 - 1
/// nodes.
class Graph {
 public:
  /// The graph of a matrix [n, n]: weights[u, v] is that of the edge u -> v. As with SciPy's dense
  /// graphs zeros, infinities and NaNs are no edges. Throws a ShapeError or a DTypeError.
  static Graph from_dense(const Tensor& weights);
  /// The graph of a CSR matrix: row u has the edges crow_indices[u] to crow_indices[u + 1] (of n +
  /// 1 numbers), which lead to col_indices[e] with weight values[e]. Columns of a row may stand in
  /// any order. A value of 0 is an edge of weight 0. Throws on rows that fall or do not cover the
  /// values, and as from_edges().
  static Graph from_csr(const Tensor& crow_indices, const Tensor& col_indices,
                        const Tensor& values);
  /// The graph of a list of edges, in any order: edge_index[0, e] -> edge_index[1, e] with
  /// weights[e]. Throws a ShapeError, a DTypeError, an IndexError when a node is not in
  /// [0, num_nodes), and an Error on a weight that is NaN, -inf or an integer of 2^53 or more.
  static Graph from_edges(const Tensor& edge_index, const Tensor& weights, int64_t num_nodes);

  Graph(const Graph&) = default;  // no moves: there is no empty graph to leave behind
  Graph& operator=(const Graph&) = default;

  int64_t num_nodes() const;
  /// Edges of the directed graph, parallel ones counted once.
  int64_t num_edges() const;
  /// The type of distances: Float or Double.
  ScalarType dtype() const;
  /// The graph with every edge in both directions, at the lesser weight where they differ.
  Graph to_undirected() const;

  /// The edges as a CSR matrix, columns ascending in each row, as new tensors: Long [n + 1], Int
  /// [E] and dtype() [E].
  Tensor crow_indices() const;
  Tensor col_indices() const;
  Tensor values() const;

  // For the algorithms of this folder.
  const detail::GraphData& data() const { return *data_; }

 private:
  explicit Graph(std::shared_ptr<const detail::GraphData> data) : data_(std::move(data)) {}

  std::shared_ptr<const detail::GraphData> data_;
};

}  // namespace graph
}  // namespace taper
