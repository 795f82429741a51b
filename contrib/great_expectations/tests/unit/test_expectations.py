"""Gates with suites of Great Expectations: what becomes of results, thresholds, severities, and of what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pyarrow as pa
import pytest
from dovetail.cli import main
from dovetail.errors import DefinitionError
from dovetail.quality import Gate, GateResult
from dovetail.quality.checks import not_null
from dovetail.types import current_types
from dovetail_great_expectations import stored
from dovetail_great_expectations._stored import read_suite
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.row_conditions import Column

FRAME = pd.DataFrame(
    {
        "id": [1, 1, 2, None, None, 3],
        "name": ["a", None, "b", "zz", None, "a"],
        "x": [1.0, 2, 3, 4, float("nan"), None],
    },
    index=["r"] * 6,  # labels that say nothing
)


def suite(*expectations: Any, **options: Any) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name="s", expectations=list(expectations), **options)


def look(gated: Any, value: Any = FRAME, **options: Any) -> GateResult:
    return Gate(gated, **options).evaluate(value, types=current_types())


def one(gated: Any, value: Any = FRAME, **options: Any) -> Any:
    return look(gated, value, **options).report.checks[0]


def test_failing_rows_are_ordinals_whatever_the_labels_are() -> None:
    result = look(suite(gxe.ExpectColumnValuesToBeUnique(column="id")), on_fail="quarantine", max_quarantined="50%")
    assert result.report.decision == "publish_clean_quarantine_rest"
    assert result.quarantined["_dv_row"].to_pylist() == [0, 1]
    assert result.value["id"].dropna().tolist() == [2, 3]
    check = result.report.checks[0]
    assert (check.check_id, check.n_evaluated, check.n_failed, check.n_keys) == ("id.be_unique", 4, 2, 1)


def test_an_arrow_table_comes_out_as_an_arrow_table() -> None:
    table = pa.table({"id": pa.array([1, 2, None], pa.int64())})
    result = look(suite(gxe.ExpectColumnValuesToNotBeNull(column="id")), table, on_fail="drop", max_quarantined=1)
    assert result.value.schema == table.schema
    assert result.value["id"].to_pylist() == [1, 2]


def test_a_row_condition_narrows_what_is_evaluated() -> None:
    expectation = gxe.ExpectColumnValuesToBeBetween(column="x", min_value=2, row_condition=Column("id") < 2)
    check = one(suite(expectation))
    assert (check.n_evaluated, check.n_failed) == (2, 1)
    other = gxe.ExpectColumnValuesToBeBetween(column="x", min_value=2, row_condition=Column("id") < 3)
    assert one(suite(other)).check_id != check.check_id


@pytest.mark.parametrize(("failing", "status"), [(10, "warn"), (11, "fail")])
def test_mostly_is_the_fail_threshold(failing: int, status: str) -> None:
    """A share that 1 - mostly does not give exactly in floats."""
    frame = pd.DataFrame({"a": [None] * failing + [1] * (100 - failing)})
    check = one(suite(gxe.ExpectColumnValuesToNotBeNull(column="a", mostly=0.9)), frame)
    assert check.status == status
    assert check.thresholds == {"warn": 0, "fail": "10%"}


def test_what_the_gate_says_of_a_check_is_stronger_than_mostly() -> None:
    gated = suite(gxe.ExpectColumnValuesToNotBeNull(column="id", mostly=0.5))
    assert one(gated).status == "warn"
    assert one(gated, thresholds={"id.*": 1}).status == "fail"
    assert one(gated, fail="1%").status == "warn"


def test_ids_do_not_depend_on_thresholds_and_fingerprints_do() -> None:
    loose, strict = (Gate(suite(gxe.ExpectColumnValuesToNotBeNull(column="a", mostly=m))) for m in (0.5, 1))
    ids = [[each.id for each in gate.check(current_types()).checks] for gate in (loose, strict)]
    assert ids[0] == ids[1] == ["a.not_be_null"]
    assert loose.fingerprint() != strict.fingerprint()


@pytest.mark.parametrize(
    ("severity", "decision"),
    [("critical", "block"), ("warning", "publish_with_warnings"), ("info", "publish_with_warnings")],
)
def test_severity_decides_whether_a_failure_blocks(severity: str, decision: str) -> None:
    gated = suite(gxe.ExpectColumnValuesToNotBeNull(column="id", severity=severity))
    assert look(gated).report.decision == decision


def test_what_raises_blocks_whatever_its_severity_and_the_others_are_told() -> None:
    gated = suite(
        gxe.ExpectColumnValuesToBeBetween(column="name", min_value=1, severity="info"),
        gxe.ExpectColumnValuesToNotBeNull(column="nmae", severity="info"),
        gxe.ExpectTableRowCountToEqual(value=6),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query="SELECT * FROM {batch}", severity="info"),
    )
    report = look(gated, on_fail="warn").report
    assert report.decision == "block"
    assert [check.status for check in report.checks[:4]] == ["error", "error", "pass", "error"]
    assert "did you mean 'name'" in report.checks[1].message


def test_a_bound_that_great_expectations_does_not_keep_is_refused() -> None:
    gated = suite(gxe.ExpectColumnValuesToBeBetween(column="a", max_value=2**53 + 1))
    assert one(gated, pd.DataFrame({"a": [1]})).status == "error"
    assert one(gated, pd.DataFrame({"a": [1.5]})).status == "pass"


def test_a_mean_of_nothing_is_no_mean() -> None:
    assert (
        one(suite(gxe.ExpectColumnMeanToBeBetween(column="a")), pd.DataFrame({"a": [float("nan")]})).status == "error"
    )


def test_a_null_operand_is_not_evaluated_unless_the_suite_says_so() -> None:
    pair = {"column_A": "id", "column_B": "x"}
    check = one(suite(gxe.ExpectColumnPairValuesToBeEqual(**pair)))
    assert (check.n_evaluated, check.n_failed) == (3, 2)
    check = one(suite(gxe.ExpectColumnPairValuesToBeEqual(**pair, ignore_row_if="neither")))
    assert check.n_evaluated == 6


def test_the_type_of_a_column_is_one_answer_or_one_for_each_row() -> None:
    check = one(suite(gxe.ExpectColumnValuesToBeOfType(column="x", type_="float64")))
    assert (check.status, check.row_scoped, check.n_evaluated) == ("pass", False, 1)
    mixed = pd.DataFrame({"a": pd.Series(["a", 1, None], dtype=object)})
    check = one(suite(gxe.ExpectColumnValuesToBeOfType(column="a", type_="str")), mixed)
    assert (check.n_evaluated, check.n_failed) == (2, 1)


class ExpectColumnValuesToBeLooked(gxe.ExpectColumnValuesToNotBeNull):
    """It says that all is well, and not what it has looked at."""

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return {"success": True, "result": {}}


def test_a_success_without_a_count_is_none() -> None:
    assert one(suite(ExpectColumnValuesToBeLooked(column="id"))).status == "error"


def test_parameters_of_the_suite_are_filled_in() -> None:
    expectation = gxe.ExpectColumnValuesToBeInSet(column="name", value_set={"$PARAMETER": "known"})
    assert one(suite(expectation, suite_parameters={"known": ["a", "b"]})).n_failed == 1
    assert one(suite(expectation, suite_parameters={"known": ["a"]})).n_failed == 2
    with pytest.raises(DefinitionError, match="cannot be evaluated"):
        Gate(suite(expectation)).check(current_types())


def test_two_that_expect_the_same_are_told_apart() -> None:
    gated = suite(*(gxe.ExpectColumnValuesToNotBeNull(column="id", mostly=m, notes=str(m)) for m in (1, 0.5)))
    assert [check.check_id for check in look(gated).report.checks[:2]] == ["id.not_be_null", "id.not_be_null#2"]


def test_expectations_without_a_suite() -> None:
    some = [gxe.ExpectColumnValuesToNotBeNull(column="id"), gxe.ExpectTableRowCountToEqual(value=6)]
    assert [check.n_failed for check in look(some).report.checks[:2]] == [2, 0]
    assert one(some[0]).n_failed == 2
    assert Gate(some).name == "checks"
    with pytest.raises(DefinitionError, match="no native check"):
        Gate([*some, not_null("id")])
    with pytest.raises(DefinitionError, match="is no expectation"):
        Gate([*some, Path()]).check(current_types())


class ColumnValuesAreShort(ColumnMapMetricProvider):
    condition_metric_name = "column_values.dovetail_short"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **kwargs: Any) -> Any:
        return column.str.len() < 2


class ExpectColumnValuesToBeShort(ColumnMapExpectation):
    """A user's own expectation."""

    map_metric = "column_values.dovetail_short"
    success_keys = ("mostly",)


