"""The modules of PyTorch with combinations of their options and arguments: what modules.py replays.

Each generator yields (name, options, arguments, {"train": ..., what else the call takes}). Arguments
are made when the case runs: functions without arguments, or values.
"""
import itertools

import torch
from torch import nn
from torch.nn import functional as F


def x(*sizes):
    """Normal numbers that take a gradient."""
    return lambda: torch.randn(sizes, dtype=torch.float64).requires_grad_()


def fixed(*sizes):
    return lambda: torch.randn(sizes, dtype=torch.float64)


def unit(*sizes, grad=True):
    return lambda: (torch.rand(sizes, dtype=torch.float64) * 0.8 + 0.1).requires_grad_(grad)


def ints(high, *sizes, low=0):
    return lambda: torch.randint(low, high, sizes)


def signs(*sizes):
    return lambda: (torch.randint(0, 2, sizes) * 2 - 1).double()


def mask(*sizes):
    """Of booleans, each row with something left."""
    def make():
        m = torch.rand(sizes) < 0.3
        m[..., 0] = False
        return m
    return make


def product(**choices):
    """Every combination of the choices, as dicts."""
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values))


NO = (False, True)
REDUCTIONS = ("none", "mean", "sum")
SPACE = {1: (7,), 2: (6, 5), 3: (4, 5, 3)}


def convolutions():
    for d in (1, 2, 3):
        size, name = SPACE[d], f"Conv{d}d"
        base = dict(in_channels=4, out_channels=6)
        for o in product(kernel_size=(2,), stride=(1, 2), padding=(0, 1), dilation=(1, 2),
                         groups=(1, 2), bias=NO):
            yield name, {**base, **o}, [x(2, 4, *size)], {}
        for o in product(kernel_size=(3,), padding=("same", "valid"), dilation=(1, 2),
                         padding_mode=("zeros", "circular", "replicate"), groups=(1, 2)):
            yield name, {**base, **o}, [x(2, 4, *size)], {}
        for o in product(kernel_size=(2, 3), stride=(1, 2), padding=(1, 2),
                         padding_mode=("reflect", "replicate", "circular")):
            yield name, {**base, **o}, [x(2, 4, *size)], {}
        several = dict(kernel_size=(3, 2, 1)[:d], stride=(2, 1, 3)[:d], padding=(1, 0, 1)[:d])
        for o in product(groups=(1, 2, 4), out_channels=(4, 8), bias=NO):
            yield name, {**base, **several, **o}, [x(4, *size)], {}  # without a batch
        for bad in (dict(groups=3), dict(kernel_size=9), dict(padding="same", stride=2),
                    dict(stride=0)):
            yield name, {**base, "kernel_size": 2, **bad}, [x(2, 4, *size)], {}
        yield name, {**base, "kernel_size": 2}, [x(2, 3, *size)], {}


def transposed():
    for d in (1, 2, 3):
        size, name = SPACE[d], f"ConvTranspose{d}d"
        base = dict(in_channels=4, out_channels=6)
        for o in product(kernel_size=(2, 3), stride=(1, 2), padding=(0, 1), groups=(1, 2), bias=NO,
                         dilation=(1, 2)):
            if d < 3 or o["kernel_size"] == 2:
                yield name, {**base, **o}, [x(2, 4, *size)], {}
        for o in product(kernel_size=(3,), stride=(2, 3), output_padding=(1,), groups=(1, 2)):
            yield name, {**base, **o}, [x(2, 4, *size)], {}
        yield name, {**base, "kernel_size": (3, 2, 1)[:d]}, [x(4, *size)], {}
        more = [2 * n for n in size]
        yield (name, {**base, "kernel_size": 2, "stride": 2}, [x(2, 4, *size)],
               {"output_size_of_call": [n + 1 for n in more]})
        yield (name, {**base, "kernel_size": 2, "stride": 2}, [x(2, 4, *size)],
               {"output_size_of_call": [n + 2 for n in more]})
        yield name, {**base, "kernel_size": 2, "output_padding": 2}, [x(2, 4, *size)], {}


