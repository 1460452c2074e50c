"""The samples of PyTorch's operator database, as cases for Taper."""
import random
import sys
import types
import unittest
import warnings

import numpy
import torch

# The database imports a package for the tests of PyTorch itself, which Debian does not have.
if "expecttest" not in sys.modules:
    _stand_in = types.ModuleType("expecttest")
    _stand_in.TestCase, _stand_in.ACCEPT = unittest.TestCase, False
    sys.modules["expecttest"] = _stand_in
from torch.testing._internal.common_device_type import toleranceOverride  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

# It was written for a Python whose random.sample took sets.
_sample = random.sample
random.sample = lambda population, k: _sample(sorted(population), k)

import adapters  # noqa: E402
import binding  # noqa: E402
import cases  # noqa: E402

DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64,
          torch.complex128)
WITH_GRADIENTS = (torch.float64, torch.complex128)
WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}
# The values are drawn or not set: only types and shapes are compared.
RANDOM = {"bernoulli", "rand_like", "randn", "randn_like", "randint_like", "normal", "uniform",
          "multinomial", "nn.functional.dropout", "nn.functional.dropout2d",
          "nn.functional.dropout3d", "nn.functional.feature_alpha_dropout", "empty", "empty_like",
          "new_empty", "new_empty_strided", "nn.functional.rrelu"}
# The database's function cuts the graph, or writes to a copy.
NO_GRADIENT = {"__rpow__", "zero_", "fill"}
# The in-place form is the op itself, or one of another name.
IN_PLACE = {"zero_", "fill", "resize_", "resize_as_"}
# Vectors are determined but for their signs, or phases.
FREE_SIGNS = {"linalg.eig", "linalg.eigh", "linalg.svd", "svd"}
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


def without_gradient(v):
    if isinstance(v, torch.Tensor):
        return v.detach()
    return [without_gradient(each) for each in v] if isinstance(v, (list, tuple)) else v


def exact(function, v, kwargs):
    """What a float32 call gives in float64, or a complex64 one in complex128, or None."""
    def wide(v):
        if isinstance(v, torch.Tensor):
            return v.detach().to(WIDER.get(v.dtype, v.dtype))
        return type(v)(map(wide, v)) if isinstance(v, (list, tuple)) else v
    given = [*v, *kwargs.values()]
    if any(each in WIDER for each in given if isinstance(each, torch.dtype)) or not any(
            t.dtype in WIDER for t in tensors_of(given)):
        return None
    try:
        return [o if o is None else o.detach() for o in flat(function(*wide(v), **{
            k: wide(each) for k, each in kwargs.items()}))]
    except Exception:  # PyTorch's kernels raise all kinds
        return None


def clones(v):
    """The arguments with memory of their own and the same strides."""
    if isinstance(v, torch.Tensor):
        if v.layout != torch.strided or v.numel() == 0:
            return v
        span = sum((n - 1) * s for n, s in zip(v.shape, v.stride())) + 1
        with torch.no_grad():
            memory = v.as_strided((span,), (1,), v.storage_offset()).clone()
            copy = memory.as_strided(v.shape, v.stride())
        return copy.requires_grad_(v.requires_grad)
    return [clones(each) for each in v] if isinstance(v, (list, tuple)) else v


