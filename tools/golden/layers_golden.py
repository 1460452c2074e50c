#!/usr/bin/env python3
"""Writes tests/nn/golden/layers.txt: what PyTorch's modules hold, print and compute.

Needs PyTorch (1.13 has all that stands here); the tests that replay the file do not. Parameters and
inputs are filled by formulas that the test has too. One item per line:
  case NAME                    starts a case
  text TEXT                    how the module prints, on one line
  state KEY SIZES              an entry of the state dict, in order; SIZES is 2,3 or - (no dimensions)
  input wave SIZES             an input filled with waves, which takes a gradient
  input fixed SIZES            the same, without one (PyTorch's is missing or wrong)
  input unit SIZES             the same between 0 and 1
  input ints SIZES V V ...     one of integers
  input mask SIZES V V ...     one of booleans, written as 0 and 1
  input sign SIZES             1 and -1 in turn, of the waves' type
  output SIZES V V V S         its first three elements, and the sum of all weighed by cos(0, 1, ...);
                               of several results, all their elements one after another
  grad I|KEY SIZES V V V S     the gradient of that sum by an input or a parameter, likewise
"""
import argparse
import pathlib
import sys

import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]


def wave(*sizes):
    return ("wave", sizes)


def unit(*sizes):
    return ("unit", sizes)


def sign(*sizes):
    return ("sign", sizes)


def ints(values, *sizes):
    if isinstance(values, int):
        return ("ints", (), [values])
    return ("ints", sizes or (len(values),), values)


def mask(rows):
    return ("mask", (len(rows), len(rows[0])), [int(v) for row in rows for v in row])


PADDING = mask(["00001", "00000"])
CAUSAL3, CAUSAL5 = (mask([f"{'0' * i}{'1' * (n - i)}" for i in range(1, n + 1)]) for n in (3, 5))
SRC, TGT = wave(5, 2, 4), wave(3, 2, 4)
BATCHES = wave(2, 5, 4), wave(2, 3, 4)


def block(kind, other=False):
    options = dict(activation="gelu", batch_first=True, norm_first=True, layer_norm_eps=1e-3)
    return kind(4, 2, 5, 0.0, **(options if other else {}))


def recurrent(module, batch=2, states=0, size=4):
    """A layer or cell over waves, in a batch or not, with first states or none."""
    layers = isinstance(module, nn.RNNBase)
    count = module.num_layers * (1 + module.bidirectional) if layers else 1
    sizes = ((5, batch) if layers else (batch,)) if batch else ((5,) if layers else ())
    if layers and module.batch_first:
        sizes = sizes[::-1]
    first = ((count,) if layers else ()) + ((batch,) if batch else ())
    rest = [wave(*first, size), wave(*first, module.hidden_size)][:states]
    return (module, wave(*sizes, 3), *rest)


V1, V2, V3 = wave(2, 4, 7), wave(2, 4, 6, 5), wave(2, 4, 4, 5, 3)
LABELS = ints([1, 0, 3], 3)

