#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/graph/graph.h"

// Shortest paths, with scipy.sparse.csgraph's names and results. The work is split over the threads
// by sources or rows; results are the same bits at any thread count. Paths whose length overflows
// to infinity count as none.
namespace taper TAPER_API {
namespace graph {

/// In predecessors: no node comes before this one, because it is the source or out of reach.
inline constexpr int64_t kNoPredecessor = -9999;

/// The nodes that paths start from: all of them unless given. Negative ones count from the end.
class Sources {
 public:
  Sources() = default;
  /// One node: results have no dimension for sources.
  Sources(int64_t node) : kind_(Kind::one), nodes_(1, node) {}
  Sources(std::initializer_list<int64_t> nodes) : kind_(Kind::many), nodes_(nodes) {}
  Sources(std::vector<int64_t> nodes) : kind_(Kind::many), nodes_(std::move(nodes)) {}
  /// Int or Long; without dimensions one node, else a vector of nodes.
  Sources(const Tensor& nodes);

  bool all() const { return kind_ == Kind::all; }
  bool one() const { return kind_ == Kind::one; }
  const std::vector<int64_t>& nodes() const { return nodes_; }

 private:
  enum class Kind : uint8_t { all, one, many };
  Kind kind_ = Kind::all;
  std::vector<int64_t> nodes_;
};

struct ShortestPaths {
  /// [sources, n], or [n] for one source and with min_only; +inf where there is no path.
  Tensor distances;
  /// Long, of the same sizes: the node before each on its path, or kNoPredecessor. Undefined unless
  /// return_predecessors was set.
  Tensor predecessors;
  /// Long [n], with min_only: the source that each path starts from, or kNoPredecessor.
  Tensor sources;
};

/// directed(false) lets every edge be passed both ways, at the lesser weight; unweighted(true)
/// counts edges.
struct DijkstraOptions {
  TAPER_ARG(bool, directed) = true;
  TAPER_ARG(bool, unweighted) = false;
  TAPER_ARG(Sources, indices) = {};
  TAPER_ARG(bool, return_predecessors) = false;
  /// Longer paths are not looked for.
  TAPER_ARG(double, limit) = std::numeric_limits<double>::infinity();
  /// The path from the nearest of the sources, instead of one from each.
  TAPER_ARG(bool, min_only) = false;
};

/// The same for bellman_ford() and johnson().
struct BellmanFordOptions {
  TAPER_ARG(bool, directed) = true;
  TAPER_ARG(bool, unweighted) = false;
  TAPER_ARG(Sources, indices) = {};
  TAPER_ARG(bool, return_predecessors) = false;
};
using JohnsonOptions = BellmanFordOptions;

/// The same for floyd_warshall(), which always gives all sources.
struct FloydWarshallOptions {
  TAPER_ARG(bool, directed) = true;
  TAPER_ARG(bool, unweighted) = false;
  TAPER_ARG(bool, return_predecessors) = false;
};

enum class Method : uint8_t { automatic, dijkstra, bellman_ford, johnson, floyd_warshall };

struct ShortestPathOptions {
  TAPER_ARG(Method, method) = Method::automatic;
  TAPER_ARG(bool, directed) = true;
  TAPER_ARG(bool, unweighted) = false;
  TAPER_ARG(Sources, indices) = {};
  TAPER_ARG(bool, return_predecessors) = false;
};

/// A cycle of negative total weight that a path can pass any number of times.
class NegativeCycleError : public Error {
 public:
  NegativeCycleError(std::string message, std::vector<int64_t> cycle)
      : Error(std::move(message)), cycle_(std::move(cycle)) {}
  /// Its nodes in the order of its edges, each once.
  const std::vector<int64_t>& cycle() const { return cycle_; }

 private:
  std::vector<int64_t> cycle_;
};

/// Dijkstra's algorithm: O(n + E) operations on a radix heap per source; unweighted, a
/// breadth-first search. Throws an Error on negative weights and an IndexError on a source that is
/// no node.
ShortestPaths dijkstra(const Graph& graph, const DijkstraOptions& options = {});
/// The algorithm of Bellman and Ford, for weights of any sign: O(n E) per source at worst, mostly
/// near O(E). Throws a NegativeCycleError when a source reaches such a cycle.
ShortestPaths bellman_ford(const Graph& graph, const BellmanFordOptions& options = {});
/// Johnson's algorithm, for weights of any sign: bellman_ford() once, then dijkstra() from each
/// source on weights that it makes non-negative. Throws a NegativeCycleError.
ShortestPaths johnson(const Graph& graph, const JohnsonOptions& options = {});
/// The algorithm of Floyd and Warshall, for weights of any sign: O(n^3), blocked and vectorised.
/// Throws a NegativeCycleError.
ShortestPaths floyd_warshall(const Graph& graph, const FloydWarshallOptions& options = {});
/// The method of the options. `automatic` takes dijkstra() or, with negative weights, johnson(),
/// and floyd_warshall() for all sources of a graph so dense that it is faster. Throws as they do.
ShortestPaths shortest_path(const Graph& graph, const ShortestPathOptions& options = {});

/// The nodes from source to target along predecessors, [n] of that source or [n, n] of all. Empty
/// when target is out of reach. Throws when source or target is no node, or the predecessors are
/// those of another source or of no tree.
std::vector<int64_t> reconstruct_path(const Tensor& predecessors, int64_t source, int64_t target);

}  // namespace graph
}  // namespace taper
