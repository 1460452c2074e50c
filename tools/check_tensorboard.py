#!/usr/bin/env python3
"""Opens Taper's event files in TensorBoard itself, a check for changes of the format.

Needs TensorBoard from PyPI, in a virtual environment say, and tests/taper_python_events of a build:
  pip install tensorboard && tools/check_tensorboard.py BUILD/tests/taper_python_events
Last run with TensorBoard 2.21.0. The tests check the files without it.
"""
import argparse
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


def write_runs(program, folder):
    """Two runs; the second was resumed, so that its second file repeats the steps of the first."""
    for run, times in (("a", 1), ("b", 2)):
        for _ in range(times):
            subprocess.run([program, folder / run], check=True, capture_output=True)
            time.sleep(1.1)  # TensorBoard reads a folder's files in the order of their names


class Server:
    """TensorBoard on a free port."""

    def __init__(self, folder, *words):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port",
             str(self.port), "--host", "127.0.0.1", *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, path, body=None, **query):
        url = f"http://127.0.0.1:{self.port}/data/{path}?{urllib.parse.urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as got:
            return json.load(got)

    def wait(self):
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if len(self.get("plugin/scalars/tags")) == 2:
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.5)
        raise SystemExit("TensorBoard did not show the runs")

    def __enter__(self):
        self.wait()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def expect(what, got, expected):
    if got != expected:
        raise SystemExit(f"{what}: got {got}, expected {expected}")
    print(f"  {what}: {got}")


def check(server):
    tags = server.get("plugin/scalars/tags")
    expect("runs", sorted(tags), ["a", "b"])
    expect("scalars", sorted(tags["b"]), ["größe", "train/loss", "weights/broken/nonfinite"])
    for run in "ab":
        points = server.get("plugin/scalars/scalars", run=run, tag="train/loss")
        expect(f"steps of {run}", [point[1] for point in points], [3, 4, 5])
    histogram = server.get("plugin/histograms/histograms", run="a", tag="weights/w")
    expect("histogram's step", histogram[0][1], 4)
    expect("histogram's count", round(sum(bucket[2] for bucket in histogram[0][2])), 100)
    images = server.get("plugin/images/images", run="a", tag="samples", sample=0)
    expect("steps of images", [image["step"] for image in images], [5])
    text = server.get("plugin/text/text", run="a", tag="note/text_summary")
    expect("text", "<h1>title</h1>" in text[0]["text"], True)
    experiment = server.get("plugin/hparams/experiment", body={"experimentName": ""})
    expect("hyper-parameters", sorted(info["name"] for info in experiment["hparamInfos"]),
           ["bias", "layers", "lr", "optimizer"])
    groups = server.get("plugin/hparams/session_groups", body={
        "experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": [],
        "startIndex": 0, "sliceSize": 10})
    expect("runs in the table of hyper-parameters", groups["totalSize"], 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_runs(options.program.resolve(), folder)
        for words in ((), ("--load_fast=false",)):
            print("TensorBoard", *words)
            with Server(folder, *words) as server:
                check(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
