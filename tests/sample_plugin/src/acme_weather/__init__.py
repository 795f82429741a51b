"""Weather stations and forecasts for dovetail.

Names are found at first use: dovetail looks at ``acme_weather.plugin`` before anybody needs the rest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acme_weather.checks import Plausible as Plausible
    from acme_weather.config import Model as Model
    from acme_weather.config import Station as Station
    from acme_weather.readings import Readings as Readings
    from acme_weather.stations import measure as measure

_LAZY = {"Plausible": "checks", "Model": "config", "Station": "config", "Readings": "readings", "measure": "stations"}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"acme_weather.{_LAZY[name]}"), name)
