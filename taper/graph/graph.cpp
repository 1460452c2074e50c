#include "taper/graph/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "taper/graph/graph_data.h"

namespace taper {
namespace graph {
namespace {

using detail::GraphData;

constexpr int64_t kMostNodes = std::numeric_limits<int32_t>::max();

Tensor make_tensor(const char* op, int64_t size, ScalarType dtype) {
  return Tensor(TensorImpl::empty(op, size, dtype));
}

/// Edges as they were given, checked, in parallel arrays.
template <class T>
struct Edges {
  std::vector<int32_t> from, to;
  std::vector<T> weights;

  int64_t size() const { return static_cast<int64_t>(to.size()); }
  void reserve(int64_t count) {
    from.reserve(static_cast<size_t>(count));
    to.reserve(static_cast<size_t>(count));
    weights.reserve(static_cast<size_t>(count));
  }
  void add(int64_t u, int64_t v, T weight) {
    from.push_back(static_cast<int32_t>(u));
    to.push_back(static_cast<int32_t>(v));
    weights.push_back(weight);
  }
  bool is_sorted_and_distinct() const {
    for (size_t e = 1; e < to.size(); ++e) {
      if (from[e] < from[e - 1] || (from[e] == from[e - 1] && to[e] <= to[e - 1])) return false;
    }
    return true;
  }
};

/// The edges ordered by one of their ends, equal ones as they stood: a counting sort.
template <class T>
Edges<T> sorted_by(const Edges<T>& edges, const std::vector<int32_t>& end, int64_t nodes) {
  std::vector<int64_t> place(static_cast<size_t>(nodes) + 1, 0);
  for (const int32_t node : end) ++place[static_cast<size_t>(node) + 1];
  for (size_t i = 1; i < place.size(); ++i) place[i] += place[i - 1];
  Edges<T> sorted;
  sorted.from.resize(edges.from.size());
  sorted.to.resize(edges.to.size());
  sorted.weights.resize(edges.weights.size());
  for (size_t e = 0; e < end.size(); ++e) {
    const auto at = static_cast<size_t>(place[static_cast<size_t>(end[e])]++);
    sorted.from[at] = edges.from[e];
    sorted.to[at] = edges.to[e];
    sorted.weights[at] = edges.weights[e];
  }
  return sorted;
}

/// Leaves the lightest of each run of parallel edges.
template <class T>
void join_parallel(Edges<T>& edges) {
  size_t kept = 0;
  for (size_t e = 0; e < edges.to.size(); ++e) {
    if (kept > 0 && edges.from[kept - 1] == edges.from[e] && edges.to[kept - 1] == edges.to[e]) {
      edges.weights[kept - 1] = std::min(edges.weights[kept - 1], edges.weights[e]);
      continue;
    }
    edges.from[kept] = edges.from[e];
    edges.to[kept] = edges.to[e];
    edges.weights[kept++] = edges.weights[e];
  }
  edges.from.resize(kept);
  edges.to.resize(kept);
  edges.weights.resize(kept);
}

/// Data without edges, to be filled in row by row.
std::shared_ptr<GraphData> new_data(const char* op, int64_t nodes, bool integers) {
  auto data = std::make_shared<GraphData>();
  data->nodes = nodes;
  data->integers = integers;
  data->rows = make_tensor(op, nodes + 1, kLong);
  std::fill_n(data->rows.data_ptr<int64_t>(), nodes + 1, 0);
  return data;
}

/// With the edges of each row u counted in rows[u + 1]: makes room for them all.
template <class T>
void count_done(const char* op, GraphData& data) {
  auto* rows = data.rows.data_ptr<int64_t>();
  for (int64_t u = 0; u < data.nodes; ++u) rows[u + 1] += rows[u];
  data.cols = make_tensor(op, rows[data.nodes], kInt);
  data.weights = make_tensor(op, rows[data.nodes], scalar_type_of<T>);
}

/// With all edges in place: what the algorithms ask about the weights.
template <class T>
void weights_done(GraphData& data) {
  const T* weights = data.weights.const_data_ptr<T>();
  T most = 0;
  for (int64_t e = 0; e < data.edges(); ++e) {
    most = std::max(most, std::fabs(weights[e]));
    if (weights[e] < 0 && data.negative_edge < 0) data.negative_edge = e;
  }
  data.most = static_cast<double>(most);
}

template <class T>
std::shared_ptr<const GraphData> build(const char* op, Edges<T> edges, int64_t nodes,
                                       bool integers) {
  if (!edges.is_sorted_and_distinct()) {
    edges = sorted_by(edges, edges.to, nodes);
    edges = sorted_by(edges, edges.from, nodes);
    join_parallel(edges);
  }
  auto data = new_data(op, nodes, integers);
  auto* rows = data->rows.template data_ptr<int64_t>();
  for (const int32_t u : edges.from) ++rows[u + 1];
  count_done<T>(op, *data);
  std::copy(edges.to.begin(), edges.to.end(), data->cols.template data_ptr<int32_t>());
  std::copy(edges.weights.begin(), edges.weights.end(), data->weights.template data_ptr<T>());
  weights_done<T>(*data);
  return data;
}

/// A weight tensor that is read as T, the type of distances. Its elements were W.
template <class W>
struct WeightReader {
  using T = std::conditional_t<std::is_same_v<W, float>, float, double>;
  const char* op;
  const char* name;
  const W* values;

