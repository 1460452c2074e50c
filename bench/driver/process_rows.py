"""Rows that measure whole programs: start, memory, compilation, size, allocations, the demo."""

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

from .pairs import result_row
from .worker import Worker, WorkerError, environment


def _json_output(command, env):
    return json.loads(subprocess.run(command, env=env, check=True, capture_output=True,
                                     text=True).stdout)


def start_rows(config, pairs):
    """Time from fork to the first result, and the memory then resident."""
    launch = os.path.join(config["programs"], "bench_launch")
    seconds, memory = {"ours": [], "peer": []}, {"ours": [], "peer": []}
    programs = {"ours": "bench_start_taper", "peer": "bench_start_peer"}
    env = environment(2, config["openblas_dir"])
    for _ in range(pairs):
        for side, name in programs.items():
            path = os.path.join(config["programs"], name)
            if not os.path.exists(path) or config["side"] not in ("both", side):
                continue
            answer = _json_output([launch, "3", path], env)
            seconds[side].append(1e3 * min(answer["seconds"]))
            memory[side].append(answer["rss_kb"] / 1e3)
    peer = config["peer_name"]
    yield result_row("process/start_to_first_result", "ms", seconds["ours"], seconds["peer"], peer)
    yield result_row("process/resident_memory", "MB", memory["ours"], memory["peer"], peer)


def trainer_rows(config, pairs):
    """What the trainer costs over a loop written by hand: of a step of 1 ms, also with all its
    records, and of an epoch."""
    program = os.path.join(config["programs"], "bench_trainer")
    if config["side"] == "peer" or not os.path.exists(program):
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        run = subprocess.run([program, str(pairs)], env=environment(1), check=True, text=True,
                             stdout=subprocess.PIPE, stderr=nowhere)
    answer = json.loads(run.stdout)
    yield result_row("train/overhead_of_1ms_step", "%", answer["step_percent"], [], None)
    yield result_row("train/overhead_with_records", "%", answer["recorded_percent"], [], None)
    yield result_row("train/overhead_of_epoch", "us", answer["epoch_us"], [], None)


def _compile_commands(config):
    """What compiles the program, but for -O2 and the output: with each library's own header, and
    with Taper under LibTorch's header names."""
    def command(standard, flags, *more):
        return [config["compiler"], standard, *more, *shlex.split(flags), program]

    program = os.path.join(config["source"], "bench", "compile", "mlp_program.cpp")
    commands = {}
    if config["taper_flags"] and config["side"] != "peer":
        commands["ours"] = command("-std=c++20", config["taper_flags"])
        commands["ours_torch"] = command("-std=c++20", config["taper_torch_flags"],
                                         "-DBENCH_TORCH")
    if config["peer_flags"] and config["side"] != "ours":
        commands["peer"] = command("-std=c++17", config["peer_flags"], "-DBENCH_TORCH")
    return commands


def compile_rows(config, pairs):
    """Compile time of one MLP program, with each library's own header and with torch/torch.h on
    both sides; and the lines of the libraries' own headers."""
    commands = _compile_commands(config)
    seconds = {"ours": [], "ours_torch": [], "peer": []}
    lines = {"ours": [], "peer": []}
    # A compiler cache would answer from the second time on.
    env = dict(os.environ, CCACHE_DISABLE="1")
    with tempfile.TemporaryDirectory() as scratch:
        for side in lines.keys() & commands.keys():
            source = os.path.join(scratch, side + ".cpp")
            with open(source, "w", encoding="utf-8") as file:
                header = "torch/torch.h" if side == "peer" else "taper/taper.h"
                file.write(f"#include <{header}>\n")
            text = subprocess.run([*commands[side][:-1], "-E", "-P", source], env=env, check=True,
                                  capture_output=True).stdout
            lines[side].append(text.count(b"\n"))
        for _ in range(pairs):
            for side, command in commands.items():
                start = time.monotonic()
                subprocess.run([*command, "-O2", "-c", "-o", os.path.join(scratch, "out.o")],
                               env=env, check=True)
                seconds[side].append(time.monotonic() - start)
    peer = config["peer_name"]
    yield result_row("build/compile_mlp_program", "s", seconds["ours"], seconds["peer"], peer)
    yield result_row("build/compile_torch_program", "s", seconds["ours_torch"], seconds["peer"],
                     peer)
    yield result_row("build/header_lines", "lines", lines["ours"], lines["peer"], peer)


def size_rows(config):
    """Size of the stripped shared library, in MB."""
    def stripped(paths):
        total = 0
        with tempfile.TemporaryDirectory() as scratch:
            for path in paths:
                copy = os.path.join(scratch, "library")
                subprocess.run(["strip", "-o", copy, os.path.realpath(path)], check=True)
                total += os.path.getsize(copy)
        return total / 1e6

    ours, peer = [], []
    if config["taper_library"].endswith(".so") or ".so." in config["taper_library"]:
        ours = [stripped([config["taper_library"]])]
    libraries = [path for path in config["peer_libraries"].split(";") if os.path.exists(path)]
    if libraries and config["side"] != "ours":
        peer = [stripped(libraries)]
    yield result_row("build/stripped_library", "MB", ours, peer, config["peer_name"])


