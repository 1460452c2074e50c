#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "taper/base/parallel.h"
#include "taper/graph/graph_data.h"
#include "taper/graph/shortest_path.h"

// What the algorithms share: sources, results, rows over threads.
namespace taper {
namespace graph {

Tensor empty_tensor(const char* op, IntArrayRef sizes, ScalarType dtype);

/// The sources as checked node numbers from 0.
std::vector<int32_t> source_nodes(const char* op, const Graph& graph, const Sources& sources);

/// Before a search with negative weights: throws where sums of them could overflow.
void check_range(const char* op, const Graph& graph);
/// After a search: throws where the distances of an integer graph are not exact.
void check_exact(const char* op, const Graph& graph, const Tensor& distances);

/// Throws the NegativeCycleError; the nodes stand in the order of the edges.
[[noreturn]] void fail_negative_cycle(const char* op, std::vector<int64_t> cycle, double weight);

/// The rows of a result, one per source.
template <class T>
struct Rows {
  T* distances;
  int64_t* predecessors;  // or null
  int64_t nodes;

  T* distance_row(int64_t i) const { return distances + i * nodes; }
  int64_t* predecessor_row(int64_t i) const {
    return predecessors == nullptr ? nullptr : predecessors + i * nodes;
  }
};

/// Results of `rows` sources, unfilled; without a dimension for sources when `flat`.
ShortestPaths new_paths(const char* op, const Graph& graph, int64_t rows, bool flat,
                        bool predecessors);
template <class T>
Rows<T> rows_of(const ShortestPaths& paths, const Graph& graph) {
  return {paths.distances.data_ptr<T>(),
          paths.predecessors.defined() ? paths.predecessors.data_ptr<int64_t>() : nullptr,
          graph.num_nodes()};
}

/// Calls work(searcher, row) for each of `rows` rows, the next free one to whichever thread is
/// free; each thread makes its own searcher.
template <class MakeSearcher, class Work>
void over_rows(const Graph& graph, int64_t rows, MakeSearcher&& make, Work&& work) {
  // Below about 30 us of work a team costs more than it brings.
  const bool small = rows * (graph.num_nodes() + graph.num_edges()) < 4096;
  const int64_t parts = small ? 1 : std::min<int64_t>(rows, get_num_threads());
  std::atomic<int64_t> next{0};
  parallel_for(0, parts, 1, [&](int64_t, int64_t) {
    auto searcher = make();
    for (int64_t row = next++; row < rows; row = next++) work(searcher, row);
  });
}

}  // namespace graph
}  // namespace taper
