#include "taper/graph/shortest_path.h"

#include <algorithm>

#include "taper/graph/search.h"

namespace taper {
namespace graph {
namespace {

/// Whether floyd_warshall() finds all pairs of this graph faster than searches do. Per source it
/// takes about n^2 / 20 ns, a search 45 ns per node and 3.5 ns per edge; half of that is the limit
/// here, because predecessors cost a search less.
bool is_dense(const Graph& graph) {
  const auto n = static_cast<double>(graph.num_nodes());
  return n * n < 450 * n + 35 * static_cast<double>(graph.num_edges());
}

Method choose(const Graph& graph, const ShortestPathOptions& options) {
  if (options.method() != Method::automatic) return options.method();
  if (options.unweighted()) return Method::dijkstra;
  if (options.indices().all() && is_dense(graph)) return Method::floyd_warshall;
  return graph.data().negative_edge < 0 ? Method::dijkstra : Method::johnson;
}

template <class Options>
Options searched(const ShortestPathOptions& options) {
  Options result;
  result.directed(options.directed()).unweighted(options.unweighted());
  result.indices(options.indices()).return_predecessors(options.return_predecessors());
  return result;
}

}  // namespace

ShortestPaths shortest_path(const Graph& graph, const ShortestPathOptions& options) {
  switch (choose(graph, options)) {
    case Method::dijkstra:
      return dijkstra(graph, searched<DijkstraOptions>(options));
    case Method::bellman_ford:
      return bellman_ford(graph, searched<BellmanFordOptions>(options));
    case Method::floyd_warshall:
      TAPER_CHECK(options.indices().all(),
                  "shortest_path: expected no indices with Method::floyd_warshall, which gives "
                  "all sources, got ",
                  options.indices().nodes().size());
      return floyd_warshall(graph, FloydWarshallOptions()
                                       .directed(options.directed())
                                       .unweighted(options.unweighted())
                                       .return_predecessors(options.return_predecessors()));
    default:
      return johnson(graph, searched<JohnsonOptions>(options));
  }
}

std::vector<int64_t> reconstruct_path(const Tensor& predecessors, int64_t source, int64_t target) {
  const char* op = "reconstruct_path";
  TAPER_CHECK(predecessors.defined(), op,
              ": expected a tensor of predecessors, got an undefined one; set "
              "return_predecessors(true)");
  TAPER_CHECK_AS(DTypeError,
                 predecessors.scalar_type() == kLong || predecessors.scalar_type() == kInt, op,
                 ": expected predecessors of type Long or Int, got ", predecessors.scalar_type());
  const int64_t dim = predecessors.dim();
  TAPER_CHECK_AS(ShapeError, dim == 1 || (dim == 2 && predecessors.size(0) == predecessors.size(1)),
                 op, ": expected predecessors of one source [n] or of all [n, n], got sizes ",
                 predecessors.sizes());
  const int64_t n = predecessors.size(-1);
  for (const int64_t node : {source, target}) {
    TAPER_CHECK_AS(IndexError, node >= 0 && node < n, op,
                   ": index out of range: expected source and target from 0 to ", n - 1, ", got ",
                   node);
  }
  const Tensor row =
      (dim == 1 ? predecessors : predecessors.select(0, source)).to(kLong).contiguous();
  const int64_t* before = row.const_data_ptr<int64_t>();
  std::vector<int64_t> path{target};
  for (int64_t node = target; before[node] != kNoPredecessor;) {
    node = before[node];
    TAPER_CHECK_AS(IndexError, node >= 0 && node < n, op,
                   ": index out of range: expected predecessors from 0 to ", n - 1, ", got ", node);
    path.push_back(node);
    TAPER_CHECK(static_cast<int64_t>(path.size()) <= n, op,
                ": expected the predecessors of a tree, got a cycle before node ", target);
  }
  if (path.size() == 1 && target != source) return {};
  TAPER_CHECK(path.back() == source, op, ": expected the predecessors of source ", source,
              ", got those of ", path.back());
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace graph
}  // namespace taper
