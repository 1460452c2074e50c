// Shortest paths; the peer is SciPy (peers/graph_scipy.py), which makes the same graphs.
#include <cmath>

#include "runner.h"
#include "taper/taper.h"

namespace {

using taper::Tensor;

/// Number i of a stream in [0, 2^53): the same in the peer.
uint64_t draw(uint64_t i) {
  uint64_t x = (i + 1) * 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9ull;
  return (x ^ (x >> 29)) >> 11;
}
double draw_weight(uint64_t i) { return static_cast<double>(draw(i)) * 0x1p-53 + 0.01; }

taper::graph::Graph sparse_graph(int64_t nodes, int64_t edges) {
  Tensor ends = taper::empty({2, edges}, taper::kLong),
         weights = taper::empty({edges}, taper::kDouble);
  for (int64_t e = 0; e < 2 * edges; ++e) {
    ends.data_ptr<int64_t>()[e] = static_cast<int64_t>(draw(static_cast<uint64_t>(e))) % nodes;
  }
  for (int64_t e = 0; e < edges; ++e) {
    weights.data_ptr<double>()[e] = draw_weight(static_cast<uint64_t>(2 * edges + e));
  }
  return taper::graph::Graph::from_edges(ends, weights, nodes);
}

Tensor dense_weights(int64_t nodes) {
  Tensor weights = taper::empty({nodes, nodes}, taper::kDouble);
  for (int64_t i = 0; i < weights.numel(); ++i) {
    weights.data_ptr<double>()[i] = draw_weight(static_cast<uint64_t>(i));
  }
  return weights;
}

bench::Check checksum(const Tensor& distances) {
  bench::Check check;
  const double* values = distances.const_data_ptr<double>();
  for (int64_t i = 0; i < distances.numel(); ++i) {
    if (!std::isfinite(values[i])) continue;
    check.value += values[i] * static_cast<double>(1 + i % 7);
  }
  check.scale = check.value;
  return check;
}

/// A row whose result is the distances that solve() gives.
template <class Make>
bench::Row row_of(std::string name, Make make) {
  bench::Row row{std::move(name), "ms", {}};
  row.threads = {1, 2};
  row.setup = [make] {
    auto solve = make();
    bench::Body body;
    body.run = bench::timed([solve] { solve(); });
    body.check = [solve] { return checksum(solve()); };
    return body;
  };
  return row;
}

bench::Row dijkstra_row(bool predecessors) {
  return row_of(
      std::string("graph/dijkstra/10Kx100K/200_sources") + (predecessors ? "/trees" : ""), [=] {
        taper::graph::Graph graph = sparse_graph(10000, 100000);
        std::vector<int64_t> sources(200);
        for (size_t i = 0; i < sources.size(); ++i) sources[i] = static_cast<int64_t>(i);
        return [=] {
          return taper::graph::dijkstra(
                     graph, taper::graph::DijkstraOptions().indices(sources).return_predecessors(
                                predecessors))
              .distances;
        };
      });
}

// From the matrix on, as the peer.
bench::Row floyd_warshall_row(bool predecessors) {
  return row_of(std::string("graph/floyd_warshall/1024") + (predecessors ? "/trees" : ""), [=] {
    Tensor weights = dense_weights(1024);
    return [=] {
      return taper::graph::floyd_warshall(
                 taper::graph::Graph::from_dense(weights),
                 taper::graph::FloydWarshallOptions().return_predecessors(predecessors))
          .distances;
    };
  });
}

}  // namespace

int main() {
  bench::Suite suite;
  suite.library = "Taper";
  for (bool predecessors : {false, true}) {
    suite.rows.push_back(dijkstra_row(predecessors));
    suite.rows.push_back(floyd_warshall_row(predecessors));
  }
  return bench::serve(std::move(suite));
}
