// Replays the files that tools/golden/graph_golden.py wrote: SciPy's answers.
#include <fstream>
#include <sstream>

#include "tests/graph/graph_test_util.h"
#include "tests/support/paths.h"

namespace taper::testing {
namespace {

using graph::Graph;

double read_number(const std::string& text) { return std::stod(text); }

std::vector<double> read_numbers(std::istringstream& line) {
  std::vector<double> values;
  for (std::string word; line >> word;) values.push_back(read_number(word));
  return values;
}

ScalarType read_dtype(const std::string& name) {
  return name == "int32" ? kInt : name == "int64" ? kLong : name == "float32" ? kFloat : kDouble;
}

/// One graph of a file in every form that can express it, and the checks of its lines.
class GoldenGraph {
 public:
  GoldenGraph(std::string name, int64_t nodes, ScalarType dtype)
      : name_(std::move(name)), nodes_(nodes), dtype_(dtype) {}

  void set_edges(const std::vector<double>& numbers) {
    std::vector<Edge> edges;
    const Tensor matrix = full({nodes_, nodes_}, 0, kDouble);
    bool has_zero = false;
    for (size_t i = 0; i + 2 < numbers.size(); i += 3) {
      edges.push_back(
          {static_cast<int64_t>(numbers[i]), static_cast<int64_t>(numbers[i + 1]), numbers[i + 2]});
      has_zero = has_zero || numbers[i + 2] == 0;
      matrix.data_ptr<double>()[edges.back().from * nodes_ + edges.back().to] = numbers[i + 2];
    }
    forms_ = {graph_of(nodes_, edges, dtype_, kInt)};
    const Graph& graph = forms_[0];
    forms_.push_back(
        Graph::from_csr(graph.crow_indices(), graph.col_indices(), graph.values().to(dtype_)));
    if (!has_zero) forms_.push_back(Graph::from_dense(matrix.to(dtype_)));
  }
  void set_dense(const std::vector<double>& numbers) {
    const Tensor matrix = taper::tensor(numbers, kDouble).reshape({nodes_, nodes_});
    forms_ = {Graph::from_dense(matrix.to(dtype_))};
  }

  void paths(std::istringstream& line) const {
    bool directed = true, unweighted = false;
    line >> directed >> unweighted;
    const bool negative_cycle = line.str().find("negative") != std::string::npos;
    const std::vector<double> expected =
        negative_cycle ? std::vector<double>() : read_numbers(line);
    const bool signs = !unweighted && has_negative_weight();
    for (const Graph& graph : forms_) {
      for (const graph::Method method :
           {graph::Method::automatic, graph::Method::dijkstra, graph::Method::bellman_ford,
            graph::Method::johnson, graph::Method::floyd_warshall}) {
        if (method == graph::Method::dijkstra && signs) continue;
        const auto options = graph::ShortestPathOptions()
                                 .method(method)
                                 .directed(directed)
                                 .unweighted(unweighted)
                                 .return_predecessors(true);
        const std::string what = name_ + ", method " + std::to_string(static_cast<int>(method)) +
                                 (directed ? "" : ", undirected") +
                                 (unweighted ? ", unweighted" : "");
        if (negative_cycle) {
          EXPECT_THROW((void)shortest_path(graph, options), graph::NegativeCycleError) << what;
          continue;
        }
        const graph::ShortestPaths found = shortest_path(graph, options);
        expect_distances(found.distances, expected, what, 1e-14);
        if (unweighted || ::testing::Test::HasFatalFailure()) continue;
        const Graph used = directed ? graph : graph.to_undirected();
        for (int64_t source = 0; source < nodes_; ++source) {
          expect_tree(used, source, found.distances.select(0, source), found.predecessors, what,
                      1e-13);
        }
      }
    }
  }
  void from(std::istringstream& line) const {
    int64_t source = 0;
    bool directed = true;
    std::string limit;
    line >> source >> directed >> limit;
    const std::vector<double> expected = read_numbers(line);
    for (const Graph& graph : forms_) {
      const auto found = dijkstra(
          graph,
          graph::DijkstraOptions().indices(source).directed(directed).limit(read_number(limit)));
      expect_distances(found.distances, expected, name_ + ", from " + std::to_string(source),
                       1e-14);
    }
  }
  void nearest(std::istringstream& line) const {
    std::string list, limit, node;
    bool directed = true;
    line >> list >> directed >> limit;
    std::vector<int64_t> sources;
    for (std::istringstream nodes(list); std::getline(nodes, node, ',');) {
      sources.push_back(std::stoll(node));
    }
    const std::vector<double> expected = read_numbers(line);
    for (const Graph& graph : forms_) {
      const auto found = dijkstra(graph, graph::DijkstraOptions()
                                             .indices(sources)
                                             .directed(directed)
                                             .limit(read_number(limit))
                                             .min_only(true)
                                             .return_predecessors(true));
      expect_distances(found.distances, expected, name_ + ", nearest of " + list, 1e-14);
      // Each path starts at the source that is named for its end.
      for (int64_t v = 0; v < nodes_; ++v) {
        const int64_t source = found.sources.const_data_ptr<int64_t>()[v];
        ASSERT_EQ(source == graph::kNoPredecessor, std::isinf(expected[static_cast<size_t>(v)]));
        if (source < 0) continue;
        EXPECT_EQ(graph::reconstruct_path(found.predecessors, source, v).front(), source);
      }
    }
  }

 private:
  bool has_negative_weight() const {
    for (const double weight : values_of(forms_[0].values())) {
      if (weight < 0) return true;
    }
    return false;
  }

  std::string name_;
  int64_t nodes_;
  ScalarType dtype_;
  std::vector<Graph> forms_;
};

/// Returns how many lines with answers were checked.
int replay(const std::string& file) {
  std::ifstream in(test_path("graph/golden/" + file));
  std::vector<GoldenGraph> graph;
  int cases = 0;
  for (std::string text; std::getline(in, text) && !::testing::Test::HasFatalFailure();) {
    std::istringstream line(text);
    std::string word, name, dtype;
    line >> word;
    if (word == "graph") {
      int64_t nodes = 0;
      line >> name >> nodes >> dtype;
      graph.assign(1, GoldenGraph(name, nodes, read_dtype(dtype)));
    } else if (word == "edges") {
      graph[0].set_edges(read_numbers(line));
    } else if (word == "dense") {
      graph[0].set_dense(read_numbers(line));
    } else if (word == "paths") {
      graph[0].paths(line), ++cases;
    } else if (word == "from") {
      graph[0].from(line), ++cases;
    } else if (word == "nearest") {
      graph[0].nearest(line), ++cases;
    }
  }
  return cases;
}

TEST(GraphGolden, WeightsOfZeroOrMore) { EXPECT_EQ(replay("positive.txt"), 334); }
TEST(GraphGolden, WeightsOfBothSigns) { EXPECT_EQ(replay("negative.txt"), 90); }
TEST(GraphGolden, DenseMatrices) { EXPECT_EQ(replay("dense.txt"), 80); }

}  // namespace
}  // namespace taper::testing
