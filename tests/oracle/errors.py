#!/usr/bin/env python3
"""Holds the rows of errors.txt that claim PyTorch's words against PyTorch 1.13: the same call, made
through PyTorch's own schemas, must be refused, and in these words. Ends with 77 (skipped) where
Debian's python3-torch is missing."""
import ast
import collections
import os
import pathlib
import re
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
try:
    import torch
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

import binding  # noqa: E402
import op_schema  # noqa: E402

TENSOR = re.compile(r"(\w+)(\[[^\]]*\])((?::[-\w.+]+)*)$")
SHARED_BYTES = 1 << 14
# What PyTorch's schemas call the types that op_schema.READERS reads.
SCHEMA_TYPES = {"tensor": "Tensor", "tensors": "List", "scalar": "number|Scalar", "scalars": "List",
                "integer": "int", "integers": "List", "real": "float", "reals": "List",
                "truth": "bool", "correction": "int|bool|number", "text": "str", "type": "int",
                "format": "int", "options": "int", "generator": "Generator"}
OVERLOADS = collections.defaultdict(list)
for _overload in op_schema.overloads():
    OVERLOADS[_overload.name, len(_overload.parameters)].append(_overload)


class Incomparable(Exception):
    """A call that no schema of PyTorch takes."""


def split(text):
    """The arguments between commas that stand outside brackets and quotes."""
    parts, depth, quoted, last = [], 0, False, 0
    for i, letter in enumerate(text):
        quoted ^= letter == '"'
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth and not quoted:
            parts.append(text[last:i].strip())
            last = i + 1
    return [*parts, text[last:].strip()] if text.strip() else []


def tensor(dtype, sizes, marks, memory):
    """A tensor of the notation of call_text.h."""
    x = torch.ones(sizes, dtype=dtype)
    for mark in marks:
        if mark == "eye":
            x = torch.eye(sizes[-1], dtype=dtype).expand(sizes).clone()
        elif mark == "expanded":
            x = torch.ones((), dtype=dtype).expand(sizes)
        elif mark in ("shared", "shifted"):
            x = memory.view(dtype)[mark == "shifted":][:x.numel()].view(sizes)
        elif mark != "leaf":
            x = torch.full(sizes, ast.literal_eval(mark), dtype=dtype)
    return x.requires_grad_("leaf" in marks)


def value(text, memory):
    found = TENSOR.match(text)
    if found:
        dtype = getattr(torch, found[1])
        return tensor(dtype, ast.literal_eval(found[2]), found[3].split(":")[1:], memory)
    if text[0] == "[":
        return [value(each, memory) for each in split(text[1:-1])]
    if text.startswith("dtype="):
        return {"dtype": getattr(torch, text.removeprefix("dtype="))}
    return text == "true" if text in ("true", "false") else ast.literal_eval(text)


def reader(parameter):
    return op_schema.READERS[parameter.type].removeprefix("optional_")


def takes(overload, values):
    return all(isinstance(v, str) if reader(p) in ("type", "format") and v is not None else
               binding.fits(op_schema.READERS[p.type], v, binding.STRICT)
               for p, v in zip(overload.parameters, values))


def fits(parameter, argument):
    text = str(argument.type)
    listed = reader(parameter) == "tensor" and "List" in text
    return not listed and re.search(SCHEMA_TYPES[reader(parameter)], text)


def schema_of(overload, outs):
    """PyTorch's schema with these parameters, of the same names where there are several."""
    mine = overload.parameters[outs:]
    found = []
    for schema in torch._C._jit_get_schemas_for_operator(
            "aten::" + (overload.name.removesuffix("_out") if outs else overload.name)):
        theirs = [a for a in schema.arguments if not a.is_out]
        free = theirs[len(mine):]
        if len(schema.arguments) - len(theirs) == outs and len(mine) <= len(theirs) and \
                all(map(fits, mine, theirs)) and \
                all(a.has_default_value() or a.name in binding.OPTIONS for a in free):
            found.append((sum(p.name == a.name for p, a in zip(mine, theirs)), schema))
    if not found:
        raise Incomparable(f"no schema of {overload.name}")
    return max(found, key=lambda each: each[0])[1]


def refusal(call):
    """The text with which PyTorch refuses a call, or "" where it does not."""
    name, _, rest = call[:-1].partition("(")
    memory = torch.ones(SHARED_BYTES, dtype=torch.uint8)
    values = [value(each, memory) for each in split(rest)]
    overload = next((o for o in OVERLOADS[name, len(values)] if takes(o, values)), None)
    if overload is None:
        raise Incomparable(f"no overload of {name}")
    outs = sum(p.type == "Tensor&" for p in overload.parameters) if name.endswith("_out") else 0
    schema = schema_of(overload, outs)
    function, *_ = torch._C._get_operation_overload(schema.name, schema.overload_name)
    args = []
    kwargs = dict(zip((a.name for a in schema.arguments if a.is_out), values))
    theirs = [a for a in schema.arguments if not a.is_out]
    for parameter, argument, v in zip(overload.parameters[outs:], theirs, values[outs:]):
        if reader(parameter) == "options":
            kwargs.update(v or {})
            continue
        if reader(parameter) in ("type", "format") and v is not None:
            v = getattr(torch, v)
        if argument.kwarg_only:
            kwargs[argument.name] = v
        else:
            args.append(v)
    try:
        function(*args, **kwargs)
        return ""
    except Exception as error:  # PyTorch's kernels raise all kinds
        return " ".join(str(error).split())


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ["GLOG_minloglevel"] = "2"
    checked, failures = 0, 0
    for row in (HERE / "errors.txt").read_text(encoding="utf-8").splitlines():
        if not row or row.startswith("#"):
            continue
        call, _, whose, text = row.split(" | ", maxsplit=3)
        if whose != "PyTorch":
            continue
        checked += 1
        try:
            got = refusal(call)
        except Incomparable as reason:
            got = str(reason)
        if text not in got:
            failures += 1
            print(f"{call}: PyTorch says {got[:200]!r}, expected {text!r}")
    print(f"{checked} error inputs are refused by PyTorch in these words, but for {failures}")
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
