"""``Mapping[str, X]`` and ``Sequence[X]`` out of a store: an element is loaded when it is asked for, and only then."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import typing
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import ArtifactCorrupt, ConversionError, UsageError, ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.spec import Artifact, Blob, CodecSpec, TransformerSpec, TypeTransformer, hookimpl
from dovetail.types import StoredMapping, StoredSequence, TypeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAME = __name__
work: Counter[str] = Counter()


class Grid:
    def __init__(self, text: str) -> None:
        self.text = text


class Other:
    def __init__(self, text: str) -> None:
        self.text = text


@dataclass
class Pair:
    left: Grid
    right: Grid | None = None
    label: str = ""


@dataclass
class Holder:
    grids: Mapping[str, Grid]
    label: str = ""


class GridTransformer(TypeTransformer):
    def content_hash(self, value: Any) -> str:
        work["hashed"] += 1
        return f"grid-{value.text}"


class GridCodec:
    def write(self, value: Any, path: Path) -> None:
        work["written"] += 1
        path.write_text(value.text)

    def read(self, path: Path) -> Grid:
        work["read"] += 1
        text = path.read_text()
        if text == "bad":
            raise ArtifactCorrupt("the grid is no grid")
        return Grid(text)


class OtherTransformer(TypeTransformer):
    pass


class Plugin:
    DOVETAIL_API = 1

    @hookimpl
    def dovetail_type_transformers(self) -> list[TransformerSpec]:
        return [
            TransformerSpec(
                f"{NAME}.Grid", f"{NAME}:GridTransformer", codecs=(CodecSpec("grid", f"{NAME}:GridCodec"),)
            ),
            TransformerSpec(f"{NAME}.Other", f"{NAME}:OtherTransformer"),
        ]


@pytest.fixture
def engine(bare_settings: Any, monkeypatch: pytest.MonkeyPatch) -> TypeEngine:
    module = ModuleType(NAME)
    vars(module).update(globals())
    monkeypatch.setitem(sys.modules, NAME, module)
    work.clear()
    return TypeEngine(build_catalogue(bare_settings, [Plugin()]))


def grids(*texts: str) -> dict[str, Grid]:
    return {text: Grid(text) for text in texts}


@pytest.fixture
def stored(engine: TypeEngine, store: Any) -> Artifact:
    found = engine.dump(grids("a", "b", "c"), dict[str, Grid], store)
    work.clear()
    return found


# -- what is loaded when ----------------------------------------------------------------------------


@pytest.mark.parametrize("annotation", [Mapping[str, Grid], typing.Mapping[str, Grid], Mapping[str, Grid] | None])
@pytest.mark.parametrize("as_stored", [dict[str, Grid], Mapping[str, Grid]])
def test_only_the_values_that_are_asked_for_are_loaded(
    engine: TypeEngine, store: Any, annotation: Any, as_stored: Any
) -> None:
    artifact = engine.dump(grids("a", "b", "c"), as_stored, store)
    found = engine.accept(engine.load(artifact, store, annotation), annotation)
    assert isinstance(found, StoredMapping)
    assert len(found) == 3 and list(found) == ["a", "b", "c"] and "a" in found and "x" not in found
    assert found.get("x") is None
    assert work["read"] == 0
    assert found["b"].text == "b"
    assert work["read"] == 1
    with pytest.raises(KeyError):
        found["x"]
    assert {key: value.text for key, value in found.items()} == {"a": "a", "b": "b", "c": "c"}


@pytest.mark.parametrize("annotation", [Sequence[Grid], typing.Sequence[Grid]])
@pytest.mark.parametrize("as_stored", [list[Grid], tuple[Grid, ...], tuple[Grid, Grid, Grid], Sequence[Grid]])
def test_only_the_elements_that_are_asked_for_are_loaded(
    engine: TypeEngine, store: Any, annotation: Any, as_stored: Any
) -> None:
    items = [Grid("a"), Grid("b"), Grid("c")]
    value = tuple(items) if typing.get_origin(as_stored) is tuple else items
    found = engine.load(engine.dump(value, as_stored, store), store, annotation)
    assert isinstance(found, StoredSequence) and len(found) == 3 and work["read"] == 0
    assert found[-1].text == "c" and work["read"] == 1
    part = found[:2]
    assert isinstance(part, StoredSequence) and len(part) == 2 and work["read"] == 1
    assert [grid.text for grid in part] == ["a", "b"] and work["read"] == 3
    assert [grid.text for grid in reversed(found)] == ["c", "b", "a"]
    for index in (3, -4):
        with pytest.raises(IndexError):
            found[index]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(st.text(max_size=3), min_size=1, max_size=5), index=st.one_of(st.integers(-7, 7), st.slices(5)))
def test_a_stored_sequence_has_the_elements_of_what_was_stored(
    engine: TypeEngine, store: Any, items: list[str], index: Any
) -> None:
    artifact = engine.dump([Grid(ascii(text)) for text in items], list[Grid], store)
    found = engine.load(artifact, store, Sequence[Grid])
    plain = [ascii(text) for text in items]
    assert [grid.text for grid in found] == plain
    if isinstance(index, slice):
        assert [grid.text for grid in found[index]] == plain[index]
        return
    try:
        expected = plain[index]
    except IndexError:
        with pytest.raises(IndexError):
            found[index]
    else:
        assert found[index].text == expected


def test_dicts_and_lists_are_loaded_as_a_whole(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    assert type(engine.load(stored, store, dict[str, Grid])) is dict
    assert work["read"] == 3
    listed = engine.dump([Grid("a")], Sequence[Grid], store)
    assert type(engine.accept(engine.load(listed, store, Sequence[Grid]), list[Grid])) is list
    lazy = engine.load(stored, store, Mapping[str, Grid])
    assert type(engine.accept(lazy, dict[str, Grid])) is dict


def test_plain_values_are_as_they_were(engine: TypeEngine, store: Any) -> None:
    for value, annotation in (({"a": 1}, Mapping[str, int]), ([1, 2], Sequence[int]), ({}, Mapping[str, Grid])):
        found = engine.load(engine.dump(value, annotation, store), store, annotation)
        assert found == value and type(found) is type(value)


def test_what_is_in_transit_is_loaded_at_once(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    children = tuple(replace(child, content_hash="") for child in stored.children)
    found = engine.load(replace(stored, children=children), store, Mapping[str, Grid])
    assert type(found) is dict and work["read"] == 3


# -- how long it is held -----------------------------------------------------------------------------


def test_an_element_is_held_as_long_as_somebody_holds_it(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    first = found["a"]
    assert found["a"] is first and work["read"] == 1
    del first
    gc.collect()
    assert found["a"].text == "a" and work["read"] == 2


def test_going_through_all_holds_one_at_a_time(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    alive = []
    for grid in engine.load(stored, store, Mapping[str, Grid]).values():
        del grid
        gc.collect()
        alive.append(sum(isinstance(each, Grid) for each in gc.get_objects()))
    assert max(alive) - min(alive) == 0


# -- storing again ------------------------------------------------------------------------------------


@pytest.mark.parametrize("annotation", [Mapping[str, Grid], Any])
def test_it_is_stored_again_without_a_look_at_its_elements(
    engine: TypeEngine, store: Any, stored: Artifact, annotation: Any
) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    again = engine.dump(found, annotation, store)
    assert work == Counter()
    assert [child.id for child in again.children] == [child.id for child in stored.children]
    assert again.content_hash == stored.content_hash
    assert engine.load(again, store, Mapping[str, Grid]) == found


def test_records_inside_are_stored_again_without_a_look_at_their_frames(engine: TypeEngine, store: Any) -> None:
    value = [Pair(Grid("a"), Grid("b"), "x"), Pair(Grid("c"))]
    artifact = engine.dump(value, list[Pair], store)
    work.clear()
    found = engine.load(artifact, store, Sequence[Pair])
    again = engine.dump(found, Sequence[Pair], store)
    assert work == Counter()
    assert again.content_hash == artifact.content_hash == engine.content_hash(value)
    assert found[1].left.text == "c" and work["read"] == 1


def test_another_store_gets_the_files(engine: TypeEngine, store: Any, stored: Artifact, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = type(store)(tmp_path / "other")
    found = engine.load(stored, store, Mapping[str, Grid])
    again = engine.dump(found, Mapping[str, Grid], other)
    assert {key: grid.text for key, grid in engine.load(again, other, dict[str, Grid]).items()} == {
        "a": "a",
        "b": "b",
        "c": "c",
    }


# -- what it is equal to --------------------------------------------------------------------------------


def test_it_is_equal_to_what_has_the_same_content(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    assert found == engine.load(stored, store, Mapping[str, Grid])
    assert work == Counter()
    assert found == grids("c", "b", "a")
    assert found != grids("a", "b", "x") and found != grids("a", "b") and found != {"a": object(), "b": 1, "c": 2}
    assert found != 5 and found != ["a", "b", "c"]
    assert work["read"] == 0
    with pytest.raises(TypeError):
        hash(found)
    listed = engine.load(engine.dump([Grid("a")], list[Grid], store), store, Sequence[Grid])
    assert listed == [Grid("a")] and listed != (Grid("a"),)


def test_content_hashes_do_not_tell_the_annotation(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    assert engine.content_hash(found) == stored.content_hash == engine.content_hash(grids("a", "b", "c"))
    both = engine.dump((Grid("a"), Grid("b")), tuple[Grid, Grid], store)
    assert engine.content_hash(engine.load(both, store, Sequence[Grid])) == both.content_hash


# -- where it stands -----------------------------------------------------------------------------------


def test_fields_of_records_are_loaded_when_asked_for(engine: TypeEngine, store: Any) -> None:
    artifact = engine.dump(Holder(grids("a", "b"), "x"), Holder, store)
    work.clear()
    holder = engine.accept(engine.load(artifact, store, Holder), Holder)
    assert holder.label == "x" and isinstance(holder.grids, StoredMapping) and work["read"] == 0
    assert engine.dump(holder, Holder, store).id == artifact.id and work == Counter()
    assert engine.content_hash(holder) == artifact.content_hash
    assert holder.grids["b"].text == "b" and work["read"] == 1


def test_containers_in_containers_are_loaded_when_asked_for(engine: TypeEngine, store: Any) -> None:
    value = {"x": [Grid("a"), Grid("b")], "y": [Grid("c")]}
    wanted = Mapping[str, Sequence[Grid]]
    found = engine.load(engine.dump(value, wanted, store), store, wanted)
    work.clear()
    assert len(found["x"]) == 2 and work["read"] == 0
    assert found["x"][1].text == "b" and work["read"] == 1


def test_previews_and_reprs_are_bounded_and_load_nothing(engine: TypeEngine, store: Any) -> None:
    many = {f"a long name of a grid, which is number {n}": Grid("x") for n in range(100)}
    found = engine.load(engine.dump(many, dict[str, Grid], store), store, Mapping[str, Grid])
    assert repr(found).startswith("<stored mapping of 100: 'a long name") and len(repr(found)) < 450
    assert "stored mapping of 100" in engine.preview(found).text
    listed = engine.load(engine.dump([Grid("x")], list[Grid], store), store, Sequence[Grid])
    assert repr(listed) == "<stored sequence of 1>"
    assert work["read"] == 0


def test_tables_come_as_they_are_wanted(types: TypeEngine, store: Any) -> None:
    tables = {"a": pa.table({"n": [1, 2], "more": ["x", "y"]}), "b": pa.table({"other": [1]})}
    artifact = types.dump(tables, dict[str, pa.Table], store)
    wanted = Mapping[str, Annotated[pa.Table, dt.columns(n=int)]]
    found = types.accept(types.load(artifact, store, wanted), wanted)
    assert found["a"].column_names == ["n"]
    with pytest.raises(ValueMismatch, match="at b"):
        found["b"]
    assert types.load(types.dump({"a": found["a"]}, wanted, store), store, wanted)["a"].column_names == ["n"]


# -- what goes wrong ------------------------------------------------------------------------------------


def test_a_damaged_element_is_told_by_its_key(engine: TypeEngine, store: Any) -> None:
    found = engine.load(engine.dump(grids("good", "bad"), dict[str, Grid], store), store, Mapping[str, Grid])
    assert found["good"].text == "good"
    with pytest.raises(ArtifactCorrupt, match=r"the grid is no grid \(at bad\)"):
        found["bad"]


def test_a_lost_element_is_told_by_its_key(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    blob: Blob = stored.children[1].blobs[0]
    (store.root / blob.digest).unlink()
    assert found["a"].text == "a"
    with pytest.raises(Exception, match=r"\(at b\)"):
        found["b"]


def test_elements_that_do_not_convert_are_told_by_their_key(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Other])
    with pytest.raises((ConversionError, ValueMismatch), match=r"at b"):
        found["b"]


def test_a_list_is_no_mapping(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    with pytest.raises(ValueMismatch, match="sequence"):
        engine.load(stored, store, Sequence[Grid])


@pytest.mark.parametrize("what", [lambda found: found, lambda found: {"inside": found}], ids=["alone", "inside"])
def test_it_cannot_be_pickled(engine: TypeEngine, store: Any, stored: Artifact, what: Callable[[Any], Any]) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    with pytest.raises(UsageError, match="annotate the input as dict or list"):
        pickle.dumps(what(found))
    assert copy.copy(found) is found and copy.deepcopy(found) is found


def test_it_cannot_be_changed(engine: TypeEngine, store: Any, stored: Artifact) -> None:
    found = engine.load(stored, store, Mapping[str, Grid])
    with pytest.raises(TypeError):
        found["a"] = Grid("x")
    with pytest.raises(TypeError):
        del found["a"]
