#include "taper/graph/dijkstra.h"

namespace taper {
namespace graph {
namespace {

constexpr const char* kOp = "dijkstra";

void check_not_negative(const Graph& graph) {
  const detail::GraphData& data = graph.data();
  if (data.negative_edge < 0) return;
  visit_weights(graph, [&](auto zero) {
    const auto csr = data.csr<decltype(zero)>();
    const int64_t e = data.negative_edge;
    const int64_t* row = std::upper_bound(csr.rows, csr.rows + csr.nodes + 1, e) - 1;
    TAPER_CHECK(false, kOp, ": expected weights of 0 or more, got ",
                static_cast<double>(csr.weights[e]), " on the edge ", row - csr.rows, " -> ",
                csr.cols[e], "; bellman_ford, johnson and floyd_warshall take negative weights");
  });
}

template <template <class> class Search, class T>
void search_all(const Graph& graph, const std::vector<int32_t>& sources,
                const DijkstraOptions& options, ShortestPaths& paths) {
  const Rows<T> rows = rows_of<T>(paths, graph);
  const auto csr = graph.data().csr<T>();
  const T limit = options.limit() > std::numeric_limits<T>::max()
                      ? std::numeric_limits<T>::infinity()
                      : static_cast<T>(options.limit());
  if (options.min_only()) {
    Search<T>(csr).run(sources.data(), sources.size(), limit,
                       {rows.distances, rows.predecessors, paths.sources.data_ptr<int64_t>()});
    return;
  }
  over_rows(
      graph, static_cast<int64_t>(sources.size()), [&] { return Search<T>(csr); },
      [&](Search<T>& search, int64_t i) {
        search.run(&sources[static_cast<size_t>(i)], 1, limit,
                   {rows.distance_row(i), rows.predecessor_row(i), nullptr});
      });
}

}  // namespace

ShortestPaths dijkstra(const Graph& graph, const DijkstraOptions& options) {
  const std::vector<int32_t> sources = source_nodes(kOp, graph, options.indices());
  TAPER_CHECK(options.limit() >= 0, kOp, ": expected a limit of 0 or more, got ", options.limit());
  if (!options.unweighted()) check_not_negative(graph);
  const Graph used = options.directed() ? graph : graph.to_undirected();
  const bool flat = options.min_only() || options.indices().one();
  ShortestPaths paths = new_paths(kOp, used, static_cast<int64_t>(sources.size()), flat,
                                  options.return_predecessors());
  if (options.min_only()) paths.sources = empty_tensor(kOp, used.num_nodes(), kLong);
  visit_weights(used, [&](auto zero) {
    using T = decltype(zero);
    options.unweighted() ? search_all<BreadthSearch, T>(used, sources, options, paths)
                         : search_all<DijkstraSearch, T>(used, sources, options, paths);
  });
  if (!options.unweighted()) check_exact(kOp, used, paths.distances);
  return paths;
}

}  // namespace graph
}  // namespace taper
