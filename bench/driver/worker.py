"""Worker processes: one per library, thread count and setting, driven over their streams."""

import json
import os
import subprocess


class WorkerError(RuntimeError):
    """A worker answered with an error or ended."""


def environment(threads, openblas_dir=None, preload=None):
    """The settings a worker runs under; both sides get the same thread counts."""
    result = dict(os.environ)
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "LD_PRELOAD"):
        result.pop(name, None)
    result["OMP_NUM_THREADS"] = str(threads)
    result["OPENBLAS_NUM_THREADS"] = str(threads)
    if openblas_dir:
        result["LD_LIBRARY_PATH"] = openblas_dir
    if preload:
        result["LD_PRELOAD"] = preload
    return result


class Worker:
    """A running worker: a program, or a command line as a list. Each request is one line, each
    answer one JSON object."""

    def __init__(self, program, threads, openblas_dir=None, preload=None):
        command = [program] if isinstance(program, str) else program
        self.program = command[-1]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(threads, openblas_dir, preload))
        listing = self.request("list")
        self.library = listing["library"]
        self.rows = {row["name"]: row for row in listing["rows"]}
        self.curves = listing["curves"]

    def request(self, *words):
        try:
            self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{os.path.basename(self.program)} ended at {words[:2]}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{os.path.basename(self.program)} {words[:2]}: {answer['error']}")
        return answer

    def blas(self):
        """The BLAS and oneDNN files that are mapped: what the peer really got."""
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as maps:
            paths = {line.split()[-1] for line in maps if ".so" in line}
        names = ("libblas", "libopenblas", "libdnnl", "libgomp", "libomp", "libmkl")
        return sorted(path for path in paths if os.path.basename(path).startswith(names))

    def close(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write("quit\n")
                self.process.stdin.flush()
                self.process.wait(timeout=20)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()


class Crew:
    """The workers of one thread count: ours, LibTorch and OpenBLAS, where they exist."""

    def __init__(self, config, threads):
        self.threads = threads
        self.ours = self.peer = self.openblas = None

        def start(name, openblas_dir=None):
            path = os.path.join(config["programs"], name)
            return Worker(path, threads, openblas_dir) if os.path.exists(path) else None

        if config["side"] != "peer":
            self.ours = start("bench_taper")
        if config["side"] != "ours":
            self.peer = start("bench_peer", config["openblas_dir"])
            self.openblas = start("bench_openblas", config["openblas_dir"])

    def any(self):
        return self.ours or self.peer

    def close(self):
        for worker in (self.ours, self.peer, self.openblas):
            if worker:
                worker.close()
