"""Files of suites that plugins read, such as data contracts, known by their endings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dovetail.cli._text import clean
from dovetail.errors import UsageError
from dovetail.plugins import Catalogue, current_catalogue, reader_of
from dovetail.spec import CheckEngineSpec


def suite_endings() -> tuple[str, ...]:
    """How the names of files that hold a suite end: TOML first, then what plugins read."""
    return (".toml", *(ending for spec in current_catalogue().check_engines().values() for ending in spec.files))


def read_suite_file(suite: str, allow_unsupported: bool = False) -> Any:
    """The suite in a file that a plugin reads; None: no plugin reads such files.

    Args:
        suite: ``contract.odcs.yaml``, or ``contract.odcs.yaml:flights`` for one suite of several.
        allow_unsupported: Rules that cannot be evaluated are skipped, with a reason, rather than errors.

    Raises:
        UsageError: A plugin is known to read such files, and is not there, or not in use.
        DovetailError: What the plugin raises: there is no such file, or no such suite in it.
    """
    catalogue = current_catalogue()
    path, name = suite, ""
    spec = _reader_of(path, catalogue)
    if spec is None:
        path, _, name = suite.rpartition(":")
        spec = _reader_of(path, catalogue)
    if spec is None or spec.reader is None:
        known = reader_of(suite) or reader_of(suite.rpartition(":")[0])
        if known is None:
            return None
        error = catalogue.missing("check_engine", known)
        raise UsageError(f"no plugin in use reads {clean(suite)!r}", who=error.who, why=error.what, fix=error.fix)
    read: Any = catalogue.load(spec.reader, spec)
    return read(Path(path), name or None, allow_unsupported)


def _reader_of(path: str, catalogue: Catalogue) -> CheckEngineSpec | None:
    found = [spec for spec in catalogue.check_engines().values() if spec.reader and path.lower().endswith(spec.files)]
    return found[0] if found and path else None