def pools():
    for d in (1, 2, 3):
        size = SPACE[d]
        for o in product(kernel_size=(2, 3), stride=(None, 1, 2), padding=(0, 1), dilation=(1, 2),
                         ceil_mode=NO):
            if d < 3 or o["kernel_size"] == 2:
                yield f"MaxPool{d}d", o, [x(2, 3, *size)], {}
        for o in product(kernel_size=(2,), stride=(1, 2), ceil_mode=NO):
            yield f"MaxPool{d}d", o, [x(3, *size)], {"return_indices": True}
        for o in product(kernel_size=(2, 3), stride=(None, 1, 2), padding=(0, 1), ceil_mode=NO,
                         count_include_pad=NO):
            if d < 3 or o["kernel_size"] == 2:
                yield f"AvgPool{d}d", o, [x(2, 3, *size)], {}
        yield f"MaxPool{d}d", dict(kernel_size=2, padding=2), [x(2, 3, *size)], {}
        yield f"AvgPool{d}d", dict(kernel_size=9), [x(2, 3, *size)], {}
        if d > 1:
            for o in product(kernel_size=(2, (3, 2, 1)[:d]), stride=(None, 1), ceil_mode=NO,
                             divisor_override=(1, 5)):
                yield f"AvgPool{d}d", o, [x(3, *size)], {}
        for output_size in (1, 2, (3, 2, 1)[:d], size, tuple(n + 1 for n in size),
                            *([] if d == 1 else [(None, 2, None)[:d]])):
            for sizes in ((2, 3, *size), (3, *size)):
                yield f"AdaptiveAvgPool{d}d", dict(output_size=output_size), [x(*sizes)], {}
                yield f"AdaptiveMaxPool{d}d", dict(output_size=output_size), [x(*sizes)], {}
                yield (f"AdaptiveMaxPool{d}d", dict(output_size=output_size), [x(*sizes)],
                       {"return_indices": True})
        yield from unpools(d, size)
    for d in (1, 2):
        for o in product(norm_type=(1.0, 2.0, 3.5), kernel_size=(2, 3), stride=(None, 1),
                         ceil_mode=NO):
            yield f"LPPool{d}d", o, [unit(2, 3, *SPACE[d])], {}
    for d in (2, 3):
        def draws(d=d):
            return torch.rand(2, 3, d, dtype=torch.float64)
        for kernel, way in itertools.product(((2, 2, 2)[:d], (3, 2, 1)[:d]),
                                             (dict(output_size=(2, 3, 2)[:d]),
                                              dict(output_ratio=(0.5, 0.75, 0.7)[:d]))):
            for indices in NO:
                yield (f"FractionalMaxPool{d}d",
                       dict(kernel_size=kernel, _random_samples=draws, **way),
                       [x(2, 3, *(6, 7, 8)[:d])], {"return_indices": True} if indices else {})
        yield f"FractionalMaxPool{d}d", dict(kernel_size=2), [x(2, 3, *SPACE[d])], {}
        yield (f"FractionalMaxPool{d}d", dict(kernel_size=2, output_ratio=1.5),
               [x(2, 3, *SPACE[d])], {})


def unpools(d, size):
    pool = getattr(F, f"max_pool{d}d")
    for kernel, stride, batch in itertools.product((2, 3), (None, 2), ((2, 3), (3,))):
        values = torch.randn(*batch, *size, dtype=torch.float64,
                             generator=torch.Generator().manual_seed(kernel))
        pooled, indices = pool(values, kernel, stride, return_indices=True)
        if stride == 2 and kernel == 3:
            continue  # windows that overlap name some places twice
        yield (f"MaxUnpool{d}d", dict(kernel_size=kernel, stride=stride),
               [lambda p=pooled: p.clone().requires_grad_(), indices],
               {"output_size_of_call": list(size)})
        yield (f"MaxUnpool{d}d", dict(kernel_size=kernel, stride=stride),
               [lambda p=pooled: p.clone().requires_grad_(), indices], {"output_size_of_call": [1] * d})


