"""What a transformer's declared converters keep: faithful ones lose nothing, lossy ones say so and ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, get_args

from dovetail.errors import ConversionError, DovetailError
from dovetail.spec import ConverterSpec, Cost, TypeRef
from dovetail.testing._base import fail
from dovetail.testing._transformers_inward import ARROW, check_inward, leads, must_come_back

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness
    from dovetail.testing._transformers import TransformerSuite

Convert = Callable[[Any], Any]


def check_declared(suite: TransformerSuite, hub: HubHarness) -> None:
    """The declarations of the converters: ends, cost, loss, code that loads."""
    spec = suite._spec(hub)
    for edge in spec.converters:
        told = f"the converter {edge.source} -> {edge.target}"
        if suite.type not in (edge.source, edge.target):
            fail(f"{told} is declared by {suite.type}, which is neither of its ends", fix="declare it where it belongs")
        other = edge.target if edge.source == suite.type else edge.source
        try:
            hub.types.check_edge(TypeRef(other), TypeRef(other))
            hub.types.check_storable(TypeRef(other))
        except DovetailError as error:
            fail(f"{told} has an end that nobody knows here", why=str(error), fix="name its plugin in with_plugins")
        if edge.cost not in get_args(Cost):
            fail(f"{told} has the cost {edge.cost!r}", fix=f"one of {', '.join(get_args(Cost))}")
        if edge.lossy is not None and not edge.lossy.strip():
            fail(f"{told} is lossy and does not say what it loses", fix='lossy="the order of rows", or leave it out')
        if not callable(hub.catalogue.load(edge.code, spec)):
            fail(f"{edge.code} cannot be called", fix="name a function of one argument")


def check_faithful(suite: TransformerSuite, hub: HubHarness) -> None:
    """Faithful converters give the same value back, wherever a road leads back; what comes in from elsewhere too."""
    for edge in suite._spec(hub).converters:
        if edge.lossy is None:
            road = _Faithful(suite, hub, edge)
            _each_source(suite, hub, edge, road)
            if edge.target == suite.type:
                check_inward(suite, hub, edge, road.convert)


def check_roads_back(suite: TransformerSuite, hub: HubHarness) -> None:
    """Each faithful converter has a road back, by which can be seen whether it is one."""
    for edge in suite._spec(hub).converters:
        if edge.lossy is None and not _comes_back(hub, edge):
            fail(
                f"nothing shows that {edge.code} ({edge.source} -> {edge.target}) loses nothing",
                why=f"no faithful road leads back from {edge.target} to {edge.source}, so the suite cannot compare",
                fix='declare the converter back, or lossy="what is lost"; or say why there is neither, '
                'gaps = {"roads_back": never("...")}, and test it yourself',
            )


def _comes_back(hub: HubHarness, edge: ConverterSpec) -> bool:
    """Whether what a converter gives can be compared with what it was given."""
    in_arrow = all(leads(hub, end, ARROW) for end in (edge.source, edge.target))
    return in_arrow or leads(hub, edge.target, edge.source)


def check_lossy(suite: TransformerSuite, hub: HubHarness) -> None:
    """Lossy converters are refused unless allowed, and explained."""
    for edge in suite._spec(hub).converters:
        if edge.lossy is None or leads(hub, edge.source, edge.target):
            continue  # there is a faithful road beside it, which is the one that is taken
        path = hub.types.explain(TypeRef(edge.source), TypeRef(edge.target))
        if not path.lossy:
            fail(f"{edge.source} -> {edge.target} is not explained as lossy: {path}")
        _each_source(suite, hub, edge, _Lossy(suite, hub, edge))


def _each_source(
    suite: TransformerSuite, hub: HubHarness, edge: ConverterSpec, check: Callable[[Any, Any], None]
) -> None:
    """Call ``check(source, origin)`` with what the converter takes; origin is the value of the type it came from, or None."""
    if edge.source == suite.type:
        suite._each(hub, lambda value: check(value, value))
        return
    given = list(suite.sources(edge.source))
    for source in given:
        check(source, None)
    if leads(hub, suite.type, edge.source):
        suite._each(hub, lambda value: check(hub.types.convert(value, TypeRef(edge.source)), value))
    elif not given:
        fail(
            f"no value tries the converter {edge.source} -> {edge.target}",
            why="no faithful road leads the other way, so the suite cannot make one",
            fix=f'give some: def sources(self, source): return [...] if source == "{edge.source}" else ()',
        )


class _Road:
    """One converter, and what is asked of it."""

    def __init__(self, suite: TransformerSuite, hub: HubHarness, edge: ConverterSpec) -> None:
        self.suite, self.hub, self.edge = suite, hub, edge
        convert: Any = hub.catalogue.load(edge.code, suite._spec(hub))
        self.convert: Convert = convert
        self.told = f"{edge.code} ({edge.source} -> {edge.target})"

    def converted(self, source: Any) -> Any:
        """What comes out, with the source as it was and of the type that is declared."""
        types = self.hub.types
        before = types.content_hash(source)
        made = self.convert(source)
        if types.content_hash(source) != before:
            fail(
                f"{self.told} changed what it was given",
                why="tasks that share a value would see each other's work",
                fix="copy before you change",
            )
        found = types.transformer_for(made).type_name
        if found not in ("", self.edge.target):
            fail(f"{self.told} gave a {found}", fix="give what the declaration says, or declare what you give")
        return made


class _Faithful(_Road):
    def __call__(self, source: Any, origin: Any) -> None:
        made = self.converted(source)
        for before, after in self._comparable(source, origin, made):
            self.suite._must_equal(
                before,
                after,
                f"{self.told} is declared faithful and loses something",
                "a faithful road is taken without asking",
                'keep all, or declare lossy="what is lost"',
            )

    def _comparable(self, source: Any, origin: Any, made: Any) -> Iterator[tuple[Any, Any]]:
        own, edge = TypeRef(self.suite.type), self.edge
        if edge.target == self.suite.type:
            if origin is not None:
                yield origin, made
            elif leads(self.hub, own.name, edge.source):
                back = self.hub.types.convert(made, TypeRef(edge.source))
                if self.hub.types.content_hash(back) != self.hub.types.content_hash(source):
                    must_come_back(False, edge, source, back)
            elif not self.suite.equal(made, self.convert(source)):
                self._fickle()
        elif leads(self.hub, edge.target, self.suite.type):
            yield source, self.hub.types.convert(made, own)
        elif leads(self.hub, edge.target, ARROW) and leads(self.hub, self.suite.type, ARROW):
            types, arrow = self.hub.types, TypeRef(ARROW)
            if types.content_hash(types.convert(made, arrow)) != types.content_hash(types.convert(source, arrow)):
                fail(
                    f"{self.told} is declared faithful, and both ends differ as Arrow tables", fix='declare lossy="..."'
                )
        elif self.hub.types.content_hash(made) != self.hub.types.content_hash(self.convert(source)):
            self._fickle()

    def _fickle(self) -> None:
        fail(f"{self.told} gives something else each time", fix="make it depend on its argument alone")


class _Lossy(_Road):
    def __call__(self, source: Any, origin: Any) -> None:
        target = TypeRef(self.edge.target)
        try:
            self.hub.types.convert(source, target)
        except ConversionError:
            pass
        else:
            fail(f"{self.told} is lossy and was taken without permission")
        self.converted(source)
        self.hub.types.convert(source, target, allow_lossy=True)
