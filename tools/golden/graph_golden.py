#!/usr/bin/env python3
"""Writes tests/graph/golden/*.txt: graphs, and SciPy's shortest paths in them.

Needs numpy and scipy; the tests that replay the files need neither. The format, one item per line:
  graph NAME N DTYPE           starts a graph; DTYPE is that of its weights
  edges U V W U V W ...        its edges, or
  dense V V V ...              its matrix by rows
  paths DIRECTED UNWEIGHTED V V V ... | negative    distances of all pairs, or that a cycle forbids
  from SOURCE DIRECTED LIMIT V V V ...              distances from one node, up to a limit
  nearest S,S,... DIRECTED LIMIT V V V ...          distances from the nearest of some nodes
"""
import argparse
import pathlib
import sys

import numpy
import scipy
from scipy.sparse import csgraph, csr_array

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 20240229


def number(value):
    """The shortest text of a number."""
    value = float(value)
    return str(int(value)) if numpy.isfinite(value) and value == int(value) else repr(value)


def numbers(values):
    return " ".join(number(value) for value in numpy.asarray(values).ravel())


class Writer:
    """One golden file."""

    def __init__(self):
        self.lines = [f"# SciPy {scipy.__version__}, tools/golden/graph_golden.py"]

    def graph(self, name, nodes, dtype, edges):
        """Starts a graph of distinct edges; returns what SciPy takes."""
        self.lines.append(f"graph {name} {nodes} {dtype}")
        self.lines.append("edges " + " ".join(f"{u} {v} {number(w)}" for u, v, w in edges))
        edges = sorted(edges)
        rows = numpy.zeros(nodes + 1, dtype=numpy.int32)
        for u, _, _ in edges:
            rows[u + 1] += 1
        # Built from the arrays: explicit zeros stay edges.
        return csr_array((numpy.array([w for _, _, w in edges], dtype=float),
                          numpy.array([v for _, v, _ in edges], dtype=numpy.int32),
                          numpy.cumsum(rows, dtype=numpy.int32)), shape=(nodes, nodes))

    def dense(self, name, matrix, dtype):
        self.lines.append(f"graph {name} {len(matrix)} {dtype}")
        self.lines.append("dense " + numbers(matrix))
        return matrix

    def paths(self, matrix, directed, unweighted):
        """All pairs, by every method of SciPy that takes the weights."""
        methods = [csgraph.floyd_warshall, csgraph.bellman_ford, csgraph.johnson]
        data = matrix.data if hasattr(matrix, "nnz") else matrix[numpy.isfinite(matrix)]
        if not (data < 0).any():
            methods.append(csgraph.dijkstra)
        try:
            found = [method(matrix, directed=directed, unweighted=unweighted)
                     for method in methods]
        except csgraph.NegativeCycleError:
            self.lines.append(f"paths {directed:d} {unweighted:d} negative")
            return
        for other in found[1:]:
            numpy.testing.assert_allclose(other, found[0], rtol=1e-12)
        self.lines.append(f"paths {directed:d} {unweighted:d} {numbers(found[0])}")

    def source(self, matrix, source, directed, limit):
        found = csgraph.dijkstra(matrix, directed=directed, indices=source, limit=limit)
        self.lines.append(f"from {source} {directed:d} {number(limit)} {numbers(found)}")

    def nearest(self, matrix, sources, directed, limit):
        found = csgraph.dijkstra(matrix, directed=directed, indices=sources, limit=limit,
                                 min_only=True)
        listed = ",".join(str(source) for source in sources)
        self.lines.append(f"nearest {listed} {directed:d} {number(limit)} {numbers(found)}")

    def write(self, path):
        path.write_text("\n".join(self.lines) + "\n")


def weight(random, kind):
    """A weight of a kind: 'int', 'quarter' (exact sums), 'real', 'zero' (often 0)."""
    if kind == "int":
        return int(random.integers(1, 10))
    if kind == "quarter":
        return int(random.integers(1, 24)) / 4
    if kind == "zero":
        return int(random.integers(0, 3))
    return round(float(random.random()) * 9 + 0.01, 2)


