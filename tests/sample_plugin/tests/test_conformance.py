"""acme-weather keeps what dovetail's conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import acme_weather
import dovetail as dt
from acme_weather import Model, Plausible, Readings
from dovetail.testing import (
    TRUTH_CHECKS,
    CheckEngineSuite,
    ExecutorSuite,
    PluginSuite,
    RemoteTaskTypeSuite,
    TaskTypeSuite,
    TransformerSuite,
    TruthCheck,
    never,
)
from hypothesis import strategies as st

PLUGIN = "acme_weather.plugin"


class TestPlugin(PluginSuite):
    plugin = PLUGIN
    gaps = {
        "artifact_store.acme": never("the archive is closed"),
        "secret.vault": never("test_weather.py reads a secret"),
        "command.weather": never("dovetail's own tests type it"),
    }


class TestReadings(TransformerSuite):
    plugin = PLUGIN
    type = "acme_weather.readings.Readings"

    def values(self) -> Any:
        degrees = st.floats(-90, 60, allow_nan=False)
        return st.builds(Readings, st.text(max_size=20), st.lists(degrees, max_size=50))


class TestStation(TaskTypeSuite):
    plugin = PLUGIN
    task_type = "weather-station"
    inputs = {"hours": 3}
    expected = Readings("Oslo", [2.0, 1.6, 1.5])
    failure = "-1 hours cannot be read"
    gaps = {
        "cancel": never("a reading is over at once"),
        "timeout": never("a reading is over at once"),
        "logs": never("stations are silent"),
        "secrets": never("stations are open to everybody"),
    }

    def make_task(self) -> Any:
        return acme_weather.measure("Oslo")

    def make_other_task(self) -> Any:
        return acme_weather.measure("Porto")

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        return [(lambda: acme_weather.measure("Olso"), "Olso")]

    def make_failing_task(self) -> Any:
        return acme_weather.measure("Oslo", hours=-1)

    def make_unavailable_task(self) -> Any:
        return acme_weather.measure("Atlantis")


def observed(first: float = 10.0) -> Readings:
    return Readings("Porto", [first, 20.0])


def nothing() -> Readings:
    return Readings("Porto", [])


class TestModel(RemoteTaskTypeSuite):
    plugin = PLUGIN
    task_type = "weather-model"
    inputs = {"first": 12.0}
    expected = Readings("Porto", [16.0, 16.0, 16.0])
    failure = "no readings, no forecast"
    failure_log = "reading 0 values"
    gaps = {
        "platform_error": never("the model runs here, it is always there"),
        "secrets": never("the model is open to everybody"),
    }

    def make_task(self) -> Any:
        return dt.task(Model())(observed)

    def make_other_task(self) -> Any:
        return dt.task(Model(hours=4))(observed)

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        return [(lambda: dt.task(Model(hours=0))(observed), "hours")]

    def make_failing_task(self) -> Any:
        return dt.task(Model())(nothing)

    def make_slow_task(self) -> Any:
        return dt.task(Model(hours=3000, pace=0.1))(observed)

    def make_logging_task(self) -> tuple[Any, str]:
        return dt.task(Model(hours=1))(observed), "reading 2 values"

    def lost_handle(self) -> Any:
        return {"folder": str(self.folder / "nowhere"), "pid": 2**22 - 1}


class TestAcmeThreads(ExecutorSuite):
    plugin = PLUGIN
    executor = "acme-threads"
    gaps = {
        "worker_death": never("tasks run in the hub's own process", runs=False),
        "cancel": never("nobody can stop a thread", runs=False),
    }


class TestWeather(CheckEngineSuite):
    plugin = PLUGIN
    engine = "weather"
    frames = ("pyarrow.Table",)
    gaps = {
        f"check.{name}": never("temperatures lie between bounds", raises=NotImplementedError)
        for name in TRUTH_CHECKS
        if name != "in_range"
    }

    def suite_for(self, check: TruthCheck) -> Plausible:
        if check.name != "in_range":
            raise NotImplementedError(check.name)
        return Plausible(check.params["minimum"], check.params["maximum"], check.columns[0])
