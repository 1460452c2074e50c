#!/usr/bin/env python3
"""Writes tests/optim/golden/*.txt: trajectories of PyTorch's optimizers and schedulers.

Needs PyTorch (1.13 has all that stands here); the tests that replay the files do not. One item per
line; a value is N (none), T, F, a number, 'text', a tensor (its values), or [values], (values):
  start I V V ...             parameter I before the first step
  grad STEP I V V ...         its gradient in a step, where it has one
  case OPTIMIZER KEY VALUE ...  starts a case: the options of its one parameter group
  after STEP I V V ...        parameter I after a step
  state I KEY V V ...         what state_dict() holds of parameter I after five steps
  options KEY KEY ...         and the names of the group's options
  schedule NAME KEY VALUE ... starts a case: a scheduler's arguments, on groups of lr 0.5 and 0.1
  lrs V V                     the groups' learning rates at first, and after each step
  momenta V V                 and their momenta, where they are cycled
  kept KEY VALUE              what the scheduler's state_dict() holds after ten steps
"""
import argparse
import math
import pathlib
import sys

import torch
from torch.optim import lr_scheduler, swa_utils

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = 10
# What chooses among Python's implementations, or is bookkeeping of its own.
PYTHON_ONLY = {"foreach", "capturable", "differentiable", "fused", "verbose", "al", "anneal_func",
               "_get_lr_called_within_step", "_scale_fn_ref", "_scale_fn_custom"}