CASES = {
    "conv1d": (nn.Conv1d(4, 6, (3,), stride=(2,), padding=(1,), dilation=(2,), groups=2), V1),
    "conv1d same circular": (nn.Conv1d(4, 2, (4,), padding="same", padding_mode="circular"), V1),
    "conv2d reflect": (nn.Conv2d(4, 3, (3, 2), padding=(2, 1), padding_mode="reflect"), V2),
    "conv2d replicate": (nn.Conv2d(4, 3, (3, 2), padding=(1, 2), stride=(1, 2),
                                   padding_mode="replicate", bias=False), V2),
    "conv3d": (nn.Conv3d(4, 2, (2, 3, 1), padding=(1, 0, 1), stride=(1, 2, 1)), V3),
    "conv3d circular": (nn.Conv3d(4, 4, (2, 3, 3), padding=(1, 1, 1), groups=4,
                                  padding_mode="circular"), V3),
    "transpose1d": (nn.ConvTranspose1d(4, 6, (3,), stride=(2,), padding=(1,), output_padding=(1,),
                                       groups=2), V1),
    "transpose2d": (nn.ConvTranspose2d(4, 3, (3, 2), stride=(2, 3), padding=(1, 0),
                                       output_padding=(1, 2), dilation=(1, 2), bias=False), V2),
    "transpose3d": (nn.ConvTranspose3d(4, 2, (2, 3, 1), stride=(2, 1, 2)), V3),
    "fold": (nn.Fold((4, 5), (2, 3), dilation=(1, 1), padding=(0, 1), stride=(2, 1)),
             wave(2, 12, 10)),
    "unfold": (nn.Unfold((2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)), V2),
    "constant1d": (nn.ConstantPad1d((1, 2), 0.5), V1),
    "constant2d": (nn.ConstantPad2d((1, 2, -1, 3), 1.5), V2),
    "constant3d": (nn.ConstantPad3d((1, 2, 0, 3, 1, 1), -2.5), V3),
    "zero2d": (nn.ZeroPad2d((1, 2, 3, 0)), V2),
    "reflection1d": (nn.ReflectionPad1d((3, 1)), V1),
    "reflection2d": (nn.ReflectionPad2d((3, 1, 0, 2)), V2),
    "reflection3d": (nn.ReflectionPad3d((1, 1, 2, 0, 1, 2)), V3),
    "replication1d": (nn.ReplicationPad1d((3, 1)), V1),
    "replication2d": (nn.ReplicationPad2d((3, 1, 0, 2)), V2),
    "replication3d": (nn.ReplicationPad3d((1, 1, 2, 0, 1, 2)), V3),
    "max1d": (nn.MaxPool1d(3, stride=2, padding=1, dilation=1, ceil_mode=True), V1),
    "max2d": (nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2)), V2),
    "max3d": (nn.MaxPool3d((2, 2, 1), stride=(1, 2, 2)), V3),
    "avg1d": (nn.AvgPool1d((3,), stride=(2,), padding=(1,), count_include_pad=False), V1),
    "avg2d": (nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True), V2),
    "avg3d": (nn.AvgPool3d((2, 3, 1), stride=(2, 1, 1), padding=(0, 1, 0), divisor_override=5), V3),
    "adaptive avg1d": (nn.AdaptiveAvgPool1d(3), V1),
    "adaptive avg2d": (nn.AdaptiveAvgPool2d((3, 2)), V2),
    "adaptive avg3d": (nn.AdaptiveAvgPool3d((3, 2, 1)), V3),
    "adaptive max1d": (nn.AdaptiveMaxPool1d(3), V1),
    "adaptive max2d": (nn.AdaptiveMaxPool2d((3, 2)), V2),
    "adaptive max3d": (nn.AdaptiveMaxPool3d((3, 2, 1)), V3),
    "lp1d": (nn.LPPool1d(2.5, 3, stride=2, ceil_mode=False), unit(2, 4, 7)),
    "lp2d": (nn.LPPool2d(3.5, (2, 3), stride=(1, 2)), unit(2, 4, 6, 5)),
    "unpool1d": (nn.MaxUnpool1d((2,), stride=(2,), padding=(0,)), wave(1, 2, 2),
                 ints([0, 2, 1, 3], 1, 2, 2)),
    "unpool2d": (nn.MaxUnpool2d((2, 1), stride=(2, 1), padding=(0, 0)), wave(1, 1, 2, 2),
                 ints([0, 1, 4, 7], 1, 1, 2, 2)),
    "unpool3d": (nn.MaxUnpool3d((2, 1, 1), stride=(2, 1, 1), padding=(0, 0, 0)),
                 wave(1, 1, 2, 2, 1), ints([0, 1, 4, 7], 1, 1, 2, 2, 1)),
    "upsample scale": (nn.Upsample(scale_factor=(1.5, 2.5), mode="bilinear"), V2),
    "upsample size": (nn.Upsample(size=(5, 9), mode="bicubic", align_corners=True), V2),
    "upsample volume": (nn.Upsample(size=(5, 9, 4), mode="trilinear"), V3),
    "upsampling nearest": (nn.UpsamplingNearest2d(size=(8, 9)), V2),
    "upsampling bilinear": (nn.UpsamplingBilinear2d(scale_factor=(2.5, 1.5)), V2),
    "pixel shuffle": (nn.PixelShuffle(2), V2),
    "pixel unshuffle": (nn.PixelUnshuffle(2), wave(2, 3, 4, 6)),
    "channel shuffle": (nn.ChannelShuffle(2), ("fixed", (2, 4, 6, 5))),
    "celu": (nn.CELU(alpha=1.5), V1),
    "selu": (nn.SELU(), V1),
    "mish": (nn.Mish(), V1),
    "glu": (nn.GLU(dim=1), V1),
    "hardshrink": (nn.Hardshrink(0.25), V1),
    "softshrink": (nn.Softshrink(0.25), V1),
    "tanhshrink": (nn.Tanhshrink(), V1),
    "softsign": (nn.Softsign(), V1),
    "logsigmoid": (nn.LogSigmoid(), V1),
    "hardsigmoid": (nn.Hardsigmoid(), V1),
    "hardswish": (nn.Hardswish(), V1),
    "threshold": (nn.Threshold(0.25, -1.5), V1),
    "softmin": (nn.Softmin(dim=1), V1),
    "softmax2d": (nn.Softmax2d(), V2),
    "rrelu": (nn.RReLU(lower=0.125, upper=0.25).eval(), V1),
    "prelu": (nn.PReLU(4), V2),
    "prelu one": (nn.PReLU(), V1),
    "relu6": (nn.ReLU6(inplace=False), V1),
    "leaky": (nn.LeakyReLU(negative_slope=0.125), V1),
    "elu": (nn.ELU(alpha=1.5), V1),
    "gelu": (nn.GELU(approximate="tanh"), V1),
    "softplus": (nn.Softplus(beta=2.5, threshold=15.5), V1),
    "bilinear": (nn.Bilinear(3, 4, 2), wave(5, 3), wave(5, 4)),
    "bilinear no bias": (nn.Bilinear(3, 4, 2, bias=False), wave(5, 3), wave(5, 4)),
    "cosine similarity": (nn.CosineSimilarity(dim=2, eps=1e-6), V1, unit(2, 4, 7)),
    "pairwise distance": (nn.PairwiseDistance(p=3.0, keepdim=True), V1, unit(2, 4, 7)),
    "dropout1d": (nn.Dropout1d(0.25).eval(), V1),
    "dropout2d": (nn.Dropout2d(0.25).eval(), V2),
    "dropout3d": (nn.Dropout3d(0.25).eval(), V3),
    "alpha dropout": (nn.AlphaDropout(0.25).eval(), V1),
    "feature alpha dropout": (nn.FeatureAlphaDropout(0.25).eval(), V1),
    "embedding bag": (nn.EmbeddingBag(5, 3, mode="sum"), ints([0, 1, 4, 2, 1, 1], 2, 3)),
    "embedding bag offsets": (nn.EmbeddingBag(5, 3, mode="max", padding_idx=1),
                              ints([0, 1, 4, 2, 1, 3], 6), ints([0, 2], 2)),
    "embedding bag mean": (nn.EmbeddingBag(5, 3, include_last_offset=True),
                           ints([0, 1, 4, 2, 1, 3], 6), ints([0, 2, 6], 3)),
    "batch3d": (nn.BatchNorm3d(4, eps=0.001, momentum=0.25), V3),
    "batch3d bare": (nn.BatchNorm3d(4, momentum=None, affine=False, track_running_stats=False), V3),
    "batch3d eval": (nn.BatchNorm3d(4, momentum=None).eval(), V3),
    "instance1d": (nn.InstanceNorm1d(4), V1),
    "instance1d sample": (nn.InstanceNorm1d(4, affine=True), wave(4, 7)),
    "instance2d": (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), V2),
    "instance2d eval": (nn.InstanceNorm2d(4, track_running_stats=True).eval(), V2),
    "instance3d": (nn.InstanceNorm3d(4, eps=0.001), V3),
    "local response": (nn.LocalResponseNorm(3, alpha=0.5, beta=0.75, k=1.5), V2),
    # PyTorch's slips: later windows keep the first channel, and gradients do not match values.
    "cross map": (nn.CrossMapLRN2d(3, alpha=0.5, beta=0.75, k=1.5), ("fixed", (2, 2, 6, 5))),
    "kl": (nn.KLDivLoss(reduction="batchmean"), wave(3, 4), unit(3, 4)),
    "kl log": (nn.KLDivLoss(reduction="sum", log_target=True), wave(3, 4), unit(3, 4)),
    "huber": (nn.HuberLoss(delta=0.75), wave(3, 4), unit(3, 4)),
    "hinge": (nn.HingeEmbeddingLoss(margin=0.5), wave(3, 4), sign(3, 4)),
    "multi margin": (nn.MultiMarginLoss(p=2, margin=0.75, weight=torch.ones(4)), wave(3, 4), LABELS),
    "multilabel margin": (nn.MultiLabelMarginLoss(reduction="sum"), wave(2, 4),
                          ints([3, 0, -1, 1, 2, -1, 0, 0], 2, 4)),
    "multilabel soft": (nn.MultiLabelSoftMarginLoss(weight=torch.ones(4)), wave(3, 4), unit(3, 4)),
    "soft margin": (nn.SoftMarginLoss(reduction="none"), wave(3, 4), sign(3, 4)),
    "margin ranking": (nn.MarginRankingLoss(margin=0.25), wave(5), unit(5), sign(5)),
    "cosine embedding": (nn.CosineEmbeddingLoss(margin=0.25), wave(3, 4), unit(3, 4), sign(3)),
    "triplet": (nn.TripletMarginLoss(margin=2.0, p=3.0, swap=True), wave(3, 4), unit(3, 4),
                sign(3, 4)),
    "triplet distance": (nn.TripletMarginWithDistanceLoss(margin=2.0, swap=True), wave(3, 4),
                         unit(3, 4), sign(3, 4)),
    "poisson": (nn.PoissonNLLLoss(full=True), wave(3, 4), unit(3, 4)),
    "poisson plain": (nn.PoissonNLLLoss(log_input=False, reduction="sum"), unit(3, 4), unit(3, 4)),
    "gaussian": (nn.GaussianNLLLoss(full=True), wave(3, 4), unit(3, 4), unit(3, 4)),
    "nll2d": (nn.NLLLoss(), wave(2, 3, 2, 2), ints([0, 1, 2, 2, 1, 1, 0, 2], 2, 2, 2)),
    "ctc": (nn.CTCLoss(blank=1, reduction="sum", zero_infinity=True), wave(5, 2, 4),
            ints([0, 2, 3, 3], 2, 2), ints([5, 4], 2), ints([2, 1], 2)),
    "rnn": recurrent(nn.RNN(3, 4)),
    "rnn relu": recurrent(nn.RNN(3, 4, 2, nonlinearity="relu", bidirectional=True), states=1),
    "lstm": recurrent(nn.LSTM(3, 4)),
    "lstm deep": recurrent(nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), states=2),
    "lstm no bias": recurrent(nn.LSTM(3, 4, 2, bias=False, dropout=0.5).eval()),
    "lstm projected": recurrent(nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True), states=2,
                                size=2),
    "lstm sequence": recurrent(nn.LSTM(3, 4, batch_first=True), batch=0, states=2),
    "gru": recurrent(nn.GRU(3, 4)),
    "gru deep": recurrent(nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), states=1),
    "gru sequence": recurrent(nn.GRU(3, 4, bias=False), batch=0),
    "rnn cell": recurrent(nn.RNNCell(3, 4)),
    "rnn cell relu": recurrent(nn.RNNCell(3, 4, bias=False, nonlinearity="relu"), states=1),
    "lstm cell": recurrent(nn.LSTMCell(3, 4), states=2),
    "lstm cell sample": recurrent(nn.LSTMCell(3, 4, bias=False), batch=0),
    "gru cell": recurrent(nn.GRUCell(3, 4), states=1),
    "gru cell sample": recurrent(nn.GRUCell(3, 4), batch=0, states=1),
    "encoder layer": (block(nn.TransformerEncoderLayer), SRC),
    "encoder layer masks": (block(nn.TransformerEncoderLayer, True), BATCHES[0], CAUSAL5, PADDING),
    "encoder": (nn.TransformerEncoder(block(nn.TransformerEncoderLayer), 2), SRC),
    "encoder norm": (nn.TransformerEncoder(block(nn.TransformerEncoderLayer, True), 2,
                                           nn.LayerNorm(4)), BATCHES[0], ("fixed", (5, 5))),
    "attention extra": (nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True), TGT, SRC,
                        SRC),
    "attention sizes": (nn.MultiheadAttention(4, 2, kdim=3, vdim=5, bias=False,
                                              add_zero_attn=True), wave(3, 4), wave(2, 3),
                        wave(2, 5)),
    "adaptive": (nn.AdaptiveLogSoftmaxWithLoss(8, 7, [2, 4]), wave(5, 8), ints([0, 6, 2, 3, 5])),
    "adaptive sample": (nn.AdaptiveLogSoftmaxWithLoss(8, 7, [2], 2.0, True), wave(8),
                        ints(4)),
    "decoder layer": (block(nn.TransformerDecoderLayer), TGT, SRC),
    "decoder layer masks": (block(nn.TransformerDecoderLayer, True), BATCHES[1], BATCHES[0],
                            CAUSAL3, ("fixed", (3, 5)), mask(["000", "001"]), PADDING),
    "decoder": (nn.TransformerDecoder(block(nn.TransformerDecoderLayer), 2), TGT, SRC),
    "decoder sample": (nn.TransformerDecoder(block(nn.TransformerDecoderLayer, True), 1,
                                             nn.LayerNorm(4)), wave(3, 4), wave(5, 4)),
    "transformer": (nn.Transformer(4, 2, 1, 2, 5, 0.0), SRC, TGT),
    "transformer masks": (nn.Transformer(4, 2, 1, 1, 5, 0.0, batch_first=True, norm_first=True),
                          *BATCHES, CAUSAL5, CAUSAL3, ("fixed", (3, 5)), PADDING),
}


