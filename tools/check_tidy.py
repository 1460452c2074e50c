#!/usr/bin/env python3
"""Runs clang-tidy on the sources of a build tree's compile database; .clang-tidy names the checks.

What passed is remembered by content (the file, our headers it includes, the checks, the command), so
that a second run looks only at what changed.
"""
import argparse
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import sources

FOLDERS = ("taper/", "examples/")


@functools.cache
def closure(path):
    """`path` and our headers that it includes, directly or not."""
    seen, queue = set(), [path]
    while queue:
        name = queue.pop()
        if name in seen or not (sources.ROOT / name).exists():
            continue
        seen.add(name)
        queue += [included for _, bracket, included in
                  sources.includes_of((sources.ROOT / name).read_text()) if bracket == '"']
    return sorted(seen)


def key_of(name, command):
    digest = hashlib.sha256(command.encode())
    for path in [".clang-tidy", *closure(name)]:
        digest.update(path.encode() + b"\0" + (sources.ROOT / path).read_bytes())
    return digest.hexdigest()


def tidy(build, passed, name, command):
    """clang-tidy's report about one file; None when it passes."""
    key = key_of(name, command)
    if (passed / key).exists():
        return None
    run = subprocess.run(["clang-tidy-14", "-p", build, "--quiet", name], cwd=sources.ROOT,
                         capture_output=True, text=True, check=False)
    if run.returncode == 0:
        (passed / key).touch()
        return None
    return run.stdout or run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    passed = build / "tidy"
    passed.mkdir(exist_ok=True)
    jobs = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(sources.ROOT) and path.exists():
            name = path.relative_to(sources.ROOT).as_posix()
            if name.startswith(FOLDERS):
                jobs.append((name, entry["command"]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = list(pool.map(lambda job: tidy(build, passed, *job), jobs))
    failed = [report for report in reports if report]
    print("\n".join(failed), end="")
    print(f"{len(jobs)} files")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