def test_an_expectation_of_the_users_own() -> None:
    check = one(suite(ExpectColumnValuesToBeShort(column="name")))
    assert (check.kind, check.n_evaluated, check.n_failed) == ("custom", 4, 1)


def test_the_suite_of_a_checkpoint_and_of_its_validation() -> None:
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    context.suites.add(wanted := suite(gxe.ExpectColumnValuesToNotBeNull(column="id")))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=wanted))
    assert one(validation).n_failed == 2
    assert one(gx.Checkpoint(name="c", validation_definitions=[validation])).n_failed == 2
    other = gx.ExpectationSuite(name="other", expectations=[gxe.ExpectTableRowCountToEqual(value=1)])
    context.suites.add(other)
    second = context.validation_definitions.add(gx.ValidationDefinition(name="w", data=batch, suite=other))
    with pytest.raises(DefinitionError, match="several suites"):
        Gate(gx.Checkpoint(name="c", validation_definitions=[validation, second])).check(current_types())


# -- suites by reference ---------------------------------------------------------------------------


def made() -> gx.ExpectationSuite:
    return suite(gxe.ExpectColumnValuesToNotBeNull(column="id"))


def test_the_file_of_a_suite(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(made().to_json_dict()), encoding="utf-8-sig")  # with a mark, as Windows writes it
    gate = Gate(stored(file))
    assert gate.name == "people"
    assert one(stored(file)).n_failed == 2
    before = gate.fingerprint()
    file.write_text(json.dumps(suite(gxe.ExpectColumnValuesToNotBeNull(column="x")).to_json_dict()))
    assert gate.fingerprint() != before


