"""The samples of PyTorch's operator database, as cases for Taper."""
import random
import sys
import types
import unittest
import warnings

import torch

# The database imports a package for the tests of PyTorch itself, which Debian does not have.
if "expecttest" not in sys.modules:
    _stand_in = types.ModuleType("expecttest")
    _stand_in.TestCase, _stand_in.ACCEPT = unittest.TestCase, False
    sys.modules["expecttest"] = _stand_in
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

# It was written for a Python whose random.sample took sets.
_sample = random.sample
random.sample = lambda population, k: _sample(sorted(population), k)

import adapters  # noqa: E402
import binding  # noqa: E402
import cases  # noqa: E402

DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool)
# torch.testing's tolerances, by the type of the result.
TOLERANCES = {torch.float16: (1e-3, 1e-5), torch.bfloat16: (1.6e-2, 1e-5),
              torch.float32: (1.3e-6, 1e-5), torch.float64: (1e-7, 1e-7)}
# The values are drawn or not set: only types and shapes are compared.
RANDOM = {"bernoulli", "rand_like", "randn", "randn_like", "randint_like", "normal", "uniform",
          "multinomial", "nn.functional.dropout", "nn.functional.dropout2d",
          "nn.functional.dropout3d", "nn.functional.feature_alpha_dropout", "empty", "empty_like",
          "new_empty", "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d"}
# Vectors are determined but for their signs.
FREE_SIGNS = {"linalg.eigh", "linalg.svd", "svd", "linalg.qr", "qr"}
MAX_ELEMENTS = 20000


def flat(result):
    """The results as a list of tensors and None, or Unwritable."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, bool):
        return [torch.tensor(result)]
    if isinstance(result, (tuple, list)) and all(
            r is None or isinstance(r, torch.Tensor) for r in result):
        return list(result)
    raise cases.Unwritable(f"result {type(result).__name__}")


def tensors_of(v):
    if isinstance(v, torch.Tensor):
        yield v
    elif isinstance(v, (list, tuple)):
        for each in v:
            yield from tensors_of(each)


def clones(v):
    """The arguments with memory of their own and the same strides."""
    if isinstance(v, torch.Tensor):
        copy = torch.empty_strided(v.shape, v.stride(), dtype=v.dtype)
        with torch.no_grad():
            copy = v.detach().clone() if 0 in v.stride() else copy.copy_(v)
        return copy.requires_grad_(v.requires_grad)
    if isinstance(v, (list, tuple)):
        return type(v)(map(clones, v)) if not hasattr(v, "_fields") else v
    return v


class Collector:
    """Turns samples into cases, and counts what cannot be turned."""

    def __init__(self, table, write):
        self.table = table
        self.write = write
        self.descriptions = []  # by id: (op, variant, dtype, text)
        self.unbound = {}
        self.unwritable = {}

    def emit(self, op, dtype, overload, arguments, extra):
        body = dict(id=len(self.descriptions), call=overload.signature, arguments=arguments,
                    **extra)
        self.write(cases.value(body))
        self.descriptions.append((op.name, op.variant_test_name, str(dtype)[6:],
                                  overload.name, arguments))

    def sample(self, op, name, function, dtype, sample):
        """One call through `function`, offered under `name`."""
        args, kwargs = [sample.input, *sample.args], dict(sample.kwargs)
        if sum(t.numel() for t in tensors_of(args)) > MAX_ELEMENTS:
            return
        try:
            adapted = adapters.adapt(name, self.table, args, kwargs)
            if adapted is None:
                return
            overload, arguments = self.table.find(*adapted)
            extra = self.expected(op, name, function, args, kwargs, overload, arguments)
            self.emit(op, dtype, overload, extra.pop("arguments"), extra)
        except binding.Unbound:
            self.unbound.setdefault(name, []).append(describe(args, kwargs))
        except cases.Unwritable as reason:
            self.unwritable.setdefault(name, set()).add(str(reason))

    def expected(self, op, name, function, args, kwargs, overload, arguments):
        before = cases.value(arguments)  # the call may write to them
        del before
        kept = clones(arguments)
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # PyTorch's kernels raise all kinds
            return {"arguments": kept, "fails": True, "reason": str(error)}
        if name == "unique":
            result = unique_results(result, args, kwargs)
        outputs = flat(result)
        if name == "nn.functional.embedding_bag":
            outputs += [None] * 3
        if isinstance(result, torch.Tensor) is False and name == "unique_consecutive":
            outputs += [None] * (3 - len(outputs))
        extra = {"arguments": kept, "outputs": outputs}
        rtol, atol = max((TOLERANCES.get(o.dtype, (0, 0)) for o in outputs if o is not None),
                         default=(0, 0))
        extra.update(rtol=rtol, atol=atol)
        if name in RANDOM:
            extra["shapes"] = True
        if name in FREE_SIGNS:
            extra["magnitudes"] = True
        inputs = {t.storage().data_ptr() for t in tensors_of(args) if t.numel()}
        if any(o is not None and o.numel() and o.storage().data_ptr() in inputs for o in outputs):
            extra["views"] = True
        self.gradients(name, args, arguments, outputs, extra)
        extra["outputs"] = [o if o is None else o.detach() for o in outputs]
        return extra

    def gradients(self, name, args, arguments, outputs, extra):
        marked = [t for t in tensors_of(arguments) if t.requires_grad]
        roots = [o for o in outputs if o is not None and o.requires_grad]
        if not marked or not roots or name in RANDOM or name in FREE_SIGNS:
            return
        generator = torch.Generator().manual_seed(len(self.descriptions))
        weights = [None if o is None or not o.requires_grad else
                   torch.randn(o.shape, dtype=o.dtype, generator=generator) for o in outputs]
        try:
            gradients = torch.autograd.grad(roots, marked, [w for w in weights if w is not None],
                                            allow_unused=True)
        except RuntimeError:
            return  # PyTorch has no backward here
        extra["grad_outputs"] = weights
        extra["gradients"] = list(gradients)


def unique_results(result, args, kwargs):
    """unique(), inverse and counts, None where they were not asked for."""
    given = dict(zip(("self", "sorted", "return_inverse", "return_counts", "dim"), args), **kwargs)
    results = [result] if isinstance(result, torch.Tensor) else list(result)
    wanted = [True, given.get("return_inverse", False), given.get("return_counts", False)]
    return [results.pop(0) if each else None for each in wanted]


def describe(args, kwargs):
    def one(v):
        if isinstance(v, torch.Tensor):
            return f"{str(v.dtype)[6:]}{list(v.shape)}" + ("" if v.is_contiguous() else "s")
        if isinstance(v, (list, tuple)):
            return "[" + ", ".join(map(one, v)) + "]"
        return repr(v)
    return ", ".join([*map(one, args), *(f"{k}={one(v)}" for k, v in kwargs.items())])


def collect(table, write, only=None):
    """Writes the cases of every op that Taper offers; returns the collector."""
    collector = Collector(table, write)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for op in op_db:
        if only and op.name not in only:
            continue
        torch.manual_seed(0)
        for dtype in DTYPES:
            if dtype not in op.supported_dtypes("cpu"):
                continue
            grad = dtype == torch.float64 and op.supports_autograd
            for sample in op.sample_inputs("cpu", dtype, requires_grad=grad):
                collector.sample(op, op.name, op.op, dtype, sample)
    return collector