def paddings():
    some = {1: (1, (2, 1), (0, 3)), 2: (1, (1, 2, 0, 3), (2, 1, 1, 0)),
            3: (1, (1, 2, 0, 1, 2, 1), (0, 0, 1, 1, 2, 0))}
    for d in (1, 2, 3):
        for padding, batch in itertools.product(some[d], ((2, 3), (3,))):
            size = (*batch, *SPACE[d])
            for kind in ("Reflection", "Replication") + (("Zero",) if d == 2 else ()):
                yield f"{kind}Pad{d}d", dict(padding=padding), [x(*size)], {}
            for value in (0.0, 1.5, -2.0):
                yield f"ConstantPad{d}d", dict(padding=padding, value=value), [x(*size)], {}
        cut = (-1, 2) + (0,) * (2 * d - 2)
        yield f"ConstantPad{d}d", dict(padding=cut, value=3.5), [x(2, 3, *SPACE[d])], {}
        yield f"ReflectionPad{d}d", dict(padding=9), [x(2, 3, *SPACE[d])], {}


ACTIVATIONS = {
    "CELU": dict(alpha=(1.0, 0.5, 2.5)), "ELU": dict(alpha=(1.0, 0.5, 2.5)),
    "GELU": dict(approximate=("none", "tanh")), "GLU": dict(dim=(1, -1)),
    "Hardshrink": dict(lambd=(0.5, 0.1)), "Softshrink": dict(lambd=(0.5, 0.1)),
    "Hardtanh": dict(min_val=(-1.0, -0.5), max_val=(1.0, 0.25)),
    "LeakyReLU": dict(negative_slope=(0.01, 0.3)), "LogSigmoid": {}, "Mish": {}, "ReLU": {},
    "ReLU6": {}, "SELU": {}, "SiLU": {}, "Sigmoid": {}, "Tanh": {}, "Tanhshrink": {},
    "Softsign": {}, "Hardsigmoid": {}, "Hardswish": {}, "Identity": {},
    "LogSoftmax": dict(dim=(0, 1, -1)), "Softmax": dict(dim=(0, 1, -1)),
    "Softmin": dict(dim=(0, 1, -1)), "Softplus": dict(beta=(1, 2.5), threshold=(20, 0.5)),
    "Threshold": dict(threshold=(0.1, -0.5), value=(20.0, -1.0)),
}
IN_PLACE = ("CELU", "ELU", "Hardtanh", "LeakyReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Threshold",
            "Mish", "Hardsigmoid", "Hardswish")


def activations():
    for name, choices in ACTIVATIONS.items():
        for o in product(**choices):
            for sizes in ((2, 4), (3, 2, 6, 2), (4,), (0, 4)):
                yield name, o, [x(*sizes)], {}
            if name in IN_PLACE:
                yield name, {**o, "inplace": True}, [fixed(3, 4)], {}
    for sizes in ((2, 3, 4, 5), (3, 4, 5)):
        yield "Softmax2d", {}, [x(*sizes)], {}
    yield "Softmax2d", {}, [x(3, 4)], {}
    for o in product(num_parameters=(1, 4), init=(0.25, -0.5)):
        for sizes in ((2, 4), (2, 4, 3), (2, 4, 3, 2)):
            yield "PReLU", o, [x(*sizes)], {}
    yield "PReLU", dict(num_parameters=3), [x(2, 4)], {}
    for o in product(lower=(0.125, 0.3), upper=(0.3, 0.5), inplace=NO):
        yield "RReLU", o, [fixed(3, 4) if o["inplace"] else x(3, 4)], {"train": False}
    yield "RReLU", dict(lower=0.25, upper=0.25), [x(3, 4)], {}
    yield "Hardtanh", dict(min_val=1.0, max_val=-1.0), [x(3)], {}
    yield "GLU", dict(dim=0), [x(3, 4)], {}
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
                 "FeatureAlphaDropout"):
        sizes = {"Dropout1d": (2, 3, 4), "Dropout2d": (2, 3, 4, 5)}.get(name, (2, 3, 2, 2, 3))
        for p, train in ((0.0, True), (0.0, False), (0.5, False), (1.0, False)):
            yield name, dict(p=p), [x(*sizes)], {"train": train}
        yield name, dict(p=1.5), [x(*sizes)], {}
    yield "Dropout", dict(p=1.0), [x(3, 4)], {}


