#include "taper/graph/graph.h"

#include "tests/graph/graph_test_util.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using graph::Graph;

const double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<int64_t> nodes_of(const Tensor& tensor) {
  const Tensor list = tensor.to(kLong).contiguous();
  return {list.const_data_ptr<int64_t>(), list.const_data_ptr<int64_t>() + list.numel()};
}

void expect_edges(const Graph& graph, std::vector<int64_t> rows, std::vector<int64_t> cols,
                  std::vector<double> weights) {
  EXPECT_EQ(nodes_of(graph.crow_indices()), rows);
  EXPECT_EQ(nodes_of(graph.col_indices()), cols);
  EXPECT_EQ(values_of(graph.values()), weights);
  EXPECT_EQ(graph.num_nodes(), static_cast<int64_t>(rows.size()) - 1);
  EXPECT_EQ(graph.num_edges(), static_cast<int64_t>(cols.size()));
}

TEST(Graph, FromDenseTakesZerosInfinitiesAndNansForNoEdge) {
  const Tensor weights =
      tensor({{0.0, 2.0, kInfinity}, {kNan, -1.5, 0.0}, {4.0, -kInfinity, -0.0}}, kDouble);
  expect_edges(Graph::from_dense(weights), {0, 1, 2, 3}, {1, 1, 0}, {2, -1.5, 4});
  expect_edges(Graph::from_dense(tensor({{0, 7}, {-2, 0}})), {0, 1, 2}, {1, 0}, {7, -2});
}

TEST(Graph, FromCsrKeepsZerosAndSortsColumns) {
  const Graph graph = Graph::from_csr(tensor({0, 3, 3, 4}), tensor({2, 0, 1, 2}),
                                      tensor({5.0, 0.0, kInfinity, 1.0}, kDouble));
  expect_edges(graph, {0, 2, 2, 3}, {0, 2, 2}, {0, 5, 1});
}

TEST(Graph, TheLightestOfParallelEdgesStays) {
  const Tensor weights = tensor({3, 1, 2, 9});
  const Tensor ends = tensor({{1, 1, 1, 0}, {0, 0, 0, 1}});
  expect_edges(Graph::from_edges(ends, weights, 2), {0, 1, 2}, {1, 0}, {9, 1});
  expect_edges(Graph::from_csr(tensor({0, 1, 4}), tensor({1, 0, 0, 0}), tensor({9, 3, 1, 2})),
               {0, 1, 2}, {1, 0}, {9, 1});
}

TEST(Graph, EveryTypeOfWeightAndIndex) {
  for (const ScalarType dtype : {kInt, kLong, kFloat, kDouble}) {
    for (const ScalarType index_type : {kInt, kLong}) {
      const Graph graph = graph_of(3, {{2, 0, 5}, {0, 1, 3}, {0, 0, 1}}, dtype, index_type);
      expect_edges(graph, {0, 2, 2, 3}, {0, 1, 0}, {1, 3, 5});
      EXPECT_EQ(graph.dtype(), dtype == kFloat ? kFloat : kDouble);
      const Graph same =
          Graph::from_csr(graph.crow_indices().to(index_type), graph.col_indices().to(index_type),
                          graph.values().to(dtype));
      expect_edges(same, {0, 2, 2, 3}, {0, 1, 0}, {1, 3, 5});
    }
  }
}

TEST(Graph, ReadsTensorsOfAnyStrides) {
  const Tensor matrix = tensor({{0, 1, 2}, {3, 0, 4}, {5, 6, 0}});
  expect_edges(Graph::from_dense(matrix.t()), {0, 2, 4, 6}, {1, 2, 0, 2, 0, 1}, {3, 5, 1, 6, 2, 4});
  const Tensor ends = tensor({{0, 1}, {1, 2}, {2, 0}}).t();
  const Tensor weights = tensor({{1, 0}, {2, 0}, {3, 0}}).select(1, 0);
  ASSERT_FALSE(ends.is_contiguous() || weights.is_contiguous());
  expect_edges(Graph::from_edges(ends, weights, 3), {0, 1, 2, 3}, {1, 2, 0}, {1, 2, 3});
  const Tensor rows = tensor({{0, 9}, {1, 9}, {2, 9}}).select(1, 0);
  const Tensor cols = tensor({{1, 9}, {0, 9}}).select(1, 0);
  expect_edges(Graph::from_csr(rows, cols, tensor({4.0, 5.0})), {0, 1, 2}, {1, 0}, {4, 5});
  expect_edges(Graph::from_dense(ones({1}).expand({2, 2})), {0, 2, 4}, {0, 1, 0, 1}, {1, 1, 1, 1});
}

