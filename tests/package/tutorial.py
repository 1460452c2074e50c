#!/usr/bin/env python3
"""Runs the commands of a document: its ```sh blocks that are not marked no-run, one after the other."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys


def commands_of(text):
    blocks = re.findall(r"^```sh([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [body for words, body in blocks if "no-run" not in words.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="where Taper is installed")
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("document", type=pathlib.Path)
    options = parser.parse_args()
    blocks = commands_of(options.document.read_text())
    if len(blocks) < 2:
        print(f"{options.document} has {len(blocks)} blocks of commands")
        return 1
    shutil.rmtree(options.scratch, ignore_errors=True)
    options.scratch.mkdir(parents=True)
    environment = dict(os.environ, CMAKE_PREFIX_PATH=str(options.prefix),
                       PATH=f"{options.prefix / 'bin'}:{os.environ['PATH']}")
    script = "set -e\n" + "".join(f"set -x\n{block}" for block in blocks)
    return subprocess.run(["bash", "-c", script], cwd=options.scratch, env=environment,
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
