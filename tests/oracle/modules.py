#!/usr/bin/env python3
"""Replays PyTorch's modules against Taper: each with combinations of its options, in training and in
evaluation. Compared are the names, order and sizes of the state, the results, the buffers after the
call, and the gradients of the arguments and of every parameter, in float64; and that options and
arguments which PyTorch refuses are refused. A case is one module of one set of options, called once.

Runs with Debian's python3-torch; ends with 77 (skipped) where it is missing. What differs for a
reason stands in known_module_differences.txt.
"""
import argparse
import collections
import pathlib
import sys
import tempfile
import warnings

import replay  # ends with 77 without PyTorch
import torch
from torch import nn

import cases
import module_cases
import samples

# Options by Taper's names, and those that PyTorch derives from others.
RENAMED = {"lambd": "lambda", "unflattened_size": "sizes"}
DERIVED = {"stride": "kernel_size", "kdim": "embed_dim", "vdim": "embed_dim"}

def settings(name, options):
    """The options as Taper takes them."""
    result = {}
    for key, value in options.items():
        if value is None and key in DERIVED:
            continue
        result[RENAMED.get(key, key)] = value
    for key, source in DERIVED.items():
        if source in options and options.get(key) is None and (
                key != "stride" or "Pool" in name and not name.startswith("Fractional") or
                "Unpool" in name):
            result[key] = options[source]
    return result


def flat(result):
    if isinstance(result, (tuple, list)):
        return [each for part in result for each in flat(part)]
    return [result]


def make(name, options):
    """PyTorch's module, in float64 with parameters that are no zeros or ones."""
    if name in ("TransformerEncoder", "TransformerDecoder"):
        layer = getattr(nn, name + "Layer")(**options["layer"])
        norm = options["norm"] and nn.LayerNorm(**options["norm"])
        module = getattr(nn, name)(layer, options["num_layers"], norm)
    else:
        module = getattr(nn, name)(**options)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for key, buffer in module.named_buffers():
            if key.startswith("running_"):
                buffer.add_(0.5 * torch.rand_like(buffer))
    return module


def call(name, module, inputs, how):
    given = list(inputs)
    if name in ("LSTM", "LSTMCell") and len(given) == 3:
        given = [given[0], (given[1], given[2])]
    keywords = {}
    if "output_size_of_call" in how:
        keywords["output_size"] = how["output_size_of_call"]
    if name == "MultiheadAttention":
        keywords = {k: how[k] for k in ("need_weights", "average_attn_weights")}
        given = given[:3]
        keywords.update(key_padding_mask=inputs[3], attn_mask=inputs[4])
    return module(*given, **keywords)


class Writer:
    def __init__(self, write):
        self.write = write
        self.descriptions = []

    def add(self, name, options, inputs, train=True, **how):
        torch.manual_seed(len(self.descriptions))
        inputs = [each() if callable(each) else each for each in inputs]
        kept = samples.clones(inputs)
        options = {k: v() if callable(v) else v for k, v in options.items()}
        python_options = dict(options)
        if how.get("return_indices"):
            python_options["return_indices"] = True
        case = {"state": []}
        try:
            module = make(name, python_options).train(train)
            case["state"] = [[k, v.detach().clone()] for k, v in module.state_dict().items()]
            self.expect(name, module, inputs, how, case)
        except Exception as error:  # PyTorch raises all kinds
            case.update(fails="Error", reason=str(error))
        call_how = {"train": train, **how}
        if "output_size_of_call" in call_how:
            call_how["output_size"] = call_how.pop("output_size_of_call")
        arguments = [settings(name, options), call_how, case.pop("state"), kept]
        reason = case.pop("reason", "")
        self.write(cases.value(dict(case, id=len(self.descriptions), call="nn." + name,
                                    arguments=arguments)))
        shown = ", ".join(f"{k}={samples.describe((v,), {})}" for k, v in
                          {**options, **how, "train": train}.items())
        self.descriptions.append((name, f"{shown}; {samples.describe(inputs, {})}", reason))

    @staticmethod
    def expect(name, module, inputs, how, case):
        outputs = flat(call(name, module, inputs, how))
        roots = [o for o in outputs if o is not None and o.requires_grad]
        wanted = [t for t in inputs if t is not None and t.requires_grad] + \
            list(module.parameters())
        weights = [None if o is None or not o.requires_grad else torch.randn_like(o)
                   for o in outputs]
        if roots and wanted:
            case["gradients"] = list(torch.autograd.grad(
                roots, wanted, [w for w in weights if w is not None], allow_unused=True))
            case["grad_outputs"] = weights
        after = [buffer.detach() for buffer in module.buffers()]
        case["outputs"] = [o if o is None else o.detach() for o in outputs] + after


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", nargs="*", help="names of modules")
    parser.add_argument("--verbose", type=int, default=3, help="differences shown for each module")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cases"
        with open(path, "wb") as file:
            writer = Writer(file.write)
            for name, *rest, how in module_cases.all_cases():
                if not options.only or name in options.only:
                    writer.add(name, *rest, **how)
        differences, _, death = replay.run(options.program, path)
    known = replay.Known("known_module_differences.txt")
    unexplained = collections.defaultdict(list)
    for case, text in differences.items():
        name, shown, reason = writer.descriptions[case]
        if not known.explains(name, "float64", shown, text):
            unexplained[name].append(f"{shown}: {text[:300]} {reason[:200]}")
    replay.show(unexplained, death, writer.descriptions, options.verbose)
    left = sum(map(len, unexplained.values()))
    refused = sum(bool(reason) for _, _, reason in writer.descriptions)
    print(f"{len({d[0] for d in writer.descriptions})} modules, {len(writer.descriptions)} cases "
          f"({refused} that PyTorch refuses), {len(writer.descriptions) - len(differences)} equal, "
          f"{len(differences) - left} known differences, {left} others")
    stale = [] if options.only else known.unused()
    for entry in stale:
        print(f"known_module_differences.txt: nothing differs like {entry}")
    return 1 if left or death or stale else 0


if __name__ == "__main__":
    sys.exit(main())