class Collector:
    """Turns samples into cases, and counts what cannot be turned."""

    def __init__(self, table, write):
        self.table = table
        self.write = write
        self.descriptions = []  # by id: (name, dtype, text)
        self.signatures = set()
        self.texts = {}  # by id: a regular expression that the refusal matches
        self.unbound = {}
        self.foreign = 0  # not compared: no types for them in C++, or out=
        self.unwritable = {}
        self.atol = 0.0  # the database's own for this op and type, where it has one

    def emit(self, name, dtype, overload, case):
        case.update(id=len(self.descriptions), call=overload.signature)
        self.write(cases.value(case))
        self.signatures.add(overload.signature)
        shown = {k: case[k] for k in ("reason",) if k in case}
        self.descriptions.append((name, str(dtype)[6:], f"{overload.name}("
                                  f"{describe(case['arguments'], shown)[:300]})"))

    def sample(self, name, function, dtype, sample, inplace=False, error=None):
        """One call through `function`, which PyTorch offers as `name`."""
        args, kwargs = [sample.input, *sample.args], dict(sample.kwargs)
        if name == "histogram" and isinstance(args[1], torch.Tensor):
            args[1] = args[1].sort().values  # the database's are in no order, which means nothing
        if name == "cov" and kwargs.get("aweights") is not None:
            # Weights of float32 in a float64 call: both sum them in float32, in some order.
            kwargs["aweights"] = kwargs["aweights"].to(args[0].dtype)
        if name.startswith("nn.functional.fractional_max_pool"):
            kwargs["_random_samples"] = adapters.fractions(args[0], int(name[-2]))
        if kwargs.get("max_norm") is not None:  # a write of its own in Taper
            name, function = "embedding_renorm_", torch.embedding_renorm_
            args, kwargs = [args[0].detach().clone(), args[1], kwargs["max_norm"],
                            kwargs.get("norm_type", 2.0)], {}
        if sum(t.numel() for t in tensors_of(args)) > MAX_ELEMENTS:
            return
        if kwargs.get("reduction") == "batchmean":
            return  # no reduction of an op: nn::functional::kl_div divides the sum
        if kwargs.get("out") is not None:
            self.foreign += 1  # results given by the caller: Taper casts into them where 1.13 refuses
            return
        try:
            adapted = adapters.adapt(name, self.table, args, kwargs)
            if adapted is None:
                return
            target, arguments, by_name = adapted
            if inplace:
                name, target = name + "_", target + "_"
                if target not in self.table:
                    return
                # These take self first.
                arguments = sorted(arguments, key=lambda each: each is not args[0])
            overload, arguments = self.table.find(target, arguments, by_name)
            if error:
                kind = "IndexError" if error.error_type is IndexError else "Error"
                case = {"arguments": clones(arguments), "fails": kind}
            else:
                case = self.expected(name, function, args, kwargs, overload, arguments)
            self.emit(name, dtype, overload, case)
            if error:
                self.texts[case["id"]] = error.error_regex
        except binding.Unbound:
            if error or next(tensors_of(args), None) is None:
                self.foreign += 1
            else:
                self.unbound.setdefault(name, []).append(describe(args, kwargs))
        except cases.Unwritable as reason:
            self.unwritable.setdefault(name, set()).add(str(reason))

    def expected(self, name, function, args, kwargs, overload, arguments):
        if overload.writes or name in NO_GRADIENT:
            args, arguments = without_gradient(args), without_gradient(arguments)
        if name == "unique":
            kwargs["sorted"] = True  # the order of unsorted results is free, and Taper's is this
        wide = None
        if name.rstrip("_") not in RANDOM and not name.startswith("unique"):
            wide = exact(function, args, kwargs)
        kept = clones(arguments)  # the call may write to them
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # PyTorch's kernels raise all kinds
            return {"arguments": kept, "fails": "Error", "reason": str(error)}
        if name.startswith("unique"):
            result = unique_results(result, args, kwargs)
        outputs = flat(result)
        if overload.result.startswith("std::tuple"):  # what PyTorch's function drops is not compared
            outputs += [None] * (overload.result.count("Tensor") - len(outputs))
        case = {"arguments": kept}
        if name.rstrip("_") in RANDOM:
            case["shapes"] = True
        case["atol"] = self.atol
        if name in FREE_SIGNS:
            case["magnitudes"] = True
        inputs = {t.storage().data_ptr() for t in tensors_of(args) if t.numel()}
        if any(o is not None and o.numel() and o.storage().data_ptr() in inputs for o in outputs):
            case["views"] = True
        if wide is not None:
            case["exact"] = wide
        self.gradients(name, [p.name for p in overload.parameters], arguments, outputs, case)
        case["outputs"] = [o if o is None else o.detach() for o in outputs]
        return case

    def gradients(self, name, parameters, arguments, outputs, extra):
        marked = [t for t in tensors_of(arguments) if t.requires_grad]
        roots = [o for o in outputs if o is not None and o.requires_grad]
        if not marked or not roots or name.rstrip("_") in RANDOM or name in FREE_SIGNS:
            return
        generator = torch.Generator().manual_seed(len(self.descriptions))
        weights = [None if o is None or not o.requires_grad else
                   torch.randn(o.shape, dtype=o.dtype, generator=generator) for o in outputs]
        try:
            gradients = torch.autograd.grad(roots, marked, [w for w in weights if w is not None],
                                            allow_unused=True)
        except RuntimeError:
            return  # PyTorch has no backward here
        if any(v is True for k, v in zip(parameters, arguments) if k == "hermitian"):
            extra["symmetric"] = True
        extra["grad_outputs"] = weights
        extra["gradients"] = list(gradients)


