"""Plain values: what is stored comes back equal and of the same types, and hashes say what values mean."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, Union
from uuid import UUID

import pytest
from dovetail.errors import ArtifactCorrupt, UnknownType, ValueMismatch
from dovetail.spec import Artifact
from dovetail.types import TypeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

in_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@dataclass
class Dog:
    name: str


@dataclass
class Cat:
    name: str


@dataclass(frozen=True, slots=True)
class Tree:
    value: float
    children: tuple[Tree, ...] = ()
    label: str | None = None


@dataclass
class Counted:
    n: int
    twice: int = field(init=False)
    made: int = 0

    def __post_init__(self) -> None:
        self.twice = 2 * self.n
        self.made += 1


@dataclass
class Puppy(Dog):
    months: int = 0


class Pair(NamedTuple):
    left: int
    right: Dog | Cat


class Opts(TypedDict, total=False):
    depth: int
    when: dt.date


class Color(enum.Enum):
    RED = "#f00"
    GREEN = "#0f0"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    pet: Dog | Cat
    ratio: float = math.nan
    name: str = Field(default="", alias="Name")


class Opaque:
    pass


ANNOTATIONS: list[tuple[Any, Callable[[], st.SearchStrategy[Any]]]] = [
    (int, lambda: st.integers()),
    (bool, st.booleans),
    (str, lambda: st.text(st.characters(codec=None, exclude_categories=()))),
    (float, lambda: st.floats(allow_nan=False)),
    (bytes, st.binary),
    (bytearray, lambda: st.binary().map(bytearray)),
    (complex, lambda: st.complex_numbers(allow_nan=False)),
    (None, st.none),
    (dt.datetime, lambda: st.datetimes(timezones=st.none() | st.timezones() | st.just(dt.UTC))),
    (dt.date, st.dates),
    (dt.time, st.times),
    (dt.timedelta, st.timedeltas),
    (Decimal, lambda: st.decimals(allow_nan=False)),
    (UUID, st.uuids),
    (Path, lambda: st.text("ab/.").map(Path)),
    (int | None, lambda: st.none() | st.integers()),
    (
        Union[int, str, float, bool],  # noqa: UP007 - both spellings must work
        lambda: st.integers() | st.text() | st.floats(allow_nan=False) | st.booleans(),
    ),
    (Dog | Cat, lambda: st.builds(Dog, st.text()) | st.builds(Cat, st.text())),
    (list[int], lambda: st.lists(st.integers())),
    (list[float | None], lambda: st.lists(st.none() | st.floats(allow_nan=False))),
    (tuple[int, str], lambda: st.tuples(st.integers(), st.text())),
    (tuple[int, ...], lambda: st.lists(st.integers()).map(tuple)),
    (set[int], lambda: st.sets(st.integers())),
    (frozenset[str], lambda: st.frozensets(st.text())),
    (dict[str, int], lambda: st.dictionaries(st.text(), st.integers())),
    (dict[int, dt.date], lambda: st.dictionaries(st.integers(), st.dates())),
    (dict[tuple[int, int], bool], lambda: st.dictionaries(st.tuples(st.integers(), st.integers()), st.booleans())),
    (Literal[1, True, "1", None, Color.RED], lambda: st.sampled_from([1, True, "1", None, Color.RED])),
    (Color, lambda: st.sampled_from(Color)),
    (Access, lambda: st.sampled_from([Access.READ, Access.WRITE, Access.READ | Access.WRITE, Access(0)])),
    (Tree, lambda: st.builds(Tree, st.floats(allow_nan=False), st.tuples(st.builds(Tree, st.just(1.0))))),
    (Pair, lambda: st.builds(Pair, st.integers(), st.builds(Cat, st.text()))),
    (Opts, lambda: st.fixed_dictionaries({}, optional={"depth": st.integers(), "when": st.dates()})),
    (IPv4Address, lambda: st.ip_addresses(v=4)),
    (
        Any,
        lambda: st.recursive(
            st.integers() | st.text() | st.dates() | st.none(), lambda s: st.lists(s) | st.tuples(s, s)
        ),
    ),
    (dict[str, Any], lambda: st.dictionaries(st.text(), st.integers() | st.dates() | st.builds(Dog, st.text()))),
]


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float):
        return left.hex() == right.hex()
    if isinstance(left, dt.datetime):
        return (
            left.isoformat() == right.isoformat() and left.fold == right.fold and str(left.tzinfo) == str(right.tzinfo)
        )
    return bool(left == right)


@pytest.mark.parametrize(
    ("annotation", "values"), ANNOTATIONS, ids=lambda p: str(p) if not callable(p) or p is int else ""
)
def test_round_trip(types: TypeEngine, store: Any, annotation: Any, values: Any) -> None:
    @in_fixture
    @given(values())
    def check(value: Any) -> None:
        artifact = types.dump(value, annotation, store)
        again = Artifact.from_dict(json.loads(json.dumps(artifact.to_dict())))
        loaded = types.load(again, store, annotation)
        assert same(loaded, value)
        assert artifact.content_hash == types.content_hash(value) == types.content_hash(loaded)
        assert types.dump(loaded, annotation, store).id == artifact.id

    check()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0])
def test_odd_floats_survive_and_the_text_is_standard_json(types: TypeEngine, store: Any, value: float) -> None:
    for annotation, wrapped in (
        (float, value),
        (list[float], [value]),
        (Tree, Tree(value)),
        (Any, value),
        (Any, [value]),
    ):
        artifact = types.dump(wrapped, annotation, store)

        def refuse(word: str) -> None:
            raise AssertionError(word)

        json.loads(artifact.inline or "", parse_constant=refuse)
        loaded = types.load(artifact, store, annotation)
        inner = loaded[0] if isinstance(loaded, list) else getattr(loaded, "value", loaded)
        assert math.isnan(inner) if math.isnan(value) else (inner.hex() == value.hex())


def test_without_an_annotation_the_stored_type_decides(types: TypeEngine, store: Any) -> None:
    for value, annotation in (
        (5, int | None),
        ((1, "a"), tuple[int, str]),
        ({1}, set[int]),
        (Dog("a"), Dog | Cat),
        ([Puppy("a", 3)], list[Dog]),
        ({"a": (1, 2)}, Any),
    ):
        artifact = types.dump(value, annotation, store)
        assert same(types.load(artifact, store), value)


def test_look_alikes_stay_apart_wherever_they_stand(types: TypeEngine, store: Any) -> None:
    for annotation, value in (
        (Dog | Cat, Cat("a")),
        (Pair, Pair(1, Cat("a"))),
        (Model, Model(pet=Cat("a"), Name="x")),
    ):
        assert same(types.load(types.dump(value, annotation, store), store, annotation), value) or isinstance(
            value, Model
        )
    loaded = types.load(types.dump(Model(pet=Cat("a"), Name="x"), Model, store), store, Model)
    assert type(loaded.pet) is Cat


def test_a_model_keeps_its_extra_fields_and_what_was_set(types: TypeEngine, store: Any) -> None:
    model = Model(pet=Dog("a"), Name="n", more=3)  # type: ignore[call-arg]
    loaded = types.load(types.dump(model, Model, store), store, Model)
    assert loaded.__pydantic_extra__ == {"more": 3}
    assert math.isnan(loaded.ratio)
    assert loaded.name == "n"


def test_a_dataclass_is_restored_without_running_its_code(types: TypeEngine, store: Any) -> None:
    value = Counted(3)
    value.twice = 7
    loaded = types.load(types.dump(value, Counted, store), store, Counted)
    assert dataclasses.asdict(loaded) == {"n": 3, "twice": 7, "made": 1}


def test_a_subclass_is_not_cut_down_to_its_base(types: TypeEngine, store: Any) -> None:
    loaded = types.load(types.dump(Puppy("a", 3), Dog, store), store, Dog)
    assert loaded == Puppy("a", 3)


def test_small_values_are_held_inline_and_large_ones_are_not(types: TypeEngine, store: Any) -> None:
    small, large = types.dump("a" * 100, str, store), types.dump("a" * 10_000, str, store)
    assert small.blobs == () and small.inline is not None
    assert large.inline is None and large.blobs[0].size == 10_002
    assert types.load(large, store, str) == "a" * 10_000
    listed = types.dump(list(range(10_000)), list[int], store)
    assert listed.inline is None
    assert types.load(listed, store, list[int]) == list(range(10_000))
    raw = types.dump(b"\0" * 100_000, bytes, store)
    assert raw.blobs[0].size == 100_000
    assert types.load(raw, store, bytes) == b"\0" * 100_000


def test_a_record_with_a_wrong_field_is_refused_before_it_is_stored(types: TypeEngine, store: Any) -> None:
    with pytest.raises(ValueMismatch) as caught:
        types.dump([Dog(name=5)], list[Dog], store)  # type: ignore[arg-type]
    assert caught.value.details["path"] == "[0].name"


def test_what_cannot_be_stored_says_so(types: TypeEngine, store: Any) -> None:
    for value, annotation in ((Opaque(), Opaque), ([Opaque()], list[Opaque]), (Opaque(), Any), ([Opaque()], Any)):
        with pytest.raises(UnknownType, match="Opaque"):
            types.dump(value, annotation, store)
    with pytest.raises(UnknownType):
        types.dump(lambda: 1, Any, store)


def test_a_class_that_cannot_be_found_again_needs_an_annotation(types: TypeEngine, store: Any) -> None:
    @dataclass
    class Local:
        n: int

    with pytest.raises(UnknownType, match="Local"):
        types.dump(Local(1), Any, store)
    assert types.load(types.dump(Local(1), Local, store), store, Local) == Local(1)


def test_a_stored_type_name_imports_nothing(types: TypeEngine, store: Any) -> None:
    artifact = Artifact("0" * 64, "antigravity.Thing", "json", "", inline="{}")
    with pytest.raises(UnknownType, match=r"antigravity\.Thing"):
        types.load(artifact, store)
    assert "antigravity" not in sys.modules
    with pytest.raises(UnknownType):
        types.load(Artifact("0" * 64, "__import__('antigravity')", "json", "", inline="{}"), store)
    assert "antigravity" not in sys.modules


def test_pickle_bytes_in_the_place_of_json_are_corruption(types: TypeEngine, store: Any) -> None:
    blob = store.add_bytes(pickle.dumps([1]), "value.json")
    with pytest.raises((ArtifactCorrupt, ValueMismatch)):
        types.load(Artifact("0" * 64, "list[int]", "json", "", (blob,)), store, list[int])


def test_a_stored_value_that_no_longer_fits_is_refused(types: TypeEngine, store: Any) -> None:
    artifact = types.dump("text", str, store)
    with pytest.raises(ValueMismatch):
        types.load(artifact, store, int)


def test_a_number_with_too_many_digits_is_refused(types: TypeEngine, store: Any) -> None:
    with pytest.raises(ValueMismatch):
        types.dump(10**5000, int, store)
    with pytest.raises(ValueMismatch):
        types.dump([10**5000], list[int], store)


def test_values_that_differ_hash_differently(types: TypeEngine) -> None:
    values: list[Any] = [
        1,
        True,
        1.0,
        "1",
        b"1",
        None,
        [1],
        (1,),
        {1},
        frozenset({1}),
        {1: 1},
        {"1": 1},
        Dog("1"),
        Cat("1"),
    ]
    values += [
        0,
        0.0,
        -0.0,
        False,
        "",
        [],
        (),
        {},
        Decimal(1),
        dt.date(2024, 1, 1),
        dt.datetime(2024, 1, 1),
        Color.RED,
        "RED",
    ]
    assert len({types.content_hash(value) for value in values}) == len(values)


def test_order_of_keys_and_members_does_not_matter(types: TypeEngine) -> None:
    assert types.content_hash({"a": 1, "b": 2}) == types.content_hash({"b": 2, "a": 1})
    assert types.content_hash({"x", "y", "z"}) == types.content_hash({"z", "y", "x"})
    assert types.content_hash([1, 2]) != types.content_hash([2, 1])


@pytest.mark.parametrize("value", [5, 2.5, -0.0, "text", "\ud800", True, None, 10**30])
def test_the_short_road_of_scalars_gives_what_the_long_one_gives(types: TypeEngine, store: Any, value: Any) -> None:
    artifact = types.dump(value, type(value), store)
    assert artifact.content_hash == types.content_hash(value)
    assert artifact.id == types.artifact_id(artifact.type, artifact.format, (), artifact.inline)


def test_hashes_are_the_same_in_another_process(types: TypeEngine, tmp_path: Path) -> None:
    code = (
        "from dovetail.config import load_settings\n"
        "from dovetail.plugins import build_catalogue\n"
        "from dovetail.types import TypeEngine\n"
        "from pathlib import Path\n"
        f"types = TypeEngine(build_catalogue(load_settings(Path({str(tmp_path)!r}), {{'disable_plugins': True}}, {{}})))\n"
        "print(types.content_hash({'x', 'y', ('z', 1.5)}))\n"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert results == {types.content_hash({"x", "y", ("z", 1.5)})}
