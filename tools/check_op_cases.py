#!/usr/bin/env python3
"""Every op declared in taper/ops/*.h has an OpCase in tests/ops/, or a reason in
tests/ops/without_case.txt ("names: reason"). Reasons for ops that have a case are refused too."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_FAMILIES = ("bodies.h", "variants.h", "strided.h")
DECLARATION = re.compile(
    r"^(?:inline )?(?:Tensor|std::tuple<[^;{]*?>|std::vector<Tensor>)&? (\w+)\(", re.MULTILINE)


def declared():
    names = {}
    for path in sorted((ROOT / "taper/ops").glob("*.h")):
        if path.name in NOT_FAMILIES or path.name.endswith("_util.h"):
            continue
        for name in DECLARATION.findall(path.read_text(encoding="utf-8")):
            if not name.endswith("_"):
                names.setdefault(name, path.name)
    return names


def main():
    tests = "".join(p.read_text(encoding="utf-8")
                    for p in sorted((ROOT / "tests/ops").glob("*_test.cpp")))
    cased = set(re.findall(r'"(\w+)"', tests))
    excused = {}
    for line in (ROOT / "tests/ops/without_case.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            names, _, reason = line.partition(": ")
            excused.update({name: reason for name in names.split()})
    ops = declared()
    problems = [f"{family}: {name} has no OpCase in tests/ops/ and no reason in without_case.txt"
                for name, family in ops.items() if name not in cased and name not in excused]
    problems += [f"without_case.txt: {name} is no op of taper/ops/"
                 for name in excused if name not in ops]
    problems += [f"without_case.txt: {name} has no reason"
                 for name, reason in excused.items() if not reason]
    print("\n".join(problems) if problems else
          f"{len(ops) - len(excused)} ops with a case, {len(excused)} excused")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
