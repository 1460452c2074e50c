"""What the checks share: the layer table, the source files, includes, the public headers."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENERATED = ("taper/tensor/methods.inc", "taper/ops/variants.h", "taper/ops/bodies.h",
             "taper/ops/variants.cpp")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


class Layers:
    """The table of docs/architecture.md: which folder stands in which row."""

    def __init__(self, text):
        self.rows = {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) >= 2 and cells[0].isdigit():
                for folder in re.split(r"\s*[;,]\s*", cells[1]):
                    self.rows[folder.removesuffix("/*")] = int(cells[0])
        if "base" not in self.rows:
            raise SystemExit("docs/architecture.md holds no layer table")

    def folder(self, path):
        """The table's folder of taper/<folder>/...; None for taper/taper.h and other places."""
        parts = pathlib.PurePosixPath(path).parts
        return parts[1] if len(parts) > 2 and parts[0] == "taper" else None

    def row(self, folder):
        return self.rows[folder]

    def may_include(self, folder, other):
        """Whether `folder` may include `other`. Backends are apart from each other as well."""
        return folder == other or self.rows[other] < self.rows[folder]


def read_layers(root):
    return Layers((root / "docs/architecture.md").read_text())


def library_files(root):
    """Every source and header of taper/, relative to root."""
    suffixes = {".h", ".cpp", ".inc", ".cu"}
    return sorted(path.relative_to(root).as_posix() for path in (root / "taper").rglob("*")
                  if path.suffix in suffixes)


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text,
                  flags=re.DOTALL)


def includes_of(text):
    """(line number, bracket, name) of each include."""
    for match in INCLUDE.finditer(text):
        start = match.start() + len(match.group()) - len(match.group().lstrip())
        yield text.count("\n", 0, start) + 1, match.group(1), match.group(2)


def public_headers(root):
    """The installed headers, by the rule of cmake/install_headers.cmake."""
    queue = [name for name in library_files(root)
             if name in ("taper/taper.h", "taper/train/train.h") or
             (name.endswith(".h") and "TAPER_API" in (root / name).read_text())]
    public = []
    while queue:
        name = queue.pop()
        if name in public or not (root / name).exists():
            continue
        public.append(name)
        text = (root / name).read_text()
        queue += [included for _, bracket, included in includes_of(text)
                  if bracket == '"' and included.startswith("taper/")]
    return sorted(public)


def tracked_cpp(root):
    """C++ files under version control or new, without generated ones."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.h", "*.cpp", "*.inc"],
        cwd=root, capture_output=True, text=True, check=True).stdout.split()
    return sorted(name for name in set(listed)
                  if name not in GENERATED and (root / name).exists())
