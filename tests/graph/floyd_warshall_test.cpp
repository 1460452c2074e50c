// The blocked kernel at sizes around its blocks and tiles.
#include "tests/graph/graph_test_util.h"

namespace taper::testing {
namespace {

using namespace graph;  // NOLINT(google-build-using-namespace)

TEST(FloydWarshall, EverySizeAroundABlock) {
  for (const int64_t nodes :
       {1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 66, 96, 127, 128, 129, 161, 200}) {
    const std::vector<Edge> edges = random_edges(static_cast<uint64_t>(nodes), nodes, 3 * nodes);
    const std::vector<double> expected = flattened(reference_distances(nodes, edges));
    for (const ScalarType dtype : {kFloat, kDouble}) {
      const Graph graph = graph_of(nodes, edges, dtype);
      for (const bool predecessors : {false, true}) {
        const ShortestPaths found =
            floyd_warshall(graph, FloydWarshallOptions().return_predecessors(predecessors));
        const std::string what = std::to_string(nodes) + " nodes";
        expect_distances(found.distances, expected, what);
        ASSERT_EQ(found.predecessors.defined(), predecessors);
        for (int64_t source = 0; predecessors && source < nodes; source += 5) {
          expect_tree(graph, source, found.distances.select(0, source), found.predecessors, what);
        }
      }
    }
  }
}

TEST(FloydWarshall, PathsThroughEveryBlock) {
  // One way round a ring whose nodes stand in scattered order: 199 edges in the longest path.
  const int64_t nodes = 200;
  std::vector<Edge> edges;
  for (int64_t i = 0; i < nodes; ++i) edges.push_back({i * 77 % nodes, (i + 1) * 77 % nodes, 0.5});
  const Graph graph = graph_of(nodes, edges);
  const ShortestPaths found =
      floyd_warshall(graph, FloydWarshallOptions().return_predecessors(true));
  expect_distances(found.distances, flattened(reference_distances(nodes, edges)), "ring");
  EXPECT_EQ(reconstruct_path(found.predecessors, 77, 0).size(), 200u);
}

TEST(FloydWarshall, NegativeWeightsWithoutNegativeCycles) {
  for (const int64_t nodes : {20, 70, 150}) {
    std::vector<Edge> edges = random_edges(static_cast<uint64_t>(nodes), nodes, 4 * nodes);
    // Heights shift weights but no cycle.
    for (Edge& edge : edges) {
      edge.weight +=
          static_cast<double>(edge.from * 37 % 50) - static_cast<double>(edge.to * 37 % 50);
    }
    const std::vector<double> expected = flattened(reference_distances(nodes, edges));
    for (const ScalarType dtype : {kFloat, kDouble}) {
      const Graph graph = graph_of(nodes, edges, dtype);
      const ShortestPaths found =
          floyd_warshall(graph, FloydWarshallOptions().return_predecessors(true));
      expect_distances(found.distances, expected, "signed");
      expect_distances(johnson(graph).distances, expected, "johnson");
      expect_distances(bellman_ford(graph).distances, expected, "bellman_ford");
      for (int64_t source = 0; source < nodes; source += 9) {
        expect_tree(graph, source, found.distances.select(0, source), found.predecessors, "signed");
      }
    }
  }
}

TEST(FloydWarshall, ManyNegativeCyclesEndInTheErrorToo) {
  // Distances grow to infinity on the way and make NaNs.
  const int64_t nodes = 150;
  const Graph graph = graph_of(nodes, random_edges(5, nodes, 3000, -1e300, 40));
  EXPECT_THROW((void)floyd_warshall(graph), NegativeCycleError);
  EXPECT_THROW((void)floyd_warshall(graph, FloydWarshallOptions().return_predecessors(true)),
               NegativeCycleError);
}

}  // namespace
}  // namespace taper::testing
