#include "taper/graph/shortest_path.h"

#include "taper/base/parallel.h"
#include "tests/graph/graph_test_util.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using namespace graph;  // NOLINT(google-build-using-namespace)

constexpr Method kMethods[] = {Method::automatic, Method::dijkstra, Method::bellman_ford,
                               Method::johnson, Method::floyd_warshall};

ShortestPaths all_pairs(const Graph& graph, Method method, bool directed = true) {
  return shortest_path(
      graph, ShortestPathOptions().method(method).directed(directed).return_predecessors(true));
}

std::string text_of(Method method) { return "method " + std::to_string(static_cast<int>(method)); }

TEST(ShortestPath, EveryMethodAgreesOnRandomGraphs) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto nodes = static_cast<int64_t>(5 + 17 * seed);
    const std::vector<Edge> edges = random_edges(seed, nodes, nodes * (1 + seed % 4));
    const std::vector<double> expected = flattened(reference_distances(nodes, edges));
    for (const ScalarType dtype : {kFloat, kDouble}) {
      const Graph graph = graph_of(nodes, edges, dtype);
      for (const Method method : kMethods) {
        const ShortestPaths found = all_pairs(graph, method);
        EXPECT_EQ(found.distances.scalar_type(), dtype);
        EXPECT_EQ(found.predecessors.scalar_type(), kLong);
        expect_distances(found.distances, expected, text_of(method));
        for (int64_t source = 0; source < nodes; source += 7) {
          expect_tree(graph, source, found.distances.select(0, source), found.predecessors,
                      text_of(method));
        }
      }
    }
  }
}

TEST(ShortestPath, TriangleInequalityAndSymmetry) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const int64_t n = 40;
    const Graph graph = graph_of(n, random_edges(100 + seed, n, 70));
    for (const Method method : kMethods) {
      const std::vector<double> d = values_of(all_pairs(graph, method, false).distances);
      const auto at = [&](int64_t i, int64_t j) { return d[static_cast<size_t>(i * n + j)]; };
      for (int64_t i = 0; i < n; ++i) {
        EXPECT_EQ(at(i, i), 0);
        for (int64_t j = 0; j < n; ++j) {
          EXPECT_EQ(at(i, j), at(j, i));
          for (int64_t k = 0; k < n; ++k) ASSERT_LE(at(i, j), at(i, k) + at(k, j));
        }
      }
    }
  }
}

TEST(ShortestPath, DistancesOfEveryScale) {
  // Both searches find the least of all rounded sums: the same bits.
  const int64_t nodes = 3000;
  for (int kind = 0; kind < 5; ++kind) {
    std::vector<Edge> edges = random_edges(300 + static_cast<uint64_t>(kind), nodes, 6 * nodes);
    std::mt19937_64 random(static_cast<uint64_t>(kind));
    for (Edge& edge : edges) {
      const double draw = static_cast<double>(random() % 1000000) / 1e6;
      edge.weight = kind == 0   ? std::exp(60 * draw - 30)                  // of every size
                    : kind == 1 ? 1                                         // all equal
                    : kind == 2 ? (draw < 0.5 ? 0 : 1e-6 * draw)            // mostly ties
                    : kind == 3 ? 1 + 1e-12 * draw                          // almost ties
                                : (draw < 0.9 ? 1e-3 * draw : 1e3 * draw);  // two sizes
    }
    // A star: hundreds of nodes become near at once.
    for (int64_t v = 1; v < 500; ++v) edges.push_back({0, v, edges[static_cast<size_t>(v)].weight});
    for (const ScalarType dtype : {kFloat, kDouble}) {
      const Graph graph = graph_of(nodes, edges, dtype);
      const ShortestPaths found =
          dijkstra(graph, DijkstraOptions().indices({0, 1, 2, 3}).return_predecessors(true));
      const Tensor other =
          bellman_ford(graph, BellmanFordOptions().indices({0, 1, 2, 3})).distances;
      expect_distances(found.distances, values_of(other), "kind " + std::to_string(kind));
      expect_tree(graph, 0, found.distances.select(0, 0), found.predecessors.select(0, 0),
                  "kind " + std::to_string(kind), dtype == kFloat ? 1e-4 : 1e-12);
    }
  }
}