TEST(Graph, WithoutNodesOrEdges) {
  expect_edges(Graph::from_dense(empty({0, 0})), {0}, {}, {});
  expect_edges(Graph::from_csr(tensor({0}), empty({0}, kLong), empty({0})), {0}, {}, {});
  expect_edges(graph_of(0, {}), {0}, {}, {});
  expect_edges(graph_of(2, {}), {0, 0, 0}, {}, {});
  expect_edges(Graph::from_dense(zeros({1, 1})), {0, 0}, {}, {});
}

TEST(Graph, DoesNotChangeWithTheTensorsItWasMadeOf) {
  const Tensor weights = tensor({{0.0, 2.0}, {3.0, 0.0}});
  const Graph graph = Graph::from_dense(weights);
  weights.fill_(9);
  graph.col_indices().fill_(1000);
  graph.values().fill_(-1);
  expect_edges(graph, {0, 1, 2}, {1, 0}, {2, 3});
}

TEST(Graph, TakesWeightsThatWantGradients) {
  const Tensor weights = tensor({{0.0, 2.0}, {3.0, 0.0}}).requires_grad_();
  const Graph graph = Graph::from_dense(weights);
  EXPECT_FALSE(graph.values().requires_grad());
  EXPECT_FALSE(floyd_warshall(graph).distances.requires_grad());
}

TEST(Graph, UndirectedTakesTheLesserWeight) {
  const Graph graph = graph_of(3, {{0, 1, 5}, {1, 0, 2}, {1, 2, 4}, {2, 2, 1}});
  expect_edges(graph.to_undirected(), {0, 1, 3, 5}, {1, 0, 2, 1, 2}, {2, 2, 4, 4, 1});
}

TEST(Graph, ErrorsOfDense) {
  EXPECT_ERROR(Error, Graph::from_dense(Tensor()), "Graph::from_dense: weights is an undefined");
  EXPECT_ERROR(ShapeError, Graph::from_dense(ones({2})),
               "expected weights with 2 dimensions, got sizes [2]");
  EXPECT_ERROR(ShapeError, Graph::from_dense(ones({2, 3})),
               "expected a square matrix of weights, got sizes [2, 3]");
  for (const ScalarType dtype : {kHalf, kBFloat16, kBool, kByte, kChar, kShort}) {
    EXPECT_ERROR(DTypeError, Graph::from_dense(ones({2, 2}, dtype)),
                 "expected weights of type Int, Long, Float or Double, got ");
  }
  const Tensor big = full({1, 1}, (int64_t(1) << 53) + 1, kLong);
  EXPECT_ERROR(Error, Graph::from_dense(big),
               "expected integer weights below 2^53, which float64 distances hold exactly, "
               "got 9007199254740993 at position 0");
  EXPECT_ERROR(Error, Graph::from_dense(full({1, 1}, std::numeric_limits<int64_t>::min(), kLong)),
               "got -9223372036854775808");
}

