"""Values that are no tables, on their way to a worker and back."""

from __future__ import annotations

import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from dovetail.errors import ValueMismatch


def test_plain_values_of_all_kinds_cross_as_what_they_are(pipeline, hub):
    module = pipeline(
        """
        import datetime, uuid
        from decimal import Decimal
        from typing import Any, Literal

        @dt.task(env="plain")
        def same(
            a: set[int], b: tuple[int, ...], c: bytes, d: uuid.UUID, e: datetime.date | None, f: dict[str, Decimal], g: float,
            h: Any, i: Literal["x", "y"], j: list[tuple[int, str]],
        ) -> list[str]:
            return [repr(each) for each in (a, b, c, d, e, f, g, h, i, j)]

        @dt.workflow
        def flow(
            a: set[int], b: tuple[int, ...], c: bytes, d: uuid.UUID, e: datetime.date | None, f: dict[str, Decimal], g: float,
            h: Any, i: Literal["x", "y"], j: list[tuple[int, str]],
        ) -> list[str]:
            return same(a, b, c, d, e, f, g, h, i, j)
        """
    )
    values = {
        "a": {1, 2},
        "b": (1, 2),
        "c": b"\x00\xff",
        "d": uuid.UUID(int=7),
        "e": None,
        "f": {"x": Decimal("1.50")},
        "g": 2,
        "h": {"deep": [1, None]},
        "i": "x",
        "j": [(1, "one")],
    }
    expected = [repr(value) for value in values.values()]
    expected[6] = "2.0"
    assert module.flow(**values) == expected
    assert hub.run(module.flow, **values).value == expected


def test_a_value_that_does_not_fit_names_its_input(pipeline):
    module = pipeline(
        """
        @dt.task(env="plain")
        def add(x: int) -> int:
            return x + 1
        """
    )
    with pytest.raises(ValueMismatch) as caught:
        module.add("seven")
    assert caught.value.who == "input 'x' of task 'add'"


def test_dataclasses_enums_and_files_cross(pipeline, hub, tmp_path, monkeypatch):
    module = pipeline(
        """
        import enum
        from dataclasses import dataclass
        from pathlib import Path

        class Size(enum.Enum):
            SMALL = 1
            LARGE = 2

        @dataclass
        class Order:
            size: Size
            items: dict[str, list[float]]

        @dt.task(env="plain")
        def order(name: str) -> Order:
            return Order(Size.LARGE, {name: [1.5, 2.5]})

        @dt.task(env="plain")
        def written(order: Order) -> dt.File:
            Path("out.txt").write_text(f"{order.size.name} {sum(order.items['a'])}")
            return dt.File("out.txt")

        @dt.workflow
        def flow(name: str = "a") -> dt.File:
            return written(order(name))
        """
    )
    monkeypatch.chdir(tmp_path)
    assert Path(hub.run(module.flow).value.path).read_text() == "LARGE 4.0"
    assert Path(module.flow().path).read_text() == "LARGE 4.0"