  bool is_no_edge(int64_t e) const {
    if constexpr (std::is_integral_v<W>) return false;
    return values[e] == std::numeric_limits<W>::infinity();
  }
  /// Throws on what is no weight.
  T read(int64_t e) const {
    const W value = values[e];
    if constexpr (std::is_same_v<W, int64_t>) {
      TAPER_CHECK(value >= -kLargestExact && value <= kLargestExact, op, ": expected integer ",
                  name, " below 2^53, which float64 distances hold exactly, got ", value,
                  " at position ", e);
    } else if constexpr (std::is_floating_point_v<W>) {
      TAPER_CHECK(value > -std::numeric_limits<W>::infinity(), op, ": expected ", name,
                  " that are numbers or +inf, got ", std::isnan(value) ? "nan" : "-inf",
                  " at position ", e);
    }
    return static_cast<T>(value);
  }
};

/// Calls f(reader) for the contiguous weights' type; throws a DTypeError on one that is no weight.
template <class F>
auto with_weights(const char* op, const char* name, const Tensor& weights, F&& f) {
  switch (weights.scalar_type()) {
    case kInt:
      return f(WeightReader<int32_t>{op, name, weights.const_data_ptr<int32_t>()});
    case kLong:
      return f(WeightReader<int64_t>{op, name, weights.const_data_ptr<int64_t>()});
    case kFloat:
      return f(WeightReader<float>{op, name, weights.const_data_ptr<float>()});
    case kDouble:
      return f(WeightReader<double>{op, name, weights.const_data_ptr<double>()});
    default:
      TAPER_CHECK_AS(DTypeError, false, op, ": expected ", name,
                     " of type Int, Long, Float or Double, got ", weights.scalar_type());
      __builtin_unreachable();
  }
}

Tensor contiguous_weights(const char* op, const char* name, const Tensor& weights, int64_t dim) {
  TAPER_CHECK(weights.defined(), op, ": ", name, " is an undefined tensor");
  TAPER_CHECK_AS(ShapeError, weights.dim() == dim, op, ": expected ", name, " with ", dim,
                 dim == 1 ? " dimension" : " dimensions", ", got sizes ", weights.sizes());
  return weights.detach().contiguous();
}

Tensor contiguous_indices(const char* op, const char* name, const Tensor& indices, int64_t dim) {
  TAPER_CHECK(indices.defined(), op, ": ", name, " is an undefined tensor");
  TAPER_CHECK_AS(DTypeError, indices.scalar_type() == kInt || indices.scalar_type() == kLong, op,
                 ": expected ", name, " of type Int or Long, got ", indices.scalar_type());
  TAPER_CHECK_AS(ShapeError, indices.dim() == dim, op, ": expected ", name, " with ", dim,
                 dim == 1 ? " dimension" : " dimensions", ", got sizes ", indices.sizes());
  return indices.to(kLong).contiguous();
}

void check_nodes(const char* op, int64_t nodes) {
  TAPER_CHECK(nodes >= 0 && nodes <= kMostNodes, op, ": expected from 0 to ", kMostNodes,
              " nodes, got ", nodes);
}

/// Throws unless rows describes `edges` edges of `nodes` rows. The quoted rules are PyTorch's.
void check_rows(const char* op, const int64_t* rows, int64_t nodes, int64_t edges) {
  TAPER_CHECK(rows[0] == 0, op, ": `crow_indices[..., 0] == 0` is not satisfied, got ", rows[0]);
  TAPER_CHECK(rows[nodes] == edges, op, ": `crow_indices[..., -1] == nnz` is not satisfied, got ",
              rows[nodes], " for ", edges, " values");
  for (int64_t u = 0; u < nodes; ++u) {
    TAPER_CHECK(rows[u] <= rows[u + 1], op, ": expected crow_indices that do not fall, got ",
                rows[u], " and ", rows[u + 1], " at position ", u);
  }
}

}  // namespace

Graph Graph::from_dense(const Tensor& weights) {
  const char* op = "Graph::from_dense";
  const Tensor matrix = contiguous_weights(op, "weights", weights, 2);
  TAPER_CHECK_AS(ShapeError, matrix.size(0) == matrix.size(1), op,
                 ": expected a square matrix of weights, got sizes ", matrix.sizes());
  const int64_t nodes = matrix.size(0);
  check_nodes(op, nodes);
  return with_weights(op, "weights", matrix, [&](auto reader) {
    using T = typename decltype(reader)::T;
    const auto is_edge = [&](int64_t i) {
      if constexpr (std::is_floating_point_v<std::decay_t<decltype(*reader.values)>>) {
        if (!std::isfinite(reader.values[i])) return false;
      }
      return reader.values[i] != 0;
    };
    auto data = new_data(op, nodes, !matrix.is_floating_point());
    auto* rows = data->rows.template data_ptr<int64_t>();
    for (int64_t u = 0; u < nodes; ++u) {
      for (int64_t v = 0; v < nodes; ++v) rows[u + 1] += is_edge(u * nodes + v) ? 1 : 0;
    }
    count_done<T>(op, *data);
    auto* cols = data->cols.template data_ptr<int32_t>();
    auto* lengths = data->weights.template data_ptr<T>();
    for (int64_t u = 0; u < nodes; ++u) {
      int64_t e = rows[u];
      for (int64_t v = 0; v < nodes; ++v) {
        if (!is_edge(u * nodes + v)) continue;
        cols[e] = static_cast<int32_t>(v);
        lengths[e++] = reader.read(u * nodes + v);
      }
    }
    weights_done<T>(*data);
    return Graph(std::move(data));
  });
}

Graph Graph::from_csr(const Tensor& crow_indices, const Tensor& col_indices, const Tensor& values) {
  const char* op = "Graph::from_csr";
  const Tensor rows_tensor = contiguous_indices(op, "crow_indices", crow_indices, 1);
  const Tensor cols_tensor = contiguous_indices(op, "col_indices", col_indices, 1);
  const Tensor weights = contiguous_weights(op, "values", values, 1);
  TAPER_CHECK_AS(ShapeError, rows_tensor.numel() > 0, op,
                 ": expected crow_indices of one number more than nodes, got none");
  TAPER_CHECK_AS(ShapeError, cols_tensor.numel() == weights.numel(), op,
                 ": expected as many col_indices as values, got ", cols_tensor.numel(), " and ",
                 weights.numel());
  const int64_t nodes = rows_tensor.numel() - 1;
  check_nodes(op, nodes);
  const int64_t* rows = rows_tensor.const_data_ptr<int64_t>();
  const int64_t* cols = cols_tensor.const_data_ptr<int64_t>();
  check_rows(op, rows, nodes, weights.numel());
  return with_weights(op, "values", weights, [&](auto reader) {
    Edges<typename decltype(reader)::T> edges;
    edges.reserve(weights.numel());
    for (int64_t u = 0; u < nodes; ++u) {
      for (int64_t e = rows[u]; e < rows[u + 1]; ++e) {
        TAPER_CHECK_AS(IndexError, cols[e] >= 0 && cols[e] < nodes, op,
                       ": `0 <= col_indices < ncols` is not satisfied, got ", cols[e],
                       " at position ", e, " for ", nodes, " nodes");
        if (!reader.is_no_edge(e)) edges.add(u, cols[e], reader.read(e));
      }
    }
    return Graph(build(op, std::move(edges), nodes, !weights.is_floating_point()));
  });
}

Graph Graph::from_edges(const Tensor& edge_index, const Tensor& weights, int64_t num_nodes) {
  const char* op = "Graph::from_edges";
  const Tensor ends = contiguous_indices(op, "edge_index", edge_index, 2);
  const Tensor lengths = contiguous_weights(op, "weights", weights, 1);
  TAPER_CHECK_AS(ShapeError, ends.size(0) == 2, op, ": expected edge_index of sizes [2, E], got ",
                 ends.sizes());
  const int64_t count = ends.size(1);
  TAPER_CHECK_AS(ShapeError, lengths.numel() == count, op, ": expected as many weights as edges (",
                 count, "), got ", lengths.numel());
  check_nodes(op, num_nodes);
  const int64_t* from = ends.const_data_ptr<int64_t>();
  const int64_t* to = from + count;
  return with_weights(op, "weights", lengths, [&](auto reader) {
    Edges<typename decltype(reader)::T> edges;
    edges.reserve(count);
    for (int64_t e = 0; e < count; ++e) {
      for (const int64_t node : {from[e], to[e]}) {
        TAPER_CHECK_AS(IndexError, node >= 0 && node < num_nodes, op,
                       ": index out of range: expected nodes of edge_index from 0 to ",
                       num_nodes - 1, ", got ", node, " in edge ", e);
      }
      if (!reader.is_no_edge(e)) edges.add(from[e], to[e], reader.read(e));
    }
    return Graph(build(op, std::move(edges), num_nodes, !lengths.is_floating_point()));
  });
}

int64_t Graph::num_nodes() const { return data_->nodes; }
int64_t Graph::num_edges() const { return data_->edges(); }
ScalarType Graph::dtype() const { return data_->weights.scalar_type(); }
Tensor Graph::crow_indices() const { return data_->rows.clone(); }
Tensor Graph::col_indices() const { return data_->cols.clone(); }
Tensor Graph::values() const { return data_->weights.clone(); }

Graph Graph::to_undirected() const {
  return visit_weights(*this, [&](auto zero) {
    using T = decltype(zero);
    const Csr<T> csr = data_->csr<T>();
    Edges<T> edges;
    edges.reserve(2 * num_edges());
    for (int64_t u = 0; u < csr.nodes; ++u) {
      for (int64_t e = csr.rows[u]; e < csr.rows[u + 1]; ++e) {
        edges.add(u, csr.cols[e], csr.weights[e]);
        edges.add(csr.cols[e], u, csr.weights[e]);
      }
    }
    return Graph(build("Graph::to_undirected", std::move(edges), csr.nodes, data_->integers));
  });
}

}  // namespace graph
}  // namespace taper
