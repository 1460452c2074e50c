#include <algorithm>
#include <limits>

#include "taper/graph/johnson.h"
#include "taper/kernel/floyd_warshall.h"

namespace taper {
namespace graph {
namespace {

constexpr const char* kOp = "floyd_warshall";

/// One run over a graph.
template <class T>
class AllPairs {
 public:
  AllPairs(const Graph& graph, bool unweighted, const Tensor& distances, bool predecessors)
      : graph_(graph),
        unweighted_(unweighted),
        n_(graph.num_nodes()),
        distances_(distances),
        // The kernel's are as wide as its distances.
        predecessors_(predecessors ? empty_tensor(kOp, {n_, n_}, scalar_type_of<Index>) : Tensor()),
        to_(distances.data_ptr<T>()),
        before_(predecessors ? predecessors_.data_ptr<Index>() : nullptr) {}

  void run() {
    const Csr<T> csr = graph_.data().csr<T>();
    solve(csr.weights);
    if (!unweighted_ && has_negative_diagonal()) {
      // A negative cycle, or one of weight 0 whose rounded sum fell: then on reduced weights.
      const std::vector<T> potential = potentials<T>(kOp, graph_);
      solve(reduced_weights(graph_, potential).data());
      restore(potential);
    }
    if (before_ != nullptr && !unweighted_) mend_trees();
  }

  Tensor predecessors() const { return before_ == nullptr ? Tensor() : predecessors_.to(kLong); }

 private:
  using Index = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  template <class Body>
  void each_row(const Body& body) {
    parallel_for(0, n_, 1 + 32768 / (n_ + 1), [&](int64_t first, int64_t last) {
      for (int64_t u = first; u < last; ++u) body(u, to_ + u * n_);
    });
  }

  /// Fills in the edges, then all paths.
  void solve(const T* weights) {
    const Csr<T> csr = graph_.data().csr<T>();
    each_row([&](int64_t u, T* row) {
      std::fill_n(row, n_, std::numeric_limits<T>::infinity());
      row[u] = 0;
      Index* before = before_ == nullptr ? nullptr : before_ + u * n_;
      if (before != nullptr) std::fill_n(before, n_, Index(kNoPredecessor));
      for (int64_t e = csr.rows[u]; e < csr.rows[u + 1]; ++e) {
        const int32_t v = csr.cols[e];
        const T weight = unweighted_ ? T(1) : weights[e];
        row[v] = v == u ? std::min(row[v], weight) : weight;  // a loop can only be a negative cycle
        if (before != nullptr && v != u) before[v] = static_cast<Index>(u);
      }
    });
    floyd_warshall_kernel(distances_.device(), View(&distances_.impl()),
                          before_ == nullptr ? View() : View(&predecessors_.impl()));
  }

  bool has_negative_diagonal() const {
    for (int64_t i = 0; i < n_; ++i) {
      if (!(to_[i * n_ + i] >= 0)) return true;
    }
    return false;
  }

  /// From distances in reduced weights to those in the graph's own.
  void restore(const std::vector<T>& potential) {
    each_row([&](int64_t u, T* row) {
      for (int64_t v = 0; v < n_; ++v) {
        row[v] += potential[static_cast<size_t>(v)] - potential[static_cast<size_t>(u)];
      }
    });
  }

  /// Blocks let a path to a node of the block pass through later nodes of it, so that predecessors
  /// may close a cycle of weight 0. Such rows are searched again.
  void mend_trees() {
    std::vector<uint8_t> broken(static_cast<size_t>(n_), 0);
    parallel_for(0, n_, 1 + 32768 / (n_ + 1), [&](int64_t first, int64_t last) {
      std::vector<int32_t> seen_in(static_cast<size_t>(n_));
      for (int64_t u = first; u < last; ++u) {
        broken[static_cast<size_t>(u)] = has_cycle(before_ + u * n_, seen_in);
      }
    });
    std::vector<int32_t> rows;
    for (int64_t u = 0; u < n_; ++u) {
      if (broken[static_cast<size_t>(u)] != 0) rows.push_back(static_cast<int32_t>(u));
    }
    if (!rows.empty()) search_again(rows);
  }

  bool has_cycle(const Index* before, std::vector<int32_t>& seen_in) const {
    std::fill(seen_in.begin(), seen_in.end(), -1);
    for (int32_t start = 0; start < n_; ++start) {
      Index node = start;
      while (node >= 0 && seen_in[static_cast<size_t>(node)] < 0) {
        seen_in[static_cast<size_t>(node)] = start;
        node = before[node];
      }
      if (node >= 0 && seen_in[static_cast<size_t>(node)] == start) return true;
    }
    return false;
  }

  void search_again(const std::vector<int32_t>& rows) {
    const Csr<T> csr = graph_.data().csr<T>();
    const std::vector<T> reduced = reduced_weights(graph_, potentials<T>(kOp, graph_));
    struct Searcher {
      JohnsonSearch<T> search;
      std::vector<T> distances;
      std::vector<int64_t> predecessors;
    };
    const auto n = static_cast<size_t>(n_);
    over_rows(
        graph_, static_cast<int64_t>(rows.size()),
        [&] {
          return Searcher{JohnsonSearch<T>(csr, reduced.data()), std::vector<T>(n),
                          std::vector<int64_t>(n)};
        },
        [&](Searcher& searcher, int64_t i) {
          const int32_t u = rows[static_cast<size_t>(i)];
          searcher.search.run(u,
                              {searcher.distances.data(), searcher.predecessors.data(), nullptr});
          std::transform(searcher.predecessors.begin(), searcher.predecessors.end(),
                         before_ + u * n_, [](int64_t v) { return static_cast<Index>(v); });
        });
  }

  const Graph& graph_;
  bool unweighted_;
  int64_t n_;
  Tensor distances_, predecessors_;
  T* to_;
  Index* before_;
};

}  // namespace

ShortestPaths floyd_warshall(const Graph& graph, const FloydWarshallOptions& options) {
  const Graph used = options.directed() ? graph : graph.to_undirected();
  if (!options.unweighted()) check_range(kOp, used);
  ShortestPaths paths = new_paths(kOp, used, used.num_nodes(), false, false);
  visit_weights(used, [&](auto zero) {
    AllPairs<decltype(zero)> pairs(used, options.unweighted(), paths.distances,
                                   options.return_predecessors());
    pairs.run();
    paths.predecessors = pairs.predecessors();
  });
  if (!options.unweighted()) check_exact(kOp, used, paths.distances);
  return paths;
}

}  // namespace graph
}  // namespace taper
