"""``dovetail check``: files of data against a suite, without a workflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

SUITE = """
name = "orders"
[[checks]]
check = "not_null"
column = "customer"
[[checks]]
check = "in_range"
column = "amount"
minimum = 0
"""
GOOD = pa.table({"id": range(100), "customer": ["Ada"] * 100, "amount": [1.5] * 100})
BAD = GOOD.set_column(2, "amount", pa.array([-1.0, None] + [1.5] * 98))


@pytest.fixture
def files(project: Path) -> Path:
    Path("orders.toml").write_text(SUITE, encoding="utf-8")
    pq.write_table(GOOD, "good.parquet")
    pq.write_table(BAD, "bad.parquet")
    return project


class TestData:
    def test_what_may_pass_ends_with_0_and_what_may_not_with_1(self, cli: Any, files: Path) -> None:
        done = cli("check", "good.parquet", "orders.toml")
        assert (done.code, done.err) == (0, "")
        assert "100 of 100 rows clean" in done.out
        done = cli("check", "bad.parquet", "orders.toml")
        assert done.code == 1
        assert "1 of 99 failed" in done.out

    def test_json(self, cli: Any, files: Path) -> None:
        found = cli("check", "bad.parquet", "orders.toml", "--json").json
        assert (found["exit_code"], found["report"]["decision"]) == (1, "block")

    def test_every_format_reads_the_same(self, cli: Any, files: Path) -> None:
        pyarrow.csv.write_csv(BAD, "bad.csv")
        pyarrow.feather.write_feather(BAD, "bad.arrow", compression="lz4")
        Path("bad.jsonl").write_text("\n".join(json.dumps(row) for row in BAD.to_pylist()), encoding="utf-8")
        Path("bad.tsv").write_text(Path("bad.csv").read_text().replace(",", "\t"), encoding="utf-8")
        for name in ("bad.parquet", "bad.csv", "bad.tsv", "bad.arrow", "bad.jsonl"):
            checks = cli("check", name, "orders.toml", "--json").json["report"]["checks"]
            assert [(c["n_evaluated"], c["n_failed"]) for c in checks] == [(100, 0), (99, 1), (1, 0)], name

    def test_directories_and_patterns_are_one_table(self, cli: Any, files: Path) -> None:
        Path("parts/x").mkdir(parents=True)
        for number in range(3):
            pq.write_table(GOOD.slice(number * 30, 30), f"parts/x/{number}.parquet")
        Path("parts/_SUCCESS").write_text("")
        for data in ("parts", "parts/*/*.parquet"):
            assert cli("check", data, "orders.toml", "--json").json["report"]["rows_in"] == 90

    def test_urls(self, cli: Any, files: Path) -> None:
        import fsspec

        with fsspec.open("memory://checked/good.parquet", "wb") as file:
            file.write(Path("good.parquet").read_bytes())
        assert cli("check", "memory://checked/good.parquet", "orders.toml").code == 0


class TestSuites:
    def test_of_a_python_file_and_of_a_module(self, cli: Any, files: Path) -> None:
        Path("my_suites.py").write_text(
            "import dovetail as dt\nfrom dovetail.quality.checks import custom, not_null\n"
            "orders = dt.Gate([not_null('customer')], on_fail='warn')\n"
            "plain = dt.Suite('plain', [custom(lambda t: [True] * t.num_rows, 'amount')])\n",
            encoding="utf-8",
        )
        assert cli("check", "bad.parquet", "my_suites.py:orders").code == 0
        assert cli("check", "bad.parquet", "my_suites:plain").code == 0
        done = cli("check", "bad.parquet", "my_suites.py:order")
        assert (done.code, "did you mean 'orders'" in done.err) == (2, True)

    def test_options_of_the_command_line_go_first(self, cli: Any, files: Path) -> None:
        assert cli("check", "bad.parquet", "orders.toml", "--on-fail", "warn").code == 0
        assert cli("check", "bad.parquet", "orders.toml", "--on-fail", "warn", "--strict-warnings").code == 1
        assert cli("check", "bad.parquet", "orders.toml", "--fail", "1").code == 0
        done = cli("check", "bad.parquet", "orders.toml", "--on-fail", "drop", "--max-quarantined", "0")
        assert (done.code, "max_quarantined=0" in done.out) == (1, True)


class TestOutputs:
    def test_clean_and_failing_rows_are_all_rows(self, cli: Any, files: Path) -> None:
        arguments = ("--on-fail", "quarantine", "--clean", "clean.parquet", "--failing", "failing.csv")
        assert cli("check", "bad.parquet", "orders.toml", *arguments).code == 0
        assert pq.read_table("clean.parquet").num_rows == 99
        failing = pyarrow.csv.read_csv("failing.csv")
        assert failing.column("_dv_row").to_pylist() == [0]
        assert set(BAD.column_names) < set(failing.column_names)

    def test_failing_rows_are_kept_when_the_gate_blocks_and_nothing_is_called_clean(
        self, cli: Any, files: Path
    ) -> None:
        assert cli("check", "bad.parquet", "orders.toml", "--clean", "c.csv", "--failing", "f.parquet").code == 1
        assert pq.read_table("f.parquet").num_rows == 1
        assert not Path("c.csv").exists()

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--clean", "bad.parquet"], "--clean names the file of the data"),
            (["--clean", "rest.csv", "--failing", "./rest.csv"], "--failing names the file of --clean"),
            (["--failing", "rest.xlsx"], "'rest.xlsx' names no format"),
        ],
    )
    def test_files_that_must_not_be_written_are_refused_before_the_work(
        self, cli: Any, files: Path, words: list[str], told: str
    ) -> None:
        before = Path("bad.parquet").read_bytes()
        done = cli("check", "bad.parquet", "orders.toml", "--on-fail", "drop", *words)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert Path("bad.parquet").read_bytes() == before

    def test_reports_in_every_format(self, cli: Any, files: Path) -> None:
        arguments = [word for end in ("html", "json", "xml", "md") for word in ("--report", f"r.{end}")]
        assert cli("check", "bad.parquet", "orders.toml", *arguments).code == 1
        assert json.loads(Path("r.json").read_text())["decision"] == "block"
        assert ElementTree.parse("r.xml").getroot().find("testsuite").get("failures") == "2"
        assert "<table" in Path("r.html").read_text()
        assert Path("r.md").read_text().startswith("### orders")

    def test_a_report_without_a_format_is_refused_before_the_work(self, cli: Any, files: Path) -> None:
        done = cli("check", "bad.parquet", "orders.toml", "--clean", "c.csv", "--report", "r.pdf")
        assert (done.code, ".html" in done.err, Path("c.csv").exists()) == (2, True, False)


class TestMistakes:
    @pytest.mark.parametrize(
        ("data", "suite", "code", "told"),
        [
            ("god.parquet", "orders.toml", 2, "did you mean 'good.parquet'"),
            ("good.parquet", "order.toml", 2, "check init"),
            ("good.parquet", "orders", 2, "names no suite"),
            ("good.parquet", "nowhere:x", 2, "no module"),
            ("orders.toml", "orders.toml", 2, "does not say what it is"),
            ("empty", "orders.toml", 2, "holds no file"),
            ("mixed", "orders.toml", 2, "several formats"),
            ("broken.parquet", "orders.toml", 1, "cannot be read"),
            ("broken.csv", "orders.toml", 1, "cannot be read"),
            ("latin.csv", "orders.toml", 1, "is not in UTF-8"),
            ("apart", "orders.toml", 1, "not one table"),
            ("none.parquet", "orders.toml", 1, "blocked"),
            ("other.parquet", "orders.toml", 1, "there is no column 'customer'"),
        ],
    )
    def test_are_told_and_never_pass(self, cli: Any, files: Path, data: str, suite: str, code: int, told: str) -> None:
        Path("empty").mkdir()
        Path("mixed").mkdir()
        Path("mixed/a.csv").write_text("a\n1\n")
        Path("mixed/a.jsonl").write_text("{}")
        Path("apart").mkdir()
        pq.write_table(pa.table({"customer": [1]}), "apart/1.parquet")
        pq.write_table(pa.table({"customer": [[1]]}), "apart/2.parquet")
        Path("broken.parquet").write_bytes(Path("good.parquet").read_bytes()[:-40])
        Path("broken.csv").write_text("a,b\n1,2\n1,2,3\n")
        Path("latin.csv").write_text("customer,größe\nAda,1\n", encoding="latin-1")
        pq.write_table(GOOD.slice(0, 0), "none.parquet")
        pq.write_table(GOOD.drop_columns(["customer"]), "other.parquet")
        done = cli("check", data, suite)
        assert done.code == code, done
        assert told in done.out + done.err
        assert "Traceback" not in done.err


class TestInit:
    def test_what_it_proposes_passes(self, cli: Any, files: Path) -> None:
        done = cli("check", "init", "good.parquet", "-o", "proposed.toml")
        assert (done.code, "dovetail check good.parquet proposed.toml" in done.out) == (0, True)
        assert cli("check", "good.parquet", "proposed.toml").code == 0
        assert cli("check", "bad.parquet", "proposed.toml").code == 1

    def test_it_goes_to_standard_output_and_replaces_nothing_unasked(self, cli: Any, files: Path) -> None:
        assert 'name = "good"' in cli("check", "init", "good.parquet").out
        done = cli("check", "init", "good.parquet", "-o", "orders.toml")
        assert (done.code, "--force" in done.err) == (2, True)
        assert Path("orders.toml").read_text() == SUITE
        assert cli("check", "init", "good.parquet", "--json").json["checks"][0]["check"] == "row_count"
