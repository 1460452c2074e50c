// Shortest paths: a road map with its routes, and a maze whose way out is drawn.
#include <cstdio>
#include <string>
#include <vector>

#include "taper/taper.h"

using namespace taper;

void roads() {
  const std::vector<std::string> towns = {"Ulm", "Stuttgart", "Augsburg", "Nuremberg", "Jena"};
  const Tensor ends = tensor({{0, 0, 1, 2, 3}, {1, 2, 3, 3, 4}});
  const Tensor km = tensor({93, 79, 208, 145, 224});
  const graph::Graph map = graph::Graph::from_edges(ends, km, 5);

  // Roads go both ways; Int weights give exact Double distances.
  const graph::ShortestPaths paths = graph::dijkstra(
      map, graph::DijkstraOptions().directed(false).indices(0).return_predecessors(true));
  for (const int64_t town : {3, 4}) {
    std::printf("%s to %s: %.0f km\n ", towns[0].c_str(), towns[town].c_str(),
                paths.distances[town].item<double>());
    for (const int64_t stop : graph::reconstruct_path(paths.predecessors, 0, town)) {
      std::printf(" %s", towns[stop].c_str());
    }
    std::printf("\n");
  }
}

void maze() {
  std::vector<std::string> rows = {
      "#####################",  //
      "#S  #       #       #",  //
      "### # ##### # ##### #",  //
      "#   #     #   #   # #",  //
      "# ####### ##### # # #",  //
      "#       #       # # #",  //
      "####### ######### # #",  //
      "#                 #E#",  //
      "#####################",
  };
  // Each cell is a node; open neighbours are joined by an edge of weight 1.
  const auto width = static_cast<int64_t>(rows[0].size());
  const auto cells = width * static_cast<int64_t>(rows.size());
  const auto cell = [&](int64_t node) -> char& { return rows[node / width][node % width]; };
  std::vector<int64_t> from, to;
  int64_t start = 0, exit = 0;
  for (int64_t node = 0; node < cells; ++node) {
    if (cell(node) == 'S') start = node;
    if (cell(node) == 'E') exit = node;
    for (const int64_t next : {node + 1, node + width}) {
      if (next >= cells || cell(node) == '#' || cell(next) == '#') continue;
      from.push_back(node);
      to.push_back(next);
    }
  }
  const graph::Graph grid = graph::Graph::from_edges(
      stack({tensor(from), tensor(to)}), ones({static_cast<int64_t>(from.size())}), cells);

  const graph::ShortestPaths paths = graph::shortest_path(
      grid, graph::ShortestPathOptions().directed(false).indices(start).return_predecessors(true));
  for (const int64_t node : graph::reconstruct_path(paths.predecessors, start, exit)) {
    if (node != start && node != exit) cell(node) = '.';
  }
  std::printf("maze: %.0f steps\n", paths.distances[exit].item<double>());
  for (const std::string& row : rows) std::printf("%s\n", row.c_str());
}

int main() {
  roads();
  maze();
}
