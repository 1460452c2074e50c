#!/usr/bin/env python3
"""Replays the samples of PyTorch's operator database against Taper: every op that both offer, in
float32, float64, int64 and bool, values, types, shapes, strides of views, and gradients in float64.

Runs with Debian's python3-torch; ends with 77 (skipped) where it is missing. What differs for a
reason stands in known_differences.txt.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
try:
    import torch
    import numpy  # noqa: F401: tensors are written through it
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

import binding  # noqa: E402
import samples  # noqa: E402


def run(program, path):
    """The program's differences by case, and the case during which it died, if it did."""
    done = subprocess.run([program, path], capture_output=True, text=True, errors="replace")
    differences, last = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            last = int(line[1:])
        elif line[:1].isdigit():
            case, _, text = line.partition("\t")
            differences[int(case)] = text
    return differences, None if done.returncode == 0 else (last, done.returncode, done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", nargs="*", help="names of the database")
    parser.add_argument("--verbose", type=int, default=3, help="differences shown for each op")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cases"
        with open(path, "wb") as file:
            collector = samples.collect(binding.Table(), file.write, options.only)
        differences, death = run(options.program, path)
    by_op = collections.defaultdict(list)
    for case, text in differences.items():
        by_op[collector.descriptions[case][0]].append((case, text))
    for name, found in sorted(by_op.items()):
        print(f"{name}: {len(found)}")
        for case, text in found[:options.verbose]:
            _, dtype, call = collector.descriptions[case]
            print(f"    {dtype} {call}: {text[:300]}")
    if death:
        print("died at", death, collector.descriptions[death[0]] if death[0] is not None else "")
    names = {d[0] for d in collector.descriptions}
    print("unbound:", {k: (len(v), v[0][:100]) for k, v in collector.unbound.items()})
    print("unwritable:", collector.unwritable)
    print("not offered:", sorted({o.name for o in samples.op_db} - names -
                                 set(collector.unbound) - set(collector.unwritable)))
    print(f"{len(names)} names, {len(collector.descriptions)} samples, "
          f"{len(collector.descriptions) - len(differences)} equal")
    return 1 if differences or death else 0


if __name__ == "__main__":
    sys.exit(main())
