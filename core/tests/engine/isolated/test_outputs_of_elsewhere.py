"""What a workflow returns may be a frame of a library that only an environment has."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from dovetail.engine._values import Slot, Values
from dovetail.hub import Hub
from dovetail.spec import TypeRef


def test_a_frame_whose_library_is_not_here_is_read_as_an_arrow_table(hub: Hub, tmp_path, monkeypatch) -> None:
    values = Values(hub.types, hub.artifacts)
    stored = values.dump(pl.DataFrame({"n": [1, 2]}), pl.DataFrame, {"result": pl.DataFrame})
    slot = Slot(TypeRef("polars.DataFrame"), dict(stored))
    assert isinstance(values.whole(slot), pl.DataFrame)
    monkeypatch.setattr("dovetail.engine._values.is_here", lambda reference: False)
    slot = Slot(TypeRef("polars.DataFrame"), dict(stored))
    assert values.whole(slot).equals(pa.table({"n": [1, 2]}))
