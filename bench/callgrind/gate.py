#!/usr/bin/env python3
"""Counts the instructions of the overhead rows with callgrind and compares them with limits.json.

    gate.py --program BUILD/bench_callgrind --limits bench/callgrind/limits.json [--update]

A row fails when it needs over 2 % more instructions than its limit; --update writes the counts.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

TOLERANCE = 0.02


def count(program):
    """Instructions per iteration of every row, from one run under callgrind."""
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    counts = {}
    with tempfile.TemporaryDirectory() as scratch:
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--quiet",
                   f"--callgrind-out-file={scratch}/dump", program]
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        for path in glob.glob(f"{scratch}/dump.*"):
            with open(path, encoding="utf-8", errors="replace") as dump:
                text = dump.read()
            label = re.search(r"^desc: Trigger: Client Request: (\S+) (\d+)$", text, re.MULTILINE)
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
            if label and total:
                counts[label.group(1)] = round(int(total.group(1)) / int(label.group(2)), 1)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--limits", required=True)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    counts = count(options.program)
    if not counts:
        print("callgrind gave no counts")
        return 1
    if options.update:
        with open(options.limits, "w", encoding="utf-8") as file:
            json.dump(counts, file, indent=1, sort_keys=True)
            file.write("\n")
    with open(options.limits, encoding="utf-8") as file:
        limits = json.load(file)
    failed = sorted(set(limits) - set(counts))
    for name, limit in sorted(limits.items()):
        got = counts.get(name)
        if got is None:
            print(f"{name:32} {'-':>10} limit {limit:10.1f}  missing")
            continue
        over = got > limit * (1 + TOLERANCE)
        failed += [name] if over else []
        print(f"{name:32} {got:10.1f} limit {limit:10.1f}  {got / limit - 1:+6.1%}"
              f"{'  FAIL' if over else ''}")
    for name in sorted(set(counts) - set(limits)):
        failed.append(name)
        print(f"{name:32} {counts[name]:10.1f} has no limit (run with --update)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
