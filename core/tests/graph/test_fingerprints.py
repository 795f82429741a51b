"""What the cache key of a task takes from its code: everything of your own that it uses, by content."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from dovetail.graph import code_fingerprint


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
