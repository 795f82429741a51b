"""The task type ``weather-station``: local work that shares one connection to a station."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from dovetail import Task
from dovetail.errors import DefinitionError, EngineUnavailable, listing, nearest
from dovetail.spec import Interface, TaskCall, TaskContext, TaskType

from acme_weather.config import Station
from acme_weather.readings import Readings

AVERAGE = {"Oslo": 5.5, "Porto": 15.0, "Singapore": 27.5, "Atlantis": None}


class Connection:
    """An open line to a station. This one needs no network: its weather follows a sine.

    Raises:
        EngineUnavailable: Nobody answers.
    """

    def __init__(self, city: str) -> None:
        average = AVERAGE[city]
        if average is None:
            raise EngineUnavailable(
                f"the station in {city} does not answer", who="acme-weather", fix="try again at low tide"
            )
        self.average = average
        self.is_open = True

    def temperature(self, hour: int) -> float:
        """Degrees Celsius."""
        return round(self.average + 4 * math.sin(math.pi * (hour - 8) / 12), 1)

    def close(self) -> None:
        """Hang up."""
        self.is_open = False


class StationTask(TaskType):
    """Reads the temperatures of some hours."""

    name: ClassVar[str] = "weather-station"

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """A station that there is; no function."""
        if function is not None or not isinstance(config, Station):
            raise DefinitionError("a station is read, it runs no function", fix='measure("Oslo")')
        if config.city not in AVERAGE:
            close = nearest(config.city, AVERAGE)
            raise DefinitionError(
                f"there is no station in {config.city!r}",
                who="acme-weather",
                fix=f"did you mean {close!r}?" if close else f"there are {listing(AVERAGE)}",
            )

    def resource_key(self, config: Station) -> str:
        """One line for each city."""
        return config.city

    def open(self, config: Station, context: TaskContext) -> Connection:
        """Call the station."""
        return Connection(config.city)

    def close(self, resource: Connection) -> None:
        """Hang up."""
        resource.close()

    def execute(self, call: TaskCall) -> Readings:
        """Read hour after hour."""
        hours: int = call.inputs["hours"]
        if hours < 0:
            raise ValueError(f"{hours} hours cannot be read")
        return Readings(call.config.city, [call.resource.temperature(hour) for hour in range(hours)])


def measure(city: str, hours: int = 24) -> Task[..., Readings]:
    """A task that reads a station.

    Args:
        city: Where the station stands.
        hours: Default of its input ``hours``.
    """
    interface = Interface({"hours": int}, {"result": Readings}, {"hours": hours}, {"hours": "how many hours"})
    return Task.from_type(
        task_type="weather-station",
        config=Station(city),
        interface=interface,
        name=f"measure_{city.lower()}",
        doc=f"The temperatures of {city}.",
    )