def symmetric(x):
    """A leaf: the functions of symmetric matrices read one triangle, or both."""
    return (x.detach() + x.detach().mT).requires_grad_(x.requires_grad)


def on_copy(method):
    """An in-place method that leaves its argument alone."""
    return lambda x, *args, **kwargs: method(x.clone(), *args, **kwargs)


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


def seed_all():
    for seed in (torch.manual_seed, random.seed, numpy.random.seed):
        seed(0)


def refuses(function, sample):
    """Some error inputs are those of one type or device only."""
    try:
        function(sample.input, *sample.args, **sample.kwargs)
    except Exception:  # PyTorch's kernels raise all kinds
        return True
    return False


def tolerance(op, dtype):
    """The absolute tolerance that the database gives an op on any device, 0 for the usual."""
    found = 0.0
    for info in op.decorators:
        if getattr(info, "cls_name", None) == "TestCommon":
            for each in info.decorators:
                if isinstance(each, toleranceOverride) and dtype in each.d:
                    found = max(found, each.d[dtype].atol)
    return found


def replay_op(collector, op, references):
    """The samples of one op: under its name and its others, in place, and its error inputs."""
    seed_all()
    for dtype in DTYPES:
        if dtype not in op.supported_dtypes("cpu"):
            continue
        collector.atol = tolerance(op, dtype)
        grad = dtype in WITH_GRADIENTS and op.supports_autograd
        for sample in op.sample_inputs("cpu", dtype, requires_grad=grad):
            function = op.op
            if op.variant_test_name == "hermitian":
                sample.input = symmetric(sample.input)
            if op.name == "linalg.pinv" and op.variant_test_name == "singular":
                # The database's function is pinv(a b^T) of two arguments.
                sample.input = (sample.input @ sample.args[0].mT).detach().requires_grad_(grad)
                sample.args, function = (), torch.linalg.pinv
            for name in (op.name, *(alias.name for alias in op.aliases)):
                collector.sample(name, function, dtype, sample)
            if op.inplace_variant and not sample.broadcasts_input and op.name not in IN_PLACE:
                collector.sample(op.name, on_copy(op.inplace_variant), dtype, sample, inplace=True)
        if references and op.reference_inputs_func:
            for sample in op.reference_inputs("cpu", dtype, requires_grad=False):
                collector.sample(op.name, op.op, dtype, sample)
    if op.error_inputs_func and not op.name.startswith("__"):
        for error in op.error_inputs("cpu"):
            if refuses(op.op, error.sample_input):
                collector.sample(op.name, None, torch.float32, error.sample_input,
                                 error=error)


def collect(table, write, only=None, references=True):
    """Writes the cases of every op that Taper offers; returns the collector."""
    collector = Collector(table, write)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for op in op_db:
        if not only or op.name in only:
            replay_op(collector, op, references)
    return collector
