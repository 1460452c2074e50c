#!/usr/bin/env python3
"""Files between Python and Taper: state dicts, trees and arrays through Taper and back, bit for bit.

Runs with Debian's python3-torch and python3-numpy; ends with 77 (skipped) where they are missing.
"""
import argparse
import copy
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    from torch import nn
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16,
          torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.complex64,
          torch.complex128]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(10, 4)
        self.decoder = nn.Linear(4, 10, bias=False)
        self.decoder.weight = self.encoder.weight


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.skip = nn.Conv2d(3, 3, 1)


class Lists(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(i + 1, 2) for i in range(3)])
        self.by_name = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.PReLU(3)})
        self.free = nn.ParameterList([nn.Parameter(torch.rand(i, 2)) for i in range(3)])
        self.named = nn.ParameterDict({"x": nn.Parameter(torch.rand(()))})


class Buffers(nn.Module):
    """Every type, empty tensors, and strides of all kinds."""

    def __init__(self):
        super().__init__()
        for dtype in DTYPES:
            values = torch.arange(-6, 6).view(3, 4).to(dtype)
            name = "as_" + str(dtype).replace("torch.", "")
            self.register_buffer(name, values)
            self.register_buffer(name + "_turned", values.clone().t())
            self.register_buffer(name + "_empty", torch.empty(2, 0, dtype=dtype))
            self.register_buffer(name + "_slice", torch.arange(40).to(dtype)[3:33:2])
        base = torch.arange(24.0)
        self.register_buffer("base", base)
        self.register_buffer("view", base.view(4, 6)[1:, 2:])
        self.register_buffer("scalar", torch.tensor(7))
        self.register_buffer("special", torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]))
        self.register_buffer("unsaved", torch.zeros(3), persistent=False)
        self.register_buffer("nothing", None)


ARCHITECTURES = {
    "linear": lambda: nn.Linear(3, 4),
    "linear_no_bias": lambda: nn.Linear(3, 4, bias=False),
    "bilinear": lambda: nn.Bilinear(2, 3, 4),
    "conv1d": lambda: nn.Conv1d(2, 4, 3),
    "conv2d": lambda: nn.Conv2d(2, 4, (3, 1), groups=2),
    "conv3d": lambda: nn.Conv3d(2, 4, 3),
    "conv_transpose1d": lambda: nn.ConvTranspose1d(2, 4, 3),
    "conv_transpose2d": lambda: nn.ConvTranspose2d(2, 4, 3),
    "conv_transpose3d": lambda: nn.ConvTranspose3d(2, 4, 3, bias=False),
    "batchnorm1d": lambda: nn.BatchNorm1d(4),
    "batchnorm2d": lambda: nn.BatchNorm2d(4, affine=False),
    "batchnorm3d": lambda: nn.BatchNorm3d(4, track_running_stats=False),
    "instancenorm": lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    "groupnorm": lambda: nn.GroupNorm(2, 4),
    "layernorm": lambda: nn.LayerNorm([2, 3]),
    "embedding": lambda: nn.Embedding(10, 3, padding_idx=0),
    "embedding_bag": lambda: nn.EmbeddingBag(10, 3),
    "rnn": lambda: nn.RNN(3, 4, num_layers=2),
    "lstm": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    "lstm_projected": lambda: nn.LSTM(3, 4, proj_size=2),
    "gru": lambda: nn.GRU(3, 4, batch_first=True),
    "lstm_cell": lambda: nn.LSTMCell(3, 4),
    "gru_cell": lambda: nn.GRUCell(3, 4),
    "attention": lambda: nn.MultiheadAttention(8, 2),
    "attention_sizes": lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True),
    "encoder_layer": lambda: nn.TransformerEncoderLayer(8, 2, 16),
    "decoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2),
    "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16),
    "prelu": lambda: nn.PReLU(5),
    "weight_norm": lambda: nn.utils.weight_norm(nn.Conv1d(2, 3, 3)),
    "spectral_norm": lambda: nn.utils.spectral_norm(nn.Linear(3, 4)),
    "residual": Residual,
    "tied": Tied,
    "lists": Lists,
    "buffers": Buffers,
    "half": lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).half(),
    "bfloat16": lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)).bfloat16(),
    "double": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()).double(),
    "channels_last": lambda: nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last),
    "softmax_only": lambda: nn.Sequential(nn.Softmax(1)),
    "deep": lambda: nn.Sequential(*[nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(40)]),
    "large": lambda: nn.Linear(700, 300),
}

