"""What each action of a gate does with the value, the failing rows, and the counts."""

import pyarrow as pa
import pytest
from dovetail.config import load_settings, resolve_secrets
from dovetail.errors import GateBlocked, PlatformError, StoreUnwritable
from dovetail.quality import Gate, Suite, raise_for_decision
from dovetail.quality.checks import in_range, in_set, not_null, row_count, unique
from dovetail.spec import Artifact, TypeTransformer

SUITE = Suite("people", [not_null("name"), in_range("age", 0, 120), unique("id")])


def table(bad=1):
    ages = [200] * bad + [30] * (100 - bad)
    return pa.table({"id": range(100), "name": [f"n{i}" for i in range(100)], "age": ages})


def conserved(report):
    return report.rows_in == report.rows_clean + report.rows_quarantined + report.rows_dropped + report.rows_blocked


def test_data_that_pass_are_returned_by_reference(types):
    value = table(bad=0)
    result = Gate(SUITE).evaluate(value, types=types)
    assert result.value is value
    assert result.report.decision == "publish"
    assert [check.n_failed for check in result.report.checks] == [0, 0, 0, 0]


def test_block_returns_nothing_and_keeps_the_failing_rows(types):
    result = Gate(SUITE, on_fail="block").evaluate(table(), types=types)
    assert result.value is None
    assert result.report.decision == "block"
    assert result.quarantined["_dv_row"].to_pylist() == [0]
    assert conserved(result.report)
    with pytest.raises(GateBlocked, match="age in") as caught:
        raise_for_decision(result.report)
    assert caught.value.details["report"]["rows_blocked"] == 100


def test_warn_lets_everything_through(types):
    value = table()
    result = Gate(SUITE, on_fail="warn").evaluate(value, types=types)
    assert result.value is value
    assert result.report.decision == "publish_with_warnings"
    assert result.report.rows_failed == 1


def test_quarantine_splits_the_rows_and_says_why(types):
    value = table(bad=3)
    result = Gate(SUITE, on_fail="quarantine").evaluate(value, types=types, run_id="r1")
    assert result.value.equals(value.slice(3))
    assert result.report.decision == "publish_clean_quarantine_rest"
    assert conserved(result.report) and result.report.rows_quarantined == 3
    aside = result.quarantined
    assert aside.column_names == ["id", "name", "age", "_dv_checks", "_dv_run", "_dv_row", "_dv_at"]
    assert aside["_dv_checks"].to_pylist() == [["age.in_range([0, 120])"]] * 3
    assert aside["_dv_row"].to_pylist() == [0, 1, 2]
    assert aside["_dv_run"].to_pylist() == ["r1"] * 3
    assert aside.schema.field("_dv_at").type == pa.timestamp("us", tz="UTC")


def test_drop_takes_rows_away_and_keeps_none(types):
    result = Gate(SUITE, on_fail="drop").evaluate(table(bad=3), types=types)
    assert result.quarantined is None
    assert result.report.rows_dropped == 3 and conserved(result.report)
    assert "dropped" in result.report.reason


@pytest.mark.parametrize("action", ["quarantine", "drop"])
def test_too_many_bad_rows_block(types, action):
    assert Gate(SUITE, on_fail=action).evaluate(table(bad=5), types=types).report.rows_clean == 95
    report = Gate(SUITE, on_fail=action).evaluate(table(bad=6), types=types).report
    assert report.decision == "block" and "max_quarantined=5%" in report.reason


@pytest.mark.parametrize("action", ["quarantine", "drop"])
def test_what_no_row_is_to_blame_for_blocks(types, action):
    report = Gate([row_count(1000)], on_fail=action).evaluate(table(), types=types).report
    assert report.decision == "block" and "no single rows" in report.reason


@pytest.mark.parametrize("action", ["block", "warn", "quarantine", "drop"])
def test_what_cannot_be_evaluated_blocks(types, action):
    report = Gate([not_null("nmae")], on_fail=action).evaluate(table(), types=types).report
    assert report.decision == "block"
    assert report.checks[0].status == "error" and "nmae" in report.checks[0].message


