"""Rows of programs with a peer of their own, by the protocol of pairs.py: shortest paths against
SciPy, and a loader of JPEG files against its decoder."""

import os
import subprocess
import sys

from .pairs import label, run_rows
from .worker import Worker, WorkerError


class ProgramCrew:
    """Our worker and the peer's for one thread count; each is None where it is not measured."""

    def __init__(self, ours, peer, threads):
        self.threads, self.openblas = threads, None
        self.ours = Worker(ours, threads) if ours else None
        self.peer = Worker(peer, threads) if peer else None

    def any(self):
        return self.ours or self.peer

    def close(self):
        for worker in (self.ours, self.peer):
            if worker:
                worker.close()


def find_scipy(config):
    """The command that starts SciPy's worker, or None."""
    script = os.path.join(config["source"], "bench", "peers", "graph_scipy.py")
    # Debian's module belongs to Debian's interpreter, whatever runs this script.
    for python in ("/usr/bin/python3", sys.executable):
        if os.path.exists(python) and subprocess.run(
                [python, "-c", "import scipy.sparse.csgraph"], capture_output=True,
                check=False).returncode == 0:
            return [python, script]
    return None


def _rows_of(name, ours, peer, options, wanted, report):
    """Yields (entry, details) of every wanted row of the two commands."""
    noted = False
    for threads in (1, 2):
        try:
            crew = ProgramCrew(ours if options.side != "peer" else None,
                               peer if options.side != "ours" else None, threads)
        except WorkerError as error:
            report.note(f"{name}: {error}")
            return
        rows = list(crew.any().rows.values()) if crew.any() else []
        rows = [row for row in rows if threads in row["threads"] and wanted(label(row, threads))]
        if rows and not noted:
            noted = True
            report.note(f"{name}: peer {crew.peer.library}" if crew.peer else
                        f"{name}: our side alone")
        for entry, details, _ in run_rows(crew, rows, options.pairs, options.seconds, None,
                                          lambda row: None):
            yield entry, details
        crew.close()


def program_rows(config, options, wanted, report):
    """Yields (entry, details) of every wanted row."""
    def program(name):
        path = os.path.join(config["programs"], name)
        return [path] if os.path.exists(path) else None

    jpeg = program("bench_jpeg")
    yield from _rows_of("graph", program("bench_graph"), find_scipy(config), options, wanted,
                        report)
    yield from _rows_of("jpeg", jpeg, jpeg and [*jpeg, "decoder"], options, wanted, report)
