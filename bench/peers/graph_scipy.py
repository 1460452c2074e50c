"""The rows of graph/shortest_path_bench.cpp in SciPy, behind the same requests as the C++ workers.

Each request is a line on standard input (list, check ROW, sample ROW SECONDS, quit), each answer
one JSON line.
"""

import json
import statistics
import sys
import time

import numpy
import scipy
from scipy.sparse import coo_matrix, csgraph

SOURCES = numpy.arange(200)


def draw(start, count):
    """Numbers start, start + 1 ... of the stream that the C++ side draws from."""
    x = numpy.arange(start + 1, start + count + 1, dtype=numpy.uint64)
    x *= numpy.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> numpy.uint64(31))) * numpy.uint64(0xBF58476D1CE4E5B9)
    return (x ^ (x >> numpy.uint64(29))) >> numpy.uint64(11)


def draw_weights(start, count):
    return draw(start, count).astype(float) * 2.0**-53 + 0.01


def sparse_graph(nodes, edges):
    ends = (draw(0, 2 * edges) % numpy.uint64(nodes)).astype(numpy.int32).reshape(2, edges)
    weights = draw_weights(2 * edges, edges)
    # Of parallel edges the lightest, where SciPy would add them.
    order = numpy.lexsort((weights, ends[1], ends[0]))
    ends, weights = ends[:, order], weights[order]
    first = numpy.ones(edges, dtype=bool)
    first[1:] = (ends[:, 1:] != ends[:, :-1]).any(axis=0)
    return coo_matrix((weights[first], (ends[0, first], ends[1, first])),
                      shape=(nodes, nodes)).tocsr()


def dijkstra(trees):
    graph = sparse_graph(10_000, 100_000)
    return lambda: csgraph.dijkstra(graph, indices=SOURCES, return_predecessors=trees)


def floyd_warshall(trees):
    weights = draw_weights(0, 1024 * 1024).reshape(1024, 1024)
    return lambda: csgraph.floyd_warshall(weights, return_predecessors=trees)


ROWS = {name + suffix: (make, trees)
        for trees, suffix in ((False, ""), (True, "/trees"))
        for name, make in (("graph/dijkstra/10Kx100K/200_sources", dijkstra),
                           ("graph/floyd_warshall/1024", floyd_warshall))}


def check(run):
    distances = run()
    values = numpy.asarray(distances[0] if isinstance(distances, tuple) else distances).ravel()
    weights = 1 + numpy.arange(len(values)) % 7
    total = float((values * weights)[numpy.isfinite(values)].sum())
    return {"check": total, "check_scale": total}


def sample(run, seconds):
    """The median of the runs that fill the time; one at least."""
    cpu, start, times = time.process_time(), time.perf_counter(), []
    while not times or (sum(times) < seconds and len(times) < 9):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    wall = time.perf_counter() - start
    return {"seconds_per_iter": statistics.median(times),
            "cpu_over_wall": (time.process_time() - cpu) / wall, "faults_per_iter": 0}


def answer(words, runs):
    if words[0] == "list":
        rows = [{"name": name, "unit": "ms", "threads": [1, 2], "flop": 0, "bytes": 0,
                 "elements": 0, "alternative_of": ""} for name in ROWS]
        return {"library": f"SciPy {scipy.__version__}", "rows": rows, "curves": []}
    if words[1] not in runs:
        make, trees = ROWS[words[1]]
        runs[words[1]] = make(trees)
    run = runs[words[1]]
    return check(run) if words[0] == "check" else sample(run, float(words[2]))


def main():
    runs = {}
    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        print(json.dumps(answer(words, runs)), flush=True)


if __name__ == "__main__":
    main()
