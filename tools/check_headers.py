#!/usr/bin/env python3
"""Checks the preprocessed size of taper/taper.h, and that each public header compiles alone."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import sources

BUDGET = 55_000


def preprocessed_lines(root, compiler):
    text = subprocess.run([compiler, "-std=c++20", "-E", "-P", "-I", root, "taper/taper.h"],
                          cwd=root, capture_output=True, text=True, check=True).stdout
    return text.count("\n")


def compile_error(root, compiler, name):
    """The compiler's first words about a file that holds nothing but this include, twice."""
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(f'#include "{name}"\n#include "{name}"\n')
        file.flush()
        run = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-I",
                              root, file.name], capture_output=True, text=True, check=False)
    return f"{name} does not compile alone:\n{run.stderr[:2000]}" if run.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    parser.add_argument("--compiler", default="g++")
    options = parser.parse_args()
    headers = [name for name in sources.public_headers(options.root) if name.endswith(".h")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = [error for error in pool.map(
            lambda name: compile_error(options.root, options.compiler, name), headers) if error]
    lines = 0
    if (options.root / "taper/taper.h").exists():
        lines = preprocessed_lines(options.root, options.compiler)
        if lines > BUDGET:
            errors.append(f"taper/taper.h is {lines} preprocessed lines, budget {BUDGET}")
    for error in errors:
        print(error)
    if not errors:
        print(f"{len(headers)} public headers; taper/taper.h is {lines} of {BUDGET} lines")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