TEST(ShortestPath, CyclesOfWeightZeroLeaveTrees) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const int64_t nodes = 90;
    // A third of the weights is 0.
    const std::vector<Edge> edges = random_edges(200 + seed, nodes, 400, 0, 3);
    const std::vector<double> expected = flattened(reference_distances(nodes, edges));
    const Graph graph = graph_of(nodes, edges);
    for (const Method method : kMethods) {
      const ShortestPaths found = all_pairs(graph, method);
      expect_distances(found.distances, expected, text_of(method));
      for (int64_t source = 0; source < nodes; ++source) {
        expect_tree(graph, source, found.distances.select(0, source), found.predecessors,
                    text_of(method));
      }
    }
  }
}

TEST(ShortestPath, CyclesThatOnlyRoundingMakesNegative) {
  // Weights are differences of heights: every cycle has weight 0, but its rounded sum may fall.
  std::mt19937_64 random(3);
  const int64_t nodes = 60;
  std::vector<double> height(static_cast<size_t>(nodes));
  for (double& h : height) h = static_cast<double>(random() % 100000) / 7001;
  std::vector<Edge> edges = random_edges(4, nodes, 600);
  for (Edge& edge : edges) {
    edge.weight = height[static_cast<size_t>(edge.to)] - height[static_cast<size_t>(edge.from)];
  }
  for (const ScalarType dtype : {kFloat, kDouble}) {
    const Graph graph = graph_of(nodes, edges, dtype);
    for (const Method method : {Method::bellman_ford, Method::johnson, Method::floyd_warshall}) {
      const std::vector<double> found =
          values_of(shortest_path(graph, ShortestPathOptions().method(method)).distances);
      for (size_t i = 0; i < height.size(); ++i) {
        for (size_t j = 0; j < height.size(); ++j) {
          EXPECT_NEAR(found[i * height.size() + j], height[j] - height[i],
                      dtype == kFloat ? 1e-4 : 1e-12)
              << text_of(method);
        }
      }
    }
  }
}

TEST(ShortestPath, EmptyAndOneNodeGraphs) {
  for (const Method method : kMethods) {
    const ShortestPaths none = all_pairs(graph_of(0, {}), method);
    EXPECT_EQ(none.distances.sizes(), IntArrayRef({0, 0}));
    EXPECT_EQ(none.predecessors.sizes(), IntArrayRef({0, 0}));
    const ShortestPaths one = all_pairs(graph_of(1, {{0, 0, 3}}), method);
    expect_distances(one.distances, {0}, text_of(method));
    EXPECT_EQ(one.predecessors.item<int64_t>(), kNoPredecessor);
    expect_distances(all_pairs(graph_of(3, {}), method).distances,
                     {0, kInfinity, kInfinity, kInfinity, 0, kInfinity, kInfinity, kInfinity, 0},
                     text_of(method));
  }
}

TEST(ShortestPath, SourcesAsNumberListVectorAndTensor) {
  const Graph graph = graph_of(4, {{0, 1, 1}, {1, 2, 2}, {2, 3, 4}});
  const auto with = [&](Sources sources) {
    return dijkstra(graph, DijkstraOptions().indices(std::move(sources))).distances;
  };
  const std::vector<double> from1 = {kInfinity, 0, 2, 6},
                            from3 = {kInfinity, kInfinity, kInfinity, 0};
  std::vector<double> both = from1;
  both.insert(both.end(), from3.begin(), from3.end());
  EXPECT_EQ(with(1).sizes(), IntArrayRef({4}));
  expect_distances(with(1), from1, "one");
  expect_distances(with(-1), from3, "from the end");
  EXPECT_EQ(with({1}).sizes(), IntArrayRef({1, 4}));
  expect_distances(with({1, 3}), both, "list");
  expect_distances(with(std::vector<int64_t>{1, 3}), both, "vector");
  expect_distances(with(tensor({1, 3})), both, "tensor");
  expect_distances(with(tensor({1, -1}).to(kInt)), both, "int tensor");
  EXPECT_EQ(with(scalar_tensor(1, kLong)).sizes(), IntArrayRef({4}));
  EXPECT_EQ(with(std::vector<int64_t>{}).sizes(), IntArrayRef({0, 4}));
  for (const Method method : {Method::bellman_ford, Method::johnson}) {
    const auto options = ShortestPathOptions().method(method);
    expect_distances(shortest_path(graph, ShortestPathOptions(options).indices({1, 3})).distances,
                     both, text_of(method));
    EXPECT_EQ(shortest_path(graph, ShortestPathOptions(options).indices(1)).distances.dim(), 1);
  }
}

