"""``pandera.typing`` annotations gate by themselves."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import dovetail as dt
import pandas as pd
import pandera.pandas as pandas_models
import pandera.polars as polars_models
import pandera.typing as any_typing
import pandera.typing.pandas as pandas_typing
import pandera.typing.polars as polars_typing
import polars as pl
import pytest
from dovetail.errors import GateBlocked
from dovetail.quality import collect_reports


class Flight(polars_models.DataFrameModel):
    delay: int = polars_models.Field(ge=0)


class PandasFlight(pandas_models.DataFrameModel):
    delay: int = pandas_models.Field(ge=0)


@dt.task
def eager(low: int) -> polars_typing.DataFrame[Flight]:
    return pl.DataFrame({"delay": [low, 2]})  # type: ignore[return-value]


@dt.task
def lazy(low: int) -> polars_typing.LazyFrame[Flight]:
    return pl.LazyFrame({"delay": [low, 2]})  # type: ignore[return-value]


@dt.task
def of_pandas(low: int) -> any_typing.DataFrame[PandasFlight]:
    return pd.DataFrame({"delay": [low, 2]})  # type: ignore[return-value]


@dt.task
def behind(low: int) -> Annotated[polars_typing.DataFrame[Flight], "flights of a day"]:
    return pl.DataFrame({"delay": [low, 2]})  # type: ignore[return-value]


@dt.task
def taken(flights: polars_typing.DataFrame[Flight]) -> int:
    return len(flights)


@pytest.mark.parametrize(
    ("task", "kind"),
    [(eager, pl.DataFrame), (lazy, pl.LazyFrame), (of_pandas, pd.DataFrame), (behind, pl.DataFrame)],
    ids=["DataFrame", "LazyFrame", "pandas", "Annotated"],
)
def test_an_output_is_checked(task, kind):
    with collect_reports() as reports:
        assert type(task(low=0)) is kind
    assert [report.decision for report in reports] == ["publish"]
    assert any(check.n_evaluated == 2 for check in reports[0].checks)
    with pytest.raises(GateBlocked, match="1 of 2 failed"):
        task(low=-1)


def test_an_input_is_checked():
    assert taken(flights=pl.DataFrame({"delay": [1]})) == 1
    with pytest.raises(GateBlocked):
        taken(flights=pl.DataFrame({"delay": [-1]}))


class Parts(NamedTuple):
    good: polars_typing.DataFrame[Flight]
    rest: pandas_typing.DataFrame[PandasFlight]


@dt.task
def parts(low: int) -> Parts:
    return Parts(pl.DataFrame({"delay": [1]}), pd.DataFrame({"delay": [low]}))  # type: ignore[arg-type]


def test_each_of_several_outputs_is_checked():
    with collect_reports() as reports:
        parts(low=0)
    assert [report.gate for report in reports] == ["Flight", "PandasFlight"]
    with pytest.raises(GateBlocked, match="PandasFlight"):
        parts(low=-5)
