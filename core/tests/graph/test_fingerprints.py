"""What the cache key of a task takes from its code: everything of your own that it uses, by content."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import functools
import gc
import logging
import operator
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import types
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dovetail as dt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from dovetail.errors import DefinitionError
from dovetail.graph import code_fingerprint, value_fingerprint
from dovetail.hub import Hub


@dataclass
class Settings:
    k: int


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Times:
    def __init__(self, k: int) -> None:
        self.k = k

    def __call__(self, x: int) -> int:
        return x * self.k

    def method(self, x: int) -> int:
        return x * self.k


def adder(n: int) -> Callable[[int], int]:
    return lambda x: x + n


def using(value: Any) -> Callable[[], Any]:
    """A function that captures a value."""
    return lambda: value


def helper_class(k: int) -> type:
    class Helper:
        def compute(self) -> int:
            return 1 if k else 2

    class Other:
        def compute(self) -> int:
            return 3

    Other.__qualname__ = Helper.__qualname__
    return Helper if k else Other


@dataclass(frozen=True)
class Point:
    x: int


class Slots:
    __slots__ = "k"

    def __init__(self, k: int) -> None:
        self.k = k


class Slotted(Slots):
    __slots__ = ()


class Grams(int):
    pass


class Model(pydantic.BaseModel):
    a: int


LOW, HIGH = Settings(1), Settings(2)


def mapping(**items: Any) -> Any:
    return types.MappingProxyType(items)


def choice(chosen: Settings) -> Callable[[], Any]:
    """Both were met before the one that is chosen: it must not be taken for just another one of its class."""
    return lambda: (LOW, HIGH, chosen)


def colour_class(word: str) -> type:
    class Shade(enum.Enum):
        RED = 1

        def words(self) -> str:
            return word

    return Shade


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (functools.partial(max, 1), functools.partial(max, 2)),
        (Times(1), Times(2)),
        (Times(1).method, Times(2).method),
        (adder(1), adder(2)),
        (using(Settings(1)), using(Settings(2))),
        (using(Colour.RED), using(Colour.BLUE)),
        (using(decimal.Decimal(1)), using(decimal.Decimal(2))),
        (using(datetime.date(2020, 1, 1)), using(datetime.date(2021, 1, 1))),
        (using(re.compile("a")), using(re.compile("b"))),
        (using(pathlib.Path("a")), using(pathlib.Path("b"))),
        (using(range(2)), using(range(3))),
        (using(functools.lru_cache(adder(1))), using(functools.lru_cache(adder(2)))),
        (using((adder(1), adder(2))), using((adder(1), adder(3)))),
        (using(helper_class(0)), using(helper_class(1))),
        (using(pl.DataFrame({"a": [1]})), using(pl.DataFrame({"a": [2]}))),
        (using(pl.LazyFrame({"a": [1]})), using(pl.LazyFrame({"a": [2]}))),
        (using(pl.Series([1])), using(pl.Series([2]))),
        (using(pl.col("a") > 1), using(pl.col("a") > 2)),
        (using(pl.Datetime("us")), using(pl.Datetime("ms"))),
        (using(pd.DataFrame({"a": [1]})), using(pd.DataFrame({"a": [2]}))),
        (using(pd.Series(range(2000))), using(pd.Series([*range(1999), 0]))),
        (using(np.arange(5000)), using(np.r_[np.arange(4999), 0])),
        (using(np.array([1, 2])), using(np.array([1.0, 2.0]))),
        (using(pa.schema({"a": pa.int64()})), using(pa.schema({"a": pa.int32()}))),
        (using(list(range(5000))), using([*range(4999), 0])),
        (using({n: n for n in range(5000)}), using({**{n: n for n in range(5000)}, 4000: 0})),
        (using(re.compile("a" * 300)), using(re.compile("a" * 299 + "b"))),
        (using("abc".join), using("abd".join)),
        (using(operator.itemgetter(1)), using(operator.itemgetter(2))),
        (using(mapping(a=1)), using(mapping(a=2))),
        (using({Settings(1).k, "a"}), using({Settings(2).k, "a"})),
        (using({Point(1)}), using({Point(2)})),
        (using(collections.OrderedDict(a=1)), using(collections.OrderedDict(a=2))),
        (using(collections.deque([1])), using(collections.deque([2]))),
        (using(Slotted(1)), using(Slotted(2))),
        (using(Grams(1)), using(Grams(2))),
        (using(Model(a=1)), using(Model(a=2))),
        (using(zoneinfo.ZoneInfo("Europe/Paris")), using(zoneinfo.ZoneInfo("UTC"))),
        (using(logging.getLogger("a")), using(logging.getLogger("b"))),
        (using(choice(LOW)), using(choice(HIGH))),
        (using(colour_class("dark")), using(colour_class("light"))),
        (using(dt.shell(["echo", "1"])), using(dt.shell(["echo", "2"]))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_captured_counts(one: Any, other: Any) -> None:
    assert code_fingerprint(one) != code_fingerprint(other)
    assert code_fingerprint(one) == code_fingerprint(one)


def test_what_refers_to_itself_ends() -> None:
    loop: dict[str, Any] = {}
    knot = Settings(1)
    knot.k = knot  # type: ignore[assignment]
    loop["self"] = using(knot)
    assert code_fingerprint(loop["self"]) == code_fingerprint(loop["self"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: pl.col("a") > 1,
        lambda: np.arange(5),
        lambda: {Point(2), Point(1), "a", "b", (1, 2)},
        lambda: [Settings(1), Settings(1)],
        lambda: Slotted(1),
        lambda: Model(a=1),
        lambda: threading.Lock(),
        object,
        lambda: functools.partial(max, 1),
    ],
)
def test_equal_values_count_alike(make: Callable[[], Any]) -> None:
    one, other = make(), make()
    gc.collect()
    assert value_fingerprint(one) == value_fingerprint(other)


def test_whether_equal_things_are_one_does_not_count() -> None:
    one = Settings(1)
    assert value_fingerprint([one, one]) == value_fingerprint([Settings(1), Settings(1)])


def test_containers_that_hold_themselves_end() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    other: list[Any] = [2]
    other.append(other)
    assert value_fingerprint(loop) != value_fingerprint(other)


def test_a_name_that_is_only_an_attribute_is_no_global() -> None:
    def read(row: Any) -> Any:
        return row.LOW

    code_fingerprint(read)
    space = {"LOW": 1}
    moved = [types.FunctionType(read.__code__, {"LOW": low, "__name__": __name__}) for low in (space["LOW"], 2)]
    assert code_fingerprint(moved[0]) == code_fingerprint(moved[1])


def test_fingerprints_are_the_same_in_every_process(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import enum, functools, json, re
            from dataclasses import dataclass
            import numpy as np, pandas as pd, polars as pl
            from dovetail.graph import code_fingerprint

            @dataclass(frozen=True)
            class Point:
                x: int
                word: str = "a"

            class Colour(enum.Enum):
                RED = "r"

            WORDS, POINTS = {"a", "b", "c"}, frozenset({Point(1), Point(2, "b"), Point(3, "c")})
            EXPRESSION, PATTERN = pl.col("a").is_in(["x", "y"]) & (pl.col("b") > 1), re.compile("a+")
            FRAME, TABLE, ARRAY = pd.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]}), np.arange(3)

            def work(x):
                def inner(y=Colour.RED):
                    return x in {"d", "e", "f"}, y
                return WORDS, POINTS, EXPRESSION, PATTERN, FRAME, TABLE, ARRAY, inner, functools.partial(max, 1)

            print(code_fingerprint(work))
        """)
    )
    seen = {
        subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


class TestWhatCannotBeTold:
    @pytest.fixture(params=["connection", "socket", "generator", "inside"])
    def thing(self, request: pytest.FixtureRequest) -> Any:
        things: dict[str, Callable[[], Any]] = {
            "connection": lambda: sqlite3.connect(":memory:"),
            "socket": socket.socket,
            "generator": lambda: (n for n in range(3)),
            "inside": lambda: Settings([sqlite3.connect(":memory:")]),  # type: ignore[arg-type]
        }
        made = things[request.param]()
        yield made
        if hasattr(made, "close"):
            made.close()

    def workflow(self, thing: Any, **options: Any) -> Any:
        @dt.task(**options)
        def work() -> int:
            return 1 if thing is not None else 0

        @dt.workflow
        def wf() -> int:
            return work()

        return wf

    def test_a_task_that_is_cached_is_refused(self, thing: Any, tmp_path: pathlib.Path) -> None:
        with Hub(home=tmp_path) as hub, pytest.raises(DefinitionError, match="cannot be cached") as caught:
            hub.run(self.workflow(thing, cache=True))
        assert "'thing'" in caught.value.what and "cache_version" in (caught.value.fix or "")

    @pytest.mark.parametrize("options", [{}, {"cache": True, "cache_version": "1"}], ids=["uncached", "versioned"])
    def test_other_tasks_go_on(self, thing: Any, tmp_path: pathlib.Path, options: Any) -> None:
        with Hub(home=tmp_path) as hub:
            assert hub.run(self.workflow(thing, **options)).value == 1
