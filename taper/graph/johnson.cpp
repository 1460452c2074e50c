#include "taper/graph/johnson.h"

namespace taper {
namespace graph {
namespace {

constexpr const char* kOp = "johnson";

}  // namespace

ShortestPaths johnson(const Graph& graph, const JohnsonOptions& options) {
  if (options.unweighted() || graph.data().negative_edge < 0) {
    return dijkstra(graph, DijkstraOptions()
                               .directed(options.directed())
                               .unweighted(options.unweighted())
                               .indices(options.indices())
                               .return_predecessors(options.return_predecessors()));
  }
  const std::vector<int32_t> sources = source_nodes(kOp, graph, options.indices());
  const Graph used = options.directed() ? graph : graph.to_undirected();
  check_range(kOp, used);
  const auto count = static_cast<int64_t>(sources.size());
  ShortestPaths paths =
      new_paths(kOp, used, count, options.indices().one(), options.return_predecessors());
  visit_weights(used, [&](auto zero) {
    using T = decltype(zero);
    const Csr<T> csr = used.data().csr<T>();
    const std::vector<T> reduced = reduced_weights(used, potentials<T>(kOp, used));
    const Rows<T> rows = rows_of<T>(paths, used);
    over_rows(
        used, count, [&] { return JohnsonSearch<T>(csr, reduced.data()); },
        [&](JohnsonSearch<T>& search, int64_t i) {
          search.run(sources[static_cast<size_t>(i)],
                     {rows.distance_row(i), rows.predecessor_row(i), nullptr});
        });
  });
  return paths;
}

}  // namespace graph
}  // namespace taper
