"""Run in a child process: import a hook module, collect what it declares, and tell what that took and what it changed.

``python -m dovetail.testing._import_probe MODULE '["hidden", ...]' [core]`` prints one line of JSON, the last that is printed;
with ``core``, all of the core is loaded before, so that none of it can be replaced unseen.
"""

from __future__ import annotations

import builtins
import importlib
import itertools
import json
import logging
import os
import pkgutil
import re
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

MARK = "--dovetail-import-probe--"
_MOST = 10_000  # declarations of one hook


class Hidden:
    """A finder that says of some packages that they are not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """None for all others: the next finder is asked."""
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by the conformance kit)", name=name)
        return None


def load_core() -> None:
    """Import what a plugin could replace: all of the core but its commands, its tests and what child processes run."""
    dovetail = sys.modules["dovetail"]
    skipped = re.compile(r"dovetail\.(cli|scaffold|testing)\b|.*(__main__|_child|_worker)$")
    for info in pkgutil.walk_packages(dovetail.__path__, "dovetail.", onerror=lambda name: None):
        if not skipped.match(info.name):
            with suppress(ImportError):  # a part that needs an extra
                importlib.import_module(info.name)


def probe(module: str, hidden: Sequence[str]) -> dict[str, Any]:
    """Import ``module``, and ask it what it declares, in this process, in which the packages ``hidden`` do not exist.

    Returns:
        ``error`` (text of a traceback, or None), ``cpu`` (seconds), ``loaded`` (names of modules), ``changes`` (lines).
    """
    from dovetail.spec import HOOK_NAMES, hookimpl  # what every hook module pays for

    assert callable(hookimpl)
    hooks = [name for name in HOOK_NAMES if name != "dovetail_on_event"]
    sys.meta_path.insert(0, Hidden(hidden))
    before, known, error = _state(), set(sys.modules), None
    start = time.process_time()
    try:
        found = importlib.import_module(module)
        for name in hooks:
            hook: Any = getattr(found, name, None)
            if hasattr(hook, "dovetail_impl"):  # as pluggy marks it
                list(itertools.islice(hook(), _MOST))
    except BaseException:
        error = traceback.format_exc(limit=-6)
    cpu = time.process_time() - start
    after = _state()
    changes = [tell(before[name], after[name]) for name, tell in _TELL.items() if before[name] != after[name]]
    return {"error": error, "cpu": cpu, "loaded": sorted(set(sys.modules) - known), "changes": changes}


def _state() -> dict[str, Any]:
    root = logging.getLogger()
    return {
        "threads": [thread.name for thread in threading.enumerate()],
        "files": _open_files(),
        "environment": dict(os.environ),
        "signals": {number.name: str(signal.getsignal(number)) for number in signal.valid_signals() if _named(number)},
        "logging": [root.level, [repr(handler) for handler in root.handlers], logging.root.manager.disable],
        "path": list(sys.path),
        "finders": [repr(finder) for finder in (*sys.meta_path, *sys.path_hooks)],
        "warnings": [str(entry) for entry in warnings.filters],
        "directory": str(Path.cwd()),
        "hooks": [repr(hook) for hook in (sys.excepthook, sys.displayhook, threading.excepthook, sys.gettrace())],
        "umask": _umask(),
        "builtins": {name: id(value) for name, value in vars(builtins).items() if name != "_"},
        "core": _core(),
    }


def _named(number: object) -> bool:
    return isinstance(number, signal.Signals)


def _open_files() -> list[str]:
    found = []
    for entry in (*Path("/proc/self/fd").glob("*"), *Path("/dev/fd").glob("*")):
        try:
            target = str(entry.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
        if not target.endswith("/fd"):
            found.append(target)
    return sorted(set(found))


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def _core() -> dict[str, int]:
    """Identity of everything in the core's modules that are loaded, and in their classes."""
    found: dict[str, int] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("dovetail", "pluggy") or module is None:
            continue
        for key, value in list(vars(module).items()):
            if key.startswith("__") or isinstance(value, ModuleType):
                continue  # a submodule that is imported becomes an attribute
            found[f"{name}.{key}"] = id(value)
            if isinstance(value, type) and value.__module__ == name:
                found |= {
                    f"{name}.{key}.{member}": id(item)
                    for member, item in list(vars(value).items())
                    if member[:2] != "__"
                }
    return found


def _core_changes(before: dict[str, int], after: dict[str, int]) -> list[str]:
    # A lazy face gains names, and modules that were not loaded before are new: only what was there and is another counts.
    return [name for name, identity in before.items() if name in after and after[name] != identity]


def _list(what: str) -> Callable[[list[Any], list[Any]], str]:
    def tell(before: list[Any], after: list[Any]) -> str:
        gone, new = [x for x in before if x not in after], [x for x in after if x not in before]
        return f"{what}: " + ", ".join([*(f"new {x}" for x in new), *(f"gone {x}" for x in gone)] or ["another order"])

    return tell


def _table(what: str) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    def tell(before: dict[str, Any], after: dict[str, Any]) -> str:
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        return f"{what}: {', '.join(names[:10])}"

    return tell


def _value(what: str) -> Callable[[Any, Any], str]:
    return lambda before, after: f"{what}: {before} became {after}"


_TELL: dict[str, Callable[[Any, Any], str]] = {
    "threads": _list("threads"),
    "files": _list("open files and sockets"),
    "environment": _table("environment variables"),
    "signals": _table("signal handlers"),
    "logging": _value("the root logger (level, handlers, disabled)"),
    "path": _list("sys.path"),
    "finders": _list("import finders"),
    "warnings": _list("warning filters"),
    "directory": _value("the working directory"),
    "hooks": _value("the hooks of the interpreter"),
    "umask": _value("the umask"),
    "builtins": _table("builtins"),
    "core": lambda before, after: f"names of dovetail itself: {', '.join(_core_changes(before, after)[:10])}",
}


def main(arguments: Sequence[str]) -> None:
    """Probe, and print the report; modules that print while they are imported are told apart by the mark."""
    module, hidden, *core = arguments
    if core:
        load_core()
    report = probe(module, json.loads(hidden))
    report["changes"] = [line for line in report["changes"] if not line.endswith(": ")]
    sys.stdout.write(f"\n{MARK}{json.dumps(report)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
