"""The choice of a road: cheapest of all, faithful first, by the size of the value, and never more than memory allows."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ConversionError, DefinitionError, MemoryLimit, PluginConflict
from dovetail.plugins import build_catalogue
from dovetail.spec import ConverterSpec, TransformerSpec, TypeTransformer, hookimpl
from dovetail.types import ConversionPath, TypeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

NAME = "frames_of_the_graph_tests"
KINDS = {"zero-copy": (1.0, 0.0), "view": (2.0, 0.0), "copy": (1.0, 0.9), "collect": (10.0, 9.0)}
MB = 10**6


class Value:
    """A frame of some size; ``walked`` names the types that it came through."""

    def __init__(self, size: int | None, walked: tuple[str, ...] = ()) -> None:
        self.size, self.walked = size, walked


class Transformer(TypeTransformer):
    def size(self, value: Value) -> int | None:
        return value.size


def _edge(source: str, target: str, cost: Any = "copy", **more: Any) -> ConverterSpec:
    return ConverterSpec(f"{NAME}.{source}", f"{NAME}.{target}", f"{NAME}:to_{target}", cost, **more)


class Frames:
    """A plugin with types called A, B, C... and the given edges between them."""

    DOVETAIL_API = 1

    def __init__(self, edges: Iterable[ConverterSpec], names: str = "ABCDE") -> None:
        self.edges, self.names = tuple(edges), names

    @hookimpl
    def dovetail_type_transformers(self) -> Iterable[TransformerSpec]:
        return [
            TransformerSpec(
                f"{NAME}.{name}",
                f"{NAME}:Transformer",
                converters=tuple(edge for edge in self.edges if edge.source == f"{NAME}.{name}"),
            )
            for name in self.names
        ]


@pytest.fixture(autouse=True, scope="module")
def _module() -> Iterator[None]:
    import types as module_types

    module = module_types.ModuleType(NAME)
    module.Transformer = Transformer  # type: ignore[attr-defined]
    for name in "ABCDE":
        cls = type(name, (Value,), {"__module__": NAME})
        setattr(module, name, cls)
        setattr(module, f"to_{name}", lambda value, cls=cls, name=name: cls(value.size, (*value.walked, name)))
    sys.modules[NAME] = module
    yield
    del sys.modules[NAME]


def made(name: str, size: int | None = None) -> Any:
    return getattr(sys.modules[NAME], name)(size)


def cls(name: str) -> Any:
    return getattr(sys.modules[NAME], name)


@pytest.fixture(scope="module")
def engine(bare_settings: Settings) -> Any:
    def make(*edges: ConverterSpec, limit: int | None = None) -> TypeEngine:
        return TypeEngine(build_catalogue(replace(bare_settings, max_collect_bytes=limit), [Frames(edges)]))

    return make


# -- the cheapest of all ---------------------------------------------------------------------------------

figures = st.none() | st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0])


@st.composite
def graphs(draw: st.DrawFn) -> list[ConverterSpec]:
    pairs = draw(st.lists(st.sampled_from(list(itertools.permutations("ABCDE", 2))), min_size=1, unique=True))
    return [
        _edge(
            *pair,
            draw(st.sampled_from(list(KINDS))),
            lossy=draw(st.sampled_from([None, None, None, "the taste"])),
            max_bytes=draw(st.sampled_from([None, None, MB, 100 * MB])),
            fixed=draw(figures),
            per_mb=draw(figures),
        )
        for pair in pairs
    ]


def cost_of(edge: ConverterSpec, size: int) -> int:
    """In whole thousandths, as the decision has it."""
    fixed, rate = KINDS[edge.cost]
    fixed = fixed if edge.fixed is None else edge.fixed
    rate = rate if edge.per_mb is None else edge.per_mb
    return round(1000 * (Fraction(str(fixed)) + Fraction(str(rate)) * size / MB))


def every_road(edges: list[ConverterSpec], size: int | None, limit: int) -> list[tuple[ConverterSpec, ...]]:
    """By brute force: every order of every choice of types between A and E."""
    by_ends = {(edge.source[-1], edge.target[-1]): edge for edge in edges}
    roads = []
    for length in range(4):
        for between in itertools.permutations("BCD", length):
            stations = ("A", *between, "E")
            road = [by_ends.get(pair) for pair in itertools.pairwise(stations)]
            if None not in road:
                roads.append(tuple(edge for edge in road if edge is not None))
    if size is None:
        return roads
    return [
        road
        for road in roads
        if all(
            (edge.max_bytes is None or size <= edge.max_bytes) and (edge.cost != "collect" or size <= limit)
            for edge in road
        )
    ]


@settings(deadline=None)  # a busy machine is no defect
@given(edges=graphs(), size=st.none() | st.sampled_from([0, 1000, MB, 50 * MB, 5000 * MB]), seed=st.randoms())
def test_no_road_is_better_than_the_one_taken(
    engine: Any, edges: list[ConverterSpec], size: int | None, seed: random.Random
) -> None:
    limit = 50 * MB
    roads = every_road(edges, size, limit)
    types = engine(*edges, limit=limit)
    if not roads:
        with pytest.raises((ConversionError, MemoryLimit)):
            types.convert(made("A", size), cls("E"), allow_lossy=True)
        return
    given_size = 10 * MB if size is None else size
    best = min((sum(e.lossy is not None for e in r), sum(cost_of(e, given_size) for e in r), len(r)) for r in roads)
    path = types.explain(cls("A"), cls("E"), size=size)
    assert (len(path.lossy), len(path.steps)) == (best[0], best[2])
    assert path.cost == pytest.approx(best[1] / 1000, abs=0.01)
    arrived = types.convert(made("A", size), cls("E"), allow_lossy=True)
    assert arrived.walked == tuple(step.target[-1] for step in path.steps)
    shuffled = list(edges)
    seed.shuffle(shuffled)
    assert engine(*shuffled, limit=limit).explain(cls("A"), cls("E"), size=size).steps == path.steps


def test_ties_go_to_the_road_whose_names_come_first(engine: Any) -> None:
    edges = [_edge("A", "C"), _edge("C", "E"), _edge("A", "B"), _edge("B", "E")]
    for order in itertools.permutations(edges):
        path = engine(*order).explain(cls("A"), cls("E"))
        assert [step.target[-1] for step in path.steps] == ["B", "E"]
        (other,) = path.others
        assert "costs 20 too" in other.why


# -- by size ---------------------------------------------------------------------------------------------

DIRECT = _edge("A", "E", fixed=50, per_mb=0)
ROUND = (_edge("A", "B"), _edge("B", "E"))


def test_a_direct_edge_wins_for_large_values_and_loses_for_small_ones(engine: Any) -> None:
    types = engine(DIRECT, *ROUND)
    assert types.accept(made("A", 1000), cls("E")).walked == ("B", "E")
    assert types.accept(made("A", 1000 * MB), cls("E")).walked == ("E",)
    assert len(types.explain(cls("A"), cls("E"), size=1000).steps) == 2
    large = types.explain(cls("A"), cls("E"), size=1000 * MB)
    assert len(large.steps) == 1 and large.reason == "it is the cheapest of 2"
    assert large.others[0].why == "costs 1802 instead of 50"


def test_a_limit_leaves_the_other_road(engine: Any) -> None:
    types = engine(replace(DIRECT, fixed=0, max_bytes=MB), *ROUND)
    assert types.accept(made("A", MB), cls("E")).walked == ("E",)
    assert types.accept(made("A", MB + 1), cls("E")).walked == ("B", "E")
    path = types.explain(cls("A"), cls("E"), size=2 * MB)
    assert "takes at most 1 MB" in path.others[0].why
    assert "the only one" in path.reason


def test_a_value_too_large_for_every_road_is_refused_by_name(engine: Any) -> None:
    types = engine(_edge("A", "E", max_bytes=MB))
    assert types.check_edge(cls("A"), cls("E")).steps  # at definition the size is not known
    with pytest.raises(ConversionError, match="takes 2 MB") as caught:
        types.accept(made("A", 2 * MB), cls("E"))
    assert "at most 1 MB" in (caught.value.why or "") and caught.value.fix
    assert "refused: no road" in types.explain(cls("A"), cls("E"), size=2 * MB).note


def test_a_limit_does_not_turn_a_faithful_road_into_a_lossy_one(engine: Any) -> None:
    types = engine(_edge("A", "E", max_bytes=MB), _edge("A", "B", lossy="the taste"), _edge("B", "E"))
    with pytest.raises(ConversionError, match="takes 2 MB"):
        types.accept(made("A", 2 * MB), cls("E"))
    assert types.convert(made("A", 2 * MB), cls("E"), allow_lossy=True).walked == ("B", "E")


@pytest.mark.parametrize("figure", [-1, float("nan"), float("inf"), "2", True])
@pytest.mark.parametrize("name", ["fixed", "per_mb", "max_bytes"])
def test_figures_are_numbers(name: str, figure: Any) -> None:
    with pytest.raises(DefinitionError, match=name):
        _edge("A", "B", **{name: figure})


# -- collecting ------------------------------------------------------------------------------------------


def test_what_does_not_fit_in_memory_is_not_collected(engine: Any) -> None:
    types = engine(_edge("A", "B", "collect"), _edge("B", "E"), limit=10 * MB)
    assert types.accept(made("A", 10 * MB), cls("E")).walked == ("B", "E")
    with pytest.raises(MemoryLimit) as caught:
        types.accept(made("A", 11 * MB), cls("E"))
    error = caught.value
    assert error.kind == "platform" and error.details == {"size": 11 * MB, "limit": 10 * MB}
    assert "11 MB" in error.what and "max_collect_bytes" in (error.why or "") and "10 MB" in (error.why or "")
    assert "DOVETAIL_MAX_COLLECT_BYTES" in (error.fix or "") and "dt.Collect" in (error.fix or "")


def test_a_road_around_the_collecting_one_is_taken_where_it_does_not_fit(engine: Any) -> None:
    types = engine(_edge("A", "E", "collect"), _edge("A", "B", "copy", fixed=1000), _edge("B", "E"), limit=MB)
    assert types.accept(made("A", 1000), cls("E")).walked == ("E",)
    assert types.accept(made("A", 2 * MB), cls("E")).walked == ("B", "E")
    assert "would collect 2 MB, and 1 MB may be" in str(types.explain(cls("A"), cls("E"), size=2 * MB))


def test_by_default_half_of_the_free_memory_may_be_collected(engine: Any) -> None:
    types = engine(_edge("A", "E", "collect"))
    assert types.accept(made("A", 1000), cls("E")).walked == ("E",)
    with pytest.raises(MemoryLimit):
        types.accept(made("A", 1 << 60), cls("E"))
    assert types.explain(cls("A"), cls("E")).limit > 0


def test_a_value_of_unknown_size_is_measured_when_it_is_there(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[NAME], "to_B", lambda value: made("B", 20 * MB))
    with pytest.raises(MemoryLimit, match="20 MB"):
        engine(_edge("A", "B", "collect"), _edge("B", "E"), limit=10 * MB).accept(made("A"), cls("E"))


class Plan(TypeTransformer):
    """A plan of ten batches of 8 MB, which counts those that were asked for."""

    lazy = True
    asked = 0

    def batches(self, value: Any) -> Iterator[Any]:
        for _ in range(10):
            Plan.asked += 1
            yield pa.record_batch({"n": pa.array(range(MB), pa.int64())})


def test_a_plan_that_streams_is_stopped_at_the_limit(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[NAME], "Transformer", Plan)
    to_arrow = ConverterSpec(f"{NAME}.A", "pyarrow.Table", f"{NAME}:never", "collect")
    Plan.asked = 0
    with pytest.raises(MemoryLimit, match="more than that") as caught:
        engine(to_arrow, limit=20 * MB).accept(made("A"), pa.Table)
    assert Plan.asked == 3
    assert caught.value.details == {"size": None, "limit": 20 * MB}
    assert engine(to_arrow, limit=100 * MB).accept(made("A"), pa.Table).num_rows == 10 * MB


# -- shown -----------------------------------------------------------------------------------------------


def test_a_path_tells_what_it_does_and_why(engine: Any) -> None:
    edges = [
        _edge("A", "B", "zero-copy", max_bytes=5 * MB),
        _edge("B", "E", "view", lazy=True),
        _edge("A", "E", "copy"),
        _edge("A", "C", "view", lossy="the taste"),
        _edge("C", "E", "zero-copy"),
    ]
    path: ConversionPath = engine(*edges).explain(cls("A"), cls("E"))
    text = str(path)
    assert "cost 3" in text and "lazy" in text and "at most 5 MB" in text
    assert "taken because it is the cheapest of 3" in text
    assert f"not taken: {NAME}.A -> {NAME}.E: costs 10 instead of 3" in text
    assert f"not taken: {NAME}.A -> {NAME}.C -> {NAME}.E: loses the taste" in text
    document = path.to_dict()
    assert [step["lazy"] for step in document["steps"]] == [False, True]
    assert [other["cost"] for other in document["others"]] == [10, 3]
    assert "for 2 MB" in str(engine(*edges).explain(cls("A"), cls("E"), size=2 * MB))


def test_a_lossy_road_is_explained_as_refused(engine: Any) -> None:
    path = engine(_edge("A", "E", lossy="the taste")).explain(cls("A"), cls("E"))
    assert path.note == "lossy: refused unless allowed" and path.reason == "it is the only path"


# -- two owners of one type ------------------------------------------------------------------------------


def test_two_owners_of_one_type_are_named_until_config_settles_it(bare_settings: Settings) -> None:
    import types as module_types

    def plugin(name: str, cost: Any) -> Any:
        module = module_types.ModuleType(name)
        spec = TransformerSpec(f"{NAME}.A", f"{NAME}:Transformer", converters=(_edge("A", "E", cost),))
        module.DOVETAIL_API = 1  # type: ignore[attr-defined]
        module.dovetail_type_transformers = hookimpl(lambda: [spec])  # type: ignore[attr-defined]
        return module

    both = [plugin("kitchen_one", "copy"), plugin("kitchen_two", "view"), Frames((), "E")]
    contested = TypeEngine(build_catalogue(bare_settings, both))
    for ask in (contested.explain, contested.check_edge, lambda a, e: contested.accept(made("A"), e)):
        for first in (cls("A"), f"{NAME}.A"):
            with pytest.raises(PluginConflict) as caught:
                ask(first, cls("E"))
            text = str(caught.value)
            assert "kitchen_one" in text and "kitchen_two" in text and "owners" in text
    settled = replace(bare_settings, owners={f"type.{NAME}.A": "kitchen-two"})
    path = TypeEngine(build_catalogue(settled, both)).explain(cls("A"), cls("E"))
    assert [(step.plugin, step.cost) for step in path.steps] == [("kitchen_two", "view")]


class _Derived(Frames):
    """The type B is derived from A, and says what it loses on the way there."""

    def __init__(self) -> None:
        super().__init__([_edge("B", "A", lossy="what makes it a B")], "AB")


def test_a_declared_type_is_not_taken_for_the_one_that_it_is_derived_from(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[NAME]
    base = module.A
    derived = type("B", (base,), {"__module__": NAME})
    other = type("Other", (base,), {"__module__": NAME})
    monkeypatch.setattr(module, "B", derived)
    types = TypeEngine(build_catalogue(Settings(tmp_path, disable_plugins=True), [_Derived()]))
    value = derived(1)
    assert types.accept(value, derived) is value
    with pytest.raises(ConversionError, match="what makes it a B"):
        types.accept(value, base)
    assert type(types.convert(value, base, allow_lossy=True)) is base
    undeclared = other(1)
    assert types.accept(undeclared, base) is undeclared
