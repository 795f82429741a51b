"""What a gate says to options that are misspelt or malformed, and to suites that nobody knows."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ConversionError, DefinitionError, GateBlocked
from dovetail.plugins import Catalogue, build_catalogue
from dovetail.quality import Gate, Suite, collect_reports
from dovetail.quality.checks import in_range, in_set, matches, not_null, unique
from dovetail.spec import Manifest
from dovetail.types import TypeEngine


def test_a_misspelt_action_names_the_nearest() -> None:
    with pytest.raises(DefinitionError, match='on_fail="quarantine"'):
        Gate([not_null("a")], on_fail="quarentine")


@pytest.mark.parametrize("value", ["5%", "5 %", " 5% ", 0.05])
def test_ways_to_say_five_percent(value: float | str) -> None:
    assert Gate([not_null("a")], max_quarantined=value).policy.to_dict()["max_quarantined"] == "5%"


def test_a_number_of_rows() -> None:
    assert Gate([not_null("a")], max_quarantined=10).policy.to_dict()["max_quarantined"] == 10


@pytest.mark.parametrize("value", ["five", "5", "120%", -1, 1.5, True, None, "5%%", float("nan")])
def test_what_is_neither(value: object) -> None:
    with pytest.raises(DefinitionError, match="max_quarantined"):
        Gate([not_null("a")], max_quarantined=value)


@pytest.mark.parametrize(
    "options", [{"min_rows": -1}, {"min_rows": True}, {"min_rows": "1"}, {"warn": "x"}, {"fail": -1}]
)
def test_other_malformed_options(options: dict) -> None:
    with pytest.raises(DefinitionError):
        Gate([not_null("a")], **options)


def test_thresholds_of_single_checks() -> None:
    gate = Gate([not_null("a")], fail="1%", thresholds={"a.*": "2%", "b.*": {"warn": 3}})
    assert gate.policy.thresholds_of("a.not_null").to_dict() == {"warn": 0, "fail": "2%"}
    assert gate.policy.thresholds_of("b.unique").to_dict() == {"warn": 3, "fail": "1%"}
    assert gate.policy.thresholds_of("c.unique").to_dict() == {"warn": 0, "fail": "1%"}
    with pytest.raises(DefinitionError, match="fale"):
        Gate([not_null("a")], thresholds={"a.*": {"fale": 1}})


@pytest.mark.parametrize("suite", [None, "flights", 3, {"a": 1}, []])
def test_what_is_no_suite(suite: object) -> None:
    with pytest.raises(DefinitionError):
        Gate(suite)


def test_suites_refuse_what_is_no_check_and_what_comes_twice() -> None:
    with pytest.raises(DefinitionError, match="no native check"):
        Suite("s", ["not_null"])
    with pytest.raises(DefinitionError, match="twice"):
        Suite("s", [not_null("a"), not_null("a")])


def test_long_checks_that_read_alike_keep_ids_of_their_own() -> None:
    long = [f"value {n}" for n in range(100)]
    suite = Suite("s", [in_set("a", long), in_set("a", [*long, "one more"])])
    first, second = (check.info.id for check in suite.checks)
    assert second == f"{first}#2"


def test_a_gate_travels_between_processes() -> None:
    gate = Gate([in_range("a", 0, 1)], on_fail="drop", thresholds={"a.*": "1%"})
    again = pickle.loads(pickle.dumps(gate))
    assert again.fingerprint() == gate.fingerprint() and again.policy == gate.policy


@pytest.mark.parametrize(
    "make",
    [
        lambda: in_range("a"),
        lambda: in_range("a", 0, 1, inclusive="bth"),
        lambda: in_set("a", []),
        lambda: in_set("a", "abc"),
        lambda: matches("", "x"),
        lambda: unique(),
        lambda: not_null(3),
        lambda: not_null("a", severity="warn"),
    ],
)
def test_checks_refuse_malformed_parameters(make: object) -> None:
    with pytest.raises(DefinitionError):
        make()


def test_a_suite_that_nobody_knows(types) -> None:
    class Strange:
        pass

    with pytest.raises(DefinitionError, match="no installed plugin evaluates"):
        Gate(Strange()).check(types)


@pytest.mark.parametrize(
    ("module", "fix"),
    [
        ("pandera.api.polars.container", "pip install 'dovetail-pandera[engine]'"),
        ("great_expectations.core.expectation_suite", "pip install 'dovetail-great-expectations[engine]'"),
        ("pyspark.sql.connect.suite", "dovetail-spark will bring it; it is not released yet"),
    ],
)
def test_a_suite_of_a_library_whose_plugin_is_missing_says_what_brings_it(
    tmp_path: Path, module: str, fix: str
) -> None:
    alone = TypeEngine(Catalogue(Settings(tmp_path)))  # empty, whatever is installed where this runs
    suite = type("Suite", (), {"__module__": module})
    with pytest.raises(DefinitionError) as caught:
        Gate(suite()).check(alone)
    assert fix in str(caught.value)
    own = type(
        "Flights", (suite,), {"__module__": "__main__"}
    )  # a user's DataFrameModel is a class of their own module
    with pytest.raises(DefinitionError) as caught:
        Gate(own).check(alone)
    assert fix in str(caught.value)


def test_a_suite_whose_plugin_is_kept_out_says_how_to_let_it_in(tmp_path: Path) -> None:
    away = Manifest("pandera", "dovetail-pandera", "1", "dovetail_pandera")
    settings = Settings(tmp_path, deny=("dovetail-pandera",))
    catalogue = build_catalogue(settings, manifests=[away])
    suite = type("Suite", (), {"__module__": "pandera.api"})
    with pytest.raises(DefinitionError, match="remove dovetail-pandera from deny"):
        Gate(suite()).check(TypeEngine(catalogue))


def test_wiring_is_checked_at_definition(types) -> None:
    gate = Gate([not_null("a")])
    assert [check.id for check in gate.check(types, pa.Table).checks] == ["a.not_null"]
    with pytest.raises(ConversionError):
        gate.check(types, int)


def test_only_tables_can_be_gated(types) -> None:
    with pytest.raises(ConversionError, match="is int"):
        Gate([not_null("a")]).evaluate(3, types=types)


def test_called_in_process_a_gate_returns_or_raises() -> None:
    gate = Gate([not_null("a")])
    good = pa.table({"a": [1, 2]})
    assert gate(good) is good
    with pytest.raises(GateBlocked) as caught:
        gate(pa.table({"a": [1, None]}))
    assert caught.value.exit_code == 1
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.details["report"]["decision"] == "block"


def test_reports_are_collected_also_of_what_blocks() -> None:
    gate = Gate([not_null("a")])
    with collect_reports() as outer:
        gate(pa.table({"a": [1]}))
        with collect_reports() as inner, pytest.raises(GateBlocked):
            gate(pa.table({"a": [None]}))
    gate(pa.table({"a": [1]}))
    assert [r.decision for r in inner] == ["block"]
    assert [r.decision for r in outer] == ["publish", "block"]


def test_a_node_output_makes_a_node_instead() -> None:
    class NodeOutput:
        def __dovetail_gate__(self, gate: Gate) -> tuple:
            return "node", gate

    gate = Gate([not_null("a")])
    assert gate(NodeOutput()) == ("node", gate)


def test_fingerprint_follows_checks_and_policy_and_nothing_else() -> None:
    base = Gate([in_range("a", 0, 1)]).fingerprint()
    assert Gate([in_range("a", 0, 1)], name="other", keys=["id"], sample_values=False).fingerprint() == base
    assert Gate([in_range("a", 0, 2)]).fingerprint() != base
    assert Gate([in_range("a", 0, 1)], on_fail="warn").fingerprint() != base
    assert Gate([in_range("a", 0, 1)], fail=1).fingerprint() != base
    long = [f"value {n}" for n in range(100)]
    assert Gate([in_set("a", long)]).fingerprint() != Gate([in_set("a", [*long[:-1], "other"])]).fingerprint()


def test_a_set_of_values_has_one_order_in_every_process() -> None:
    words = ["quince", "fig", "plum", "medlar", "pear"]
    assert Gate([in_set("a", set(words))]).fingerprint() == Gate([in_set("a", sorted(words))]).fingerprint()
