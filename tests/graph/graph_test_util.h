#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "taper/graph/shortest_path.h"
#include "taper/ops/creation.h"

namespace taper::testing {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Edge {
  int64_t from, to;
  double weight;
};

inline Tensor long_tensor(const std::vector<int64_t>& values) { return taper::tensor(values); }

/// The graph of a list of edges whose weights have the given type.
inline graph::Graph graph_of(int64_t nodes, const std::vector<Edge>& edges,
                             ScalarType dtype = kDouble, ScalarType index_type = kLong) {
  const auto count = static_cast<int64_t>(edges.size());
  const Tensor ends = empty({2, count}, kLong), weights = empty({count}, kDouble);
  for (int64_t e = 0; e < count; ++e) {
    const Edge& edge = edges[static_cast<size_t>(e)];
    ends.data_ptr<int64_t>()[e] = edge.from;
    ends.data_ptr<int64_t>()[count + e] = edge.to;
    weights.data_ptr<double>()[e] = edge.weight;
  }
  return graph::Graph::from_edges(ends.to(index_type), weights.to(dtype), nodes);
}

/// Random edges with weights of quarters from `low` on, whose sums are exact; parallel edges and
/// self loops are among them.
inline std::vector<Edge> random_edges(uint64_t seed, int64_t nodes, int64_t count,
                                      double low = 0.25, int64_t steps = 40) {
  std::mt19937_64 random(seed);
  std::vector<Edge> edges;
  for (int64_t e = 0; e < count; ++e) {
    const auto draw = [&](int64_t limit) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
    };
    edges.push_back({draw(nodes), draw(nodes), low + static_cast<double>(draw(steps)) / 4});
  }
  return edges;
}

using DistanceMatrix = std::vector<std::vector<double>>;

/// All pairs by the three loops of the textbook.
inline DistanceMatrix reference_distances(int64_t nodes, const std::vector<Edge>& edges) {
  const auto n = static_cast<size_t>(nodes);
  DistanceMatrix d(n, std::vector<double>(n, kInfinity));
  for (size_t i = 0; i < n; ++i) d[i][i] = 0;
  for (const Edge& edge : edges) {
    double& place = d[static_cast<size_t>(edge.from)][static_cast<size_t>(edge.to)];
    place = std::min(place, edge.weight);
  }
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) d[i][j] = std::min(d[i][j], d[i][k] + d[k][j]);
    }
  }
  return d;
}

inline std::vector<double> values_of(const Tensor& tensor) {
  const Tensor flat = tensor.to(kDouble).contiguous();
  const double* first = flat.const_data_ptr<double>();
  return {first, first + flat.numel()};
}

inline void expect_distances(const Tensor& distances, const std::vector<double>& expected,
                             const std::string& what, double tolerance = 0) {
  const std::vector<double> values = values_of(distances);
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == expected[i]) continue;
    ASSERT_LE(std::fabs(values[i] - expected[i]), tolerance * std::fabs(expected[i]))
        << what << ": position " << i << ", got " << values[i] << ", expected " << expected[i];
  }
}

inline std::vector<double> flattened(const DistanceMatrix& matrix) {
  std::vector<double> values;
  for (const auto& row : matrix) values.insert(values.end(), row.begin(), row.end());
  return values;
}

/// Every path that the predecessors give from this source has edges of the graph and the length
/// that the distances say; out of reach there is none.
inline void expect_tree(const graph::Graph& used, int64_t source, const Tensor& distances,
                        const Tensor& predecessors, const std::string& what, double tolerance = 0) {
  const Tensor rows = used.crow_indices(), cols = used.col_indices();
  const std::vector<double> weights = values_of(used.values()), distance = values_of(distances);
  const auto weight_of = [&](int64_t u, int64_t v) {
    for (int64_t e = rows.data_ptr<int64_t>()[u]; e < rows.data_ptr<int64_t>()[u + 1]; ++e) {
      if (cols.data_ptr<int32_t>()[e] == v) return weights[static_cast<size_t>(e)];
    }
    return kInfinity;
  };
  for (int64_t target = 0; target < used.num_nodes(); ++target) {
    const std::vector<int64_t> path = graph::reconstruct_path(predecessors, source, target);
    const double expected = distance[static_cast<size_t>(target)];
    ASSERT_EQ(path.empty(), std::isinf(expected)) << what << ": node " << target;
    if (path.empty()) continue;
    ASSERT_EQ(path.front(), source) << what;
    ASSERT_EQ(path.back(), target) << what;
    double length = 0;
    for (size_t i = 1; i < path.size(); ++i) length += weight_of(path[i - 1], path[i]);
    ASSERT_LE(std::fabs(length - expected), tolerance * std::fabs(expected))
        << what << ": from " << source << " to " << target;
  }
}

}  // namespace taper::testing
