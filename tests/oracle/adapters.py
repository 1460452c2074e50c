"""PyTorch's Python functions as calls of Taper's functions, where name or arguments differ."""
import inspect

import torch
import torch.nn.functional as F

NAMES = {
    "T": "numpy_T", "nn.functional.logsigmoid": "log_sigmoid", "special.psi": "digamma",
    "special.expit": "sigmoid", "special.gammaln": "lgamma", "special.multigammaln": "mvlgamma",
    "linalg.matmul": "matmul", "linalg.diagonal": "diagonal",
    "nn.functional.cross_entropy": "cross_entropy_loss", "nn.functional.nll_loss": "nll_loss_nd",
    "__radd__": "add", "__rmul__": "mul", "__rsub__": "rsub", "__rand__": "bitwise_and",
    "__ror__": "bitwise_or", "__rxor__": "bitwise_xor",
}
CASTS = {"bfloat16": torch.bfloat16, "bool": torch.bool, "byte": torch.uint8, "char": torch.int8,
         "double": torch.float64, "float": torch.float32, "half": torch.float16,
         "int": torch.int32, "long": torch.int64, "short": torch.int16}
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
# Taken with a number first, which C++ writes as operators: the number as a tensor without dimensions.
NUMBER_FIRST = ("add", "sub", "mul", "div", "true_divide", "floor_divide", "__rsub__")
VARIADIC = ("block_diag", "broadcast_tensors", "cartesian_prod", "meshgrid", "atleast_1d",
            "atleast_2d", "atleast_3d")


def taper_name(name, table):
    """The name under which Taper offers a PyTorch function, or None."""
    for candidate in (NAMES.get(name, name), name.replace(".", "_"),
                      name.removeprefix("special."), name.removeprefix("nn.functional.")):
        if candidate in table:
            return candidate
    return None


def pair(v, n=2):
    return [v] * n if isinstance(v, int) else list(v)


def with_sizes(x, sizes):
    """Output sizes in which None stands for the input's."""
    if not isinstance(sizes, (tuple, list)):
        return sizes
    return [x.shape[i - len(sizes)] if size is None else size for i, size in enumerate(sizes)]


def adaptive_average(name):
    def adapt(args, kwargs):
        return name, [args[0], with_sizes(args[0], args[1])], kwargs
    return adapt


def cdist(args, kwargs):
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
             "donot_use_mm_for_euclid_dist")
    args += [kwargs.pop("p")] if "p" in kwargs else [2.0] if len(args) == 2 else []
    mode = args[3] if len(args) > 3 else kwargs.get("compute_mode", modes[0])
    return "cdist", [*args[:3], modes.index(mode)], {}


def to(args, kwargs):
    kwargs.pop("device", None)
    return "to", [a for a in args if a != "cpu" and not isinstance(a, torch.device)], kwargs


def dropout(args, kwargs):
    return "dropout", [args[0], kwargs.get("p", 0.5), kwargs.get("training", True)], {}


def where(args, kwargs):
    return "where", [args[1], args[0], *args[2:]], kwargs


def tensordot(args, kwargs):
    a, b = args[:2]
    dims = args[2] if len(args) > 2 else kwargs.get("dims", 2)
    if isinstance(dims, int):
        dims = (list(range(a.dim() - dims, a.dim())), list(range(dims)))
    return "tensordot", [a, b, list(dims[0]), list(dims[1])], {}


def norm(args, kwargs):
    bound = inspect.signature(torch.norm).bind(*args, **kwargs)
    bound.apply_defaults()
    x, p, dim, keepdim, _, dtype = bound.arguments.values()
    if p == "nuc":
        return "linalg_matrix_norm", [x, p, (-2, -1) if dim is None else dim, keepdim], {}
    if p == "fro" and (dim is None or isinstance(dim, int) or len(dim) <= 2):
        p = 2
    if dim is None and dtype is None:
        return "norm", [x, p], {}
    if dim is None:
        return "norm", [x, p, dtype], {}
    return "norm", [x, p, pair(dim, 1), keepdim] + ([dtype] if dtype else []), {}


def unique(args, kwargs):
    bound = dict(zip(("self", "sorted", "return_inverse", "return_counts", "dim"), args), **kwargs)
    dim = bound.pop("dim", None)
    return ("_unique2", [], bound) if dim is None else ("unique_dim", [], dict(bound, dim=dim))


