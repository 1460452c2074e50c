#!/usr/bin/env python3
"""Calls every op with degenerate arguments, starting from the samples of PyTorch's operator
database: see soak.cpp. Ends with 77 (skipped) where Debian's python3-torch is missing."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
try:
    import numpy  # noqa: F401: tensors are written through it
    import torch  # noqa: F401
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

import binding  # noqa: E402
import samples  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--calls", type=int, default=0, help="about how many; 0: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cases"
        with open(path, "wb") as file:
            samples.collect(binding.Table(), file.write, references=False)
        return subprocess.run([options.program, path, str(options.calls)]).returncode


if __name__ == "__main__":
    sys.exit(main())
