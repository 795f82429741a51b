"""A suite whose library only an environment has is evaluated there; the hub decides, and keeps the rows."""

from __future__ import annotations

import importlib
import sys
import textwrap
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DefinitionError, EngineUnavailable
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.spec import SuiteInfo

TABLE = pa.table({"a": [1, -2, 3, -4]})


PLUGIN = """
    from dataclasses import dataclass, replace

    from dovetail.spec import CheckEngine, CheckEngineSpec, CheckInfo, CheckOutcome, EnvironmentSpec, SuiteInfo, hookimpl

    DOVETAIL_API = 1

    @dataclass(frozen=True)
    class Named:
        name: object

    class LonelyEngine(CheckEngine):
        name = "lonely"

        def describe(self, suite):
            import lonelib
            return SuiteInfo(suite.name, tuple(CheckInfo(f"a.{word}", word, columns=("a",)) for word in lonelib.CHECKS))

        def frames(self, suite):
            return ("pyarrow.Table",)

        def fingerprint(self, suite):
            return f"{suite.name} {self.describe(suite)}"

        def thresholds(self, suite):
            return {"a.positive": 1} if suite.name == "lenient" else {}

        def evaluate(self, suite, value):
            import lonelib
            if suite.name == "raises":
                raise ValueError("no such suite")
            check = self.describe(suite).checks[0]
            rows = [row for row, each in enumerate(value["a"].to_pylist()) if not lonelib.positive(each)]
            return [
                CheckOutcome(check, "evaluated", n_evaluated=len(value), n_failed=len(rows), failed_rows=rows, observed=0.5),
                CheckOutcome(replace(check, id="a.other"), "skipped", message="not today"),
            ]

        def version(self):
            import lonelib
            return lonelib.__version__

    @hookimpl
    def dovetail_check_engines():
        return [
            CheckEngineSpec(
                "lonely",
                "lonely_plugin:LonelyEngine",
                suites=("lonely_plugin.Named", "lonelib.Suite"),
                engine="lonelib",
                install="pip install lonelib",
            )
        ]

    @hookimpl
    def dovetail_environments():
        return [EnvironmentSpec("lone", engine="lonelib")]
    """


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of one file, as a wheel."""
    path = tmp_path_factory.mktemp("wheel") / "lonelib-1.0-py3-none-any.whl"
    about = "lonelib-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "lonelib.py", "__version__ = '1.0'\nCHECKS = ('positive',)\n\ndef positive(n):\n    return n > 0\n"
        )
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: lonelib\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A plugin whose engine's library is in one environment alone."""
    (tmp_path / "lonely_plugin.py").write_text(textwrap.dedent(PLUGIN))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("lonely_plugin")
    del sys.modules["lonely_plugin"]


@pytest.fixture
def hub(settings: Settings, wheel: Path, lonely: ModuleType) -> Iterator[Hub]:
    settings = replace(settings, envs={"lone": {"requires": [f"lonelib @ {wheel.as_uri()}"]}})
    with use_catalogue(build_catalogue(settings, extra=[lonely])), Hub(settings) as hub:
        yield hub


def evaluated(hub: Hub, suite: Any, **options: Any) -> Any:
    return dt.Gate(suite, **options).evaluate(TABLE, types=hub.types)


def test_counts_rows_and_what_the_suite_sets_come_back(hub: Hub, lonely: ModuleType) -> None:
    result = evaluated(hub, lonely.Named("strict"), on_fail="quarantine", max_quarantined="50%")
    first, second = result.report.checks[:2]
    assert (first.status, first.n_evaluated, first.n_failed, first.observed) == ("fail", 4, 2, 0.5)
    assert (second.status, second.message) == ("skipped", "not today")
    assert result.value["a"].to_pylist() == [1, 3]
    assert result.quarantined["_dv_row"].to_pylist() == [1, 3]
    assert result.report.engine == {"name": "lonely", "version": "1.0"}
    assert evaluated(hub, lonely.Named("lenient")).report.checks[0].thresholds == {"warn": 0, "fail": 1}


def test_in_a_run_the_node_is_here_and_its_gate_is_there(hub: Hub, lonely: ModuleType) -> None:
    gate = dt.Gate(lonely.Named("strict"), on_fail="drop", max_quarantined="50%")

    @dt.task
    def made() -> Annotated[pa.Table, gate]:
        return TABLE

    @dt.workflow
    def flow() -> pa.Table:
        return made()

    assert hub.run(flow).value["a"].to_pylist() == [1, 3]
    assert flow()["a"].to_pylist() == [1, 3]


def test_a_gate_is_defined_without_building_anything(hub: Hub, lonely: ModuleType, tmp_path: Path) -> None:
    settings = replace(hub.settings, env_dir=tmp_path / "none")
    with use_catalogue(build_catalogue(settings, extra=[lonely])), Hub(settings) as other:
        assert dt.Gate(lonely.Named("strict")).check(other.types, pa.Table) == SuiteInfo("strict")
    assert not (tmp_path / "none").exists()


def test_what_raises_there_blocks_here(hub: Hub, lonely: ModuleType) -> None:
    report = evaluated(hub, lonely.Named("raises"), on_fail="warn").report
    assert report.decision == "block"
    assert "no such suite" in report.checks[0].message


def test_equal_suites_have_equal_versions(hub: Hub, lonely: ModuleType) -> None:
    prints = [dt.Gate(lonely.Named(name)).fingerprint(hub.types) for name in ("strict", "strict", "lenient")]
    assert prints[0] == prints[1] != prints[2]


def test_an_object_of_the_library_says_what_to_install(hub: Hub, lonely: ModuleType) -> None:
    suite = type("Suite", (), {"__module__": "lonelib"})()
    for asked in (lambda: dt.Gate(suite).check(hub.types), lambda: evaluated(hub, suite)):
        with pytest.raises(EngineUnavailable, match="pip install lonelib"):
            asked()


def test_config_that_wants_the_engine_here_is_heeded(hub: Hub, lonely: ModuleType) -> None:
    settings = replace(hub.settings, engines={"lone": "here"})
    with (
        use_catalogue(build_catalogue(settings, extra=[lonely])),
        Hub(settings) as other,
        pytest.raises(EngineUnavailable, match=r"engines\.lone"),
    ):
        dt.Gate(lonely.Named("strict")).check(other.types)


def test_a_suite_that_cannot_be_packed_says_so(hub: Hub, lonely: ModuleType) -> None:
    with pytest.raises(DefinitionError, match="cannot be brought to environment"):
        evaluated(hub, lonely.Named(threading.Lock()))