def test_the_quarantine_is_written_before_clean_rows_are_let_through(types):
    kept = []

    def keep(aside, meta):
        kept.append((aside, meta))

    result = Gate(SUITE, on_fail="quarantine").evaluate(
        table(bad=2), types=types, run_id="r", node_id="clean", attempt=2, quarantine=keep
    )
    aside, meta = kept[0]
    assert aside.equals(result.quarantined)
    assert meta["gate"] == "people" and meta["node_id"] == "clean" and meta["attempt"] == 2 and meta["rows"] == 2


def test_the_artifact_of_the_quarantine_is_in_the_report(types):
    artifact = Artifact("id", "pyarrow.Table", "parquet", "hash")
    result = Gate(SUITE, on_fail="quarantine").evaluate(table(), types=types, quarantine=lambda aside, meta: artifact)
    assert Artifact.from_dict(result.report.quarantine) == artifact


@pytest.mark.parametrize("action", ["quarantine", "block"])
def test_a_quarantine_that_cannot_be_written_fails(types, action):
    def broken(aside, meta):
        raise StoreUnwritable("disk full")

    with pytest.raises(StoreUnwritable):
        Gate(SUITE, on_fail=action).evaluate(table(), types=types, quarantine=broken)


@pytest.mark.parametrize("action", ["warn", "drop"])
def test_nothing_is_kept_where_nobody_asked(types, action):
    def never(aside, meta):
        raise AssertionError("called")

    assert Gate(SUITE, on_fail=action).evaluate(table(), types=types, quarantine=never).report.rows_clean


def test_rows_within_the_fail_limit_are_let_through(types):
    gate = Gate(SUITE, on_fail="quarantine", thresholds={"age.*": "3%"})
    result = gate.evaluate(table(bad=3), types=types)
    assert result.report.decision == "publish_with_warnings"
    assert result.report.rows_clean == 100 and result.report.rows_failed == 3
    assert gate.evaluate(table(bad=4), types=types).report.rows_quarantined == 4


def test_rows_that_were_quarantined_before_keep_what_was_said_of_them(types):
    first = Gate(SUITE, on_fail="quarantine").evaluate(table(bad=2), types=types, run_id="one").quarantined
    again = Gate(SUITE, on_fail="block").evaluate(first, types=types, run_id="two").quarantined
    assert again["_dv_run"].to_pylist() == ["two"] * 2
    assert again["_dv_run_in"].to_pylist() == ["one"] * 2


def test_samples_show_keys_and_checked_values(types):
    report = Gate(SUITE, keys="id").evaluate(table(bad=50), types=types).report
    sample = report.checks[1].sample
    assert len(sample) == 20
    assert sample[0] == {"row": 0, "values": {"id": "0", "age": "200"}}


def test_samples_can_leave_values_out(types):
    report = Gate(SUITE, keys="id", sample_values=False).evaluate(table(), types=types).report
    assert report.checks[1].sample == [{"row": 0, "values": {"id": "0"}}]


def test_samples_are_short_and_hide_secrets(types, tmp_path, monkeypatch):
    monkeypatch.setenv("DV_TEST_TOKEN", "hunter2-hunter2")
    secret = resolve_secrets({"env": "DV_TEST_TOKEN"}, load_settings(tmp_path))
    assert secret.reveal() == "hunter2-hunter2"
    value = pa.table({"a": ["x" * 1000, "token hunter2-hunter2"]})
    report = Gate([in_set("a", ["fine"])]).evaluate(value, types=types).report
    long, hidden = (row["values"]["a"] for row in report.checks[0].sample)
    assert len(long) == 60
    assert "hunter2" not in hidden and "***" in hidden


class LosesRows(TypeTransformer):
    type_name = "pyarrow.Table"
    is_table = True

    def num_rows(self, value):
        return value.num_rows

    def take_rows(self, value, rows):
        return value.take(pa.array(rows))[: len(rows) - 1]

    def to_arrow(self, value):
        return value


class LossyTypes:
    """The real type engine, but for one transformer that drops the last row it is asked for."""

    def __init__(self, types):
        self.types = types

    def transformer_for(self, value):
        return LosesRows()

    def __getattr__(self, name):
        return getattr(self.types, name)


@pytest.mark.parametrize("action", ["quarantine", "drop"])
def test_rows_that_get_lost_on_the_way_are_noticed(types, action):
    bad = Suite("s", [in_range("age", 0, 120)])
    gate = Gate(bad, on_fail=action, sample_values=False)
    with pytest.raises(PlatformError, match="lose or double rows"):
        gate.evaluate(table(), types=LossyTypes(types))