def random_edges(random, nodes, count, kind):
    """Distinct random edges, self loops among them, in random order."""
    places = random.permutation(nodes * nodes)[:count]
    return [(int(p) // nodes, int(p) % nodes, weight(random, kind)) for p in places]


def grid_edges(random, height, width, kind, both):
    """Neighbours to the right and below, and back if both."""
    edges = []
    for y in range(height):
        for x in range(width):
            node = y * width + x
            for other in ([node + 1] if x + 1 < width else []) + (
                    [node + width] if y + 1 < height else []):
                edges.append((node, other, weight(random, kind)))
                if both:
                    edges.append((other, node, weight(random, kind)))
    return edges


DTYPES = {"int": ["int32", "int64"], "quarter": ["float32", "float64"],
          "zero": ["int64", "float32"], "real": ["float64"]}


def queries(writer, random, matrix, nodes):
    for directed in (True, False):
        for unweighted in (True, False) if nodes <= 8 else (False,):
            writer.paths(matrix, directed, unweighted)
    writer.source(matrix, int(random.integers(nodes)), True, numpy.inf)
    writer.source(matrix, int(random.integers(nodes)), False, int(random.integers(2, 8)))
    sources = sorted({int(s) for s in random.integers(nodes, size=3)})
    writer.nearest(matrix, sources, True, numpy.inf)
    writer.nearest(matrix, sources, False, int(random.integers(2, 8)))


def positive(random):
    """Weights of 0 or more: random graphs from empty to complete, grids, chains, parts."""
    writer = Writer()
    for index in range(40):
        kind = list(DTYPES)[index % 4]
        dtype = DTYPES[kind][index // 4 % len(DTYPES[kind])]
        nodes = int(random.integers(1, 13))
        share = (0.0, 0.08, 0.15, 0.3, 0.6, 1.0)[index % 6]
        edges = random_edges(random, nodes, round(share * nodes * nodes), kind)
        queries(writer, random, writer.graph(f"random{index}", nodes, dtype, edges), nodes)
    for height, width, kind, both in ((1, 6, "int", False), (3, 4, "quarter", True),
                                      (4, 3, "real", True), (2, 5, "zero", True)):
        edges = grid_edges(random, height, width, kind, both)
        matrix = writer.graph(f"grid{height}x{width}", height * width, DTYPES[kind][0], edges)
        queries(writer, random, matrix, height * width)
    edges = [(u + base, v + base, w) for base in (0, 4, 8)
             for u, v, w in random_edges(random, 4, 8, "int")]
    queries(writer, random, writer.graph("parts", 13, "int32", edges), 13)
    for nodes, kind in ((70, "quarter"), (130, "real")):
        edges = random_edges(random, nodes, 5 * nodes, kind)
        matrix = writer.graph(f"sparse{nodes}", nodes, DTYPES[kind][0], edges)
        for source in (0, nodes // 2):
            writer.source(matrix, source, True, numpy.inf)
            writer.source(matrix, source, False, numpy.inf)
    edges = grid_edges(random, 12, 15, "quarter", True)
    matrix = writer.graph("grid12x15", 180, "float64", edges)
    writer.source(matrix, 0, True, numpy.inf)
    writer.source(matrix, 100, True, 9)
    return writer


def negative(random):
    """Weights of both signs, with and without negative cycles."""
    writer = Writer()
    for index in range(30):
        kind = ("int", "quarter", "real")[index % 3]
        nodes = int(random.integers(1, 11))
        edges = random_edges(random, nodes, round((0.15, 0.3, 0.7)[index // 3 % 3] * nodes ** 2),
                             kind)
        if index % 2:  # potentials: cycles keep their positive weight
            height = random.integers(0, 40, nodes) / 4 if kind != "int" else random.integers(
                0, 12, nodes)
            edges = [(u, v, round(w + float(height[u] - height[v]), 2)) for u, v, w in edges]
            edges = [(u, v, int(w) if kind == "int" else w) for u, v, w in edges]
        else:
            edges = [(u, v, -w if random.random() < 0.08 else w) for u, v, w in edges]
        matrix = writer.graph(f"signed{index}", nodes, DTYPES[kind][index % len(DTYPES[kind])],
                              edges)
        writer.paths(matrix, True, False)
        writer.paths(matrix, False, False)
        writer.paths(matrix, True, True)
    return writer


def dense(random):
    """Matrices in which zeros, infinities and NaNs stand for no edge."""
    writer = Writer()
    for index in range(20):
        nodes = int(random.integers(1, 9))
        kind = ("int", "quarter", "real")[index % 3]
        dtype = DTYPES[kind][index % len(DTYPES[kind])]
        matrix = numpy.array([[weight(random, kind) for _ in range(nodes)] for _ in range(nodes)],
                             dtype=float)
        holes = random.random((nodes, nodes))
        matrix[holes < (0.2, 0.6)[index % 2]] = 0
        if kind != "int":
            matrix[holes > 0.9] = numpy.inf
            matrix[(holes > 0.8) & (holes < 0.85)] = numpy.nan
            matrix[(holes > 0.77) & (holes < 0.8)] = -numpy.inf
        writer.dense(f"dense{index}", matrix, dtype)
        for directed in (True, False):
            for unweighted in (False, True):
                writer.paths(matrix, directed, unweighted)
    return writer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/graph/golden")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, make in (("positive", positive), ("negative", negative), ("dense", dense)):
        writer = make(numpy.random.default_rng([SEED, len(name)]))
        writer.write(out / f"{name}.txt")
        count = sum(line.split()[0] in ("paths", "from", "nearest") for line in writer.lines)
        print(f"{name}: {count} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