TEST(ShortestPath, LimitKeepsPathsOfItsLength) {
  const Graph graph = graph_of(4, {{0, 1, 1}, {1, 2, 2}, {2, 3, 4}});
  const auto options = DijkstraOptions().indices(0).return_predecessors(true);
  const ShortestPaths paths = dijkstra(graph, DijkstraOptions(options).limit(3));
  expect_distances(paths.distances, {0, 1, 3, kInfinity}, "limit 3");
  EXPECT_TRUE(reconstruct_path(paths.predecessors, 0, 3).empty());
  expect_distances(dijkstra(graph, DijkstraOptions(options).limit(2.9)).distances,
                   {0, 1, kInfinity, kInfinity}, "limit 2.9");
  expect_distances(dijkstra(graph, DijkstraOptions(options).limit(1).unweighted(true)).distances,
                   {0, 1, kInfinity, kInfinity}, "limit of edges");
}

TEST(ShortestPath, NearestSource) {
  const Graph graph = graph_of(6, {{0, 1, 5}, {2, 1, 1}, {1, 3, 1}, {4, 0, 1}});
  for (const bool unweighted : {false, true}) {
    const ShortestPaths found = dijkstra(graph, DijkstraOptions()
                                                    .indices({0, 2})
                                                    .min_only(true)
                                                    .unweighted(unweighted)
                                                    .return_predecessors(true));
    EXPECT_EQ(found.distances.sizes(), IntArrayRef({6}));
    const int64_t* sources = found.sources.const_data_ptr<int64_t>();
    EXPECT_EQ(sources[0], 0);
    EXPECT_EQ(sources[2], 2);
    EXPECT_EQ(sources[5], kNoPredecessor);
    if (!unweighted) {
      expect_distances(found.distances, {0, 1, 0, 2, kInfinity, kInfinity}, "nearest");
      EXPECT_EQ(sources[3], 2);
      EXPECT_EQ(reconstruct_path(found.predecessors, 2, 3), (std::vector<int64_t>{2, 1, 3}));
    }
  }
  EXPECT_EQ(dijkstra(graph, DijkstraOptions().min_only(true)).distances.sum().item<double>(), 0);
}

