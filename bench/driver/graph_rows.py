"""Rows of shortest paths: our worker against SciPy, by the protocol of pairs.py."""

import os
import subprocess
import sys

from .pairs import label, run_rows
from .worker import Worker, WorkerError


class GraphCrew:
    """Our worker and SciPy's for one thread count; SciPy itself runs on one."""

    def __init__(self, config, side, threads, peer):
        self.threads, self.openblas = threads, None
        program = os.path.join(config["programs"], "bench_graph")
        has_ours = side != "peer" and os.path.exists(program)
        self.ours = Worker(program, threads) if has_ours else None
        self.peer = Worker(peer, threads) if peer and side != "ours" else None

    def any(self):
        return self.ours or self.peer

    def close(self):
        for worker in (self.ours, self.peer):
            if worker:
                worker.close()


def find_peer(config):
    """The command that starts SciPy's worker, or None."""
    script = os.path.join(config["source"], "bench", "peers", "graph_scipy.py")
    # Debian's module belongs to Debian's interpreter, whatever runs this script.
    for python in ("/usr/bin/python3", sys.executable):
        if os.path.exists(python) and subprocess.run(
                [python, "-c", "import scipy.sparse.csgraph"], capture_output=True,
                check=False).returncode == 0:
            return [python, script]
    return None


def graph_rows(config, options, wanted, report):
    """Yields (entry, details) of every wanted row."""
    peer = find_peer(config)
    noted = False
    for threads in (1, 2):
        try:
            crew = GraphCrew(config, options.side, threads, peer)
        except WorkerError as error:
            report.note(f"graph: {error}")
            return
        rows = list(crew.any().rows.values()) if crew.any() else []
        rows = [row for row in rows if wanted(label(row, threads))]
        if rows and not noted:
            noted = True
            report.note(f"graph: peer {crew.peer.library}, one thread" if crew.peer else
                        "graph: no SciPy (python3-scipy): our side alone")
        for entry, details, _ in run_rows(crew, rows, options.pairs, options.seconds, None,
                                          lambda name: None):
            yield entry, details
        crew.close()
