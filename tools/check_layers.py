#!/usr/bin/env python3
"""Checks the include graph against the layer table of docs/architecture.md and its rules."""
import argparse
import pathlib
import re
import sys

import sources

# What public headers may include besides ours (docs/architecture.md: no costly standard header).
PUBLIC_STANDARD = {
    "array", "atomic", "bit", "compare", "cstddef", "cstdint", "exception", "initializer_list", "iosfwd", "limits",
    "memory", "new", "optional", "string", "string_view", "tuple", "type_traits", "typeinfo", "utility", "vector",
    "ext/atomicity.h",  # a part of libstdc++'s <memory>
}
# Compiler headers that belong to the language, not to the operating system.
LANGUAGE = re.compile(r"cxxabi\.h|immintrin\.h|x86intrin\.h|cpuid\.h")
SYSTEM = re.compile(r"(sys|linux|arpa|netinet|bits)/.*|(unistd|fcntl|pthread|sched|signal|dlfcn|poll"
                    r"|termios|dirent|omp|execinfo|malloc|link|elf|spawn|netdb|ucontext)\.h")
KERNEL_LIBRARIES = re.compile(r"hwy/.*|oneapi/.*|dnnl.*|cblas\.h|lapack.*\.h|f77blas\.h"
                              r"|openblas_config\.h|cuda.*|cublas.*|cudnn.*")
THIRD_PARTY_FOLDERS = {"io", "data", "dist", "train", "tune"}


def kind_of(name):
    """standard, language, system, kernel or third-party."""
    if KERNEL_LIBRARIES.fullmatch(name):
        return "kernel"
    if name in PUBLIC_STANDARD:
        return "standard"
    if LANGUAGE.fullmatch(name):
        return "language"
    if SYSTEM.fullmatch(name):
        return "system"
    return "third-party" if "/" in name or "." in name else "standard"


def check_own(layers, name, folder, included):
    """Why `name` may not include our header `included`, or None."""
    other = layers.folder(included)
    if other is None:
        return "the umbrella is for users" if folder else None
    if other not in layers.rows:
        return f"{other} is not in the layer table"
    if layers.may_include(folder, other):
        return None
    return (f"{folder} (layer {layers.row(folder)}) includes {included} "
            f"(layer {layers.row(other)})")


def check_outside(name, folder, included, public):
    """Why `name` may not include <included>, or None."""
    kind = kind_of(included)
    if public and included not in PUBLIC_STANDARD:
        return f"a public header includes <{included}>"
    if kind == "kernel" and not (folder == "backend" and name.endswith((".cpp", ".cu", "-inl.h"))):
        return f"<{included}> stands only in .cpp and -inl.h files of a backend"
    if kind == "third-party" and not (folder in THIRD_PARTY_FOLDERS and name.endswith(".cpp")):
        return f"<{included}> stands only in .cpp files of {', '.join(sorted(THIRD_PARTY_FOLDERS))}"
    if kind == "system" and not (folder == "base" and name.endswith(".cpp")):
        return f"<{included}> stands only in .cpp files of base"
    return None


def check_file(layers, name, text, public):
    """The errors of one file, each as (line, text)."""
    folder = layers.folder(name)
    if folder is not None and folder not in layers.rows:
        return [(1, f"{folder} is not in the layer table")]
    errors = []
    # Highway compiles an -inl.h once per instruction set, with its own guard.
    if name.endswith(".h") and not name.endswith("-inl.h") and "#pragma once" not in text:
        errors.append((1, "a header starts with #pragma once"))
    for line, bracket, included in sources.includes_of(text):
        if bracket == '"' and included.startswith("taper/"):
            problem = check_own(layers, name, folder, included) if folder else None
        elif bracket == '"' and kind_of(included) != "kernel":
            problem = f'"{included}": our headers are named from the root, "taper/..."'
        else:
            problem = check_outside(name, folder, included, public)
        if problem:
            errors.append((line, problem))
    return errors


def check_umbrella(text):
    """taper/taper.h holds includes of ours and nothing else."""
    for number, line in enumerate(sources.without_comments(text).splitlines(), 1):
        if line.strip() and not re.fullmatch(r'#pragma once|#include "taper/[^"]+"', line.strip()):
            yield number, "the umbrella only includes"


def check(root):
    """All errors, as file:line: text."""
    layers = sources.read_layers(root)
    public = set(sources.public_headers(root))
    errors = []
    for name in sources.library_files(root):
        text = (root / name).read_text()
        found = check_file(layers, name, text, name in public)
        if name == "taper/taper.h":
            found += check_umbrella(text)
        errors += [f"{name}:{line}: {problem}" for line, problem in found]
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    errors = check(parser.parse_args().root)
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
