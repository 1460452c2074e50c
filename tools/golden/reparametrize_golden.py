#!/usr/bin/env python3
"""Writes tests/nn/golden/reparametrize.txt: what PyTorch's parametrizations and pruning compute.

Needs PyTorch 1.13 or later; the test that replays the file does not. Parameters start as waves, and
the generator is seeded with 0 before each case. One item per line:
  case NAME               starts a case
  output V V ...          the sum of two calls in training and one in evaluation of the input
  state KEY SIZES V V ... an entry of the state dict afterwards, in order
  grad KEY V V ...        the gradient of the output's sum, weighed by cos(0, 1, ...)
"""
import argparse
import pathlib

import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations, prune

ROOT = pathlib.Path(__file__).resolve().parents[2]


def wave(sizes):
    count = int(torch.Size(sizes).numel())
    return torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + 0.3).to(torch.float32).reshape(sizes)


def fill(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(wave(parameter.shape))
    return module


def linear():
    return fill(nn.Linear(5, 4))


def transposed():
    return fill(nn.ConvTranspose2d(3, 2, 2))


def twice(module, first, second):
    first(module)
    second(module)
    return module


def pruned_globally():
    net = nn.Sequential(linear(), fill(nn.Linear(4, 3)))
    with torch.no_grad():
        net[1].weight.mul_(0.9)  # no two alike
    prune.global_unstructured([(net[0], "weight"), (net[1], "weight")],
                              pruning_method=prune.L1Unstructured, amount=0.4)
    return net


MASK = torch.tensor([[1.0, 0, 1, 1, 0]] * 4)
CASES = {
    "weight_norm": lambda: utils.weight_norm(linear()),
    "weight_norm dim 1": lambda: utils.weight_norm(linear(), dim=1),
    "weight_norm of all": lambda: utils.weight_norm(linear(), dim=None),
    "weight_norm bias": lambda: utils.weight_norm(linear(), "bias"),
    "weight_norm removed": lambda: utils.remove_weight_norm(utils.weight_norm(linear())),
    "spectral_norm": lambda: utils.spectral_norm(linear()),
    "spectral_norm of transposed": lambda: utils.spectral_norm(transposed(), n_power_iterations=3),
    "spectral_norm removed": lambda: utils.remove_spectral_norm(utils.spectral_norm(linear())),
    "parametrized spectral_norm": lambda: parametrizations.spectral_norm(linear()),
    "parametrized spectral_norm of transposed": lambda: parametrizations.spectral_norm(
        transposed(), n_power_iterations=2),
    "parametrized spectral_norm bias": lambda: parametrizations.spectral_norm(linear(), "bias"),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Linear(5, 4)),
    "orthogonal tall": lambda: parametrizations.orthogonal(nn.Linear(5, 7)),
    "orthogonal square": lambda: parametrizations.orthogonal(nn.Linear(5, 5)),
    "orthogonal cayley": lambda: parametrizations.orthogonal(nn.Linear(5, 4), "weight", "cayley"),
    "orthogonal matrix_exp": lambda: parametrizations.orthogonal(nn.Linear(5, 7), "weight", "matrix_exp"),
    "prune identity": lambda: prune.identity(linear(), "weight"),
    "prune l1": lambda: prune.l1_unstructured(linear(), "weight", 0.4),
    "prune l1 scores": lambda: prune.l1_unstructured(linear(), "weight", 3,
                                                     importance_scores=-wave((20,)).cumsum(0).view(4, 5)),
    "prune l1 twice": lambda: twice(linear(), lambda m: prune.l1_unstructured(m, "weight", 0.25),
                                    lambda m: prune.l1_unstructured(m, "weight", 0.3)),
    "prune random": lambda: prune.random_unstructured(linear(), "weight", 0.3),
    "prune random rows": lambda: prune.random_structured(linear(), "weight", 0.5, 0),
    "prune ln columns": lambda: prune.ln_structured(linear(), "weight", 2, 2, 1),
    "prune ln inf": lambda: prune.ln_structured(transposed(), "weight", 0.34, float("inf"), 0),
    "prune ln and l1": lambda: twice(linear(), lambda m: prune.ln_structured(m, "weight", 1, 1, 0),
                                     lambda m: prune.l1_unstructured(m, "weight", 5)),
    "prune rows twice": lambda: twice(linear(), lambda m: prune.ln_structured(m, "weight", 1, 1, 0),
                                      lambda m: prune.ln_structured(m, "weight", 1, 1, 0)),
    "prune mask": lambda: twice(linear(), lambda m: prune.l1_unstructured(m, "weight", 0.2),
                                lambda m: prune.custom_from_mask(m, "weight", MASK)),
    "prune global": pruned_globally,
    "prune removed": lambda: prune.remove(prune.l1_unstructured(linear(), "weight", 0.4), "weight"),
}


def text(tensor):
    return " ".join(f"{v:.9g}" for v in tensor.detach().reshape(-1).tolist())


def run(name, make):
    torch.manual_seed(0)
    module = make()
    x = wave((2, 3, 3, 2)) if isinstance(module, nn.ConvTranspose2d) else wave((3, 5))
    output = module(x) + module(x)
    output = output + module.eval()(x)
    flat = output.reshape(-1)
    (flat * torch.cos(torch.arange(flat.numel()).double())).sum().backward()
    lines = [f"case {name}", f"output {text(output)}"]
    for key, value in module.state_dict().items():
        sizes = ",".join(map(str, value.shape)) or "-"
        lines.append(f"state {key} {sizes} {text(value)}")
    lines += [f"grad {key} {text(p.grad)}" for key, p in module.named_parameters()]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default=ROOT / "tests/nn/golden/reparametrize.txt", type=pathlib.Path)
    lines = [f"made by tools/golden/reparametrize_golden.py with PyTorch {torch.__version__}"]
    for name, make in CASES.items():
        lines += run(name, make)
    parser.parse_args().output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
