#pragma once

#include <vector>

#include "taper/graph/search.h"

namespace taper {
namespace graph {

/// The nodes of a cycle in the order of its edges, and its weight.
struct Cycle {
  std::vector<int64_t> nodes;
  double weight = 0;
};

/// Searches of one thread over one graph, weights of any sign. Nodes whose distance fell wait for
/// the next pass; a cycle among the predecessors, which is what a negative cycle makes, is looked
/// for after passes 1, 2, 4 and so on.
template <class T>
class BellmanFordSearch {
 public:
  BellmanFordSearch(const Graph& graph);

  /// Distances from the nearest of the sources. False when a negative cycle is in reach: cycle().
  bool run(const int32_t* sources, size_t count, T* distances);

  /// The node before each, or -1.
  const std::vector<int32_t>& parents() const { return parents_; }
  const Cycle& cycle() const { return cycle_; }

 private:
  enum class End { done, negative_cycle, rounding };
  End passes(const int32_t* sources, size_t count, T slack, T* distances);
  void relax(int32_t u, T slack, T* distances);
  bool find_cycle();
  void read_cycle(int32_t node);
  T largest(const T* distances) const;

  Csr<T> csr_;
  bool exact_;
  double rounding_ = 0;  // how far the found cycle's weight may be off
  std::vector<int32_t> parents_, now_, next_, seen_in_;
  std::vector<uint8_t> waits_;
  Cycle cycle_;
};

/// Distances from a further node that has an edge of weight 0 to every other; all 0 where no weight
/// is negative. Throws the NegativeCycleError of any negative cycle in the graph.
template <class T>
std::vector<T> potentials(const char* op, const Graph& graph);

}  // namespace graph
}  // namespace taper
