#!/usr/bin/env python3
"""Turns the ```cpp blocks of Markdown files into C++ files that the build compiles.

A block with a main is a whole program; anything else is wrapped in one. Words after ```cpp:
  no-run     compile only
  fragment   not compiled: its first line is a comment with a file's path, and that file must
             contain the rest of the block. ```text fragment does the same for what a program prints:
             its first line is the path
Prints one line per program: "run FILE" or "compile FILE".
"""
import argparse
import pathlib
import re
import sys

WRAPPER = """#include "taper/taper.h"
{includes}
using namespace taper;

int main() {{
#line {line} "{document}"
{body}
}}
"""
PROGRAM = '#line {line} "{document}"\n{body}\n'


def blocks_of(text):
    """Yields (words after cpp, first line number, body) of each ```cpp block."""
    words, start, body = None, 0, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*```(.*)$", line)
        if fence and words is None:
            words, start, body = fence.group(1).split(), number + 1, []
        elif fence:
            if words and (words[0] == "cpp" or words[:2] == ["text", "fragment"]):
                yield words[1:], start, "\n".join(body)
            words = None
        elif words is not None:
            body.append(line)


def check_fragment(root, body):
    """Returns what is wrong with a quoted fragment, or None."""
    first, _, rest = body.partition("\n")
    path = re.match(r"(?://\s*)?(\S+\.(?:h|cpp|inc|txt))\s*$", first)
    if not path:
        return "a fragment starts with a line that holds a file's path"
    source = root / path.group(1)
    if not source.is_file():
        return f"no file {path.group(1)}"
    if " ".join(rest.split()) not in " ".join(source.read_text().split()):
        return f"the quoted text is not in {path.group(1)}"
    return None


def program_of(document, line, body):
    """The C++ file for one block."""
    if re.search(r"\bint main\(", body):
        return PROGRAM.format(line=line, document=document, body=body)
    lines = body.splitlines()
    includes = [text for text in lines if text.startswith("#include")]
    rest = ["" if text.startswith("#include") else text for text in lines]
    return WRAPPER.format(line=line, document=document, body="\n".join(rest),
                          includes="\n".join(includes))


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("documents", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    errors, written = [], set()
    for document in options.documents:
        name = re.sub(r"[^a-z0-9]+", "_", str(document.resolve().relative_to(
            options.root.resolve())).lower())
        for index, (words, line, body) in enumerate(blocks_of(document.read_text()), 1):
            unknown = set(words) - {"no-run", "fragment"}
            problem = f"unknown words {sorted(unknown)}" if unknown else None
            if "fragment" in words and not unknown:
                problem = check_fragment(options.root, body)
            if problem:
                errors.append(f"{document}:{line}: {problem}")
            if problem or "fragment" in words:
                continue
            target = options.out / f"{name.removesuffix('_md')}_{index}.cpp"
            write_if_changed(target, program_of(document, line, body))
            written.add(target)
            print("compile" if "no-run" in words else "run", target)
    for stale in set(options.out.glob("*.cpp")) - written:
        stale.unlink()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
