"""The checks find what they are there to find, and let the rest pass."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_layers
import docs_blocks
import sources

TABLE = """
| layer | folders | what |
|---|---|---|
| 0 | base | a |
| 1 | core | b |
| 3 | backend/* ; tensor | c |
| 4 | io | d |
"""


class Tree(unittest.TestCase):
    """A scratch source tree."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.write("docs/architecture.md", TABLE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class LayerCheck(Tree):
    def errors(self, name, text):
        self.write(name, text)
        return check_layers.check(self.root)

    def test_downward_includes_pass(self):
        self.write("taper/base/error.h", "#pragma once\n#include <string>\n")
        self.write("taper/taper.h", "// All.\n#pragma once\n#include \"taper/base/error.h\"\n")
        self.assertEqual(self.errors("taper/core/a.cpp", '#include "taper/base/error.h"\n'), [])
        self.assertEqual(self.errors("taper/backend/cpu/k.cpp", "#include <hwy/highway.h>\n"), [])
        self.assertEqual(self.errors("taper/backend/cpu/k-inl.h", '#include "hwy/highway.h"\n'), [])
        self.assertEqual(self.errors("taper/io/png.cpp", "#include <png.h>\n"), [])
        self.assertEqual(self.errors("taper/base/os.cpp", "#include <sys/mman.h>\n"), [])

    def test_refused(self):
        for name, text, message in [
            ("taper/base/a.cpp", '#include "taper/core/b.h"', r"a.cpp:1: base \(layer 0\) includes"),
            ("taper/tensor/a.cpp", '\n#include "taper/backend/cpu/b.h"', r"a.cpp:2: tensor \(layer"),
            ("taper/core/a.cpp", '#include "taper/new/b.h"', "new is not in the layer table"),
            ("taper/new/a.cpp", "", "new is not in the layer table"),
            ("taper/core/a.cpp", '#include "taper/taper.h"', "umbrella is for users"),
            ("taper/core/a.cpp", '#include "error.h"', "named from the root"),
            ("taper/core/a.cpp", "#include <hwy/highway.h>", "of a backend"),
            ("taper/backend/cpu/a.h", "#pragma once\n#include <cblas.h>", "of a backend"),
            ("taper/io/a.h", "#pragma once\n#include <zlib.h>", "only in .cpp files"),
            ("taper/core/a.cpp", "#include <fmt/format.h>", "only in .cpp files"),
            ("taper/io/a.cpp", "#include <unistd.h>", "of base"),
            ("taper/core/a.h", "int x;", "pragma once"),
            ("taper/core/a.h", "#pragma once\n#include <map>\nstruct TAPER_API A;", "public header"),
            ("taper/taper.h", "#pragma once\nint x;", "umbrella only includes"),
        ]:
            with self.subTest(name + text):
                errors = self.errors(name, text + "\n")
                self.assertEqual(len(errors), 1, errors)
                self.assertRegex(errors[0], message)
            (self.root / name).unlink()

    def test_public_headers_are_closed_under_inclusion(self):
        self.write("taper/base/macros.h", "#pragma once\n#define TAPER_API\n")
        self.write("taper/base/plain.h", "#pragma once\n")
        self.write("taper/core/a.h", '#pragma once\n#include "taper/base/plain.h"\n// TAPER_API\n')
        self.write("taper/core/inner.h", "#pragma once\n#include <map>\n")
        self.assertEqual(sources.public_headers(self.root),
                         ["taper/base/macros.h", "taper/base/plain.h", "taper/core/a.h"])
        self.assertEqual(check_layers.check(self.root), [])

    def test_the_real_table_is_read(self):
        layers = sources.read_layers(ROOT)
        self.assertEqual(layers.row("base"), 0)
        self.assertEqual(layers.row("backend"), layers.row("tensor"))
        self.assertTrue(layers.may_include("nn", "ops"))
        self.assertFalse(layers.may_include("nn", "optim"))


class DocsBlocks(Tree):
    def run_script(self, markdown):
        self.write("docs/page.md", markdown)
        run = subprocess.run([sys.executable, docs_blocks.__file__, "--root", self.root, "--out",
                              self.root / "out", self.root / "docs/page.md"],
                             capture_output=True, text=True, check=False)
        return run.returncode, run.stdout.split(), run.stderr

    def test_programs(self):
        status, words, _ = self.run_script(
            "```cpp\n#include <cmath>\nauto x = zeros({2});\n```\n```sh\nrm\n```\n"
            "```cpp no-run\nint main() {}\n```\n")
        self.assertEqual(status, 0)
        self.assertEqual(words[0::2], ["run", "compile"])
        wrapped = pathlib.Path(words[1]).read_text()
        self.assertLess(wrapped.index("<cmath>"), wrapped.index("int main()"))
        self.assertLess(wrapped.index("int main()"), wrapped.index("zeros({2})"))
        self.assertIn("#line 2 ", wrapped)
        self.assertEqual(pathlib.Path(words[3]).read_text().count("int main()"), 1)

    def test_fragments_quote_their_file(self):
        self.write("taper/ops/a.cpp", "int f() {\n  return 1;\n}\n")
        quote = "```cpp fragment\n// taper/ops/a.cpp\nint f() {{\n  return {};\n}}\n```\n"
        self.assertEqual(self.run_script(quote.format(1))[:2], (0, []))
        status, _, errors = self.run_script(quote.format(2))
        self.assertEqual(status, 1)
        self.assertIn("page.md:2: the quoted text is not in taper/ops/a.cpp", errors)
        self.assertEqual(self.run_script("```cpp fragment\nint f();\n```\n")[0], 1)
        self.assertEqual(self.run_script("```cpp norun\nint f();\n```\n")[0], 1)


class Setup(unittest.TestCase):
    def test_unknown_group_is_refused(self):
        run = subprocess.run([ROOT / "tools/setup", "nonsense"], capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 2)
        self.assertIn("no group 'nonsense'", run.stderr)


if __name__ == "__main__":
    unittest.main()
