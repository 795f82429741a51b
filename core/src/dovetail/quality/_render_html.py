"""Reports as one HTML page that needs nothing else: no script, no style sheet, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dovetail.errors import visible
from dovetail.quality._report import Report
from dovetail.quality._words import DECISION_WORDS, as_list, figure, moment, share


def render_html(reports: Report | Iterable[Report], title: str = "Data quality") -> str:
    """One self-contained page. Everything that comes from data is escaped; the page allows no script.

    Args:
        reports: One report, or several in the order to show.
        title: Title of the page.
    """
    found = as_list(reports)
    counts = Counter(report.decision for report in found)
    tally = [(decision, counts[decision]) for decision in DECISION_WORDS if counts[decision]]
    page: str = _template().render(title=title, reports=found, tally=tally, words=DECISION_WORDS)
    return page


def _visible(value: Any) -> Any:
    """Text from data, in which nothing hides or turns the page round."""
    return visible(value, keep="\n\t") if type(value) is str else value


def _template() -> Any:
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["share"] = share
    environment.filters["moment"] = moment
    environment.filters["figure"] = figure
    environment.filters["at_least"] = max
    return environment.from_string(files("dovetail.quality").joinpath("report.html.j2").read_text(encoding="utf-8"))
