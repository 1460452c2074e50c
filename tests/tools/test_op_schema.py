#!/usr/bin/env python3
"""tools/op_schema.py sees every op, and tools/generate_op_table.py reads its arguments in order."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_op_cases  # noqa: E402
import generate_op_table  # noqa: E402
import op_schema  # noqa: E402

# Ops on raw memory and values of C++ only, or declared where no ops are.
NOT_BOXED = {"from_blob", "tensor"}
NAMESPACE = re.compile(r"\nnamespace (?:linalg|fft|special) \{.*?\n\}  // namespace", re.DOTALL)


class OpSchemaTest(unittest.TestCase):
    def test_every_declared_op_is_there(self):
        names = {overload.name for overload in op_schema.overloads()}
        # The names of linalg::, fft:: and special:: stand for ops that are declared elsewhere.
        other = "".join("".join(NAMESPACE.findall(path.read_text(encoding="utf-8")))
                        for path in sorted((op_schema.ROOT / "taper/ops").glob("*.h")))
        declared = {name for name in check_op_cases.declared()
                    if name in names or not re.search(rf"\b{name}\(", other)}
        self.assertEqual(declared - names, NOT_BOXED)

    def test_signatures_differ(self):
        signatures = [overload.signature for overload in op_schema.overloads()]
        self.assertEqual(len(signatures), len(set(signatures)))

    def test_a_call_reads_its_arguments_in_order(self):
        lerp = next(o for o in op_schema.overloads() if o.signature == "lerp(Tensor,Tensor,Scalar)")
        self.assertIn("taper::lerp(a.tensor(0), a.tensor(1), a.scalar(2))",
                      generate_op_table.line(lerp))
        self.assertFalse(lerp.writes)
        add = next(o for o in op_schema.overloads() if o.name == "add_")
        self.assertTrue(add.writes)


if __name__ == "__main__":
    unittest.main()