def sizes_text(tensor):
    return ",".join(map(str, tensor.shape)) or "-"


def waves(sizes):
    count = torch.Size(sizes).numel()
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.7).view(sizes)


def make(kind, sizes, values=None):
    if kind == "ints":
        return torch.tensor(values).view(sizes)
    if kind == "mask":
        return torch.tensor(values, dtype=torch.bool).view(sizes)
    if kind == "sign":
        count = torch.Size(sizes).numel()
        return (1 - 2 * (torch.arange(count) % 2)).double().view(sizes)
    filled = waves(sizes) + (0.1 if kind != "unit" else 0)
    if kind == "fixed":
        return filled
    if kind == "unit":
        filled = (filled + 1.25) / 2.5
    return filled.requires_grad_()


def sum_of(tensor):
    flat = tensor.reshape(-1)
    return (flat * torch.cos(torch.arange(flat.numel(), dtype=torch.float64))).sum()


def joined(result):
    """A tensor, or the elements of several, nested or not, one after another."""
    if isinstance(result, torch.Tensor):
        return result
    return torch.cat([joined(part).reshape(-1) for part in result])


def numbers(tensor):
    first = tensor.detach().reshape(-1)[:3].tolist()
    return f"{sizes_text(tensor)} " + " ".join(f"{v:.12g}" for v in
                                               first + [sum_of(tensor.detach()).item()])


