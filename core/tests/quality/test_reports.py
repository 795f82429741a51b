"""The result record, and what is rendered from it: nothing that comes from data becomes markup."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, GateBlocked
from dovetail.quality import Gate, Report, raise_for_decision, render_html, render_junit, render_markdown
from dovetail.quality.checks import in_range, in_set, mean_between, not_null
from dovetail.types import current_types

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def report() -> Report:
    table = pa.table({"a": [1, 2, None, 200], "t": ["x", "y", "x", "x"]})
    checks = [in_range("a", 0, 100), in_set("t", ["x"]), not_null("gone"), mean_between("a", 0, 1)]
    gate = Gate(checks, name="flights", thresholds={"t.*": "50%"})
    return gate.evaluate(table, types=current_types(), run_id="run-1", node_id="clean").report


@pytest.fixture
def evil() -> Report:
    table = pa.table({EVIL: [EVIL, "fine", None], "b": ["\x00\x1b[31m", "|pipe\nline|", "&amp;"]})
    gate = Gate([in_set(EVIL, ["fine"]), in_set("b", ["x"])], name=f"gate {EVIL}", keys=["b"])
    return gate.evaluate(table, types=current_types(), node_id=EVIL, run_id=EVIL).report


def test_it_survives_json(report: Report) -> None:
    assert Report.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report


def test_it_holds_every_count_also_of_checks_that_pass(report: Report) -> None:
    found = {
        check.check_id: (check.status, check.n_evaluated, check.n_failed, check.fraction) for check in report.checks
    }
    assert found == {
        "a.in_range([0, 100])": ("fail", 3, 1, 1 / 3),
        "t.in_set(one of ['x'])": ("warn", 4, 1, 0.25),
        "gone.not_null": ("error", 0, 0, 0.0),
        "a.mean(mean in [0, 1])": ("fail", 1, 1, 1.0),
        "gate.min_rows": ("pass", 1, 0, 0.0),
    }
    assert report.rows_in == 4 and report.rows_blocked == 4 and report.rows_failed == 2
    assert report.engine["name"] in ("native", "polars") and report.run_id == "run-1" and report.node_id == "clean"
    assert len(report.version) == 16 and report.value_type == "pyarrow.Table"
    assert report.started <= report.ended and report.started.endswith("+00:00")


def test_the_version_is_that_of_the_checks_alone(report: Report) -> None:
    table = pa.table({"a": [1]})

    def version(*checks, **options):
        return Gate(list(checks), **options).evaluate(table, types=current_types()).report.version

    assert version(not_null("a")) == version(not_null("a"), on_fail="warn", fail=3, name="other")
    assert version(not_null("a")) != version(not_null("a"), in_range("a", 0, 1))


def test_a_newer_or_broken_record_is_refused(report: Report) -> None:
    data = report.to_dict()
    assert Report.from_dict({**data, "from_the_future": 1}) == report
    with pytest.raises(DefinitionError, match="schema version 2"):
        Report.from_dict({**data, "schema_version": 2})
    for broken in ({}, {"schema_version": 1}, {**data, "checks": [{"name": "x"}]}, {**data, "schema_version": "x"}):
        with pytest.raises(DefinitionError):
            Report.from_dict(broken)


def test_blocking_names_each_check_and_what_to_do(report: Report) -> None:
    with pytest.raises(GateBlocked) as caught:
        raise_for_decision(report)
    text = str(caught.value)
    assert "gate 'flights' of node 'clean' blocked 4 rows" in text
    assert "a in [0, 100]: 1 of 3 failed" in text and "no column 'gone'" in text and "fix:" in text
    assert "t one of" not in text  # it only warned


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def test_html_is_one_page_without_scripts_or_links_out(report: Report, evil: Report) -> None:
    html = render_html([report, evil], title=EVIL)
    page = Page()
    page.feed(html)
    assert not page.open  # every element is closed, in order
    assert not page.tags & {"script", "link", "img", "iframe", "object", "a", "form"}
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert "default-src 'none'" in html and "http://" not in html and "https://" not in html
    assert EVIL in page.text  # shown as text: in title, gate, column, cell, node, run
    assert page.text.count(EVIL) >= 6


def test_html_shows_decision_numbers_and_failing_rows(report: Report) -> None:
    page = Page()
    page.feed(render_html(report))
    for told in ("flights", "blocked", "could not be evaluated", "a in [0, 100]", "33.33 %", "200", "run-1"):
        assert told in page.text


def rows_of(html: str) -> dict[str, list[str]]:
    """Cells of each check behind its name, by the name."""
    rows = {}
    plain = re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL)
    for row in re.findall(r'<tr>\n<td><span class="pill.*?</tr>', plain, re.DOTALL):
        _, name, *others = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        rows[name.partition("<")[0].strip()] = others
    return rows


def test_html_leaves_out_what_says_nothing(report: Report) -> None:
    rows = rows_of(render_html(report))
    assert rows["a in [0, 100]"] == ["", "1", "3", "33.33 %", "0"]  # what is expected is in the name
    assert rows["at least 1 row"] == ["&gt;= 1", "0", "1", "", ""]  # no share of a table


def test_html_tells_times_for_people_and_where_the_failing_rows_are(report: Report) -> None:
    kept = {"id": "0123456789abcdef", "type": "pyarrow.Table"}
    shown = dataclasses.replace(report, started="2026-11-23T15:40:36.123456+01:00", quarantine=kept)
    html = render_html(shown)
    assert '<span class="time">2026-11-23 14:40:36 UTC</span>' in html
    assert "1 of 1 failing rows · kept in artifact 0123456789ab</summary>" in html
    assert (
        html.count("kept in artifact") == 1
    )  # of the check that failed; rows that are only warned about are published
    assert "last tuesday" in render_html(dataclasses.replace(report, started="last tuesday"))
    assert "kept in artifact" not in render_html(report)


def test_markdown_keeps_its_table_and_shows_text_as_text(report: Report, evil: Report) -> None:
    assert "| ❌ fail | a in" in render_markdown(report)
    text = render_markdown([report, evil])
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}


def test_junit_is_xml_that_ci_servers_count(report: Report, evil: Report) -> None:
    root = ElementTree.fromstring(render_junit([report, evil]))
    first, second = root.findall("testsuite")
    assert first.get("name") == "flights" and second.get("name") == f"gate {EVIL}"
    assert (first.get("tests"), first.get("failures"), first.get("errors")) == ("6", "3", "1")
    assert len(first.findall("testcase")) == 6
    assert len(first.findall("testcase/failure")) == 3 and len(first.findall("testcase/error")) == 1
    assert "warning" in first.find("testcase/system-out").text


def test_a_page_without_gates() -> None:
    assert "0 gates" in render_html([])
    assert render_markdown([]) == ""
    assert ElementTree.fromstring(render_junit([])).tag == "testsuites"


def test_what_hides_or_turns_text_round_is_written_out() -> None:
    table = pa.table({"b": ["\u202egpj.exe", "\x1b[2J", "\x9b31m", "fine"]})
    report = Gate([in_set("b", ["fine"])], name="gate \u202e", keys=["b"]).evaluate(table, types=current_types()).report
    for page in (render_html(report, title="\u2066title"), render_markdown(report)):
        assert [c for c in set(page) if not c.isprintable() and c not in "\n\t\u200d\ufe0f"] == []
    assert "\\u202egpj.exe" in render_html(report)
