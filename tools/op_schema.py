"""The free functions that taper/ops/*.h declare, as data: overloads with their parameters."""
import pathlib
import re
from dataclasses import dataclass

import generate_methods

ROOT = pathlib.Path(__file__).resolve().parent.parent
# bodies.h is internal; the others declare no ops or ops on raw memory and streams.
NOT_OPS = ("bodies.h", "strided.h", "indexing.h", "printing.h")
DECLARATION = re.compile(
    r"^(?:Tensor&?|bool|std::tuple<[^;{]*?>|std::vector<Tensor>) "
    r"\w+\((?:[^;{}()]|\{[^{}]*\})*\);", re.MULTILINE)

# How the boxed call reads a parameter of each type: a method of oracle::Arguments.
READERS = {
    "const Tensor&": "tensor",
    "Tensor&": "tensor",
    "TensorList": "tensors",
    "const std::optional<Tensor>&": "optional_tensor",
    "const Scalar&": "scalar",
    "const std::optional<Scalar>&": "optional_scalar",
    "ArrayRef<Scalar>": "scalars",
    "int64_t": "integer",
    "std::optional<int64_t>": "optional_integer",
    "IntArrayRef": "integers",
    "OptionalIntArrayRef": "optional_integers",
    "double": "real",
    "std::optional<double>": "optional_real",
    "std::optional<ArrayRef<double>>": "optional_reals",
    "bool": "truth",
    "StrictBool": "truth",
    "Correction": "correction",
    "std::optional<bool>": "optional_truth",
    "std::string_view": "text",
    "PaddingName": "text",
    "std::optional<std::string_view>": "optional_text",
    "ScalarType": "type",
    "std::optional<ScalarType>": "optional_type",
    "const TensorOptions&": "options",
    "MemoryFormat": "format",
    "std::optional<MemoryFormat>": "optional_format",
    "const std::optional<Generator>&": "generator",
}


@dataclass(frozen=True)
class Overload:
    name: str
    result: str
    parameters: tuple
    header: str

    @property
    def signature(self):
        types = (re.sub(r"const |std::|&", "", p.type) for p in self.parameters)
        return f"{self.name}({','.join(types)})"

    @property
    def writes(self):
        """Whether the first tensor is written: the _ and _out forms."""
        return any(p.type == "Tensor&" for p in self.parameters)


def read_header(path):
    text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    for declaration in DECLARATION.findall(text):
        result, name, parameters = generate_methods.parse_declaration(declaration.rstrip(";"))
        if all(p.type in READERS for p in parameters):
            yield Overload(name, result, tuple(parameters), f"taper/ops/{path.name}")


def overloads(root=ROOT):
    """Every overload whose parameters can be boxed, in the order of the headers."""
    found = []
    for path in sorted((root / "taper/ops").glob("*.h")):
        if path.name not in NOT_OPS and not path.name.endswith("_util.h"):
            found += read_header(path)
    return found