def nonzero(args, kwargs):
    return "nonzero_numpy" if kwargs.get("as_tuple") else "nonzero", args, {}


def pooled(name):
    def adapt(args, kwargs):
        kwargs = dict(kwargs)
        indices = kwargs.pop("return_indices", False)
        if len(args) == 3:
            indices = args.pop()
        if name.startswith("adaptive"):
            return name, [args[0], with_sizes(args[0], args[1])], kwargs
        return name + "_with_indices" if indices else name, args, kwargs
    return adapt


def unpooled(name, n):
    def adapt(args, kwargs):
        b = inspect.signature(getattr(F, name)).bind(*args, **kwargs)
        b.apply_defaults()
        x, indices, kernel, stride, padding, size = b.arguments.values()
        kernel, padding = pair(kernel, n), pair(padding, n)
        stride = kernel if stride is None else pair(stride, n)
        size = list(F._unpool_output_size(x, kernel, stride, padding, size))
        return name, [x, indices, size] + ([stride, padding] if n == 3 else []), {}
    return adapt


def fractions(x, n):
    """The draws of a fractional pooling over n dimensions."""
    return torch.rand(1 if x.dim() == n + 1 else x.shape[0], x.shape[-n - 1], n, dtype=x.dtype)


def fractional(name, n):
    def adapt(args, kwargs):
        b = inspect.signature(getattr(F, f"{name}_with_indices")).bind(*args, **kwargs)
        b.apply_defaults()
        x, kernel, size, ratio, _, draws = b.arguments.values()
        if size is None:
            size = [int(d * r) for d, r in zip(x.shape[-n:], ratio)]
        draws = fractions(x, n) if draws is None else draws
        return name, [x, pair(kernel, n), pair(size, n), draws], {}
    return adapt


def unfold(args, kwargs):
    b = inspect.signature(F.unfold).bind(*args, **kwargs)
    b.apply_defaults()
    x, *rest = b.arguments.values()
    return "im2col", [x] + [pair(v) for v in rest], {}


def grid_sample(args, kwargs):
    b = inspect.signature(F.grid_sample).bind(*args, **kwargs)
    b.apply_defaults()
    x, grid, mode, padding, corners = b.arguments.values()
    return "grid_sampler", [x, grid, ("bilinear", "nearest", "bicubic").index(mode),
                            ("zeros", "border", "reflection").index(padding), bool(corners)], {}


def interpolate(args, kwargs):
    b = inspect.signature(F.interpolate).bind(*args, **kwargs)
    b.apply_defaults()
    x, size, scale, mode, corners, recompute, antialias = b.arguments.values()
    n = x.dim() - 2
    scales = [None] * n if scale is None else [float(s) for s in (
        [scale] * n if isinstance(scale, (int, float)) else scale)]
    size = [int(d * s) for d, s in zip(x.shape[2:], scales)] if size is None else pair(size, n)
    name = {"nearest": f"upsample_nearest{n}d", "nearest-exact": f"_upsample_nearest_exact{n}d",
            "linear": "upsample_linear1d", "bilinear": "upsample_bilinear2d",
            "trilinear": "upsample_trilinear3d", "bicubic": "upsample_bicubic2d",
            "area": f"adaptive_avg_pool{n}d"}[mode]
    if mode == "area":
        return name, [x, size], {}
    if antialias:
        name = f"_{name}_aa"
    if recompute:
        scales = [None] * n
    return name, [x, size] + ([] if "nearest" in mode else [bool(corners)]) + scales, {}


def upsample(mode):
    def adapt(args, kwargs):
        corners = {} if mode == "nearest" else {"align_corners": True}
        return interpolate(args, dict(kwargs, mode=mode, **corners))
    return adapt


def embedding(args, kwargs):
    weight, indices, *rest = args  # as the database calls it
    padding = kwargs.get("padding_idx")
    if padding is not None and padding < 0:
        kwargs = dict(kwargs, padding_idx=padding + weight.shape[0])
    elif padding is None:
        kwargs = dict(kwargs, padding_idx=-1)
    return "embedding", [weight, indices, *rest], kwargs


