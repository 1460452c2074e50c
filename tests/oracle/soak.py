#!/usr/bin/env python3
"""Calls every op with degenerate arguments, starting from the samples of PyTorch's operator
database: see soak.cpp. Ends with 77 (skipped) where Debian's python3-torch is missing."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
try:
    import numpy  # noqa: F401: tensors are written through it
    import torch  # noqa: F401
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

import binding  # noqa: E402
import cases  # noqa: E402
import op_schema  # noqa: E402
import samples  # noqa: E402


def plain_value(reader):
    """An argument where the database has no sample of an overload."""
    plain = {"tensor": torch.rand(3, 4), "tensors": [torch.rand(3, 4), torch.rand(3, 4)],
             "scalar": 1.0, "scalars": [1.0, 2.0], "integer": 1, "integers": [1, 1], "real": 0.5,
             "reals": [0.0, 1.0],
             "truth": True, "text": "mean", "type": torch.float64,
             "format": torch.preserve_format}
    return plain.get(reader.removeprefix("optional_"))


def plain_case(overload):
    """Each parameter without a default gets a plain value."""
    arguments = []
    for parameter in overload.parameters:
        reader = op_schema.READERS[parameter.type]
        value = binding.value_of(parameter, reader)
        arguments.append(plain_value(reader) if value is binding.MISSING else value)
    return {"id": -1, "call": overload.signature, "arguments": arguments}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--calls", type=int, default=0, help="about how many; 0: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cases"
        with open(path, "wb") as file:
            collector = samples.collect(binding.Table(), file.write, references=False)
            for overload in op_schema.overloads():
                if overload.signature not in collector.signatures:
                    file.write(cases.value(plain_case(overload)))
        # With AddressSanitizer: a refused allocation is not a report.
        environment = {"ASAN_OPTIONS": "allocator_may_return_null=1", **os.environ}
        return subprocess.run([options.program, path, str(options.calls)],
                              env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
