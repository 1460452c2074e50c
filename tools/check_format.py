#!/usr/bin/env python3
"""Checks the format of every C++ file that is not generated; --fix rewrites them."""
import argparse
import os
import subprocess
import sys

import sources


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true")
    mode = ["-i"] if parser.parse_args().fix else ["--dry-run", "-Werror", "--ferror-limit=3"]
    files = sources.tracked_cpp(sources.ROOT)
    count = os.cpu_count() or 1
    runs = [subprocess.Popen(["clang-format-14", *mode, *files[i::count]], cwd=sources.ROOT)
            for i in range(count) if files[i::count]]
    failed = any([run.wait() for run in runs])
    print("make format rewrites them" if failed else f"{len(files)} files")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
