"""Names of a package whose modules are imported at first use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that imports some of its modules at first use.

    Args:
        package: Its ``__name__``.
        homes: The names that are found so, each with the module that has it.

    Returns: the two functions: ``__getattr__, __dir__ = lazy_names(__name__, _LAZY)``. A name that was found is kept.
    """

    def found(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return found, names