def normalizations():
    for d in (1, 2, 3):
        size = SPACE[d]
        for o in product(eps=(1e-5, 0.1), momentum=(0.1, None, 0.5), affine=NO,
                         track_running_stats=NO):
            for train in NO:
                yield (f"BatchNorm{d}d", dict(num_features=3, **o), [x(2, 3, *size)],
                       {"train": train})
        for o in product(momentum=(0.1, 0.5), affine=NO, track_running_stats=NO):
            for train in NO:
                yield (f"InstanceNorm{d}d", dict(num_features=3, **o), [x(2, 3, *size)],
                       {"train": train})
        for o in product(affine=NO, eps=(1e-5, 0.1)):
            yield f"InstanceNorm{d}d", dict(num_features=3, **o), [x(3, *size)], {}
        yield f"BatchNorm{d}d", dict(num_features=4), [x(2, 3, *size)], {}
        yield f"BatchNorm{d}d", dict(num_features=3), [x(3)], {}
        for train in NO:
            yield f"BatchNorm{d}d", dict(num_features=3), [x(1, 3, *[1] * d)], {"train": train}
            yield f"InstanceNorm{d}d", dict(num_features=3), [x(2, 3, *[1] * d)], {"train": train}
    for train in NO:
        yield "BatchNorm1d", dict(num_features=3), [x(5, 3)], {"train": train}
    for shape, sizes in (((4,), (2, 3, 4)), ((3, 4), (2, 3, 4)), ((2, 3, 4), (2, 3, 4)), (4, (5, 4))):
        for o in product(eps=(1e-5, 0.1), elementwise_affine=NO):
            yield "LayerNorm", dict(normalized_shape=shape, **o), [x(*sizes)], {}
    yield "LayerNorm", dict(normalized_shape=(3,)), [x(2, 4)], {}
    for groups, sizes in itertools.product((1, 2, 6), ((2, 6), (2, 6, 4), (2, 6, 3, 2))):
        for o in product(eps=(1e-5, 0.1), affine=NO):
            yield "GroupNorm", dict(num_groups=groups, num_channels=6, **o), [x(*sizes)], {}
    yield "GroupNorm", dict(num_groups=4, num_channels=6), [x(2, 6, 3)], {}
    for o in product(size=(1, 2, 3, 5), alpha=(1e-4, 0.5), beta=(0.75, 1.5), k=(1.0, 2.0)):
        yield "LocalResponseNorm", o, [x(2, 5, 4)], {}
    for sizes in ((2, 5, 4, 3), (1, 2, 3, 3)):
        yield "LocalResponseNorm", dict(size=3, alpha=0.5), [x(*sizes)], {}
    # One window for all channels: PyTorch's later windows keep the first channel.
    yield "CrossMapLRN2d", dict(size=3, alpha=0.5, k=1.5), [fixed(2, 2, 6, 5)], {}


def linear():
    for bias, sizes in itertools.product(NO, ((3, 4), (4,), (2, 3, 4), (0, 4))):
        for out in (1, 5):
            yield "Linear", dict(in_features=4, out_features=out, bias=bias), [x(*sizes)], {}
    yield "Linear", dict(in_features=4, out_features=2), [x(3, 5)], {}
    for bias, batch in itertools.product(NO, ((5,), (2, 3), (1,))):
        o = dict(in1_features=3, in2_features=4, out_features=2, bias=bias)
        yield "Bilinear", o, [x(*batch, 3), x(*batch, 4)], {}
    for start, end in ((1, -1), (0, -1), (1, 2), (2, 3), (0, 0), (-2, -1)):
        yield "Flatten", dict(start_dim=start, end_dim=end), [x(2, 3, 4, 5)], {}
    yield "Flatten", dict(start_dim=3, end_dim=1), [x(2, 3, 4, 5)], {}
    for dim, sizes in ((1, (2, 3)), (1, (3, -1)), (-1, (2, 2)), (0, (2, 1))):
        yield "Unflatten", dict(dim=dim, unflattened_size=sizes), [x(2, 6, 4)], {}
    yield "Unflatten", dict(dim=1, unflattened_size=(4, 2)), [x(2, 6)], {}
    for dim, eps in itertools.product((0, 1, -1), (1e-8, 5.0)):
        yield "CosineSimilarity", dict(dim=dim, eps=eps), [x(3, 4, 2), x(3, 4, 2)], {}
    for p, eps, keep in itertools.product((1.0, 2.0, 3.5), (1e-6, 0.1), NO):
        o = dict(p=p, eps=eps, keepdim=keep)
        yield "PairwiseDistance", o, [x(3, 4), x(3, 4)], {}


