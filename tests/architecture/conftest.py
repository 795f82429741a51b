"""The source of every distribution, read and parsed once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest


@dataclass(frozen=True)
class Import:
    """One import statement: what is imported, by whom, and in which circumstances."""

    target: str
    line: int
    in_function: bool
    for_types_only: bool


@dataclass
class Source:
    """One Python file; ``module`` is its dotted name, empty for files that are in no package."""

    path: Path
    shown: str
    module: str = ""
    is_package: bool = False

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import of the file, absolute names; ``from a import b`` gives ``a.b``."""
        return tuple(self._walk(self.tree, in_function=False, for_types_only=False))

    def _walk(self, node: ast.AST, *, in_function: bool, for_types_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.Import(names=names):
                    for alias in names:
                        yield Import(alias.name, child.lineno, in_function, for_types_only)
                case ast.ImportFrom(names=names):
                    base = self._absolute(child)
                    for alias in names:
                        yield Import(f"{base}.{alias.name}", child.lineno, in_function, for_types_only)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                    yield from self._walk(child, in_function=True, for_types_only=for_types_only)
                case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                    yield from self._walk(child, in_function=in_function, for_types_only=True)
                case _:
                    yield from self._walk(child, in_function=in_function, for_types_only=for_types_only)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        kept = parts[: len(parts) - node.level + (1 if self.is_package else 0)]
        return ".".join([*kept, *([node.module] if node.module else [])])


def sources_of(src: Path, root: Path) -> list[Source]:
    """The modules under one ``src`` folder."""
    found = []
    for path in sorted(src.rglob("*.py")):
        parts = list(path.relative_to(src).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Source(path, str(path.relative_to(root)), name, is_package))
    return found


@pytest.fixture(scope="session")
def sources(tooling: ModuleType, repository: Path) -> list[Source]:
    """Every module that is shipped, of core and of the plugins."""
    found = [source for member in tooling.distributions() for source in sources_of(member.path / "src", repository)]
    assert any(source.module == "dovetail" for source in found)
    return found


@pytest.fixture(scope="session")
def core_sources(sources: list[Source]) -> list[Source]:
    """The modules of core."""
    return [source for source in sources if source.module.split(".")[0] == "dovetail"]


@pytest.fixture(scope="session")
def tracked(repository: Path) -> list[Path]:
    """Every file that git tracks."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    paths = [repository / name for name in listed.split("\0") if name]
    assert paths, "the architecture checks need a git working tree"
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="session")
def python_files(tracked: list[Path], repository: Path) -> list[Source]:
    """Every Python file that git tracks: sources, tests, scripts, benchmarks, examples."""
    return [Source(path, str(path.relative_to(repository))) for path in tracked if path.suffix == ".py"]


@pytest.fixture(scope="session")
def parse() -> type[Source]:
    """The reader itself, so that tests can show that a check would catch what it is for."""
    return Source
