"""Which check engine evaluates a suite: by the names of the suite's classes, so that no library is imported to look."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import Any, cast

from dovetail.errors import DefinitionError, DovetailError, EngineUnavailable, PluginError, UsageError, shorten
from dovetail.plugins import Catalogue, is_importable
from dovetail.spec import CheckEngine, CheckEngineSpec
from dovetail.types import TypeEngine

_ELSEWHERE = "dovetail.engine._check_engines:engine_elsewhere"
"""What finds an engine in an environment. Named by string: it lies on a higher floor."""

_WORTH_LOADING = 2_000_000
"""Rows of an Arrow table from which on a faster library is loaded to check it."""


def catalogue_of(types: TypeEngine) -> Catalogue:
    """The catalogue that a type engine was made for.

    Not the current one: gates of a run are evaluated in threads, which a ``use_catalogue`` around the run does not reach.
    """
    return cast("Catalogue", types.catalogue)


def class_names(suite: Any) -> tuple[str, ...]:
    """Dotted names of the suite's classes, the most specific first; of the suite itself if it is a class.

    A tuple of a library's objects is known by the first.
    """
    if isinstance(suite, tuple) and suite:
        suite = suite[0]
    cls = suite if isinstance(suite, type) else type(suite)
    return tuple(f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__)


def find_spec(suite: Any, catalogue: Catalogue) -> CheckEngineSpec:
    """The declaration of the engine that evaluates ``suite``; imports nothing.

    Raises:
        DefinitionError: No installed plugin knows such suites.
    """
    engines = catalogue.check_engines()
    for name in class_names(suite):
        for spec in engines.values():
            if name in spec.suites:
                return spec
    packages = {name.partition(".")[0] for name in class_names(suite)}
    known = [name for spec in engines.values() if spec.engine in packages for name in spec.suites]
    fix = f"give it one of {', '.join(known)}" if known else _how_to_get(suite, catalogue)
    raise DefinitionError(
        f"no installed plugin evaluates a suite of type {class_names(suite)[0]}: {shorten(suite)}",
        why=f"installed check engines: {', '.join(sorted(engines)) or 'none'}",
        fix=fix,
    )


def find_frame_spec(frame: str, catalogue: Catalogue, rows: int) -> CheckEngineSpec | None:
    """The declaration of the engine that evaluates native suites where such a frame's data are; None: the core does, in Arrow.

    Args:
        frame: Type name of the frame.
        catalogue: The declarations.
        rows: Of an Arrow table nobody else's library is loaded unless there are enough rows to be worth it.
    """
    for spec in catalogue.check_engines().values():
        if frame in spec.native and (spec.engine is None or is_importable(spec.engine)):
            if frame == "pyarrow.Table" and rows < _WORTH_LOADING and spec.engine not in sys.modules:
                continue
            return spec
    return None


def _how_to_get(suite: Any, catalogue: Catalogue) -> str:
    """What to type for a suite that nobody here knows. A user's own subclass is known by the library of its bases."""
    for name in class_names(suite):
        missing = catalogue.missing("check_engine", name)
        if missing.fix and (not isinstance(missing, UsageError) or missing.details.get("distribution")):
            return missing.fix  # the plugin is there and not loaded, or it is known who brings one
    return "give a gate native checks (dovetail.quality.checks), or install the plugin that knows this library"


def load_engine(spec: CheckEngineSpec, catalogue: Catalogue) -> CheckEngine:
    """The engine of a declaration, made once per process; what stands for it where only an environment has its library.

    Raises:
        EngineUnavailable: Its library is missing.
        PluginLoadError: Its code cannot be imported.
    """
    if spec.engine is not None and not is_importable(spec.engine):
        make = cast("Callable[[CheckEngineSpec, Catalogue], CheckEngine | None]", catalogue.load(_ELSEWHERE))
        elsewhere = make(spec, catalogue)
        if elsewhere is not None:
            return elsewhere
        raise EngineUnavailable(
            f"the check engine {spec.name!r} needs {spec.engine}, which is not installed",
            fix=spec.install,
            engine=spec.engine,
        )
    cls: Any = catalogue.load(spec.code, spec)
    engine = _made.get(spec.code)
    if engine is None or type(engine) is not cls:
        engine = _made[spec.code] = cls()
    return engine


def suite_name(suite: Any) -> str:
    """The suite's own name where it has one, else the name of its class."""
    if isinstance(suite, type):
        return suite.__name__
    if isinstance(suite, tuple):
        return "checks"
    name = getattr(suite, "name", None)
    return name if isinstance(name, str) and name else class_names(suite)[0].rpartition(".")[2]


def suite_version(engine: CheckEngine, suite: Any) -> str:
    """Hash of the checks of a suite, equal in every process.

    Raises:
        PluginError: The engine cannot tell what it would check.
    """
    try:
        told = engine.fingerprint(suite)
    except DovetailError:
        raise
    except Exception as error:  # a plugin's code may raise anything
        raise PluginError(
            f"the check engine {engine.name!r} cannot describe the suite {suite_name(suite)!r}",
            why=f"{type(error).__name__}: {error}",
            fix="report this to the author of the plugin",
        ) from error
    return hashlib.sha256(f"{engine.name}\n{told}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def engine_version(engine: CheckEngine) -> str:
    """Version of the engine's library; empty where it cannot tell."""
    try:
        return str(engine.version())
    except Exception:  # a report without a version is better than none
        return ""


_made: dict[str, CheckEngine] = {}
