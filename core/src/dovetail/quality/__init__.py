"""Quality gates: suites of checks that decide, before data is published, what may pass.

An engine evaluates and counts; what follows from the counts is decided here, in one pure function, for every engine alike.
"""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names
from dovetail.quality._evaluate import GateResult
from dovetail.quality._gate import Gate, collect_reports
from dovetail.quality._policy import (
    EFFECTS,
    Decision,
    Downstream,
    Finding,
    Limit,
    OnFail,
    Policy,
    Status,
    Thresholds,
    Verdict,
    check_status,
    decide,
    parse_effect,
)
from dovetail.quality._profile import ColumnProfile, Profiler, profile
from dovetail.quality._references import named_tables, references_of
from dovetail.quality._report import CheckReport, Report, raise_for_decision, report_schema
from dovetail.quality._stable import History, Stable
from dovetail.quality.checks import Check, Suite

if TYPE_CHECKING:
    from dovetail.quality._carried import outcomes_from_arrow, outcomes_to_arrow
    from dovetail.quality._document import check_from_entry, read_gate, write_document
    from dovetail.quality._facets import LineageFacets, lineage_facets
    from dovetail.quality._mended import Mended, read_mended
    from dovetail.quality._propose import propose
    from dovetail.quality._render_html import render_html
    from dovetail.quality._render_text import render_junit, render_markdown

__all__ = [
    "Gate",
    "GateResult",
    "Suite",
    "Check",
    "collect_reports",
    "named_tables",
    "references_of",
    # without Python
    "read_gate",
    "check_from_entry",
    "write_document",
    "propose",
    # the record
    "Report",
    "CheckReport",
    "raise_for_decision",
    "report_schema",
    # the data beside the checks
    "ColumnProfile",
    "Profiler",
    "profile",
    # outcomes on their way
    "outcomes_to_arrow",
    "outcomes_from_arrow",
    # the record as OpenLineage has it
    "LineageFacets",
    "lineage_facets",
    # rows that were set aside
    "read_mended",
    "Mended",
    "render_html",
    "render_markdown",
    "render_junit",
    # the decision
    "Policy",
    "OnFail",
    "Downstream",
    "EFFECTS",
    "parse_effect",
    "Limit",
    "Thresholds",
    "Status",
    "Decision",
    "Finding",
    "Verdict",
    "check_status",
    "decide",
    # limits from history
    "Stable",
    "History",
]

_LAZY = {
    "LineageFacets": "dovetail.quality._facets",
    "lineage_facets": "dovetail.quality._facets",
    "Mended": "dovetail.quality._mended",
    "read_mended": "dovetail.quality._mended",
    **dict.fromkeys(("outcomes_to_arrow", "outcomes_from_arrow"), "dovetail.quality._carried"),
    "check_from_entry": "dovetail.quality._document",
    "read_gate": "dovetail.quality._document",
    "write_document": "dovetail.quality._document",
    "propose": "dovetail.quality._propose",
    "render_html": "dovetail.quality._render_html",
    "render_markdown": "dovetail.quality._render_text",
    "render_junit": "dovetail.quality._render_text",
}

__getattr__, __dir__ = _lazy_names(__name__, _LAZY)
