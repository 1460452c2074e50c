#!/usr/bin/env python3
"""Replays the samples of PyTorch's operator database against Taper: every op that both offer, in
float32, float64, int64, bool and the complex types, values, types, shapes, strides of views, and
gradients in float64 and complex128. Where Taper has no complex form of an op, it must say so.

Runs with Debian's python3-torch; ends with 77 (skipped) where it is missing. What differs for a
reason stands in known_differences.txt.
"""
import argparse
import collections
import re
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


REFUSED = re.compile(r"not implemented for 'Complex|[Gg]ot.* Complex(Float|Double)")


class Known:
    """known_differences.txt: "names | types | what the text of the difference holds | reason"."""

    def __init__(self, file="known_differences.txt"):
        self.entries = []
        for line in (HERE / file).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                names, dtypes, pattern, reason = (part.strip() for part in line.split(" | "))
                self.entries.append((names.split(), dtypes.split(), pattern, reason))
        self.used = collections.Counter()

    def explains(self, name, dtype, call, text):
        for i, (names, dtypes, pattern, _) in enumerate(self.entries):
            if name in names and (dtypes == ["all"] or dtype in dtypes) and \
                    re.search(pattern, f"{call}: {text}"):
                self.used[i] += 1
                return True
        return False

    def unused(self):
        return [" ".join(names) + ": " + pattern for i, (names, _, pattern, _) in
                enumerate(self.entries) if not self.used[i]]


def run(program, path):
    """The program's differences and due refusals by case, and the case during which it died, if it
    did."""
    done = subprocess.run([program, path], capture_output=True, text=True, errors="replace")
    differences, refusals, last = {}, {}, None
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            last = int(line[1:])
        elif line[:1].isdigit():
            case, _, text = line.partition("\t")
            due = text.startswith("refuses: ")
            (refusals if due else differences)[int(case)] = text
    death = None if done.returncode == 0 else (last, done.returncode, done.stderr)
    return differences, refusals, death


def wrong_texts(refusals, texts):
    """Refusals without the words of PyTorch's error inputs, as differences."""
    return {case: f"{text}, expected words of {texts[case]!r}" for case, text in refusals.items()
            if case in texts and not re.search(texts[case], text)}


def show(unexplained, death, descriptions, verbose):
    """Prints the first `verbose` differences of each name, and where the program died."""
    for name, found in sorted(unexplained.items()):
        print(f"{name}: {len(found)}")
        print(*(f"    {text}" for text in found[:verbose]), sep="\n")
    if death:
        print("died at", death, descriptions[death[0]] if death[0] is not None else "")


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
        differences, refusals, death = run(options.program, path)
    differences.update(wrong_texts(refusals, collector.texts))
    known = Known()
    unexplained = collections.defaultdict(list)
    refused = collections.Counter()
    for case, text in differences.items():
        name, dtype, call = collector.descriptions[case]
        if REFUSED.search(text):
            refused[name] += 1
        elif not known.explains(name, dtype, call, text):
            unexplained[name].append(f"{dtype} {call}: {text[:300]}")
    show(unexplained, death, collector.descriptions, options.verbose)
    names = {d[0] for d in collector.descriptions}
    if options.verbose > 3:
        print("not offered:", sorted({o.name for o in samples.op_db} - names))
    left = sum(map(len, unexplained.values()))
    print(f"{len(names)} names, {len(collector.descriptions)} samples, "
          f"{len(collector.descriptions) - len(differences)} equal, "
          f"{len(differences) - left - sum(refused.values())} known differences, {left} others; "
          f"{sum(refused.values())} samples of {len(refused)} names are complex and refused; "
          f"{collector.foreign} calls are not compared (no types in C++, or out=); "
          f"{len(refusals)} calls are refused as in PyTorch, {len(collector.texts)} in its words")
    for name, found in collector.unbound.items():
        print(f"{name}: {len(found)} fit no overload, as {found[0]}")
    stale = [] if options.only else known.unused()
    for entry in stale:
        print(f"known_differences.txt: nothing differs like {entry}")
    return 1 if left or death or stale or collector.unbound else 0


if __name__ == "__main__":
    sys.exit(main())
