"""The generator: what it parses, what it writes, what it refuses."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import generate_methods as gen

ADD = """#pragma once
namespace taper TAPER_API {
/// Elementwise sum: self + alpha * other. Broadcasts.
/// variants: method, inplace, out
Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
"""


def parse(text):
    return gen.parse_header("taper/ops/x.h", text)


class Parse(unittest.TestCase):
    def test_op(self):
        (op,) = parse(ADD)
        self.assertEqual(op.name, "add")
        self.assertEqual(op.result, "Tensor")
        self.assertEqual([p.declared() for p in op.parameters],
                         ["const Tensor& self", "const Tensor& other", "const Scalar& alpha = 1"])
        self.assertEqual(op.variants, {"method", "inplace", "out"})
        self.assertEqual(op.summary, "Elementwise sum: self + alpha * other.")

    def test_defaults_and_templates_with_commas(self):
        (op,) = parse("""/// Splits.
/// variants: method
std::tuple<Tensor, Tensor> split(const Tensor& self, std::vector<std::pair<int, int>> s = {{1, 2}},
                                 const std::optional<Tensor>& w = {}, bool b = f(1, 2),
                                 std::optional<int64_t> d = std::nullopt);
""")
        self.assertEqual(op.result, "std::tuple<Tensor, Tensor>")
        self.assertEqual([p.name for p in op.parameters], ["self", "s", "w", "b", "d"])
        self.assertEqual([p.default for p in op.parameters],
                         ["", "{{1, 2}}", "{}", "f(1, 2)", "std::nullopt"])

    def test_declarations_without_variants_are_left_alone(self):
        self.assertEqual(parse("/// Plain.\nTensor relu6(const Tensor& self);\n"), [])

    def test_refused(self):
        for text, message in [
            ("/// A.\n/// variants: metod\nTensor a(const Tensor& self);", "variants are"),
            ("/// A.\n/// variants: method\nTensor a(const Tensor& x);", "no parameter is named"),
            ("/// A.\n/// variants: method\nTensor a(Tensor& self);", "expected const Tensor&"),
            ("/// A.\n/// variants: out\nbool a(const Tensor& self);", "inplace and out need"),
            ("/// A.\n/// variants: method\n/// More.\nTensor a(const Tensor& self);", "last line"),
            ("/// A.\n/// variants: method\nTensor a(const Tensor&);", "without a name"),
        ]:
            with self.subTest(text), self.assertRaisesRegex(gen.DeclarationError, message):
                parse(text)


class Write(unittest.TestCase):
    def test_method_and_variants(self):
        ops = parse(ADD)
        methods = gen.methods_text(ops)
        self.assertIn("/// Elementwise sum: self + alpha * other. See taper::add.\n"
                      "Tensor add(const Tensor& other, const Scalar& alpha = 1) const;\n", methods)
        self.assertIn("Tensor& add_(const Tensor& other, const Scalar& alpha = 1) const;\n", methods)
        variants = gen.variants_text(ops)
        self.assertIn("Tensor& add_(Tensor& self, const Tensor& other, const Scalar& alpha = 1);",
                      variants)
        self.assertIn("Tensor& add_out(Tensor& out, const Tensor& self, const Tensor& other, "
                      "const Scalar& alpha = 1);", variants)
        self.assertIn("Tensor add(Out out, const Tensor& self, const Tensor& other, "
                      "const Scalar& alpha);", gen.bodies_text(ops))
        definitions = gen.definitions_text(ops)
        for text in ["return body::add(Out(), self, other, alpha);",
                     "body::add(Out::inplace(self), self, other, alpha);\n  return self;",
                     "body::add(Out::into(out), self, other, alpha);\n  return out;",
                     "return taper::add(*this, other, alpha);",
                     "return taper::add_(const_cast<Tensor&>(*this), other, alpha);"]:
            self.assertIn(text, definitions)

    def test_method_only_defines_no_free_function(self):
        ops = parse("/// M.\n/// variants: method\nTensor& fill_(Tensor& self, const Scalar& v);\n")
        self.assertEqual(gen.definitions_text(ops).count("{\n"), 2)  # the namespace and the member
        self.assertIn("Tensor& fill_(const Scalar& v) const;", gen.methods_text(ops))
        self.assertNotIn("fill_", gen.variants_text(ops))
        self.assertNotIn("fill_", gen.bodies_text(ops))

    def test_self_need_not_come_first_for_a_method(self):
        ops = parse("/// W.\n/// variants: method\n"
                    "Tensor where(const Tensor& c, const Tensor& self, const Tensor& other);\n")
        self.assertIn("Tensor where(const Tensor& c, const Tensor& other) const;",
                      gen.methods_text(ops))
        self.assertIn("return taper::where(c, *this, other);", gen.definitions_text(ops))

    def test_lines_fit(self):
        parameters = ", ".join(f"std::optional<int64_t> parameter_{i} = {i}" for i in range(9))
        ops = parse("/// " + "Word " * 40 + ".\n/// variants: method, inplace, out\n"
                    f"Tensor long_name(const Tensor& self, {parameters});\n")
        for text in (gen.methods_text(ops), gen.variants_text(ops), gen.definitions_text(ops)):
            self.assertLessEqual(max(map(len, text.splitlines())), gen.WIDTH)


class Files(unittest.TestCase):
    def test_written_files_are_current_until_a_declaration_changes(self):
        script = pathlib.Path(gen.__file__)
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "taper/ops").mkdir(parents=True)
            header = root / "taper/ops/x.h"
            header.write_text(ADD)
            self.assertEqual(self.run_script(script, root, "--check"), 1)
            self.assertEqual(self.run_script(script, root), 0)
            self.assertEqual(self.run_script(script, root, "--check"), 0)
            header.write_text(ADD.replace("alpha = 1", "alpha = 2"))
            self.assertEqual(self.run_script(script, root, "--check"), 1)
            header.write_text(ADD + ADD)
            self.assertEqual(self.run_script(script, root), 1)  # declared twice

    @staticmethod
    def run_script(script, root, *words):
        return subprocess.run([sys.executable, script, "--root", root, *words],
                              capture_output=True, check=False).returncode


if __name__ == "__main__":
    unittest.main()