# The networks of files_tool.cpp, and the sizes of their inputs.
NETWORKS = {
    "linear": (lambda: nn.Linear(6, 3), (5, 6)),
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(),
                                  nn.Linear(8, 2)), (5, 6)),
    "no_bias": (lambda: nn.Linear(6, 3, bias=False), (5, 6)),
    "batchnorm": (lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Sigmoid()), (5, 6)),
    "layernorm": (lambda: nn.Sequential(nn.LayerNorm([6]), nn.Linear(6, 2)), (5, 6)),
    "groupnorm": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.GELU()),
                  (2, 1, 8, 8)),
    "conv": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
                                   nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)), (2, 1, 8, 8)),
    "grouped": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4, bias=False)),
                (2, 1, 8, 8)),
    "nested": (lambda: nn.Sequential(nn.Sequential(nn.Linear(6, 5), nn.ReLU()),
                                     nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.Linear(4, 3)))),
               (5, 6)),
    "dropout": (lambda: nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5), nn.Linear(4, 2)), (5, 6)),
}

checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        raise AssertionError(what)


def raw(tensor):
    """The elements' bits."""
    tensor = tensor.detach().contiguous()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    widths = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.view(widths[tensor.element_size()]) if tensor.numel() else tensor


def check_same(a, b, where):
    if isinstance(a, torch.Tensor):
        check(isinstance(b, torch.Tensor), where)
        check((a.dtype, a.shape, a.stride(), a.storage_offset()) ==
              (b.dtype, b.shape, b.stride(), b.storage_offset()), f"{where}: geometry")
        check(torch.equal(raw(a), raw(b)), f"{where}: elements")
        check(a.requires_grad == b.requires_grad, f"{where}: requires_grad")
    elif isinstance(a, dict):
        check(list(a.keys()) == list(b.keys()), f"{where}: keys")
        for key in a:
            check_same(a[key], b[key], f"{where}[{key!r}]")
        check_same(getattr(a, "_metadata", None), getattr(b, "_metadata", None), where + "._metadata")
    elif isinstance(a, (list, tuple)):
        check(isinstance(b, tuple if isinstance(a, tuple) else list) and len(a) == len(b), where)
        for i, (x, y) in enumerate(zip(a, b)):
            check_same(x, y, f"{where}[{i}]")
    else:
        check(type(a) is type(b) and a == b, f"{where}: {a!r} and {b!r}")


def sharing(state):
    """For each tensor, the first one that has the same storage."""
    tensors = [t for t in state.values() if t.numel() > 0]
    places = [t.storage().data_ptr() for t in tensors]
    return [places.index(place) for place in places]


def load_both(path, has_floats=False):
    """Through both of Python's readers; the restricted one of PyTorch 1.13 knows no floats."""
    plain = torch.load(path, weights_only=False)
    if not has_floats or int(torch.__version__.split(".")[0]) >= 2:
        check_same(plain, torch.load(path, weights_only=True), path.name)
    return plain


def state_dicts(program, folder):
    arguments, states = [], {}
    for name, make in ARCHITECTURES.items():
        states[name] = make().state_dict()
        torch.save(states[name], folder / f"{name}.pt")
        arguments += [folder / f"{name}.pt", folder / f"{name}.back.pt"]
    subprocess.run([program, "copy", *arguments], check=True)
    for name, make in ARCHITECTURES.items():
        back = load_both(folder / f"{name}.back.pt")
        check_same(states[name], back, name)
        check(sharing(states[name]) == sharing(back), f"{name}: shared memory")
        fresh = make()
        fresh.load_state_dict(back)
        check_same({k: raw(v) for k, v in states[name].items()},
                   {k: raw(v) for k, v in fresh.state_dict().items()}, name)


