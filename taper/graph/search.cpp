#include "taper/graph/search.h"

#include <cmath>
#include <limits>

namespace taper {
namespace graph {

Tensor empty_tensor(const char* op, IntArrayRef sizes, ScalarType dtype) {
  return Tensor(TensorImpl::empty(op, sizes, dtype));
}

Sources::Sources(const Tensor& nodes) {
  TAPER_CHECK(nodes.defined(), "Sources: expected a tensor of nodes, got an undefined one");
  TAPER_CHECK_AS(DTypeError, nodes.scalar_type() == kInt || nodes.scalar_type() == kLong,
                 "Sources: expected nodes of type Int or Long, got ", nodes.scalar_type());
  TAPER_CHECK_AS(ShapeError, nodes.dim() <= 1,
                 "Sources: expected one node or a vector of nodes, got sizes ", nodes.sizes());
  kind_ = nodes.dim() == 0 ? Kind::one : Kind::many;
  const Tensor list = nodes.to(kLong).contiguous();
  const int64_t* first = list.const_data_ptr<int64_t>();
  nodes_.assign(first, first + list.numel());
}

std::vector<int32_t> source_nodes(const char* op, const Graph& graph, const Sources& sources) {
  const int64_t count = graph.num_nodes();
  std::vector<int32_t> nodes;
  if (sources.all()) {
    nodes.reserve(static_cast<size_t>(count));
    for (int64_t node = 0; node < count; ++node) nodes.push_back(static_cast<int32_t>(node));
    return nodes;
  }
  for (const int64_t node : sources.nodes()) {
    TAPER_CHECK_AS(IndexError, node >= -count && node < count, op,
                   ": index out of range: expected indices of a graph of ", count, " nodes, got ",
                   node);
    nodes.push_back(static_cast<int32_t>(node < 0 ? node + count : node));
  }
  return nodes;
}

void check_range(const char* op, const Graph& graph) {
  const detail::GraphData& data = graph.data();
  if (data.negative_edge < 0) return;
  const double bound =
      4 * data.most * static_cast<double>(data.nodes);  // johnson() adds potentials
  if (data.integers) {
    TAPER_CHECK(bound <= static_cast<double>(kLargestExact), op,
                ": integer overflow: expected negative weights whose paths stay well below 2^53, "
                "got a weight of magnitude ",
                data.most, " among ", data.nodes, " nodes");
    return;
  }
  const double largest = graph.dtype() == kFloat ? std::numeric_limits<float>::max()
                                                 : std::numeric_limits<double>::max();
  TAPER_CHECK(bound <= largest, op, ": overflow: expected negative weights whose paths stay well ",
              "below ", largest, ", got a weight of magnitude ", data.most, " among ", data.nodes,
              " nodes");
}

void check_exact(const char* op, const Graph& graph, const Tensor& distances) {
  const detail::GraphData& data = graph.data();
  const auto largest = static_cast<double>(kLargestExact);
  if (!data.integers || data.most * static_cast<double>(data.nodes) <= largest) return;
  const double* values = distances.const_data_ptr<double>();
  for (int64_t i = 0; i < distances.numel(); ++i) {
    TAPER_CHECK(values[i] <= largest || std::isinf(values[i]), op,
                ": integer overflow: expected distances below 2^53, got ", values[i], " to node ",
                i % data.nodes);
  }
}

void fail_negative_cycle(const char* op, std::vector<int64_t> cycle, double weight) {
  constexpr size_t kShown = 12;
  std::string path;
  for (size_t i = 0; i < cycle.size() && i < kShown; ++i) path += str(cycle[i], " -> ");
  path += cycle.size() > kShown ? str("... -> ", cycle[0]) : str(cycle[0]);
  std::string message =
      str(op, ": expected a graph without negative cycles, got one of weight ", weight,
          " through the ", cycle.size(), cycle.size() == 1 ? " node " : " nodes ", path);
  throw NegativeCycleError(std::move(message), std::move(cycle));
}

ShortestPaths new_paths(const char* op, const Graph& graph, int64_t rows, bool flat,
                        bool predecessors) {
  const DimVector sizes = flat ? DimVector{graph.num_nodes()} : DimVector{rows, graph.num_nodes()};
  ShortestPaths paths;
  paths.distances = empty_tensor(op, sizes, graph.dtype());
  if (predecessors) paths.predecessors = empty_tensor(op, sizes, kLong);
  return paths;
}

}  // namespace graph
}  // namespace taper