def images():
    for o in product(kernel_size=(2, (3, 2)), dilation=(1, 2), padding=(0, 1), stride=(1, (1, 2))):
        yield "Unfold", o, [x(2, 3, 6, 7)], {}
        columns = F.unfold(torch.ones(2, 3, 6, 7), **o)
        yield "Fold", dict(output_size=(6, 7), **o), [x(*columns.shape)], {}
        yield "Fold", dict(output_size=(6, 7), **o), [x(*columns.shape[1:])], {}
    yield "Fold", dict(output_size=(6, 7), kernel_size=2), [x(2, 12, 5)], {}
    for factor, batch in itertools.product((1, 2, 3), ((2,), (), (2, 2))):
        yield "PixelShuffle", dict(upscale_factor=factor), [x(*batch, 36, 2, 3)], {}
        yield "PixelUnshuffle", dict(downscale_factor=factor), [x(*batch, 2, 6, 12)], {}
    yield "PixelShuffle", dict(upscale_factor=4), [x(2, 36, 2, 3)], {}
    for groups in (1, 2, 3):
        yield "ChannelShuffle", dict(groups=groups), [fixed(2, 6, 3, 4)], {}
    modes = {1: ("nearest", "linear", "area", "nearest-exact"),
             2: ("nearest", "bilinear", "bicubic", "area", "nearest-exact"),
             3: ("nearest", "trilinear", "area", "nearest-exact")}
    for d in (1, 2, 3):
        size = SPACE[d]
        ways = [dict(size=tuple(2 * n - 1 for n in size)), dict(size=(3, 4, 5)[:d]),
                dict(scale_factor=2.0), dict(scale_factor=(1.5, 0.7, 2.0)[:d]),
                dict(scale_factor=1.3, recompute_scale_factor=True)]
        for mode, way in itertools.product(modes[d], ways):
            yield "Upsample", dict(mode=mode, **way), [x(2, 3, *size)], {}
            if "linear" in mode or "cubic" in mode:
                yield "Upsample", dict(mode=mode, align_corners=True, **way), [x(2, 3, *size)], {}
    yield "Upsample", dict(mode="bilinear", scale_factor=2.0), [x(2, 3, 4)], {}
    yield "Upsample", {}, [x(2, 3, 4)], {}
    for name in ("UpsamplingNearest2d", "UpsamplingBilinear2d"):
        for way in (dict(size=(8, 3)), dict(scale_factor=2.0), dict(scale_factor=(1.5, 2.0))):
            yield name, way, [x(2, 3, 4, 5)], {}


def recurrent():
    for name in ("RNN", "LSTM", "GRU"):
        for o in product(num_layers=(1, 2), bias=NO, batch_first=NO, bidirectional=NO):
            for states, batched in itertools.product(NO, NO):
                yield recurrent_case(name, o, states, batched)
        for o in product(num_layers=(1, 2), bidirectional=NO):
            if name == "RNN":
                for states in NO:
                    yield recurrent_case(name, {**o, "nonlinearity": "relu"}, states, True)
            if name == "LSTM":
                for states, batched in itertools.product(NO, NO):
                    yield recurrent_case(name, {**o, "proj_size": 2}, states, batched)
        yield name, dict(input_size=3, hidden_size=4), [x(5, 2, 2)], {}
        yield name, dict(input_size=3, hidden_size=4, num_layers=0), [x(5, 2, 3)], {}
        yield name, dict(input_size=3, hidden_size=4, dropout=1.5), [x(5, 2, 3)], {}
        cell = name + "Cell"
        kinds = dict(nonlinearity=("tanh", "relu")) if name == "RNN" else {}
        for o in product(bias=NO, **kinds):
            for states, batch in itertools.product(NO, ((2,), ())):
                hx = [x(*batch, 4) for _ in range((2 if name == "LSTM" else 1) * states)]
                yield cell, dict(input_size=3, hidden_size=4, **o), [x(*batch, 3), *hx], {}
        yield cell, dict(input_size=3, hidden_size=4), [x(2, 5)], {}
    yield "LSTM", dict(input_size=3, hidden_size=4, proj_size=4), [x(5, 2, 3)], {}


