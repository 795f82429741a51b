"""What tasks of acme-weather are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Station:
    """Which station is read.

    Attributes:
        city: Where it stands.
    """

    __dovetail_task_type__: ClassVar[str] = "weather-station"
    city: str = "Oslo"


@dataclass(frozen=True)
class Model:
    """How the forecast is made.

    Attributes:
        hours: Hours to look ahead.
        pace: Seconds that the model takes for an hour.
    """

    __dovetail_task_type__: ClassVar[str] = "weather-model"
    hours: int = 3
    pace: float = 0.0