def clean_build_row(config):
    """Minutes of a clean build of the library on two cores, without a compiler cache."""
    if config["side"] == "peer":
        return
    with tempfile.TemporaryDirectory() as scratch:
        configure = ["cmake", "-S", config["source"], "-B", scratch, "-G", "Ninja",
                     "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON",
                     "-DCMAKE_CXX_COMPILER_LAUNCHER=", "-DTAPER_BUILD_TESTS=OFF",
                     "-DTAPER_BUILD_EXAMPLES=OFF", "-DTAPER_BUILD_BENCH=OFF"]
        env = dict(os.environ, CCACHE_DISABLE="1")
        start = time.monotonic()
        subprocess.run(configure, env=env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", scratch, "-j", "2"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        minutes = (time.monotonic() - start) / 60
    yield result_row("build/clean_build", "min", [minutes], [], None)


STEADY_MODELS = ("mlp/8-8-8-1/batch1", "mlp/784-256-128-10/batch128", "demo/batch128")
# What is printed per model, and the counters that it sums.
STEADY_COUNTS = {
    "own_malloc_mmap": ("own_malloc", "own_mmap"),
    "page_faults": ("faults",),
    "onednn_openblas_malloc": ("onednn_malloc", "openblas_malloc"),
}


def _steady_label(model, threads):
    return f"steady/{model} @{threads}t"


def steady_names():
    """Every row that steady_rows can give."""
    return [f"{_steady_label(model, threads)}/{what}" for model in STEADY_MODELS
            for threads in (1, 2) for what in STEADY_COUNTS]


def steady_rows(config, wanted, report):
    """malloc and mmap calls and page faults of a steady training step, by who made them."""
    preload = os.path.join(config["programs"], "libbench_alloc.so")
    programs = {"ours": ("bench_taper", None), "peer": ("bench_peer", config["openblas_dir"])}
    answers = {}
    for threads in (1, 2):
        for side, (name, openblas_dir) in programs.items():
            path = os.path.join(config["programs"], name)
            if not os.path.exists(path) or config["side"] not in ("both", side):
                continue
            worker = Worker(path, threads, openblas_dir, preload)
            for model in STEADY_MODELS:
                label = _steady_label(model, threads)
                if not any(wanted(f"{label}/{what}") for what in STEADY_COUNTS):
                    continue
                try:
                    answers.setdefault(label, {})[side] = worker.request("steady", model)
                except WorkerError as error:
                    report(f"{label}: {error}")
            worker.close()
    for label, sides in answers.items():
        for what, keys in STEADY_COUNTS.items():
            counts = {side: [sum(answer[key] for key in keys)] for side, answer in sides.items()}
            yield result_row(f"{label}/{what}", "per step", counts.get("ours", []),
                             counts.get("peer", []), config["peer_name"])
        if sides.get("ours", {}).get("own_malloc"):
            report(f"{label}: callers {sides['ours']['sites']}")


def _run_demo(config, epochs):
    """(seconds of each epoch, test accuracy) of the demo program on two threads."""
    with tempfile.TemporaryDirectory() as scratch:
        env = dict(environment(2), DEMO_EPOCHS=str(epochs))
        start = time.monotonic()
        output = subprocess.run([config["demo"]], env=env, cwd=scratch, check=True,
                                capture_output=True, text=True).stdout
        elapsed = time.monotonic() - start
        accuracy = float(re.search(r"test accuracy ([0-9.]+)\s*$", output).group(1))
        times = []
        for path in glob.glob(os.path.join(scratch, "runs", "**", "*.jsonl"), recursive=True):
            with open(path, encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines if line.strip()]
            times += [record["epoch_seconds"] for record in records if "epoch_seconds" in record]
    # Without epoch times in the metrics, the start and the files count against us.
    return times or [elapsed / epochs] * epochs, accuracy


def demo_rows(config, epochs, report):
    """Accuracy and time per epoch of the demo against Python PyTorch on the same work."""
    seconds, accuracy = {"ours": [], "peer": []}, {"ours": [], "peer": []}
    if config["demo"] and os.path.exists(config["demo"]) and config["side"] != "peer":
        seconds["ours"], value = _run_demo(config, epochs)
        accuracy["ours"].append(value)
    peer_name = None
    script = os.path.join(config["source"], "bench", "peers", "fashion_mnist.py")
    # Debian's module belongs to Debian's interpreter, whatever runs this script.
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    has_torch = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    if has_torch.returncode != 0:
        report("demo: no Python PyTorch (python3-torch): our side alone")
    elif config["side"] != "ours":
        answer = _json_output([python, script, "--epochs", str(epochs)],
                              environment(2, config["openblas_dir"]))
        seconds["peer"] = answer["epoch_seconds"]
        accuracy["peer"].append(answer["test_accuracy"])
        peer_name = "Python torch " + answer["version"]
    if seconds["ours"] or seconds["peer"]:
        yield result_row("demo/seconds_per_epoch @2t", "s", seconds["ours"], seconds["peer"],
                         peer_name)
        row = result_row("demo/test_accuracy", "share", accuracy["ours"], accuracy["peer"],
                         peer_name)
        row.update(ratio=None, ratio_min=None, ratio_max=None)
        yield row
