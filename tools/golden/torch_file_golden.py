#!/usr/bin/env python3
"""Writes tests/io/golden/tree*.pt with torch.save(), and what they hold as text.

Needs PyTorch (1.13 has all that stands here); the tests that read the files do not. tree.pt is what
torch.save() writes, tree_protocol4.pt the same with another pickle protocol, tree_deflated.pt the
first as another program would pack it. tree.txt has the form of tests/io/ivalue_text.h.
"""
import argparse
import collections
import io
import pathlib
import sys
import zipfile

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = {torch.uint8: "Byte", torch.int8: "Char", torch.int16: "Short", torch.int32: "Int",
         torch.int64: "Long", torch.float16: "Half", torch.float32: "Float",
         torch.float64: "Double", torch.bool: "Bool", torch.bfloat16: "BFloat16"}


def number(value):
    value = float(value)
    return str(int(value)) if value == int(value) else repr(value)


def text(value):
    if isinstance(value, torch.Tensor):
        sizes, strides = (", ".join(map(str, v)) for v in (value.shape, value.stride()))
        elements = ", ".join(number(v) for v in value.detach().double().flatten().tolist())
        return (f"{NAMES[value.dtype]}[{sizes}]({strides})@{value.storage_offset()} "
                f"{{{elements}}}")
    if isinstance(value, dict):
        return "dict{" + ", ".join(f"{text(k)}: {text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, torch.Size) or isinstance(value, tuple):
        return f"tuple[{', '.join(map(text, value))}]"
    if isinstance(value, list):
        return f"list[{', '.join(map(text, value))}]"
    if isinstance(value, bytes):
        return "bytes '" + "".join(f"x{b:02x}" for b in value) + "'"
    if isinstance(value, float):
        return "float " + number(value)
    if isinstance(value, torch.dtype):
        return f"'{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def tree():
    torch.manual_seed(0)
    base = torch.arange(12, dtype=torch.float32).view(3, 4)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    for parameter in module.parameters():
        parameter.data = torch.arange(parameter.numel()).view(parameter.shape) / 2
    return {
        "dtypes": [torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype) for dtype in NAMES],
        "views": [base, base.t(), base[1:, ::2], base[0].expand(2, 4)],
        "empty": [torch.empty(0), torch.empty(2, 0, 3, dtype=torch.bool), torch.tensor(1.5)],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "module": module.state_dict(),
        "numbers": [0, 255, 256, 65535, 65536, -1, 2**31, -2**31, 2**63 - 1, -2**63, 0.5, -2.0],
        "texts": ("", "h\u00e9llo", b"", b"\x00\x7f\x80\xff", "x" * 300),
        "ordered": collections.OrderedDict([(3, None), ("b", True), ("a", False)]),
        "counter": collections.Counter([30, 80, 30]),
        "deep": [[], (), {}, [[[(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]]]],
        "types": (torch.float32, torch.Size([2, 3])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/io/golden")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    value = tree()
    torch.save(value, out / "tree.pt")
    torch.save(value, out / "tree_protocol4.pt", pickle_protocol=4)
    with zipfile.ZipFile(out / "tree.pt") as source, \
            zipfile.ZipFile(out / "tree_deflated.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            packed.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    (out / "tree.txt").write_text(text(value) + "\n", encoding="utf-8")
    (out / "versions.txt").write_text(
        f"python {sys.version.split()[0]}, torch {torch.__version__}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
