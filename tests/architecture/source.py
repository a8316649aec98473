"""The source files of the house, parsed once for the tests that read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "adapters", "entrypoints")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file; `path` is relative to the root and ends in .py."""

    path: str
    tree: ast.Module
    line_count: int

    @property
    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    @property
    def imported(self) -> Iterator[tuple[int, str]]:
        """The line and the full name of every module that the file imports, wherever in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, node.module or ""

    @property
    def called(self) -> Iterator[tuple[int, str]]:
        """The line and the dotted name of everything that the file calls: `self.clock.now`, `uuid4`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)

    @property
    def attributes(self) -> Iterator[tuple[int, str]]:
        """The line and the dotted name of every attribute that the file reads: `os.environ`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield node.lineno, ast.unparse(node)


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every file of these folders, in order."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Source:
    text = path.read_text()
    return Source(str(path.relative_to(ROOT)), ast.parse(text), text.count("\n"))
