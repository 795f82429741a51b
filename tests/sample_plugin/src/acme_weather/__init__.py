"""Weather stations and forecasts for dovetail."""

from acme_weather.checks import Plausible
from acme_weather.config import Model, Station
from acme_weather.readings import Readings
from acme_weather.stations import measure

__all__ = ["Model", "Plausible", "Readings", "Station", "measure"]