OPTIMIZERS = [
    ("SGD", dict(lr=0.1)),
    ("SGD", dict(lr=0.1, weight_decay=0.2)),
    ("SGD", dict(lr=0.1, momentum=0.9)),
    ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    ("SGD", dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(lr=0.01, momentum=0.5, maximize=True, weight_decay=0.1)),
    ("Adam", dict(lr=0.01)),
    ("Adam", dict(lr=0.01, weight_decay=0.3)),
    ("Adam", dict(lr=0.01, amsgrad=True, betas=(0.5, 0.6))),
    ("Adam", dict(lr=0.01, eps=0.1, maximize=True, weight_decay=0.1, amsgrad=True)),
    ("AdamW", dict(lr=0.01)),
    ("AdamW", dict(lr=0.02, weight_decay=0.5, amsgrad=True)),
    ("AdamW", dict(lr=0.01, weight_decay=0.0, maximize=True, betas=(0.7, 0.8), eps=1e-3)),
    ("RMSprop", dict()),
    ("RMSprop", dict(lr=0.02, alpha=0.7, eps=1e-3, weight_decay=0.1)),
    ("RMSprop", dict(momentum=0.9)),
    ("RMSprop", dict(centered=True)),
    ("RMSprop", dict(centered=True, momentum=0.5, weight_decay=0.1, maximize=True)),
    ("Adagrad", dict()),
    ("Adagrad", dict(lr=0.1, lr_decay=0.2)),
    ("Adagrad", dict(weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    ("Adagrad", dict(lr=0.1, maximize=True)),
    ("Adadelta", dict()),
    ("Adadelta", dict(lr=0.5, rho=0.6, eps=1e-3, weight_decay=0.1)),
    ("Adadelta", dict(maximize=True)),
    ("Adamax", dict()),
    ("Adamax", dict(lr=0.1, betas=(0.6, 0.7), eps=1e-2, weight_decay=0.1)),
    ("Adamax", dict(maximize=True)),
    ("ASGD", dict()),
    ("ASGD", dict(lr=0.1, lambd=0.02, alpha=0.5, t0=3.0)),
    ("ASGD", dict(weight_decay=0.1, maximize=True, t0=0.0)),
    ("NAdam", dict()),
    ("NAdam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3)),
    ("NAdam", dict(weight_decay=0.1, momentum_decay=0.1)),
    ("RAdam", dict(lr=0.01)),
    ("RAdam", dict(lr=0.05, betas=(0.8, 0.9), eps=1e-3)),
    ("RAdam", dict(lr=0.01, weight_decay=0.1, betas=(0.9, 0.5))),
    ("Rprop", dict()),
    ("Rprop", dict(lr=0.1, etas=(0.4, 1.5), step_sizes=(0.05, 0.2))),
    ("Rprop", dict(maximize=True)),
    ("LBFGS", dict(max_iter=3, max_eval=3)),
    ("LBFGS", dict(lr=0.3, max_iter=2, max_eval=5, history_size=2)),
    ("LBFGS", dict(max_iter=4, max_eval=25, line_search_fn="strong_wolfe")),
    ("LBFGS", dict(max_iter=20, max_eval=25, history_size=3, line_search_fn="strong_wolfe",
                   tolerance_grad=1e-3, tolerance_change=1e-5)),
]

SCHEDULES = [
    ("StepLR", dict(step_size=3, gamma=0.5)),
    ("MultiStepLR", dict(milestones=[2, 5, 5, 11], gamma=0.5)),
    ("LambdaLR", dict(lr_lambda=None)),
    ("MultiplicativeLR", dict(lr_lambda=None)),
    ("ConstantLR", dict(factor=0.25, total_iters=4)),
    ("LinearLR", dict(start_factor=0.25, end_factor=0.75, total_iters=6)),
    ("ExponentialLR", dict(gamma=0.9)),
    ("PolynomialLR", dict(total_iters=7, power=2.0)),
    ("CosineAnnealingLR", dict(T_max=6, eta_min=0.02)),
    ("CosineAnnealingWarmRestarts", dict(T_0=3, T_mult=2, eta_min=0.01)),
    ("CosineAnnealingWarmRestarts", dict(T_0=4, T_mult=1, eta_min=0.0)),
    ("CyclicLR", dict(base_lr=[0.1, 0.01], max_lr=[0.5, 0.2], step_size_up=3, step_size_down=5,
                      mode="triangular", base_momentum=0.7, max_momentum=0.95)),
    ("CyclicLR", dict(base_lr=[0.1, 0.01], max_lr=[0.5, 0.2], step_size_up=4, mode="triangular2",
                      cycle_momentum=False)),
    ("CyclicLR", dict(base_lr=[0.1, 0.01], max_lr=[0.5, 0.2], step_size_up=3, mode="exp_range",
                      gamma=0.9)),
    ("OneCycleLR", dict(max_lr=[1.0, 0.3], total_steps=20)),
    ("OneCycleLR", dict(max_lr=[1.0, 0.3], total_steps=20, pct_start=0.25, anneal_strategy="linear",
                        base_momentum=0.8, max_momentum=0.9, div_factor=10.0,
                        final_div_factor=100.0, three_phase=True)),
    ("SWALR", dict(swa_lr=[0.05, 0.02], anneal_epochs=6, anneal_strategy="cos")),
    ("SWALR", dict(swa_lr=[0.05, 0.02], anneal_epochs=3, anneal_strategy="linear")),
    ("SWALR", dict(swa_lr=[0.05, 0.02], anneal_epochs=0, anneal_strategy="linear")),
    ("SequentialLR", dict()),
    ("ChainedScheduler", dict()),
    ("ReduceLROnPlateau", dict(mode="min", factor=0.5, patience=1, threshold=0.01, cooldown=1)),
    ("ReduceLROnPlateau", dict(mode="max", factor=0.1, patience=0, threshold=0.1,
                               threshold_mode="abs", min_lr=[0.05, 0.001], eps=1e-3)),
]


def text(value):
    """A value in the files' form."""
    if value is None:
        return "N"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, torch.Tensor):
        return " ".join(text(v) for v in value.flatten().tolist())
    if isinstance(value, (list, tuple)):
        inner = " ".join(text(v) for v in value)
        return f"[ {inner} ]" if isinstance(value, list) else f"( {inner} )"
    return repr(value)


def options_text(options):
    return "".join(f" {key} {text(value)}" for key, value in options.items())


def rosenbrock(parameters):
    """What LBFGS minimises; the tests compute the same."""
    x = torch.cat([parameter.flatten() for parameter in parameters])
    return (10 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def start_values():
    return [torch.tensor([1.5, -0.5]), torch.tensor([[0.3, -1.2], [2.0, 0.7]])]


def gradient(step, index):
    """None, or a gradient that changes its signs and its scale from step to step."""
    if (step, index) in ((3, 1), (7, 0)):
        return None
    values = start_values()[index]
    phase = torch.arange(values.numel()).reshape(values.shape) + 3 * index
    return torch.sin(1.7 * phase + 0.9 * step) * (0.2 + 0.3 * ((phase + step) % 4))


def run_optimizer(lines, name, options):
    parameters = [torch.nn.Parameter(value) for value in start_values()]
    # Only the multi-tensor form of NAdam follows the formula of 2.x.
    extra = {"foreach": True} if name == "NAdam" else {}
    optimizer = getattr(torch.optim, name)(parameters, **options, **extra)
    lines.append(f"case {name}{options_text(options)}")

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(parameters)
        loss.backward()
        return loss

    for step in range(1, STEPS + 1):
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            for index, parameter in enumerate(parameters):
                parameter.grad = gradient(step, index)
            optimizer.step()
        for index, parameter in enumerate(parameters):
            lines.append(f"after {step} {index} {text(parameter.data)}")
        if step == STEPS // 2:
            write_state(lines, optimizer.state_dict())


def write_state(lines, state_dict):
    for index, entries in state_dict["state"].items():
        for key, value in entries.items():
            if key in PYTHON_ONLY or value is None:
                continue
            if isinstance(value, list):  # of tensors: each a list
                value = [v.tolist() for v in value]
            if isinstance(value, torch.Tensor) and value.dim() == 0:
                value = value.item()
            lines.append(f"state {index} {key} {text(value)}")
    names = [key for key in state_dict["param_groups"][0] if key not in PYTHON_ONLY]
    lines.append("options " + " ".join(sorted(names)))


def metric(step):
    """What ReduceLROnPlateau sees: progress that stalls twice."""
    return [3.0, 2.0, 2.5, 1.995, 1.0, 1.0, 1.0, 0.9, 0.95, 0.9, 0.899, 0.5, 0.5, 0.5, 0.5][step % 15]


def make_schedule(optimizer, name, options):
    def factor(epoch):
        return 1 / (1 + epoch)

    if name == "SequentialLR":
        return lr_scheduler.SequentialLR(optimizer, [
            lr_scheduler.ConstantLR(optimizer, factor=0.1, total_iters=2),
            lr_scheduler.ExponentialLR(optimizer, gamma=0.9),
            lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)], milestones=[3, 8])
    if name == "ChainedScheduler":
        return lr_scheduler.ChainedScheduler([
            lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=4),
            lr_scheduler.ExponentialLR(optimizer, gamma=0.9)])
    if name == "SWALR":
        return swa_utils.SWALR(optimizer, **options)
    if "lr_lambda" in options:
        options = dict(lr_lambda=[factor, lambda epoch: 0.95 ** epoch])
    return getattr(lr_scheduler, name)(optimizer, **options)


def run_schedule(lines, name, options):
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": parameters[:1], "lr": 0.5},
                                 {"params": parameters[1:], "lr": 0.1}], lr=1.0, momentum=0.85)
    schedule = make_schedule(optimizer, name, dict(options))
    lines.append(f"schedule {name}{options_text(options)}")

    def write():
        groups = optimizer.param_groups
        lines.append("lrs " + " ".join(text(group["lr"]) for group in groups))
        if name in ("CyclicLR", "OneCycleLR"):
            lines.append("momenta " + " ".join(text(group["momentum"]) for group in groups))

    write()
    for step in range(19):
        optimizer.step()
        if name == "ReduceLROnPlateau":
            schedule.step(metric(step))
        else:
            schedule.step()
        write()
        if step == 9:
            for key, value in schedule.state_dict().items():
                plain = isinstance(value, (int, float, str, bool, list)) or value is None
                if key in PYTHON_ONLY or not plain or key in ("_schedulers", "_schedule_phases"):
                    continue
                if isinstance(value, float) and math.isinf(value):
                    value = math.copysign(1e999, value)
                lines.append(f"kept {key} {text(value)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/optim/golden")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    header = f"# PyTorch {torch.__version__}, tools/golden/optim_golden.py"

    lines = [header]
    for index, value in enumerate(start_values()):
        lines.append(f"start {index} {text(value)}")
    for step in range(1, STEPS + 1):
        for index in range(2):
            value = gradient(step, index)
            if value is not None:
                lines.append(f"grad {step} {index} {text(value)}")
    for name, settings in OPTIMIZERS:
        run_optimizer(lines, name, settings)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "optimizers.txt").write_text("\n".join(lines) + "\n")

    lines = [header]
    for name, settings in SCHEDULES:
        run_schedule(lines, name, settings)
    (options.out / "schedules.txt").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
