"""Something done in a Python process of its own: with another hash seed, and with libraries hidden."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dovetail.testing._children import run_python

_PROGRAM = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    order = json.load(file)
hidden = set(order["hidden"])

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Hidden)
import importlib
answer = getattr(importlib.import_module(order["module"]), order["function"])(**order["arguments"])
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(answer, file)
"""


def in_child(code: str, *, seed: int = 0, hidden: Iterable[str] = (), **arguments: Any) -> Any:
    """Call a function in a process of its own.

    Args:
        code: ``"module:function"``. The function takes and returns what JSON can hold.
        seed: Of the hashes of texts in that process (``PYTHONHASHSEED``).
        hidden: Top-level modules that cannot be imported there.
        arguments: Of the function.

    Raises:
        AssertionError: The process failed, or did not end in two minutes; with the end of what it said.
    """
    module, _, function = code.partition(":")
    with tempfile.TemporaryDirectory(prefix="dovetail-child-") as directory:
        order, answer = Path(directory, "order.json"), Path(directory, "answer.json")
        order.write_text(
            json.dumps({"hidden": sorted(hidden), "module": module, "function": function, "arguments": arguments}),
            encoding="utf-8",
        )
        done = run_python("-c", _PROGRAM, str(order), str(answer), env={"PYTHONHASHSEED": str(seed)})
        if done.returncode or not answer.exists():
            raise AssertionError(
                f"this failed in another process (exit code {done.returncode}):\n{done.stderr.strip()[-1500:]}"
            )
        return json.loads(answer.read_text(encoding="utf-8"))


def load_class(file: str, name: str) -> Any:
    """A class of a file of Python code, by its qualified name: a suite, in the process that a suite has started."""
    spec = importlib.util.spec_from_file_location("dovetail_suite_in_another_process", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def where_defined(cls: type) -> tuple[str, str]:
    """File and qualified name of a class, for :func:`load_class` in another process.

    Raises:
        AssertionError: It is no class of a file, or was made inside a function.
    """
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or "<locals>" in cls.__qualname__:
        raise AssertionError(
            f"{cls.__qualname__} cannot be found by another process\n  fix: define it at the top of a test module"
        )
    return str(file), cls.__qualname__
