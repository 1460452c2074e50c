"""Which overload of Taper takes the arguments of a Python call, and in which order."""
import ast

import torch

import op_schema  # tools/

MISSING = object()
ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "self", "unbiased": "correction"}
OPTIONS = ("dtype", "device", "layout", "requires_grad", "pin_memory")
# Python arguments without effect at these values, which Taper's functions do not have.
INERT = {"inplace": False, "out": None, "size_average": None, "reduce": None, "pivot": True,
         "device": None, "layout": None, "requires_grad": False, "pin_memory": False,
         "driver": None, "_stacklevel": 3, "max_norm": None, "norm_type": 2.0,
         "recompute_scale_factor": None}


class Unbound(Exception):
    """No overload takes these arguments."""


def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def is_ints(v):
    return isinstance(v, (list, tuple, torch.Size)) and all(map(is_int, v))


def is_number(v):
    return isinstance(v, (bool, int, float, complex))


def is_real(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


TESTS = {
    "tensor": lambda v: isinstance(v, torch.Tensor),
    "tensors": lambda v: isinstance(v, (list, tuple)) and
    all(isinstance(each, torch.Tensor) for each in v),
    "scalar": is_number,
    "scalars": lambda v: isinstance(v, (list, tuple)) and all(map(is_number, v)),
    "integer": is_int,
    "integers": is_ints,
    "real": is_real,
    "reals": lambda v: isinstance(v, (list, tuple)) and all(map(is_real, v)),
    "truth": lambda v: isinstance(v, bool),
    "correction": lambda v: v is None or is_number(v),
    "text": lambda v: isinstance(v, str),
    "type": lambda v: isinstance(v, torch.dtype),
    "options": lambda v: isinstance(v, dict),
    "format": lambda v: isinstance(v, torch.memory_format),
    "generator": lambda v: False,
}


# How freely the arguments are read: as they are; an integer for a list of one; the rest of the
# integers as one list, as in x.view(2, 3).
STRICT, SINGLE, REST = 0, 1, 2


def fits(reader, v, mode):
    if reader.startswith("optional_"):
        return v is None or fits(reader.removeprefix("optional_"), v, mode)
    if reader in ("generator", "options") and v is None:
        return True
    return TESTS[reader](v) or (mode != STRICT and reader == "integers" and is_int(v))


def default(text):
    """The Python value of a C++ default."""
    text = text.replace("std::nullopt", "None").replace("Reduction::Mean", "1")
    text = text.replace("true", "True").replace("false", "False")
    if text == "{}":
        return ()
    if text.startswith("{"):
        return ast.literal_eval(text.replace("{", "[").replace("}", "]"))
    if text == "1.0 / 3":
        return 1.0 / 3
    if text == "MemoryFormat::Contiguous":
        return torch.contiguous_format
    return ast.literal_eval(text)


def value_of(parameter, reader):
    if not parameter.default:  # Python's optional arguments all have one
        return None if reader.startswith("optional_") else MISSING
    v = default(parameter.default)
    if v == () and reader not in ("integers", "tensors"):
        return None
    return v


def bind(overload, args, kwargs, mode):
    """The arguments in the overload's order, or None."""
    kwargs = dict(kwargs)
    readers = [op_schema.READERS[p.type] for p in overload.parameters]
    names = [p.name for p in overload.parameters]
    for old in list(kwargs):
        if old not in names and ALIASES.get(old) in names:
            kwargs[ALIASES[old]] = kwargs.pop(old)
    if "options" in readers:
        given = {k: kwargs.pop(k) for k in OPTIONS if k in kwargs}
        kwargs["options"] = {"dtype": given["dtype"]} if given.get("dtype") is not None else None
    result = []
    rest = list(args)
    for parameter, reader in zip(overload.parameters, readers):
        if reader == "options":
            v = kwargs.pop("options")
        elif rest:
            v = rest.pop(0)
            if mode == REST and reader == "integers" and is_int(v) and all(map(is_int, rest)):
                v, rest = [v, *rest], []
        elif parameter.name in kwargs:
            v = kwargs.pop(parameter.name)
        else:
            v = value_of(parameter, reader)
        if v is MISSING or not fits(reader, v, mode):
            if v is None and parameter.default:
                v = value_of(parameter, reader)
            else:
                return None
        result.append(v)
    if rest or any(k not in INERT or not same(INERT[k], v) for k, v in kwargs.items()):
        return None
    return result


def same(a, b):
    return str(b) in ("cpu", "torch.strided") if a is None and b is not None else a == b


class Table:
    def __init__(self):
        self.by_name = {}
        for overload in op_schema.overloads():
            self.by_name.setdefault(overload.name, []).append(overload)

    def __contains__(self, name):
        return name in self.by_name

    def find(self, name, args, kwargs):
        """(overload, arguments) of the first overload that fits."""
        for mode in (STRICT, SINGLE, REST):
            for overload in self.by_name.get(name, ()):
                found = bind(overload, args, kwargs, mode)
                if found is not None:
                    return overload, found
        raise Unbound(name)


