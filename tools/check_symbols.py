#!/usr/bin/env python3
"""Checks what the library's object files define and take.

An object takes our symbols only from its own folder or layers below. Two exceptions hold the design
together: objects from tensor's layer up call members of taper::Tensor, generated into ops/ or written
in autograd/, and kernel's objects name the backend's entries, bound at link time. No object runs code
before main, reads the environment, prints or ends the process.
"""
import argparse
import pathlib
import re
import subprocess
import sys

import sources

FORBIDDEN = {
    "getenv", "secure_getenv", "setenv", "putenv",
    "abort", "exit", "_exit", "quick_exit", "atexit",
    "printf", "vprintf", "puts", "putchar", "_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "stdout",
}
# Progress and tables are printed by the trainer, for a person.
PRINTING = {"train", "tune"}


def objects_of(build):
    """{path relative to the source root, e.g. taper/ops/softmax.cpp: object file}"""
    found = {}
    for path in build.glob("CMakeFiles/taper_objects_*.dir/taper/**/*.o"):
        source = path.relative_to(build).as_posix().split(".dir/", 1)[1].removesuffix(".o")
        found[source] = path
    return found


def symbols_of(path):
    """(defined, undefined) mangled names."""
    defined, undefined = set(), set()
    text = subprocess.run(["nm", "--format=posix", path], capture_output=True, text=True,
                          check=True).stdout
    for line in text.splitlines():
        name, kind = line.split()[:2]
        (undefined if kind in "Uwv" else defined).add(name)
    return defined, undefined


def ours(names):
    return {name for name in names if "5taper" in name}


def demangled(names):
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True,
                          check=True).stdout
    return dict(zip(names, text.splitlines()))


def allowed(layers, folder, other, symbol):
    """Whether an object of `folder` may take `symbol` from the higher layer `other`."""
    if folder == "kernel" and other == "backend":
        return True
    has_tensors = layers.row(folder) >= layers.row("tensor") and folder != "backend"
    return has_tensors and re.match(r"taper::Tensor::", symbol) is not None


def manners(source, folder, defined, undefined):
    """What an object does that a library should leave to the program."""
    if any(name.startswith("_GLOBAL__sub_I_") for name in defined):
        yield f"{source} runs code before main (a variable that is not constant-initialised)"
    if folder not in PRINTING:
        for name in sorted(undefined & FORBIDDEN):
            yield f"{source} uses {name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    parser.add_argument("build", type=pathlib.Path)
    options = parser.parse_args()
    layers = sources.read_layers(options.root)

    home, wanted, errors = {}, [], []
    for source, path in sorted(objects_of(options.build).items()):
        if not (options.root / source).exists():
            continue  # left by a file that is gone
        folder = layers.folder(source)
        defined, undefined = symbols_of(path)
        errors += manners(source, folder, defined, undefined)
        for name in ours(defined):  # inline functions stand in many objects: the lowest owns them
            if name not in home or layers.row(folder) < layers.row(home[name]):
                home[name] = folder
        wanted += [(source, folder, name) for name in ours(undefined)]
    if not home:
        print(f"no objects in {options.build}: build it first")
        return 1

    upward = [(source, folder, home[name], name) for source, folder, name in wanted
              if name in home and not layers.may_include(folder, home[name])]
    names = demangled(sorted({name for *_, name in upward}))
    errors += sorted(f"{source} takes {names[name]} from {other}"
                     for source, folder, other, name in upward
                     if not allowed(layers, folder, other, names[name]))
    for error in errors:
        print(error)
    if not errors:
        members = {name for name in names if names[name].startswith("taper::Tensor::")}
        print(f"{len(home)} symbols; {len(members)} members of Tensor are taken from above")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