def recurrent_case(name, o, states, batched):
    count = o["num_layers"] * (1 + o["bidirectional"])
    batch = (2,) if batched else ()
    sizes = (2, 5, 3) if batched and o.get("batch_first") else (5, *batch, 3)
    hx = []
    if states:
        hx = [x(count, *batch, o.get("proj_size", 0) or 4)]
        hx += [x(count, *batch, 4)] * (name == "LSTM")
    return name, dict(input_size=3, hidden_size=4, **o), [x(*sizes), *hx], {}


def transformers():
    for o in product(bias=NO, add_bias_kv=NO, add_zero_attn=NO, batch_first=NO):
        for need, average in ((True, True), (True, False), (False, True)):
            how = dict(need_weights=need, average_attn_weights=average)
            q, k = ((2, 3, 4), (2, 5, 4)) if o["batch_first"] else ((3, 2, 4), (5, 2, 4))
            o = dict(embed_dim=4, num_heads=2, **{k: v for k, v in o.items() if k not in
                                                  ("embed_dim", "num_heads")})
            yield "MultiheadAttention", o, [x(*q), x(*k), x(*k), None, None], how
            yield ("MultiheadAttention", o,
                   [x(*q), x(*k), x(*k), mask(2, 5), mask(3, 5)], how)
    how = dict(need_weights=True, average_attn_weights=True)
    for kdim, vdim in ((3, None), (None, 5), (3, 5)):
        o = dict(embed_dim=4, num_heads=2, kdim=kdim, vdim=vdim)
        k, v = x(5, 2, kdim or 4), x(5, 2, vdim or 4)
        yield "MultiheadAttention", o, [x(3, 2, 4), k, v, None, fixed(3, 5)], how
        yield "MultiheadAttention", {**o, "bias": False}, [x(3, 2, 4), k, v, None, fixed(4, 3, 5)], how
    one = dict(embed_dim=4, num_heads=2)
    yield "MultiheadAttention", one, [x(3, 4), x(5, 4), x(5, 4), mask(5), mask(3, 5)], how
    yield "MultiheadAttention", dict(embed_dim=5, num_heads=2), [x(3, 2, 5)] * 3 + [None, None], how
    yield "MultiheadAttention", one, [x(3, 2, 5), x(3, 2, 4), x(3, 2, 4), None, None], how
    layer = dict(d_model=4, nhead=2, dim_feedforward=5, dropout=0.0)
    src, tgt = {False: (5, 2, 4), True: (2, 5, 4)}, {False: (3, 2, 4), True: (2, 3, 4)}
    for o in product(activation=("relu", "gelu"), norm_first=NO, batch_first=NO,
                     layer_norm_eps=(1e-5, 0.01)):
        first = o["batch_first"]
        options = {**layer, **o}
        yield "TransformerEncoderLayer", options, [x(*src[first])], {}
        yield "TransformerEncoderLayer", options, [x(*src[first]), mask(5, 5), mask(2, 5)], {}
        yield "TransformerDecoderLayer", options, [x(*tgt[first]), x(*src[first])], {}
        yield ("TransformerDecoderLayer", options,
               [x(*tgt[first]), x(*src[first]), mask(3, 3), fixed(3, 5), mask(2, 3), mask(2, 5)], {})
        for norm in (None, dict(normalized_shape=(4,))):
            stack = dict(layer=options, num_layers=2, norm=norm)
            yield "TransformerEncoder", stack, [x(*src[first]), mask(5, 5), None], {}
            yield "TransformerDecoder", stack, [x(*tgt[first]), x(*src[first])], {}
        whole = {**options, "num_encoder_layers": 1, "num_decoder_layers": 2}
        yield "Transformer", whole, [x(*src[first]), x(*tgt[first])], {}
        yield ("Transformer", whole,
               [x(*src[first]), x(*tgt[first]), mask(5, 5), mask(3, 3), None, mask(2, 5),
                mask(2, 3), mask(2, 5)], {})
    yield "TransformerEncoderLayer", layer, [x(5, 4)], {}
    yield "Transformer", dict(layer, num_encoder_layers=1, num_decoder_layers=1), \
        [x(5, 2, 4), x(3, 3, 4)], {}


