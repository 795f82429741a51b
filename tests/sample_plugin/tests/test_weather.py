"""What acme-weather does, in a hub that holds it alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import acme_weather
import acme_weather.readings
import dovetail as dt
import pyarrow as pa
import pytest
from acme_weather import Model, Plausible, Readings
from dovetail.testing import HubHarness

PLUGIN = "acme_weather.plugin"


@pytest.fixture(autouse=True)
def hub(tmp_path) -> Iterator[HubHarness]:
    with HubHarness(PLUGIN, home=tmp_path / "hub") as hub:
        yield hub


def test_a_station_is_read() -> None:
    @dt.workflow
    def today(hours: int = 3) -> Readings:
        return acme_weather.measure("Oslo")(hours=hours)

    assert today() == Readings("Oslo", [2.0, 1.6, 1.5])


def test_a_station_that_is_not_there_is_refused_at_definition() -> None:
    with pytest.raises(dt.errors.DefinitionError, match="did you mean 'Oslo'"):
        acme_weather.measure("Olso")


def test_a_forecast_is_a_job_that_survives_its_hub(hub: HubHarness) -> None:
    @dt.task(Model(hours=2))
    def forecast(readings: Readings) -> Readings:
        return readings

    @dt.workflow
    def tomorrow() -> Readings:
        return forecast(acme_weather.measure("Porto")(hours=6))

    result = hub.run(tomorrow, executor="acme-threads")
    assert result.value == Readings("Porto", [11.4, 11.4])
    assert hub.events(result, "node.submitted")[0].data["handle"]["pid"] > 0


def test_without_readings_there_is_no_forecast(hub: HubHarness) -> None:
    @dt.task(Model())
    def forecast(readings: Readings) -> Readings:
        return readings

    @dt.workflow
    def tomorrow() -> Readings:
        return forecast(acme_weather.measure("Porto")(hours=0))

    assert "no readings, no forecast" in str(hub.fail(tomorrow))


def test_a_gate_drops_what_no_thermometer_shows(hub: HubHarness) -> None:
    gate = dt.Gate(Plausible(-60, 60), on_fail="drop", max_quarantined="50%")

    @dt.task
    def broken() -> Annotated[pa.Table, gate]:
        return acme_weather.readings.to_arrow(Readings("Oslo", [4.0, 999.0, 5.0]))

    @dt.workflow
    def checked() -> pa.Table:
        return broken()

    assert hub.run(checked).value["celsius"].to_pylist() == [4.0, 5.0]


def test_secrets_come_from_the_vault(hub: HubHarness, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vault").write_text("station-key=open sesame\n")
    monkeypatch.setenv("ACME_WEATHER_VAULT", str(tmp_path / "vault"))
    found: Any = hub.catalogue.resolve_secrets({"password": {"vault": "station-key"}})
    assert found["password"].reveal() == "open sesame"
