"""Looking at what codecs write: no pickle, neither in the bytes nor in the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import pickletools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dovetail.spec import CodecSpec, TransformerSpec
from dovetail.testing._base import fail

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness

_BANNED = ("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
_FRAMED = b"\x95"
"""The opcode that follows the header of every pickle of protocol 4 or 5."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a codec wrote: where, and with what it is read again."""

    codec: CodecSpec
    made: Any
    path: Path

    def read(self) -> Any:
        """Read it again."""
        return self.made.read(self.path)

    def files(self) -> list[Path]:
        """The files: one, or those of the directory."""
        found = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sorted(file for file in found if file.is_file())


def write_all(spec: TransformerSpec, hub: HubHarness, value: Any, directory: Path) -> Iterator[Written]:
    """Write a value with every codec of its type.

    A codec may say NotImplementedError for a value that its format has no type for, as long as another one takes it:
    the store then uses that one.

    Raises:
        AssertionError: No codec took the value, or one wrote something else than one file or one directory.
    """
    refused: list[str] = []
    for codec in spec.codecs:
        made: Any = hub.catalogue.load(codec.code, spec)
        made = made() if isinstance(made, type) else made
        path = Path(tempfile.mkdtemp(dir=directory), f"data{codec.suffix}")
        try:
            made.write(value, path)
        except NotImplementedError as error:
            refused.append(f"{codec.format}: {error}")
            continue
        if not (path.is_dir() if codec.is_directory else path.is_file()):
            fail(
                f"{codec.code} did not write one {'directory' if codec.is_directory else 'file'} at the path it was given",
                fix="write there, or see is_directory of its declaration",
            )
        yield Written(codec, made, path)
    if spec.codecs and len(refused) == len(spec.codecs):
        fail(f"no codec of {spec.type} takes the value", why="; ".join(refused), fix="declare one that does, or a gap")


def find_pickle(data: bytes) -> int | None:
    """Where in the bytes a pickle begins; None if there is none.

    Without the header that later protocols begin with, only a file that is one whole pickle, and no trivial one, counts.
    """
    size, length = _pickle_at(data)
    if length == len(data) and size >= 4:
        return 0
    start = data.find(b"\x80")
    while start >= 0:
        header = data[start + 1 : start + 3]
        likely = start == 0 or header[1:] == _FRAMED
        if len(header) == 2 and 2 <= header[0] <= 5 and likely and _pickle_at(data[start:])[0] >= 2:
            return start
        start = data.find(b"\x80", start + 1)
    return None


def _pickle_at(data: bytes) -> tuple[int, int]:
    """Number of opcodes, and length, of the pickle that begins here; 0 and 0 if there is none."""
    source = io.BytesIO(data)
    out = io.StringIO()
    try:
        pickletools.dis(source, out)  # reads, runs nothing, and refuses what does not leave one value on the stack
    except Exception:  # whatever the disassembler says of what is no pickle
        return 0, 0
    return len(out.getvalue().splitlines()) - 1, source.tell()


def pickling_imports(codec: type) -> list[str]:
    """Imports of picklers in the module of a codec, and in the modules of its package that it uses, as ``file:line: name``."""
    found = []
    for module in _own_modules(codec):
        file = inspect.getsourcefile(module)
        if file is None:
            continue
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        found += [
            f"{Path(file).name}:{line}: {name}"
            for name, line, _ in _imports(tree)
            if name.partition(".")[0] in _BANNED or name in ("pandas.to_pickle", "pandas.read_pickle")
        ]
    return found


def _own_modules(codec: type) -> list[ModuleType]:
    """The module of the codec and those of the same package that it imports, directly or not."""
    start = sys.modules[codec.__module__]
    top = start.__name__.partition(".")[0]
    seen = {start.__name__: start}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        file = inspect.getsourcefile(module)
        if file is None:
            continue
        for name, _, level in _imports(ast.parse(Path(file).read_text(encoding="utf-8"))):
            full = importlib.util.resolve_name("." * level + name, module.__package__) if level else name
            candidate = full if full in sys.modules else full.rpartition(".")[0]  # else it is a name in a module
            other = sys.modules.get(candidate)
            if other is not None and candidate.partition(".")[0] == top and candidate not in seen:
                seen[candidate] = other
                waiting.append(other)
    return list(seen.values())


def _imports(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    """Name, line and level of everything that is imported, also inside functions; not what only type checkers import."""
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for line in node.body
        for inner in ast.walk(line)
    }
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, 0
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for alias in node.names:
                yield f"{base}.{alias.name}" if base else alias.name, node.lineno, node.level