def embeddings():
    for o in product(padding_idx=(None, 1, -1), max_norm=(None, 0.5), norm_type=(2.0, 1.0),
                     scale_grad_by_freq=NO):
        for sizes in ((6,), (2, 3)):
            yield "Embedding", dict(num_embeddings=5, embedding_dim=3, **o), [ints(5, *sizes)], {}
    yield "Embedding", dict(num_embeddings=5, embedding_dim=3), [ints(9, 3, low=5)], {}
    yield "Embedding", dict(num_embeddings=5, embedding_dim=3, padding_idx=5), [ints(5, 3)], {}
    bag = dict(num_embeddings=5, embedding_dim=3)
    for o in product(mode=("sum", "mean", "max"), padding_idx=(None, 1), max_norm=(None, 0.5),
                     scale_grad_by_freq=NO):
        if o["mode"] == "max" and o["scale_grad_by_freq"]:
            continue
        yield "EmbeddingBag", {**bag, **o}, [ints(5, 2, 3)], {}
        yield "EmbeddingBag", {**bag, **o}, [ints(5, 6), torch.tensor([0, 2, 2])], {}
        if o["mode"] == "sum":
            yield ("EmbeddingBag", {**bag, **o},
                   [ints(5, 6), torch.tensor([0, 2, 2]), x(6)], {})
        yield ("EmbeddingBag", {**bag, **o, "include_last_offset": True},
               [ints(5, 6), torch.tensor([0, 2, 6])], {})
    yield "EmbeddingBag", bag, [ints(5, 6)], {}
    yield "EmbeddingBag", bag, [ints(5, 6), torch.tensor([1, 3])], {}


def weight(n):
    return torch.linspace(0.5, 1.5, n, dtype=torch.float64)


