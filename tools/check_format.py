#!/usr/bin/env python3
"""Checks the format of every C++ file that is not generated; --fix rewrites them."""
import argparse
import os
import re
import subprocess
import sys

import sources


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true")
    mode = ["-i"] if parser.parse_args().fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
    files = sources.tracked_cpp(sources.ROOT)
    count = os.cpu_count() or 1
    runs = [subprocess.Popen(["clang-format-14", *mode, *files[i::count]], cwd=sources.ROOT,
                             stderr=subprocess.PIPE, text=True)
            for i in range(count) if files[i::count]]
    errors = "".join([run.communicate()[1] for run in runs])
    wrong = sorted(set(re.findall(r"^([^\s:]+):\d+:\d+: error", errors, re.MULTILINE)))
    if any(run.returncode for run in runs):
        print(f"make format rewrites {len(wrong)} files: {' '.join(wrong)}" if wrong else errors)
        return 1
    print(f"{len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
