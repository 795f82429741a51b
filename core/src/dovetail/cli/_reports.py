"""Writing the reports of gates to files: the format is told by the end of the name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from dovetail.cli._written import write_text
from dovetail.config import redact
from dovetail.errors import UsageError
from dovetail.quality import Report, render_html, render_junit, render_markdown


def _json(report: Report) -> str:
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False, default=str) + "\n"


_FORMATS: dict[str, Callable[[Report], str]] = {
    ".html": render_html,
    ".json": _json,
    ".xml": render_junit,
    ".md": render_markdown,
}


def check_places(paths: Iterable[Path]) -> None:
    """Say before the work, not after it, that a report has no format.

    Raises:
        UsageError: The end of a name is none of those that are known.
    """
    for path in paths:
        if path.suffix.lower() not in _FORMATS:
            raise UsageError(f"--report: {path.name!r} names no format", fix=f"end it in {', '.join(_FORMATS)}")


def write_reports(paths: Iterable[Path], report: Report) -> None:
    """Write the report of a gate to every one of these files, each in one step.

    Raises:
        UsageError: A file cannot be written.
        PlatformError: There is no room for it.
    """
    for path in paths:
        write_text(path, redact(_FORMATS[path.suffix.lower()](report)), "the report")
