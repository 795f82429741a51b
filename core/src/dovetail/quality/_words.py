"""What renderers share: the words for decisions, and the form of numbers."""

from __future__ import annotations

from collections.abc import Iterable

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