def write(out, name, module, specs):
    out.append(f"case {name}")
    # Without the children's lines.
    text = repr(module)
    out.append("text " + (text.split("\n")[0] + ")" if "\n" in text else text))
    for key, value in module.state_dict().items():
        out.append(f"state {key} {sizes_text(value)}")
    module.double()
    for i, parameter in enumerate(module.parameters()):
        count = torch.arange(parameter.numel(), dtype=torch.float64)
        parameter.data = (0.3 * torch.cos(0.9 * count + i)).view(parameter.shape)
    inputs = [make(*spec) for spec in specs]
    for spec, value in zip(specs, inputs):
        values = " ".join(map(str, spec[2])) if len(spec) > 2 else ""
        out.append(f"input {spec[0]} {sizes_text(value)} {values}".rstrip())
    arguments = inputs
    if isinstance(module, (nn.LSTM, nn.LSTMCell)) and len(inputs) == 3:
        arguments = [inputs[0], tuple(inputs[1:])]
    result = joined(module(*arguments))
    out.append("output " + numbers(result))
    sum_of(result).backward() if result.requires_grad else None
    for i, value in enumerate(inputs):
        if value.grad is not None:
            out.append(f"grad {i} " + numbers(value.grad))
    for key, value in module.named_parameters():
        out.append(f"grad {key} " + numbers(value.grad))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    lines = [f"# PyTorch {torch.__version__}, tools/golden/layers_golden.py"]
    for name, (module, *specs) in CASES.items():
        write(lines, name, module, specs)
    path = ROOT / "tests/nn/golden/layers.txt"
    text = "\n".join(lines) + "\n"
    if arguments.check:
        sys.exit(path.read_text() != text)
    path.write_text(text)


if __name__ == "__main__":
    main()
