#include "taper/graph/bellman_ford.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper {
namespace graph {

template <class T>
BellmanFordSearch<T>::BellmanFordSearch(const Graph& graph)
    : csr_(graph.data().csr<T>()),
      exact_(graph.data().integers),
      parents_(static_cast<size_t>(csr_.nodes)),
      seen_in_(parents_.size()),
      waits_(parents_.size(), 0) {}

template <class T>
bool BellmanFordSearch<T>::run(const int32_t* sources, size_t count, T* distances) {
  T slack = 0;
  while (true) {
    const End end = passes(sources, count, slack, distances);
    if (end != End::rounding) return end == End::done;
    // Sums around a cycle of weight 0 may fall by rounding for ever: only larger gains count now.
    const T unit = 4 * std::numeric_limits<T>::epsilon() * largest(distances);
    slack = std::max({unit, 16 * slack, std::numeric_limits<T>::min()});
  }
}

template <class T>
typename BellmanFordSearch<T>::End BellmanFordSearch<T>::passes(const int32_t* sources,
                                                                size_t count, T slack,
                                                                T* distances) {
  std::fill_n(distances, csr_.nodes, std::numeric_limits<T>::infinity());
  std::fill(parents_.begin(), parents_.end(), -1);
  std::fill(waits_.begin(), waits_.end(), 0);
  now_.clear();
  next_.clear();
  for (size_t i = 0; i < count; ++i) {
    if (distances[sources[i]] == 0) continue;
    distances[sources[i]] = 0;
    now_.push_back(sources[i]);
  }
  for (int64_t pass = 1; !now_.empty(); ++pass) {
    for (const int32_t u : now_) relax(u, slack, distances);
    now_.swap(next_);
    // Back and forth: a chain that runs against the order of the nodes is one pass as well.
    std::reverse(now_.begin(), now_.end());
    next_.clear();
    if ((pass & (pass - 1)) != 0 && pass < csr_.nodes) continue;
    if (find_cycle()) {
      return cycle_.weight < -rounding_ ? End::negative_cycle : End::rounding;
    }
    if (pass > csr_.nodes && slack > 0) return End::rounding;
  }
  return End::done;
}

template <class T>
void BellmanFordSearch<T>::relax(int32_t u, T slack, T* distances) {
  waits_[static_cast<size_t>(u)] = 0;
  const T distance = distances[u];
  const int64_t end = csr_.rows[u + 1];
  for (int64_t e = csr_.rows[u]; e < end; ++e) {
    const int32_t v = csr_.cols[e];
    const T through = distance + csr_.weights[e];
    if (!(through < distances[v] - slack)) continue;
    distances[v] = through;
    parents_[static_cast<size_t>(v)] = u;
    if (waits_[static_cast<size_t>(v)] == 0) {
      waits_[static_cast<size_t>(v)] = 1;
      next_.push_back(v);
    }
  }
}

/// Follows the parents of every node until a node that was seen; one seen on the same walk closes
/// a cycle.
template <class T>
bool BellmanFordSearch<T>::find_cycle() {
  std::fill(seen_in_.begin(), seen_in_.end(), -1);
  for (int32_t start = 0; start < csr_.nodes; ++start) {
    int32_t node = start;
    while (node >= 0 && seen_in_[static_cast<size_t>(node)] < 0) {
      seen_in_[static_cast<size_t>(node)] = start;
      node = parents_[static_cast<size_t>(node)];
    }
    if (node >= 0 && seen_in_[static_cast<size_t>(node)] == start) {
      read_cycle(node);
      return true;
    }
  }
  return false;
}

template <class T>
void BellmanFordSearch<T>::read_cycle(int32_t node) {
  cycle_ = {};
  double magnitude = 0;
  int32_t v = node;
  do {
    const int32_t u = parents_[static_cast<size_t>(v)];
    const int32_t* end = csr_.cols + csr_.rows[u + 1];
    const int64_t e = std::lower_bound(csr_.cols + csr_.rows[u], end, v) - csr_.cols;
    cycle_.weight += static_cast<double>(csr_.weights[e]);
    magnitude += std::fabs(static_cast<double>(csr_.weights[e]));
    cycle_.nodes.push_back(u);
    v = u;
  } while (v != node);
  rounding_ = exact_ ? 0
                     : static_cast<double>(cycle_.nodes.size()) * magnitude *
                           static_cast<double>(std::numeric_limits<T>::epsilon());
  std::reverse(cycle_.nodes.begin(), cycle_.nodes.end());
  std::rotate(cycle_.nodes.begin(), std::min_element(cycle_.nodes.begin(), cycle_.nodes.end()),
              cycle_.nodes.end());
}

template <class T>
T BellmanFordSearch<T>::largest(const T* distances) const {
  T most = 0;
  for (int64_t i = 0; i < csr_.nodes; ++i) {
    if (std::isfinite(distances[i])) most = std::max(most, std::fabs(distances[i]));
  }
  return most;
}

template class BellmanFordSearch<float>;
template class BellmanFordSearch<double>;

template <class T>
std::vector<T> potentials(const char* op, const Graph& graph) {
  std::vector<T> distances(static_cast<size_t>(graph.num_nodes()), T(0));
  if (graph.data().negative_edge < 0) return distances;
  const std::vector<int32_t> all = source_nodes(op, graph, {});
  BellmanFordSearch<T> search(graph);
  if (!search.run(all.data(), all.size(), distances.data())) {
    fail_negative_cycle(op, search.cycle().nodes, search.cycle().weight);
  }
  return distances;
}

template std::vector<float> potentials<float>(const char* op, const Graph& graph);
template std::vector<double> potentials<double>(const char* op, const Graph& graph);

namespace {

constexpr const char* kOp = "bellman_ford";

/// Searches from every source; the error is that of the first source that fails, whichever thread
/// was faster.
template <class T>
void search_all(const Graph& graph, const std::vector<int32_t>& sources,
                const ShortestPaths& paths) {
  const Rows<T> rows = rows_of<T>(paths, graph);
  const auto count = static_cast<int64_t>(sources.size());
  std::atomic<int64_t> failed{count};
  over_rows(
      graph, count, [&] { return BellmanFordSearch<T>(graph); },
      [&](BellmanFordSearch<T>& search, int64_t i) {
        if (i > failed) return;
        if (!search.run(&sources[static_cast<size_t>(i)], 1, rows.distance_row(i))) {
          for (int64_t first = failed; i < first && !failed.compare_exchange_weak(first, i);) {
          }
          return;
        }
        if (int64_t* row = rows.predecessor_row(i)) {
          std::transform(search.parents().begin(), search.parents().end(), row,
                         [](int32_t parent) { return parent < 0 ? kNoPredecessor : parent; });
        }
      });
  if (failed == count) return;
  BellmanFordSearch<T> search(graph);
  search.run(&sources[static_cast<size_t>(failed)], 1, rows.distance_row(failed));
  fail_negative_cycle(kOp, search.cycle().nodes, search.cycle().weight);
}

}  // namespace

ShortestPaths bellman_ford(const Graph& graph, const BellmanFordOptions& options) {
  const std::vector<int32_t> sources = source_nodes(kOp, graph, options.indices());
  if (options.unweighted()) {  // breadth first: the same distances
    return dijkstra(graph, DijkstraOptions()
                               .directed(options.directed())
                               .unweighted(true)
                               .indices(options.indices())
                               .return_predecessors(options.return_predecessors()));
  }
  const Graph used = options.directed() ? graph : graph.to_undirected();
  check_range(kOp, used);
  ShortestPaths paths = new_paths(kOp, used, static_cast<int64_t>(sources.size()),
                                  options.indices().one(), options.return_predecessors());
  visit_weights(used, [&](auto zero) { search_all<decltype(zero)>(used, sources, paths); });
  check_exact(kOp, used, paths.distances);
  return paths;
}

}  // namespace graph
}  // namespace taper
