"""Reports as Markdown, for summaries of jobs and messages, and as JUnit XML, for CI servers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from dovetail.errors import visible
from dovetail.quality._report import CheckReport, Report
from dovetail.quality._words import DECISION_WORDS, as_list, share

_MARKS = {"pass": "✅", "warn": "⚠️", "skipped": "⚠️", "fail": "❌", "error": "❌"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_markdown(reports: Report | Iterable[Report]) -> str:
    """One heading and one table per gate."""
    parts = []
    for report in as_list(reports):
        where = f" (node {_md(report.node_id)})" if report.node_id else ""
        lines = [f"### {_md(report.gate)}: {DECISION_WORDS[report.decision]}{where}", "", _md(report.summary()) + "."]
        if report.reason:
            lines += ["", _md(report.reason) + "."]
        lines += ["", "| | check | failed | of | share | |", "|---|---|---:|---:|---:|---|"]
        lines += [
            f"| {_MARKS[check.status]} {check.status} | {_md(check.name)} | {check.n_failed:,} | {check.n_evaluated:,} "
            f"| {share(check.fraction) if check.row_scoped else ''} | {_md(check.message)} |"
            for check in report.checks
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def render_junit(reports: Report | Iterable[Report]) -> str:
    """JUnit XML: one test suite per gate, one test case per check.

    A failed check is a failure, one that could not be evaluated an error, a skipped one skipped. A check that only warned
    passes and says so in ``system-out``. A gate that blocks has a last case that says why.
    """
    root = ElementTree.Element("testsuites")
    for report in as_list(reports):
        statuses = [check.status for check in report.checks]
        blocked = int(report.blocked)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(report.gate),
            tests=str(len(statuses) + blocked),
            failures=str(statuses.count("fail") + blocked),
            errors=str(statuses.count("error")),
            skipped=str(statuses.count("skipped")),
            timestamp=_xml(report.started),
            time=f"{sum(check.duration_ms for check in report.checks) / 1000:.3f}",
        )
        for check in report.checks:
            _case(suite, report, check)
        if blocked:
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(report.gate), name="decision", time="0")
            ElementTree.SubElement(case, "failure", message=_xml(report.reason), type="GateBlocked")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, report: Report, check: CheckReport) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_xml(report.gate),
        name=_xml(check.name),
        time=f"{check.duration_ms / 1000:.3f}",
    )
    text = _xml(check.message or f"{check.n_failed:,} of {check.n_evaluated:,} failed; expected {check.expected}")
    tag = {"fail": "failure", "error": "error", "skipped": "skipped"}.get(check.status)
    if tag == "skipped":
        ElementTree.SubElement(case, tag, message=text)
    elif tag:
        ElementTree.SubElement(case, tag, message=text, type=_xml(check.kind))
    elif check.status == "warn":
        ElementTree.SubElement(case, "system-out").text = f"warning: {text}"


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold; ElementTree escapes the rest."""
    return _NOT_XML.sub("\ufffd", text)