def losses():
    for r in REDUCTIONS:
        pair = [x(3, 4), fixed(3, 4)]
        for name, choices in {
                "L1Loss": {}, "MSELoss": {}, "SmoothL1Loss": dict(beta=(1.0, 0.25, 0.0)),
                "HuberLoss": dict(delta=(1.0, 0.25))}.items():
            for o in product(**choices):
                for arguments in (pair, [x(5), fixed(5)], [x(2, 3, 2), x(2, 3, 2)]):
                    yield name, {**o, "reduction": r}, arguments, {}
        for w in (None, weight(4)):
            for sizes in ((3, 4), (2, 3, 4)):
                yield ("BCELoss", dict(reduction=r, weight=w),
                       [unit(*sizes), unit(*sizes, grad=False)], {})
                for p in (None, weight(4)):
                    yield ("BCEWithLogitsLoss", dict(reduction=r, weight=w, pos_weight=p),
                           [x(*sizes), unit(*sizes, grad=False)], {})
            yield ("MultiLabelSoftMarginLoss", dict(reduction=r, weight=w),
                   [x(3, 4), unit(3, 4, grad=False)], {})
        for w, ignore in itertools.product((None, weight(4)), (-100, 1)):
            o = dict(reduction=r, weight=w, ignore_index=ignore)
            for sizes in ((3,), (3, 2), (2, 3, 2)):
                logits = [x(sizes[0], 4, *sizes[1:]), ints(4, *sizes)]
                yield "NLLLoss", o, logits, {}
                for smoothing in (0.0, 0.2):
                    yield "CrossEntropyLoss", {**o, "label_smoothing": smoothing}, logits, {}
            yield "CrossEntropyLoss", o, [x(4), ints(4)], {}
        for w, smoothing in itertools.product((None, weight(4)), (0.0, 0.2)):
            yield ("CrossEntropyLoss", dict(reduction=r, weight=w, label_smoothing=smoothing),
                   [x(3, 4), unit(3, 4, grad=False)], {})
        for o in product(log_input=NO, full=NO, eps=(1e-8, 0.1)):
            yield "PoissonNLLLoss", {**o, "reduction": r}, [unit(3, 4), unit(3, 4, grad=False)], {}
        for o in product(full=NO, eps=(1e-6, 0.3)):
            yield ("GaussianNLLLoss", {**o, "reduction": r},
                   [x(3, 4), fixed(3, 4), unit(3, 4)], {})
            yield ("GaussianNLLLoss", {**o, "reduction": r},
                   [x(3, 4), fixed(3, 4), unit(3, 1)], {})
        for margin in (0.0, 0.5, 1.0):
            o = dict(margin=margin, reduction=r)
            yield "HingeEmbeddingLoss", o, [x(3, 4), signs(3, 4)], {}
            yield "MarginRankingLoss", o, [x(5), x(5), signs(5)], {}
            yield "CosineEmbeddingLoss", o, [x(5, 3), x(5, 3), signs(5)], {}
            for p, w in itertools.product((1, 2), (None, weight(4))):
                yield "MultiMarginLoss", {**o, "p": p, "weight": w}, [x(3, 4), ints(4, 3)], {}
            for swap in NO:
                three = [x(3, 4), x(3, 4), x(3, 4)]
                for p in (2.0, 3.0):
                    yield "TripletMarginLoss", {**o, "p": p, "swap": swap}, three, {}
                yield "TripletMarginWithDistanceLoss", {**o, "swap": swap}, three, {}
        yield "SoftMarginLoss", dict(reduction=r), [x(3, 4), signs(3, 4)], {}
        labels = torch.tensor([[3, 0, -1, 1], [2, -1, 0, 0]])
        yield "MultiLabelMarginLoss", dict(reduction=r), [x(2, 4), labels], {}
        yield "MultiLabelMarginLoss", dict(reduction=r), [x(4), labels[0]], {}
        for blank, infinite in itertools.product((0, 2), NO):
            targets = torch.tensor([[1, 3, 3], [3, 1, 1]])
            yield ("CTCLoss", dict(blank=blank, zero_infinity=infinite, reduction=r),
                   [lambda: torch.randn(7, 2, 4, dtype=torch.float64).log_softmax(2).detach()
                    .requires_grad_(), targets, torch.tensor([7, 6]), torch.tensor([3, 2])], {})
    for r in (*REDUCTIONS, "batchmean"):
        for log in NO:
            yield ("KLDivLoss", dict(reduction=r, log_target=log),
                   [x(3, 4), unit(3, 4, grad=False)], {})
    for o in product(div_value=(4.0, 2.0), head_bias=NO):
        for cutoffs in ((2,), (2, 4)):
            options = dict(in_features=8, n_classes=7, cutoffs=cutoffs, **o)
            yield "AdaptiveLogSoftmaxWithLoss", options, [x(5, 8), ints(7, 5)], {}
            yield "AdaptiveLogSoftmaxWithLoss", options, [x(8), ints(7)], {}
    yield "AdaptiveLogSoftmaxWithLoss", dict(in_features=8, n_classes=7, cutoffs=(4, 2)), \
        [x(5, 8), ints(7, 5)], {}
    yield "NLLLoss", {}, [x(3, 4), ints(9, 3, low=4)], {}
    yield "BCELoss", {}, [x(3, 4), fixed(3, 4)], {}
    yield "MultiMarginLoss", dict(p=3), [x(3, 4), ints(4, 3)], {}
    yield "CrossEntropyLoss", {}, [x(3, 4), ints(4, 2)], {}


def all_cases():
    for group in (convolutions, transposed, pools, paddings, activations, normalizations, linear,
                  images, recurrent, transformers, embeddings, losses):
        yield from group()
