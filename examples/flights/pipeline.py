"""The New York flights of 2013: from raw files to a published table, through a warehouse and a quality gate.

Run it with ``dovetail run pipeline.py flights`` in this directory; ``docs/tutorial`` explains it line by line.
"""

from typing import Annotated, NamedTuple

import dovetail as dt
import pandas as pd
import pandera.polars as pa
import polars as pl
from dovetail_sql import sql, to_table
from flights_data import TABLES, read_table
from report_page import page

# --- the warehouse -----------------------------------------------------------------------------------------------------


@dt.task
def load(table: str) -> pl.DataFrame:
    """Read one raw table of the data package."""
    return read_table(table)


class Loaded(NamedTuple):
    """Rows written to the warehouse, by table."""

    flights: int
    airlines: int
    airports: int
    planes: int
    weather: int


@dt.workflow
def load_warehouse() -> Loaded:
    """Load the five raw tables into the warehouse; a table that is there is replaced in one step."""
    rows = {
        name: to_table(name, connection="warehouse", mode="replace")(load(name).named(f"load_{name}"))
        for name in TABLES
    }
    return Loaded(**rows)


departures = sql(
    """
    select time_hour, origin, dest, carrier, flight, tailnum, dep_delay, arr_delay, air_time, distance
    from flights
    where month between :first_month and :last_month
    order by time_hour, carrier, flight, origin
    """,
    connection="warehouse",
    inputs={"first_month": int, "last_month": int},
    output=pl.DataFrame,
    name="departures",
)

planes = sql(
    "select tailnum, manufacturer, year as built, seats from planes",
    connection="warehouse",
    output=pd.DataFrame,
    name="planes",
)

weather = sql(
    "select origin, time_hour, wind_speed, precip, visib from weather",
    connection="warehouse",
    output=pd.DataFrame,
    name="weather",
)

# --- cleaning, behind a gate -------------------------------------------------------------------------------------------


class Flight(pa.DataFrameModel):
    """What a flight that really flew looks like."""

    tailnum: str = pa.Field(str_matches=r"^[A-Z0-9]{4,6}$")
    origin: str = pa.Field(isin=["EWR", "JFK", "LGA"])
    dep_delay: int = pa.Field(ge=-30, le=600)
    arr_delay: int = pa.Field(ge=-120, le=600)
    air_time: int = pa.Field(gt=0)
    speed: float = pa.Field(ge=60, le=650)


flight_gate = dt.Gate(
    Flight, on_fail="quarantine", max_quarantined="5%", keys=["time_hour", "carrier", "flight"], profile=True
)


@dt.task(cache=True)
def clean(
    raw: pl.DataFrame,
) -> Annotated[pl.DataFrame, flight_gate, dt.Dataset("clean_flights", path="out/clean_flights.parquet")]:
    """Drop cancelled flights, work out the ground speed (miles per hour) and how much delay was made up in the air."""
    return raw.filter(pl.col("dep_delay").is_not_null()).with_columns(
        speed=pl.col("distance") / pl.col("air_time") * 60,
        made_up=pl.col("dep_delay") - pl.col("arr_delay"),
    )


# --- joining and summing up, in pandas ---------------------------------------------------------------------------------


@dt.task
def with_weather_and_planes(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Each flight with the weather at its origin in that hour, and with its plane."""
    joined = flights.merge(weather, how="left", on=["origin", "time_hour"])
    return joined.merge(planes, how="left", on="tailnum")


@dt.task
def delays_by_carrier(flights: pd.DataFrame) -> pd.DataFrame:
    """Flights, mean delays (minutes) and mean wind (miles per hour) of each carrier, the latest carrier first."""
    summary = flights.groupby("carrier", as_index=False).agg(
        flights=("flight", "size"),
        mean_dep_delay=("dep_delay", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
        mean_wind=("wind_speed", "mean"),
        planes=("tailnum", "nunique"),
    )
    return summary.sort_values("mean_arr_delay", ascending=False, ignore_index=True).round(2)


@dt.task
def delays_by_hour(flights: pd.DataFrame) -> pd.DataFrame:
    """Flights and mean departure delay (minutes) by the hour of the day in New York."""
    hour = flights["time_hour"].dt.tz_convert("America/New_York").dt.hour.rename("hour")
    summary = flights.groupby(hour).agg(flights=("flight", "size"), mean_dep_delay=("dep_delay", "mean"))
    return summary.reset_index().round(2)


@dt.task
def report(
    by_carrier: pd.DataFrame, by_hour: pd.DataFrame, loaded: int, clean: pl.DataFrame, published: int
) -> Annotated[dt.File, dt.Dataset("flights_report", path="out/report.html")]:
    """A page with the delays by carrier and by hour."""
    return page(by_carrier, by_hour, loaded=loaded, clean=clean.height, published=published)


class Published(NamedTuple):
    """What the pipeline gives: the summary by carrier, the number of rows in the warehouse, and the page."""

    by_carrier: pd.DataFrame
    rows: int
    page: dt.File


@dt.workflow
def flights(first_month: int = 1, last_month: int = 12) -> Published:
    """Load, clean, gate, join and publish the New York flights of 2013.

    Args:
        first_month: First month to take, 1 to 12.
        last_month: Last month to take, 1 to 12.
    """
    loaded = load_warehouse()
    raw = departures(first_month=first_month, last_month=last_month).after(loaded.flights)
    good = clean(raw)
    joined = with_weather_and_planes(good, weather().after(loaded.weather), planes().after(loaded.planes))
    by_carrier = delays_by_carrier(joined)
    rows = to_table("delays_by_carrier", connection="warehouse", mode="replace")(by_carrier)
    return Published(by_carrier, rows, report(by_carrier, delays_by_hour(joined), loaded.flights, good, rows))