TEST(Graph, ErrorsOfCsr) {
  const Tensor rows = tensor({0, 1, 2}), cols = tensor({1, 0}), values = tensor({1.0, 2.0});
  const auto make = [](const Tensor& r, const Tensor& c, const Tensor& v) {
    return Graph::from_csr(r, c, v);
  };
  EXPECT_ERROR(Error, make(Tensor(), cols, values), "crow_indices is an undefined tensor");
  EXPECT_ERROR(Error, make(rows, Tensor(), values), "col_indices is an undefined tensor");
  EXPECT_ERROR(Error, make(rows, cols, Tensor()), "values is an undefined tensor");
  EXPECT_ERROR(DTypeError, make(rows.to(kFloat), cols, values),
               "expected crow_indices of type Int or Long, got Float");
  EXPECT_ERROR(DTypeError, make(rows, cols.to(kByte), values),
               "expected col_indices of type Int or Long, got Byte");
  EXPECT_ERROR(DTypeError, make(rows, cols, values.to(kHalf)),
               "expected values of type Int, Long, Float or Double, got Half");
  EXPECT_ERROR(ShapeError, make(empty({0}, kLong), cols, values), "got none");
  EXPECT_ERROR(ShapeError, make(rows, tensor({1}), values),
               "expected as many col_indices as values, got 1 and 2");
  EXPECT_ERROR(ShapeError, make(rows.unsqueeze(0), cols, values),
               "expected crow_indices with 1 dimension, got sizes [1, 3]");
  EXPECT_ERROR(Error, make(tensor({1, 1, 2}), cols, values),
               "`crow_indices[..., 0] == 0` is not satisfied, got 1");
  EXPECT_ERROR(Error, make(tensor({0, 1, 3}), cols, values),
               "`crow_indices[..., -1] == nnz` is not satisfied, got 3 for 2 values");
  EXPECT_ERROR(Error, make(tensor({0, 3, 2}), cols, values),
               "expected crow_indices that do not fall, got 3 and 2 at position 1");
  EXPECT_ERROR(Error, make(tensor({0, -5, 2}), cols, values), "do not fall, got 0 and -5");
  for (const int64_t bad : {int64_t(-1), int64_t(2), int64_t(1) << 40}) {
    EXPECT_ERROR(IndexError, make(rows, long_tensor({1, bad}), values),
                 "`0 <= col_indices < ncols` is not satisfied, got " + std::to_string(bad) +
                     " at position 1 for 2 nodes");
  }
  EXPECT_ERROR(Error, make(rows, cols, tensor({1.0, kNan})),
               "Graph::from_csr: expected values that are numbers or +inf, got nan at position 1");
  EXPECT_ERROR(Error, make(rows, cols, tensor({-kInfinity, 1.0}, kDouble)),
               "got -inf at position 0");
}

TEST(Graph, ErrorsOfEdgeLists) {
  const Tensor ends = tensor({{0, 1}, {1, 0}}), weights = tensor({1.0, 2.0});
  EXPECT_ERROR(ShapeError, Graph::from_edges(tensor({{0, 1}}), weights, 2),
               "Graph::from_edges: expected edge_index of sizes [2, E], got [1, 2]");
  EXPECT_ERROR(ShapeError, Graph::from_edges(tensor({0, 1}), weights, 2),
               "expected edge_index with 2 dimensions, got sizes [2]");
  EXPECT_ERROR(ShapeError, Graph::from_edges(ends, tensor({1.0}), 2),
               "expected as many weights as edges (2), got 1");
  EXPECT_ERROR(IndexError, Graph::from_edges(ends, weights, 1),
               "index out of range: expected nodes of edge_index from 0 to 0, got 1 in edge 0");
  EXPECT_ERROR(IndexError, Graph::from_edges(tensor({{0, -1}, {1, 0}}), weights, 2),
               "got -1 in edge 1");
  for (const int64_t nodes : {int64_t(-1), int64_t(1) << 31, int64_t(1) << 62}) {
    EXPECT_ERROR(Error, Graph::from_edges(ends, weights, nodes),
                 "expected from 0 to 2147483647 nodes, got " + std::to_string(nodes));
  }
  EXPECT_ERROR(Error, Graph::from_edges(ends, tensor({kNan, 1.0}), 2),
               "expected weights that are numbers or +inf, got nan at position 0");
}

}  // namespace
}  // namespace taper::testing
