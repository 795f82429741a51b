"""What acme-weather brings, declared. Imports nothing but dovetail's declarations."""

from __future__ import annotations

import json
import os
from typing import Any

from dovetail.spec import (
    ArtifactStoreSpec,
    CheckEngineSpec,
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    ExecutorSpec,
    SecretProviderSpec,
    TaskTypeSpec,
    TransformerSpec,
    hookimpl,
)

DOVETAIL_API = 1

READINGS = "acme_weather.readings.Readings"
ARROW = "pyarrow.Table"


@hookimpl
def dovetail_task_types() -> list[TaskTypeSpec]:
    """A local one and a remote one."""
    return [
        TaskTypeSpec(
            name="weather-station",
            code="acme_weather.stations:StationTask",
            config="acme_weather.config:Station",
            summary="reads a weather station",
        ),
        TaskTypeSpec(
            name="weather-model",
            code="acme_weather.model:ModelTask",
            config="acme_weather.config:Model",
            summary="runs the forecast model, a job of its own",
        ),
    ]


@hookimpl
def dovetail_type_transformers() -> list[TransformerSpec]:
    """Readings, to Arrow and back."""
    return [
        TransformerSpec(
            type=READINGS,
            code="acme_weather.readings:ReadingsTransformer",
            aliases=("acme_weather.Readings",),
            converters=(
                ConverterSpec(READINGS, ARROW, "acme_weather.readings:to_arrow", "copy"),
                ConverterSpec(ARROW, READINGS, "acme_weather.readings:from_arrow", "copy", lossy="other columns"),
            ),
            codecs=(CodecSpec("weather", "acme_weather.readings:ReadingsCodec", ".json"),),
            summary="temperatures of one station, by the hour",
        )
    ]


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """Suites that say what a thermometer may show."""
    return [
        CheckEngineSpec(
            name="weather",
            code="acme_weather.checks:WeatherChecks",
            suites=("acme_weather.checks.Plausible",),
            summary="plausible temperatures",
        )
    ]


@hookimpl
def dovetail_executors() -> list[ExecutorSpec]:
    """Threads of our own."""
    return [ExecutorSpec("acme-threads", "acme_weather.executor:AcmeThreads", "threads that Acme's monitoring knows")]


@hookimpl
def dovetail_artifact_stores() -> list[ArtifactStoreSpec]:
    """``acme://`` URLs."""
    return [ArtifactStoreSpec("acme", ("acme",), "acme_weather.storage:open_store", "Acme's archive")]


@hookimpl
def dovetail_secrets() -> list[SecretProviderSpec]:
    """``{ vault = "station-key" }``."""
    return [SecretProviderSpec("vault", "acme_weather.vault:read", "Acme's vault")]


@hookimpl
def dovetail_commands() -> list[CommandSpec]:
    """``dovetail weather``."""
    return [CommandSpec("weather", "acme_weather.command:weather", "the temperatures of a station")]


@hookimpl
def dovetail_on_event(event: dict[str, Any]) -> None:
    """Append the event to the file that ``ACME_WEATHER_LOG`` names, if there is one."""
    path = os.environ.get("ACME_WEATHER_LOG")
    if path:
        with open(path, "a", encoding="utf-8") as log:
            log.write(json.dumps({"type": event["type"], "node": event["node_id"]}) + "\n")
