"""Names that stand for types: the ``type`` statement and ``TypeAliasType``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, ValueMismatch
from dovetail.types import TypeEngine, columns


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is new in Python 3.12")
def test_an_alias_that_holds_itself(types: TypeEngine, store: Any) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec("type Nested = int | list[Nested]", names)
    value = [1, [2, [3]]]
    assert types.accept(value, names["Nested"]) == value
    assert types.load(types.dump(value, names["Nested"], store), store, names["Nested"]) == value
    with pytest.raises(ValueMismatch):
        types.accept([1, ["2"]], names["Nested"])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is new in Python 3.12")
def test_an_alias_that_holds_itself_declares_no_columns(types: TypeEngine) -> None:
    names: dict[str, Any] = {"__name__": __name__, "Annotated": Annotated, "pa": pa, "columns": columns}
    exec("type Nested = Annotated[pa.Table, columns(a=int)] | list[Nested]", names)
    with pytest.raises(DefinitionError, match="holds itself"):
        types.accept([pa.table({"a": [1]})], names["Nested"])


def test_an_alias_is_what_it_stands_for(types: TypeEngine, store: Any) -> None:
    from typing_extensions import TypeAliasType

    alias: Any = TypeAliasType("alias", list[int])  # type: ignore[misc]
    assert types.accept([1], alias) == [1]
    assert types.load(types.dump([1], alias, store), store, alias) == [1]
    assert types.check_edge(alias, list[float]).steps == ()