def embedding_bag(args, kwargs):
    weight, indices, *rest = args
    kwargs = dict(kwargs)
    offsets = rest[0] if rest else kwargs.pop("offsets", None)
    if indices.dim() == 2:
        offsets = torch.arange(0, indices.numel(), max(indices.shape[1], 1))
        if kwargs.get("per_sample_weights") is not None:
            kwargs["per_sample_weights"] = kwargs["per_sample_weights"].reshape(-1)
        indices = indices.reshape(-1)
    kwargs["mode"] = ("sum", "mean", "max").index(kwargs.get("mode", "mean"))
    return "embedding_bag", [weight, indices, offsets], kwargs


def einsum(args, kwargs):
    return "einsum", [args[1], list(args[0])], kwargs


def polygamma(args, kwargs):
    kwargs = dict(kwargs)
    x, *rest = args
    return "polygamma", [rest[0] if rest else kwargs.pop("n"), x], kwargs


def rpow(args, kwargs):
    return "pow", [args[1], args[0]], kwargs


def rmatmul(args, kwargs):
    return "matmul", [args[1], args[0]], kwargs


SPECIAL = {
    "tensordot": tensordot, "norm": norm,
    "cdist": cdist, "to": to, "where": where, "nn.functional.dropout": dropout,
    "unique": unique, "nonzero": nonzero, "einsum": einsum, "polygamma": polygamma,
    "special.polygamma": polygamma, "__rpow__": rpow, "__rmatmul__": rmatmul,
    "nn.functional.unfold": unfold, "nn.functional.grid_sample": grid_sample,
    "nn.functional.interpolate": interpolate, "nn.functional.embedding": embedding,
    "nn.functional.embedding_bag": embedding_bag,
    "nn.functional.upsample_nearest": upsample("nearest"),
    "nn.functional.upsample_bilinear": upsample("bilinear"),
}
for _n in (1, 2, 3):
    for _kind in ("max_pool", "adaptive_max_pool"):
        SPECIAL[f"nn.functional.{_kind}{_n}d"] = pooled(f"{_kind}{_n}d")
    SPECIAL[f"nn.functional.adaptive_avg_pool{_n}d"] = adaptive_average(f"adaptive_avg_pool{_n}d")
    if _n > 1:
        SPECIAL[f"nn.functional.max_unpool{_n}d"] = unpooled(f"max_unpool{_n}d", _n)
        SPECIAL[f"nn.functional.fractional_max_pool{_n}d"] = fractional(
            f"fractional_max_pool{_n}d", _n)


def full_arguments(name, known, args, kwargs):
    """The arguments of a function of nn.functional that is written in Python, by name, so that its
    order does not matter; None when it has no signature. Defaults stand only under known names."""
    try:
        signature = inspect.signature(getattr(F, name.removeprefix("nn.functional.")))
    except (ValueError, AttributeError):
        return None
    if any(p.kind == p.VAR_POSITIONAL for p in signature.parameters.values()):
        return None
    given = dict(signature.bind(*args, **kwargs).arguments)
    defaults = {p.name: p.default for p in signature.parameters.values()}
    first = next(iter(given))
    named = {first: given[first]}
    for key, default in defaults.items():
        value = given.get(key, default)
        if key != first and (key in known or value != default):
            named[key] = value
    return named


def adapt(name, table, args, kwargs):
    """(Taper's name, args, kwargs), or None when Taper does not offer the function."""
    if name in SPECIAL:
        return SPECIAL[name](list(args), dict(kwargs))
    if name in CASTS:
        return "to", [args[0], CASTS[name], *args[1:]], kwargs
    target = taper_name(name, table)
    if target is None:
        return None
    args, kwargs = list(args), dict(kwargs)
    if name in NUMBER_FIRST and not isinstance(args[0], torch.Tensor) and \
            isinstance(args[1], torch.Tensor) and \
            torch.result_type(args[0], args[1]) == args[1].dtype:
        args[0] = torch.tensor(args[0], dtype=args[1].dtype)
    if name in VARIADIC:
        if isinstance(args[0], torch.Tensor) and (name[:7] != "atleast" or len(args) > 1):
            args = [args]
        elif not isinstance(args[0], torch.Tensor):
            args = [list(args[0])]
    if name.startswith("nn.functional."):
        known = {p.name for overload in table.by_name[target] for p in overload.parameters}
        named = full_arguments(name, known, args, kwargs)
        if named is not None:
            args, kwargs = [named.pop(next(iter(named)))], named
    if isinstance(kwargs.get("reduction"), str) and "reduce" not in target:
        kwargs["reduction"] = REDUCTIONS.get(kwargs["reduction"], kwargs["reduction"])
    return target, args, kwargs