def test_a_file_with_an_expectation_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Great Expectations leaves it out, and the suite would be green."""
    told = made().to_json_dict()
    told["expectations"].append({"type": "expect_moon", "kwargs": {}, "meta": {}})
    file = tmp_path / "people.json"
    file.write_text(json.dumps(told))
    with pytest.raises(DefinitionError, match="expect_moon"):
        Gate(stored(file)).check(current_types())


def test_a_suite_in_a_context_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    context = gx.get_context(mode="file", project_root_dir=tmp_path)
    context.suites.add(made())
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
    assert one(stored(tmp_path, suite="s")).n_failed == 2
    assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before
    with pytest.raises(DefinitionError, match="has no suite 'z'"):
        Gate(stored(tmp_path, suite="z")).check(current_types())


def test_a_function_that_makes_a_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dovetail_made_suites.py").write_text(
        "import great_expectations as gx\n"
        "import great_expectations.expectations as gxe\n"
        "def people():\n"
        "    return gx.ExpectationSuite(name='s', expectations=[gxe.ExpectColumnValuesToNotBeNull(column='id')])\n"
        "def nothing():\n"
        "    return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert one(stored("dovetail_made_suites:people")).n_failed == 2
    for wrong, why in (("nothing", "ZeroDivisionError"), ("absent", "AttributeError")):
        with pytest.raises(DefinitionError, match=why):
            Gate(stored(f"dovetail_made_suites:{wrong}")).check(current_types())


def test_files_of_the_command_line(tmp_path: Path) -> None:
    gx.get_context(mode="file", project_root_dir=tmp_path).suites.add(made())
    config = tmp_path / "gx" / "great_expectations.yml"
    assert one(read_suite(config, "s", False)).n_failed == 2
    with pytest.raises(DefinitionError, match="many suites"):
        read_suite(config, None, False)
    file = tmp_path / "people.gx.json"
    file.write_text(json.dumps(made().to_json_dict()))
    assert one(read_suite(file, None, False)).n_failed == 2
    assert read_suite(file, None, False).name == "people"
    with pytest.raises(DefinitionError, match="holds one suite"):
        read_suite(file, "s", False)


def test_dovetail_check_takes_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.gx.json").write_text(json.dumps(made().to_json_dict()))
    (tmp_path / "people.csv").write_text("id,name\n1,a\n,b\n")
    monkeypatch.chdir(tmp_path)
    assert main(["check", "people.csv", "people.gx.json"]) == 1
    assert "1 of 2" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["nowhere.json", "no such"])
def test_a_reference_to_nothing_is_refused_at_once(source: str) -> None:
    with pytest.raises(DefinitionError):
        stored(source)
    with pytest.raises(DefinitionError):
        stored(source, suite="s")


def test_a_gate_is_quiet_and_leaves_nothing(tmp_path: Path) -> None:
    """No progress bar, no log, no file; not in the home directory either; and telemetry is off before the import."""
    code = (
        "import pandas as pd\n"
        "from dovetail.quality import Gate\n"
        "from dovetail_great_expectations import stored\n"
        "import sys\n"
        "gate = Gate(stored('suites:people'), on_fail='warn')\n"
        "assert 'great_expectations' not in sys.modules\n"
        "from dovetail.types import current_types\n"
        "result = gate.evaluate(pd.DataFrame({'id': [1, None]}), types=current_types())\n"
        "assert result.report.checks[0].n_failed == 1, result.report\n"
        "assert result.report.checks[1].status == 'error', result.report\n"
        "import os; assert os.environ['GX_ANALYTICS_ENABLED'] == 'false'\n"
    )
    home, work, lib = tmp_path / "home", tmp_path / "work", tmp_path / "lib"
    for each in (home, work, lib):
        each.mkdir()
    (lib / "suites.py").write_text(
        "def people():\n"
        "    import great_expectations as gx\n"
        "    import great_expectations.expectations as gxe\n"
        "    return gx.ExpectationSuite(name='s', expectations=[gxe.ExpectColumnValuesToNotBeNull(column='id'),\n"
        "        gxe.ExpectColumnValuesToNotBeNull(column='di')])\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(lib)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=work, env=environment)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    own = home / ".cache" / "dovetail"  # what dovetail remembers of plugins
    files = [each for each in (*home.rglob("*"), *work.rglob("*")) if each.is_file()]
    assert [each for each in files if not each.is_relative_to(own)] == []
