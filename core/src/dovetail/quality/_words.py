"""What renderers share: the words for decisions, and the form of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from dovetail.quality._policy import Decision
from dovetail.quality._report import Report

DECISION_WORDS: dict[Decision, str] = {
    "block": "blocked",
    "publish_clean_quarantine_rest": "published without failing rows",
    "publish_with_warnings": "published with warnings",
    "publish": "published",
}


def as_list(reports: Report | Iterable[Report]) -> list[Report]:
    """One report or several, as a list."""
    return [reports] if isinstance(reports, Report) else list(reports)


def share(fraction: float) -> str:
    """``0.0123`` as ``1.23 %``; a share that is not quite nothing never reads as nothing."""
    return "< 0.01 %" if 0 < fraction < 0.0001 else f"{fraction:.2%}".replace("%", " %")


def figure(value: object) -> str:
    """A number as people read it: ``1,234,567``, ``0.0001234``; other text as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.2f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def moment(text: str) -> str:
    """A time of a record as ``2026-11-23 14:40:36 UTC``; text that is no time as it is."""
    try:
        found = datetime.fromisoformat(text)
        return f"{found.astimezone(UTC) if found.tzinfo else found:%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return text
