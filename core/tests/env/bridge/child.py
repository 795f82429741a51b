"""The other process of the bridge's tests: opens its side of a bridge and does what it is told, one line of JSON at a time.

Also read by the tests themselves, for :func:`kinds`.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import gc
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any, NamedTuple, Optional, TypedDict


@dataclasses.dataclass
class Point:
    x: int
    label: str = ""


class Pair(NamedTuple):
    left: int
    right: str


class Options(TypedDict):
    deep: bool


class Color(enum.Enum):
    RED = "red"


def kinds() -> dict[str, Any]:
    """Annotations by the names that go over the pipe."""
    import dovetail as dt
    import pyarrow as pa

    Point.__module__ = Pair.__module__ = Options.__module__ = Color.__module__ = "bridge_child"
    found: dict[str, Any] = {
        "none": None,
        "any": Any,
        "int": int,
        "float": float,
        "str": str,
        "bytes": bytes,
        "bool": bool,
        "complex": complex,
        "list": list[int],
        "dict": dict[str, list[float]],
        "set": set[str],
        "tuple": tuple[int, str],
        "datetime": datetime.datetime,
        "date": datetime.date,
        "timedelta": datetime.timedelta,
        "decimal": decimal.Decimal,
        "uuid": uuid.UUID,
        "path": Path,
        "enum": Color,
        "optional": Optional[int],  # noqa: UP045 - as people write it
        "dataclass": Point,
        "namedtuple": Pair,
        "typeddict": Options,
        "table": pa.Table,
        "tables": list[pa.Table],
        "by_name": dict[str, pa.Table],
        "file": dt.File,
        "files": list[dt.File],
        "directory": dt.Directory,
        "reader": pa.RecordBatchReader,
    }
    return found


def frames() -> dict[str, Any]:
    """Annotations of frames, whose libraries take a while to import."""
    import pandas as pd
    import polars as pl

    return {"polars": pl.DataFrame, "lazy": pl.LazyFrame, "pandas": pd.DataFrame, "series": pd.Series}


class Child:
    """What the child can be told."""

    def __init__(self, place: dict[str, Any]) -> None:
        from dovetail.env.bridge import WorkerSide
        from dovetail.types import current_types

        self.types = current_types()
        self.side = WorkerSide(place)
        self.kept: dict[str, Any] = {}
        self.kinds = kinds()

    def kind(self, name: str) -> Any:
        if name not in self.kinds:
            self.kinds.update(frames())
        return self.kinds[name]

    def receive(self, order: dict[str, Any]) -> Any:
        return self.side.receive(order["wire"], self.kind(order["kind"]), self.types)

    def close(self, order: dict[str, Any]) -> dict[str, Any]:
        """The test is over."""
        self.kept.clear()
        gc.collect()
        self.side.close()
        return {}

    def echo(self, order: dict[str, Any]) -> dict[str, Any]:
        """Receive a value and send it back."""
        value = self.receive(order)
        kind = order.get("as", order["kind"])
        return {"wire": self.side.send(value, self.kind(kind), self.types), "type": type(value).__name__}

    def double(self, order: dict[str, Any]) -> dict[str, Any]:
        """Ten new columns."""
        import pyarrow as pa
        import pyarrow.compute as pc

        table = self.receive(order)
        made = pa.table({name: pc.multiply(table[name], 2) for name in table.column_names})
        return {"wire": self.side.send(made, pa.Table, self.types)}

    def add(self, order: dict[str, Any]) -> dict[str, Any]:
        """One new column after those that are there."""
        import pyarrow as pa

        table = self.receive(order)
        made = table.append_column("new", pa.array(range(table.num_rows), pa.int64()))
        return {"wire": self.side.send(made.slice(order.get("from", 0)), pa.Table, self.types)}

    def make(self, order: dict[str, Any]) -> dict[str, Any]:
        """A table of its own."""
        import pyarrow as pa

        table = pa.table({"x": pa.array(range(order["rows"]), pa.int64())})
        return {"wire": self.side.send(table, pa.Table, self.types)}

    def write(self, order: dict[str, Any]) -> dict[str, Any]:
        """A directory with Parquet files."""
        import dovetail as dt
        import pyarrow as pa
        import pyarrow.parquet as pq

        made = dt.Directory.new("parts")
        for number in range(3):
            pq.write_table(pa.table({"x": [number]}), Path(made.path) / f"{number}.parquet")
        return {"wire": self.side.send(made, dt.Directory, self.types)}

    def keep(self, order: dict[str, Any]) -> dict[str, Any]:
        """Receive a value and keep it, or a view of its first column."""
        value = self.receive(order)
        view = order.get("view")
        if view == "numpy":
            value = value.column(0).chunk(0).to_numpy()
        elif view == "polars":
            import polars as pl

            value = pl.from_arrow(value).to_series(0)
        self.kept[order["name"]] = value
        return {}

    def total(self, order: dict[str, Any]) -> dict[str, Any]:
        """The sum of what is kept."""
        return {"total": float(self.kept[order["name"]].sum())}

    def drop(self, order: dict[str, Any]) -> dict[str, Any]:
        """Forget it."""
        del self.kept[order["name"]]
        gc.collect()
        return {}

    def stats(self, order: dict[str, Any]) -> dict[str, Any]:
        """Counters of this side, and what the process has."""
        import pyarrow as pa

        gc.collect()
        self.side._settle()

        fds = len(os.listdir("/proc/self/fd"))
        rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {**self.side.stats, "fds": fds, "rss": rss, "arrow": pa.total_allocated_bytes()}

    def raw(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run some code with this object as ``child``; what it leaves in ``answer`` comes back."""
        scope: dict[str, Any] = {"child": self, "order": order, "answer": {}}
        exec(order["code"], scope)
        return dict(scope["answer"])


def main() -> None:
    """Serve until the pipe closes."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    child = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "open":
                child = Child(order["place"])
                answer: dict[str, Any] = {"pid": os.getpid()}
            else:
                answer = getattr(child, order["do"])(order)
        except Exception as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(answer), file=pipe, flush=True)


if __name__ == "__main__":
    sys.modules["bridge_child"] = sys.modules["__main__"]
    main()