def networks(program, folder):
    outputs = {}
    for name, (make, sizes) in NETWORKS.items():
        module, x = make(), torch.rand(sizes)
        for _ in range(3):
            module(x)  # moves the statistics of batch norm
        module.eval()
        outputs[name] = (module, x, module(x).detach())
        torch.save(module.state_dict(), folder / f"{name}.pt")
        torch.save(x, folder / f"{name}.x.pt")
    subprocess.run([program, "run", folder], check=True)
    for name, (module, x, y) in outputs.items():
        got = load_both(folder / f"{name}.y.pt")
        check(torch.allclose(got, y, rtol=1e-5, atol=1e-6), f"{name}: output")
        fresh = NETWORKS[name][0]()
        state = load_both(folder / f"{name}.taper.pt")
        check_same(module.state_dict(), state, name)
        fresh.load_state_dict(state)
        fresh.eval()
        check(torch.equal(fresh(x), y), f"{name}: output of what Taper wrote")


def optimizer(program, folder):
    a, b = (torch.full(s, v, requires_grad=True) for s, v in (((2, 3), 1.0), ((4,), 2.0)))
    adam = torch.optim.Adam([a, b], lr=0.1, amsgrad=True)

    def step():
        a.grad, b.grad = torch.full((2, 3), 0.5), torch.full((4,), -0.25)
        adam.step()

    step()
    torch.save(adam.state_dict(), folder / "adam.pt")
    values = [a.detach().clone(), b.detach().clone()]
    subprocess.run([program, "step", folder], check=True)
    state = load_both(folder / "adam.taper.pt", has_floats=True)
    step()
    fresh = torch.optim.Adam([a, b], lr=1.0)
    expected = copy.deepcopy(adam.state_dict())
    fresh.load_state_dict(state)
    for index, entry in expected["state"].items():
        for key, value in entry.items():
            got = torch.as_tensor(fresh.state_dict()["state"][index][key])
            check(torch.allclose(got.float(), torch.as_tensor(value).float()), f"adam: {key}")
    check(fresh.param_groups[0]["lr"] == 0.1 and fresh.param_groups[0]["amsgrad"], "adam: options")
    moved = load_both(folder / "params.taper.pt")
    for start, own, python in zip((1.0, 2.0), moved, (a, b)):
        check(torch.allclose(own - start, (python - values.pop(0)).detach(), atol=1e-6), "adam: step")


def arrays(program, folder):
    dtypes = ["?", "b", "B", "h", "i", "l", "e", "f", "d", "F", "D"]
    cases = {}
    for code in dtypes:
        values = numpy.arange(-12, 12).reshape(2, 3, 4).astype(code)
        for order in "<>":
            cases[f"{code}{order == '<'}"] = values.astype(values.dtype.newbyteorder(order))
        cases[code + "_fortran"] = numpy.asfortranarray(values)
        cases[code + "_scalar"] = values[0, 0, 0]
        cases[code + "_empty"] = values[:0]
    arguments = []
    for name, values in cases.items():
        numpy.save(folder / f"{name}.npy", values)
        arguments += [folder / f"{name}.npy", folder / f"{name}.back.npy"]
    numpy.savez(folder / "all.npz", **cases)
    numpy.savez_compressed(folder / "packed.npz", **cases)
    for source, target in (("all", "back"), ("packed", "compressed")):
        arguments += [folder / f"{source}.npz", folder / f"{target}.npz"]
    subprocess.run([program, "copy", *arguments], check=True)
    zipped = [numpy.load(folder / "back.npz"), numpy.load(folder / "compressed.npz")]
    for name, values in cases.items():
        for back in [numpy.load(folder / f"{name}.back.npy")] + [z[name] for z in zipped]:
            check(back.dtype == values.dtype.newbyteorder("=") and back.shape == values.shape,
                  f"{name}: type or shape")
            check(numpy.array_equal(back, values), f"{name}: elements")
    check(all(list(z.keys()) == list(cases) for z in zipped), "npz: names")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    torch.manual_seed(0)
    for part in (state_dicts, networks, optimizer, arrays):
        with tempfile.TemporaryDirectory() as folder:
            part(program, pathlib.Path(folder))
    print(f"{len(ARCHITECTURES)} architectures, {len(NETWORKS)} networks, {checks} checks passed "
          f"(torch {torch.__version__}, numpy {numpy.__version__})")


if __name__ == "__main__":
    main()