TEST(ShortestPath, NegativeCyclesAreNamed) {
  const Graph graph =
      graph_of(6, {{0, 1, 2}, {1, 2, 1}, {2, 3, -4}, {3, 1, 2}, {4, 0, 1}, {4, 5, -3}});
  const std::string text = "of weight -1 through the 3 nodes 1 -> 2 -> 3 -> 1";
  for (const Method method :
       {Method::automatic, Method::bellman_ford, Method::johnson, Method::floyd_warshall}) {
    try {
      (void)all_pairs(graph, method);
      ADD_FAILURE() << text_of(method) << " did not throw";
    } catch (const NegativeCycleError& error) {
      EXPECT_EQ(error.cycle(), (std::vector<int64_t>{1, 2, 3}));
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
  // Out of reach of 5.
  EXPECT_EQ(bellman_ford(graph, BellmanFordOptions().indices(5)).distances.size(0), 6);
  // A loop, and an undirected edge that is passed back and forth.
  const Graph loop = graph_of(2, {{1, 1, -1}});
  EXPECT_ERROR(graph::NegativeCycleError, floyd_warshall(loop), "through the 1 node 1 -> 1");
  EXPECT_ERROR(graph::NegativeCycleError, bellman_ford(loop),
               "bellman_ford: expected a graph without");
  const Graph edge = graph_of(2, {{0, 1, -1}});
  expect_distances(bellman_ford(edge).distances, {0, -1, kInfinity, 0}, "directed");
  EXPECT_ERROR(graph::NegativeCycleError, bellman_ford(edge, BellmanFordOptions().directed(false)),
               "of weight -2 through the 2 nodes 0 -> 1 -> 0");
  EXPECT_ERROR(graph::NegativeCycleError,
               floyd_warshall(edge, FloydWarshallOptions().directed(false)), "0 -> 1 -> 0");
}

TEST(ShortestPath, ALongNegativeCycleIsFoundFast) {
  const int64_t n = 20000;
  std::vector<Edge> edges;
  for (int64_t i = 0; i < n; ++i)
    edges.push_back({(i + 1) % n, i, i == 0 ? -static_cast<double>(n) : 1});
  const Graph graph = graph_of(n, edges, kLong);
  EXPECT_ERROR(graph::NegativeCycleError, bellman_ford(graph, BellmanFordOptions().indices(0)),
               "through the 20000 nodes 0 -> 19999 -> ");
}

TEST(ShortestPath, AChainOfAHundredThousandNodes) {
  const int64_t n = 100000;
  for (const double weight : {1.0, -1.0}) {
    std::vector<Edge> edges;
    for (int64_t i = 0; i + 1 < n; ++i) edges.push_back({i + 1, i, weight});  // against the order
    const Graph graph = graph_of(n, edges, kInt);
    for (const Method method : {Method::dijkstra, Method::bellman_ford, Method::johnson}) {
      if (method == Method::dijkstra && weight < 0) continue;
      const ShortestPaths found = shortest_path(
          graph, ShortestPathOptions().method(method).indices(n - 1).return_predecessors(true));
      EXPECT_EQ(found.distances.const_data_ptr<double>()[0], weight * static_cast<double>(n - 1));
      const std::vector<int64_t> path = reconstruct_path(found.predecessors, n - 1, 0);
      ASSERT_EQ(static_cast<int64_t>(path.size()), n);
      EXPECT_EQ(path[1], n - 2);
    }
  }
}

TEST(ShortestPath, IntegersAreExactOrAnError) {
  const double big = static_cast<double>(int64_t(1) << 52);
  const Graph fits = graph_of(3, {{0, 1, big}, {1, 2, big - 1}}, kLong);
  const Graph over = graph_of(3, {{0, 1, big}, {1, 2, big}}, kLong);
  for (const Method method : kMethods) {
    expect_distances(all_pairs(fits, method).distances.select(0, 0), {0, big, 2 * big - 1},
                     text_of(method));
    EXPECT_ERROR(Error, all_pairs(over, method),
                 "integer overflow: expected distances below 2^53, got ");
  }
  const Graph negative = graph_of(3, {{0, 1, big}, {1, 2, -big}}, kLong);
  for (const Method method : {Method::bellman_ford, Method::johnson, Method::floyd_warshall}) {
    EXPECT_ERROR(Error, all_pairs(negative, method),
                 "integer overflow: expected negative weights whose paths stay well below 2^53");
  }
}

TEST(ShortestPath, NegativeWeightsThatCouldOverflowAreAnError) {
  for (const ScalarType dtype : {kFloat, kDouble}) {
    const double big = dtype == kFloat ? 3e38 : 1e308;
    const Graph graph = graph_of(2, {{0, 1, -big}, {1, 0, -big}}, dtype);
    for (const Method method : {Method::bellman_ford, Method::johnson, Method::floyd_warshall}) {
      EXPECT_ERROR(Error, all_pairs(graph, method),
                   "overflow: expected negative weights whose paths stay well below ");
    }
  }
}

TEST(ShortestPath, PathsThatOverflowCountAsNone) {
  const Graph graph = graph_of(3, {{0, 1, 1e308}, {1, 2, 1e308}});
  for (const Method method : kMethods) {
    const ShortestPaths found = all_pairs(graph, method);
    expect_distances(found.distances.select(0, 0), {0, 1e308, kInfinity}, text_of(method));
    EXPECT_TRUE(reconstruct_path(found.predecessors, 0, 2).empty());
  }
}

TEST(ShortestPath, Errors) {
  const Graph graph = graph_of(3, {{0, 1, 1}, {2, 0, -2.5}});
  EXPECT_ERROR(
      Error, dijkstra(graph),
      "dijkstra: expected weights of 0 or more, got -2.5 on the edge 2 -> 0; bellman_ford, "
      "johnson and floyd_warshall take negative weights");
  const Graph positive = graph_of(3, {{0, 1, 1}});
  EXPECT_ERROR(IndexError, dijkstra(positive, DijkstraOptions().indices(3)),
               "dijkstra: index out of range: expected indices of a graph of 3 nodes, got 3");
  EXPECT_ERROR(IndexError, bellman_ford(positive, BellmanFordOptions().indices({0, -4})),
               "bellman_ford: index out of range: expected indices of a graph of 3 nodes, got -4");
  EXPECT_ERROR(IndexError, dijkstra(graph_of(0, {}), DijkstraOptions().indices(0)),
               "0 nodes, got 0");
  EXPECT_ERROR(Error, dijkstra(positive, DijkstraOptions().limit(-1)),
               "dijkstra: expected a limit of 0 or more, got -1");
  EXPECT_ERROR(Error, dijkstra(positive, DijkstraOptions().limit(std::nan(""))), "got nan");
  EXPECT_ERROR(
      Error,
      shortest_path(positive, ShortestPathOptions().method(Method::floyd_warshall).indices(0)),
      "shortest_path: expected no indices with Method::floyd_warshall, which gives all "
      "sources, got 1");
  EXPECT_ERROR(Error, Sources{Tensor()}, "Sources: expected a tensor of nodes, got an undefined");
  EXPECT_ERROR(DTypeError, Sources(ones({2})),
               "Sources: expected nodes of type Int or Long, got Float");
  EXPECT_ERROR(ShapeError, Sources(ones({2, 2}, kLong)), "a vector of nodes, got sizes [2, 2]");
}

TEST(ReconstructPath, Errors) {
  const auto path = [](const std::vector<int64_t>& before, int64_t source, int64_t target) {
    return reconstruct_path(long_tensor(before), source, target);
  };
  EXPECT_EQ(path({-9999, 0, 1, -9999}, 0, 2), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(path({-9999, 0, 1, -9999}, 0, 0), (std::vector<int64_t>{0}));
  EXPECT_EQ(path({-9999, 0, 1, -9999}, 0, 3), (std::vector<int64_t>{}));
  EXPECT_ERROR(Error, reconstruct_path(Tensor(), 0, 0), "set return_predecessors(true)");
  EXPECT_ERROR(DTypeError, reconstruct_path(ones({2}), 0, 0), "of type Long or Int, got Float");
  EXPECT_ERROR(ShapeError, reconstruct_path(ones({2, 3}, kLong), 0, 0), "got sizes [2, 3]");
  EXPECT_ERROR(IndexError, path({-9999}, 0, 1), "expected source and target from 0 to 0, got 1");
  EXPECT_ERROR(IndexError, path({-9999}, -1, 0), "got -1");
  EXPECT_ERROR(IndexError, path({-9999, 7}, 0, 1), "expected predecessors from 0 to 1, got 7");
  EXPECT_ERROR(IndexError, path({-9999, -1}, 0, 1), "expected predecessors from 0 to 1, got -1");
  EXPECT_ERROR(Error, path({1, 0}, 0, 1), "expected the predecessors of a tree, got a cycle");
  EXPECT_ERROR(Error, path({-9999, 0, -9999}, 2, 1),
               "expected the predecessors of source 2, got those of 0");
}

TEST(ReconstructPath, TakesAnyStridesAndBothTypes) {
  const Graph graph = graph_of(3, {{0, 1, 1}, {1, 2, 1}});
  const Tensor before = all_pairs(graph, Method::dijkstra).predecessors;
  const std::vector<int64_t> expected = {0, 1, 2};
  EXPECT_EQ(reconstruct_path(before, 0, 2), expected);
  EXPECT_EQ(reconstruct_path(before.to(kInt), 0, 2), expected);
  EXPECT_EQ(reconstruct_path(before.t().contiguous().t(), 0, 2), expected);
}

/// Runs with each thread count and compares all bits with those of one thread.
template <class Run>
void expect_same_bits(const Run& run) {
  const int before = get_num_threads();
  set_num_threads(1);
  const ShortestPaths one = run();
  for (const int threads : {2, 4}) {
    set_num_threads(threads);
    const ShortestPaths many = run();
    EXPECT_TRUE(one.distances.equal(many.distances)) << threads << " threads";
    EXPECT_TRUE(one.predecessors.equal(many.predecessors)) << threads << " threads";
  }
  set_num_threads(before);
}

TEST(GraphThreads, EveryMethodGivesTheSameBits) {
  const int64_t nodes = 200;
  std::vector<Edge> edges = random_edges(7, nodes, 2500);
  std::mt19937_64 random(8);
  for (Edge& edge : edges) edge.weight = static_cast<double>(random() % 1000003) / 1e6 + 1e-3;
  for (const ScalarType dtype : {kFloat, kDouble}) {
    const Graph graph = graph_of(nodes, edges, dtype);
    for (const Method method : kMethods) expect_same_bits([&] { return all_pairs(graph, method); });
    expect_same_bits([&] {
      return dijkstra(graph, DijkstraOptions().unweighted(true).return_predecessors(true));
    });
  }
}

TEST(GraphThreads, TheErrorIsThatOfTheFirstSource) {
  // Node 50 + i leads into a cycle of its own.
  std::vector<Edge> edges;
  for (int64_t i = 0; i < 40; ++i) {
    edges.push_back({50 + i, 100 + 2 * i, 1});
    edges.push_back({100 + 2 * i, 101 + 2 * i, -2});
    edges.push_back({101 + 2 * i, 100 + 2 * i, 1});
  }
  const Graph graph = graph_of(200, edges);
  const int before = get_num_threads();
  for (const int threads : {1, 2, 4}) {
    set_num_threads(threads);
    for (int repeat = 0; repeat < 5; ++repeat) {
      EXPECT_ERROR(graph::NegativeCycleError, bellman_ford(graph), "100 -> 101 -> 100");
    }
  }
  set_num_threads(before);
}

}  // namespace
}  // namespace taper::testing
