"""Some columns of a stored pandas frame: what choosing them from the whole gives, without reading the others."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
import pytest
from dovetail.errors import ValueMismatch
from dovetail.types import TypeEngine, columns
from dovetail_pandas import transformers

PLAIN = pd.DataFrame(
    {"n": [3, 1, 2], "t": ["a", "b", None], "k": pd.Categorical(["x", "y", "x"]), "x": [0.5, None, 1.5]}
)
FRAMES = {
    "row numbers": PLAIN,
    "row numbers after filtering": PLAIN[PLAIN.n > 1],
    "row numbers after sorting": PLAIN.sort_values("n"),
    "a range": PLAIN.set_index(pd.RangeIndex(10, 40, 10)),
    "a named range": PLAIN.set_index(pd.RangeIndex(10, 40, 10, name="i")),
    "named": PLAIN.assign(i=[7, 8, 9]).set_index("i"),
    "text": PLAIN.set_axis(["p", "q", "r"]),
    "levels": PLAIN.assign(i=[1, 1, 2], j=["u", "v", "w"]).set_index(["i", "j"]),
    "no rows": PLAIN.iloc[:0],
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("declared", [{"x": float | None, "n": int}, {"k": "Any"}, {"i": int, "t": str | None}])
def test_columns_from_the_file_are_those_of_the_frame(
    types: TypeEngine, store: Any, frame: pd.DataFrame, format: str, declared: dict[str, Any]
) -> None:
    wanted = Annotated[pd.DataFrame, columns({name: Any if kind == "Any" else kind for name, kind in declared.items()})]
    artifact = types.dump(frame, pd.DataFrame, store, format)
    try:
        expected = types.accept(frame, wanted)
    except ValueMismatch as error:
        with pytest.raises(ValueMismatch) as caught:
            types.load(artifact, store, wanted)
        assert caught.value.what == error.what
        return
    pd.testing.assert_frame_equal(types.load(artifact, store, wanted), expected)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_other_columns_are_not_read(
    types: TypeEngine, store: Any, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, asked = f"read_{'ipc' if format == 'arrow' else format}", []
    read = getattr(transformers, name)
    monkeypatch.setattr(transformers, name, lambda path, names=None: asked.append(names) or read(path, names))
    artifact = types.dump(FRAMES["row numbers after sorting"], pd.DataFrame, store, format)
    types.load(artifact, store, Annotated[pd.DataFrame, columns(n=int)])
    assert asked == [["n", "__index__"]]
