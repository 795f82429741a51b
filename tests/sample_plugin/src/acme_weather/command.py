"""``dovetail weather``."""

from __future__ import annotations

import click
from dovetail.errors import UsageError, listing, nearest

from acme_weather.stations import AVERAGE, Connection


@click.command("weather")
@click.argument("city")
@click.option("--hours", type=click.IntRange(min=1), default=3, show_default=True, help="How many hours.")
def weather(city: str, hours: int) -> None:
    """The temperatures of a station, in degrees Celsius."""
    if city not in AVERAGE:
        close = nearest(city, AVERAGE)
        raise UsageError(
            f"there is no station in {city!r}",
            who="acme-weather",
            fix=f"did you mean {close!r}?" if close else f"there are {listing(AVERAGE)}",
        )
    connection = Connection(city)
    for hour in range(hours):
        click.echo(f"{hour:2d} {connection.temperature(hour):5.1f}")
