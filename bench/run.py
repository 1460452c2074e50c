#!/usr/bin/env python3
"""Measures Taper against LibTorch: `bench/run.py [--rows REGEX] [--pairs N] [--quick]`.

Ours and the peer run in turn, each in its own process; results go to build/bench/results.json.
The protocol and the rows are described in bench/README.md.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time

from driver import process_rows, program_rows
from driver.goals import Goals
from driver.pairs import compare_curves, label, run_rows
from driver.worker import Crew

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release", "bench"),
                        help="build folder of bench/")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "bench", "results.json"))
    parser.add_argument("--rows", default="", help="only rows whose name matches")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.04, help="length of one sample")
    parser.add_argument("--quick", action="store_true",
                        help="3 short pairs, without compile, build and demo rows")
    parser.add_argument("--side", choices=("both", "ours", "peer"), default="both")
    parser.add_argument("--clean-build", action="store_true", help="also time a clean build")
    parser.add_argument("--demo-epochs", type=int, default=5)
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.seconds = 3, 0.015
    return options


class Report:
    """Collects entries, prints the table line by line, writes the files at the end."""

    def __init__(self, goals):
        self.goals = goals
        self.entries = []
        self.details = {}
        self.notes = []

    def add(self, entry, details=None):
        details = details or {"repeats": 0, "problem": None}
        self.entries.append(entry)
        self.details[entry["name"]] = details
        goal = self.goals.text(self.goals.of(entry["name"]))
        verdict = details["problem"] or self.goals.verdict(entry)
        share = entry["ceiling_share"]
        spread = ""
        if entry["ratio"] is not None:
            spread = f"{entry['ratio']:8.2f} {entry['ratio_min']:7.2f}-{entry['ratio_max']:<7.2f}"
        repeats = f"{details['repeats']} rep" if details["repeats"] else ""
        print(f"{entry['name']:60} {self._value(entry['ours'])} {self._value(entry['peer'])} "
              f"{entry['unit']:8} {spread:25} {'' if share is None else f'{share:4.0%}':5} "
              f"{goal:14} {repeats:6} {verdict}", flush=True)

    @staticmethod
    def _value(value):
        return f"{'-':>10}" if value is None else f"{value:10.4g}"

    def note(self, text):
        self.notes.append(text)
        print(f"  {text}", flush=True)

    def header(self):
        print(f"{'row':60} {'ours':>10} {'peer':>10} {'unit':8} {'ratio':>8} {'min-max':16} "
              f"{'ceil':5} {'goal':14}")

    def write(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.entries, file, indent=1)
            file.write("\n")
        with open(os.path.join(os.path.dirname(path), "details.json"), "w",
                  encoding="utf-8") as file:
            json.dump({"notes": self.notes, "rows": self.details}, file, indent=1)

    def close(self):
        print()
        for line in self.goals.summary(self.entries):
            print(line)
        verdicts = [self.details[e["name"]]["problem"] and "problem" or self.goals.verdict(e)
                    for e in self.entries]
        repeats = sum(details["repeats"] for details in self.details.values())
        print(f"{len(self.entries)} rows: {verdicts.count('ok')} reach their goal, "
              f"{verdicts.count('miss')} miss it, {verdicts.count('behind')} are behind, "
              f"{verdicts.count('problem')} could not be compared; "
              f"{repeats} pairs repeated for want of a second core")
        return "problem" in verdicts


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return next((line.split(":", 1)[1].strip() for line in info if "model name" in line),
                    platform.processor())


def package_version(package):
    """The version that Debian gives: LibTorch's own macro says 1.13.0 for 1.13.1."""
    try:
        return subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}", package], check=True,
                              capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe(config, report):
    """Says what is compared: machine, libraries, settings."""
    report.note(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    crew = Crew(config, 2)
    if crew.ours:
        report.note(f"ours: {crew.ours.library}; {', '.join(crew.ours.blas())}")
    if crew.peer:
        report.note(f"peer: {crew.peer.library}; {', '.join(crew.peer.blas())}")
        report.note("peer environment: OMP_NUM_THREADS and OPENBLAS_NUM_THREADS = 1 or 2 per row, "
                    f"LD_LIBRARY_PATH = {config['openblas_dir']}")
        config["peer_name"] = crew.peer.library
        report.note("peer package: " + package_version("libtorch-dev"))
    elif config["side"] != "ours":
        report.note("no LibTorch on this machine (libtorch-dev): ours alone, no ratios")
    if crew.openblas:
        report.note(f"second peer for sgemm: {crew.openblas.library}")
    rows = list(crew.any().rows.values()) if crew.any() else []
    crew.close()
    return [row for row in rows if not row["alternative_of"]]


def measure_ceilings(config, rows, report):
    sizes = sorted({str(row["elements"]) for row in rows if row["elements"]}, key=int)
    program = os.path.join(config["programs"], "bench_ceilings")
    output = subprocess.run([program, *sizes], check=True, capture_output=True, text=True).stdout
    ceilings = json.loads(output)
    report.note(f"FMA peak {ceilings['fma']['1']:.0f} and {ceilings['fma']['2']:.0f} GFLOP/s "
                "(1 and 2 threads); copy GB/s " + ", ".join(
                    f"{size}: {rate['1']:.0f} and {rate['2']:.0f}"
                    for size, rate in ceilings["copy"].items()))
    return ceilings


def in_process(config, options, rows, wanted, report):
    """The rows that workers measure, for one thread and then for two."""
    ceilings = measure_ceilings(config, rows, report)
    for threads in (1, 2):
        chosen = [row for row in rows if threads in row["threads"] and wanted(label(row, threads))]
        if not chosen:
            continue
        crew = Crew(config, threads)
        curves, failures = compare_curves(crew)
        for name, difference in curves.items():
            shown = "not comparable" if difference is None else f"{difference:.1e}"
            report.note(f"loss curve {name} @{threads}t: largest difference {shown}")
        if failures:
            report.note("loss curves differ, nothing is timed: " + ", ".join(failures))
            crew.close()
            sys.exit(1)
        progress = (lambda name: print(f"  {name}...", end="\r")) if sys.stdout.isatty() else (
            lambda name: None)
        for entry, details, _ in run_rows(crew, chosen, options.pairs, options.seconds, ceilings,
                                          progress):
            report.add(entry, details)
        crew.close()


def whole_programs(config, options, wanted, report):
    """The rows that run or build programs."""
    groups = [
        (("process/start_to_first_result", "process/resident_memory"),
         lambda: process_rows.start_rows(config, options.pairs)),
        (("train/overhead_of_1ms_step", "train/overhead_of_epoch"),
         lambda: process_rows.trainer_rows(config, options.pairs)),
        (process_rows.steady_names(),
         lambda: process_rows.steady_rows(config, wanted, report.note)),
        (("build/stripped_library",), lambda: process_rows.size_rows(config))]
    if not options.quick:
        groups += [
            (("build/compile_mlp_program", "build/compile_torch_program", "build/header_lines"),
             lambda: process_rows.compile_rows(config, options.pairs)),
            (("demo/seconds_per_epoch @2t", "demo/test_accuracy"),
             lambda: process_rows.demo_rows(config, options.demo_epochs, report.note))]
    if options.clean_build:
        groups.append((("build/clean_build",), lambda: process_rows.clean_build_row(config)))
    for names, rows in groups:
        if not any(wanted(name) for name in names):
            continue
        for entry in rows():
            if wanted(entry["name"]):
                report.add(entry)


def main():
    options = arguments()
    with open(os.path.join(options.build, "bench.json"), encoding="utf-8") as file:
        config = json.load(file)
    config["side"], config["peer_name"] = options.side, None
    if options.side == "both" and not os.path.exists(
            os.path.join(config["programs"], "bench_peer")):
        config["side"] = "ours"

    def wanted(name):
        return re.search(options.rows, name) is not None

    report = Report(Goals(os.path.join(HERE, "goals.json")))
    start = time.monotonic()
    rows = [row for row in describe(config, report)
            if any(wanted(label(row, threads)) for threads in row["threads"])]
    report.header()
    if rows:
        in_process(config, options, rows, wanted, report)
    for entry, details in program_rows.program_rows(config, options, wanted, report):
        report.add(entry, details)
    whole_programs(config, options, wanted, report)
    report.write(options.out)
    failed = report.close()
    print(f"{time.monotonic() - start:.0f} s; written to {os.path.relpath(options.out)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
