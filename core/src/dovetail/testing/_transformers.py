"""The suite of type transformers: one Python type in, its laws out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.errors import UnknownType, listing, shorten
from dovetail.spec import Artifact, Schema, TransformerSpec, TypeRef, TypeTransformer
from dovetail.testing import _transformers_roads as roads
from dovetail.testing._another_order import in_another_order
from dovetail.testing._base import Suite, declared_spec, fail
from dovetail.testing._child import in_child
from dovetail.testing._marks import requires
from dovetail.testing._strategies import for_each, some
from dovetail.testing._transformers_codecs import Written, find_pickle, pickling_imports, write_all
from dovetail.testing._transformers_hashes import check_hashes
from dovetail.testing._transformers_looks import check_preview, largest
from dovetail.testing._transformers_run import check_durable_run

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from dovetail.testing._harness import HubHarness

_CHILD = "dovetail.testing._transformers_child"


class TransformerSuite(Suite):
    """What every type transformer keeps. Subclass it in a test module, one class per type.

    A type that is a table has a suite of its own, :class:`TableTransformerSuite`, which brings the values.

    Attributes:
        type: Declared name of the type: ``"ledger.Entry"``.
        examples: How many values of a strategy each law is tried with; the variable ``CONFORMANCE_EXAMPLES`` overrides it.
    """

    type: ClassVar[str] = ""
    examples: ClassVar[int] = 15

    # -- what the author says ------------------------------------------------------------------

    def values(self) -> SearchStrategy[Any] | Sequence[Any]:
        """Values of the type: a hypothesis strategy, or a list with at least two that differ."""
        raise NotImplementedError(f"{type(self).__name__}.values() must give a hypothesis strategy or a list of values")

    def large_values(self) -> Sequence[Any]:
        """Values that are large in every way that the type knows, for the bounds of previews. Default: of :meth:`values`."""
        return ()

    def sources(self, source: str) -> Sequence[Any]:
        """Values of another type, for a converter from it to which no faithful road of the type itself leads. Default: none."""
        return ()

    def equal(self, left: Any, right: Any) -> bool:
        """Whether two values mean the same. Default: ``left == right``; override it where that gives no bool."""
        same = left == right
        if not isinstance(same, bool):
            fail(f"== of two {self.type} gives a {type(same).__name__}", fix=f"define equal() in {type(self).__name__}")
        return same

    def copied(self, value: Any) -> Any:
        """Another object that means the same. Override it where the default, ``copy.deepcopy(value)``, does not work.

        The default fills dicts and sets in another order, where the copy is then still equal to the value.
        """
        return in_another_order(value, self.equal)

    def watched(self) -> tuple[Any, Callable[[], int]]:
        """For a lazy type: a value, and a function that tells how often it was executed so far."""
        raise NotImplementedError(f"{type(self).__name__}.watched() must give a value and the count of its executions")

    @classmethod
    def covers(cls) -> set[str]:
        """The type."""
        return {f"type.{cls.type}"}

    # -- the suite's own -----------------------------------------------------------------------

    def _spec(self, hub: HubHarness) -> TransformerSpec:
        """The declaration of the type."""
        return declared_spec(hub.catalogue.transformers(), self, "type", "type", "dovetail_type_transformers")

    def _transformer(self, hub: HubHarness) -> TypeTransformer:
        """The transformer of the type."""
        self._spec(hub)
        return hub.types.transformer_named(self.type)

    def _each(self, hub: HubHarness, check: Callable[[Any], None]) -> None:
        """Try a check on the values of the suite."""
        for_each(self.values(), check, self.examples)

    def _few(self, hub: HubHarness, number: int = 8) -> list[Any]:
        """Some of the values of the suite."""
        return some(self.values(), number)

    def _untouched(self, hub: HubHarness, value: Any, what: str, operate: Callable[[], Any]) -> None:
        """Do something, and fail if the value is another one afterwards."""
        before, digest = self.copied(value), self._transformer(hub).content_hash(value)
        operate()
        if not self.equal(before, value) or self._transformer(hub).content_hash(value) != digest:
            fail(
                f"{what} changed the {self.type} that it was given",
                why="tasks that share a value would see each other's work",
                fix="copy before you change",
            )

    def _must_equal(self, before: Any, after: Any, what: str, why: str = "", fix: str = "") -> None:
        """Fail unless two values mean the same."""
        if not self.equal(before, after):
            fail(f"{what}: {shorten(before)} became {shorten(after)}", why=why or None, fix=fix or None)

    def _own_library(self) -> str:
        """The library of the type; empty where nothing has to be installed for it."""
        library = self.type.partition(".")[0]
        return "" if library in sys.stdlib_module_names or library == self.plugin.partition(".")[0] else library

    # -- contract ------------------------------------------------------------------------------

    def test_contract(self, hub: HubHarness) -> None:
        """The declaration, the transformer, its codecs and its converters agree with each other."""
        spec, transformer = self._spec(hub), self._transformer(hub)
        if not isinstance(transformer, TypeTransformer):
            fail(f"{spec.code} is no TypeTransformer", fix="subclass dovetail.spec.TypeTransformer")
        if transformer.type_name != self.type:
            fail(f"{spec.code} calls itself {transformer.type_name!r}", fix=f'type_name = "{self.type}"')
        if transformer.is_table != getattr(self, "_of_tables", False):
            suite = "TableTransformerSuite" if transformer.is_table else "TransformerSuite"
            fail(f"{self.type} has is_table = {transformer.is_table}", fix=f"subclass {suite} to test it")
        formats = [codec.format for codec in spec.codecs]
        if len(set(formats)) != len(formats):
            fail(f"{self.type} declares a format twice: {listing(formats)}", fix="give each codec a format of its own")
        for codec in spec.codecs:
            made: Any = hub.catalogue.load(codec.code, spec)
            if not (callable(getattr(made, "write", None)) and callable(getattr(made, "read", None))):
                fail(f"the codec {codec.code} has no write() and read()", fix="see dovetail.spec.Codec")
        roads.check_declared(self, hub)

    def test_found_by_name_without_its_library(self, hub: HubHarness) -> None:
        """Names, aliases and roads of the type are known, and looking them up imports no library."""
        spec, library = self._spec(hub), self._own_library()
        names = [self.type, *spec.aliases]
        found = in_child(
            f"{_CHILD}:look_up",
            plugins=[self.plugin, *self.with_plugins],
            names=names,
            roads=[(edge.source, edge.target) for edge in spec.converters],
            library=library or "-",
        )
        wrong = {name: told for name, told in found["names"].items() if told}
        if wrong:
            fail(
                f"{self.type} is not found by its names", why=str(wrong), fix="see type and aliases of its declaration"
            )
        if found["imported"]:
            fail(
                f"looking up the name {self.type} imported {library}",
                why="using one plugin must not pay for the library of another",
                fix=f"import {library} in the module of the transformer only, which is loaded when a value is there",
            )

    @requires("install")
    def test_missing_library_names_what_to_type(self, hub: HubHarness) -> None:
        """Where the library is not installed, the error holds the line that installs it."""
        spec, library = self._spec(hub), self._own_library()
        if not library:
            return  # nothing has to be installed for it
        if not spec.install:
            fail(f"{self.type} does not say how to install {library}", fix="install=\"pip install '...[engine]'\"")
        kind, text = in_child(
            f"{_CHILD}:without_library",
            plugins=[self.plugin, *self.with_plugins],
            name=self.type,
            hidden=[library],
        )
        if kind != "EngineUnavailable" or spec.install not in text:
            fail(
                f"without {library}, asking for {self.type} gives {kind or 'no error'}: {text}",
                why="the user must read what to type",
                fix=f"import {library} in the module of the transformer, not in methods, and declare install=",
            )

    def test_values_are_known_and_pass_by_reference(self, hub: HubHarness) -> None:
        """A value leads to this transformer, and is not copied where its own type is wanted."""
        self._spec(hub)

        def check(value: Any) -> None:
            cls = f"{type(value).__module__}.{type(value).__qualname__}"
            try:
                found = hub.types.transformer_for(value).type_name
            except UnknownType:
                found = "something that nobody declares"
            if found != self.type:
                fail(f"a {cls} is taken for {found or 'plain data'}", fix=f'aliases=("{cls}",) in its declaration')
            if hub.types.accept(value, TypeRef(self.type)) is not value:
                fail(f"a {self.type} does not pass by reference where one is wanted")

        self._each(hub, check)

    # -- codecs --------------------------------------------------------------------------------

    @requires("codecs")
    def test_codecs_give_back_what_they_wrote(self, hub: HubHarness, tmp_path: Path) -> None:
        """Every codec; one may refuse a value (NotImplementedError) that another one takes."""
        transformer = self._transformer(hub)
        self._need_codecs(hub)
        never_used = {codec.format for codec in self._spec(hub).codecs}

        def check(value: Any) -> None:
            digest = transformer.content_hash(value)
            for written in self._write(hub, value, tmp_path):
                never_used.discard(written.codec.format)
                what = f"{written.codec.code} ({written.codec.format})"
                again = written.read()
                if type(again) is not type(value) and not isinstance(again, type(value)):
                    fail(f"{what} wrote a {type(value).__name__} and read a {type(again).__name__}")
                self._must_equal(value, again, what, "what was stored is not what is loaded", "see write() and read()")
                if transformer.content_hash(again) != digest:
                    fail(f"{what}: the value that was read has another content hash", why="it looks changed to caches")

        self._each(hub, check)
        if never_used:
            fail(f"the codec {listing(never_used)} of {self.type} takes none of the values", fix="take it out")

    @requires("codecs")
    def test_codecs_do_not_pickle(self, hub: HubHarness, tmp_path: Path) -> None:
        """Neither in the bytes that they write nor in the code that writes them."""
        spec = self._spec(hub)
        why = "loading a pickle runs whatever code it holds; the store takes none"
        for codec in spec.codecs:
            made = hub.catalogue.load(codec.code, spec)
            found = pickling_imports(made if isinstance(made, type) else type(made))
            if found:
                fail(
                    f"the module of {codec.code} imports a pickler: {listing(found)}",
                    why=why,
                    fix="write a data format",
                )
        for value in self._few(hub):
            for written in self._write(hub, value, tmp_path):
                for file in written.files():
                    where = find_pickle(file.read_bytes())
                    if where is not None:
                        fail(
                            f"{written.codec.code} writes a pickle (at byte {where})",
                            why=why,
                            fix="write a data format",
                        )

    @requires("codecs")
    def test_other_processes_read_and_hash_the_same(self, hub: HubHarness, tmp_path: Path) -> None:
        """Written here, read in processes with other hash seeds: the same content hash."""
        spec, transformer = self._spec(hub), self._transformer(hub)
        files, hashes = [], []
        for value in self._few(hub):
            for written in self._write(hub, value, tmp_path):
                files.append((written.codec.code, str(written.path)))
                hashes.append(transformer.content_hash(value))
        for seed in (1, 2):
            found = in_child(f"{_CHILD}:hash_files", seed=seed, transformer=spec.code, files=files)
            for (code, _), here, there in zip(files, hashes, found, strict=True):
                if here != there:
                    fail(
                        f"written here by {code}, read in another process: content hash {here} became {there}",
                        why="a cache that is shared by processes would never hit, or the file lacks something",
                        fix="hash the meaning, never hash(), id(), repr() or the order of a set",
                    )

    @requires("codecs")
    def test_store_gives_back_what_it_took(self, hub: HubHarness) -> None:
        """Stored and loaded, alone and inside a list."""
        transformer, ref = self._transformer(hub), TypeRef(self.type)
        for value in self._few(hub):
            artifact = Artifact.from_dict(hub.types.dump(value, ref, hub.artifacts).to_dict())
            if artifact.content_hash != transformer.content_hash(value):
                fail(f"the artifact of a {self.type} has another content hash than the value")
            self._must_equal(value, hub.types.load(artifact, hub.artifacts, ref), "stored and loaded")
            inside = hub.types.dump([value, value], list[ref], hub.artifacts)  # type: ignore[valid-type]
            for again in hub.types.load(inside, hub.artifacts, list[ref]):  # type: ignore[valid-type]
                self._must_equal(value, again, "stored and loaded inside a list")

    @requires("codecs")
    def test_travels_through_a_durable_run(self, hub: HubHarness) -> None:
        """From task to task; a second run finds it in the cache."""
        check_durable_run(self, hub)

    def _need_codecs(self, hub: HubHarness) -> None:
        if not self._spec(hub).codecs:
            fail(
                f"{self.type} declares no codec, so its values cannot be stored",
                fix='declare one, or gaps = {"codecs": never("...")}',
            )

    def _write(self, hub: HubHarness, value: Any, directory: Path) -> Iterator[Written]:
        return write_all(self._spec(hub), hub, value, directory)

    # -- converters ----------------------------------------------------------------------------

    def test_faithful_converters_lose_nothing(self, hub: HubHarness) -> None:
        """There and back, or to Arrow and back, also of what holds more than the type does; the input stays as it was."""
        roads.check_faithful(self, hub)

    @requires("roads_back")
    def test_faithful_converters_can_be_seen_to_be(self, hub: HubHarness) -> None:
        """A road leads back from where each of them leads; otherwise its author says why there is none."""
        roads.check_roads_back(self, hub)

    def test_lossy_converters_need_permission(self, hub: HubHarness) -> None:
        """Refused unless allowed, explained, and taken if allowed."""
        roads.check_lossy(self, hub)

    # -- hashes --------------------------------------------------------------------------------

    def test_equal_values_hash_the_same_and_others_differently(self, hub: HubHarness) -> None:
        """The content hash is a digest of what the value means."""
        check_hashes(self, hub)

    def test_operations_leave_the_value_alone(self, hub: HubHarness, tmp_path: Path) -> None:
        """Looking, hashing, storing and converting change nothing."""
        operations = self._operations(hub)

        def check(value: Any) -> None:
            for name, operate in operations.items():
                self._untouched(hub, value, f"{name}()", lambda operate=operate: operate(value))  # type: ignore[misc]
            self._untouched(hub, value, "a codec", lambda: list(self._write(hub, value, tmp_path)))

        self._each(hub, check)

    def _operations(self, hub: HubHarness) -> dict[str, Callable[[Any], Any]]:
        """What may be done with a value without changing it, by name."""
        transformer = self._transformer(hub)
        return {name: getattr(transformer, name) for name in ("content_hash", "schema", "preview", "size", "num_rows")}

    # -- looking -------------------------------------------------------------------------------

    def test_previews_are_bounded(self, hub: HubHarness) -> None:
        """At most `limit` rows, 20 columns, 80 characters a cell and 400 of text."""
        for value in self._few(hub):
            check_preview(self._transformer(hub), value)

    @requires("large_values")
    def test_previews_of_large_values_are_bounded(self, hub: HubHarness) -> None:
        """The same, of values that would not fit: ``large_values()``, or the largest of ``values()``."""
        for value in self._large(hub):
            check_preview(self._transformer(hub), value)

    def _large(self, hub: HubHarness) -> Sequence[Any]:
        """Values that are larger than a preview may be."""
        return self.large_values() or largest(self.type, self.values())

    def test_schema_and_size(self, hub: HubHarness) -> None:
        """Fields with names of their own, and bytes, where they are known."""
        transformer = self._transformer(hub)

        def check(value: Any) -> None:
            schema, size = transformer.schema(value), transformer.size(value)
            if schema is not None:
                if not isinstance(schema, Schema):
                    fail(f"schema() gave a {type(schema).__name__}", fix="give a dovetail.spec.Schema, or None")
                names = [field.name for field in schema.fields]
                if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
                    fail(f"the fields of schema() have no names of their own: {names}")
            if size is not None and (type(size) is not int or size < 0):
                fail(f"size() gave {size!r}", fix="give bytes as an int that is not negative, or None")

        self._each(hub, check)

    @requires("watched")
    def test_looking_at_a_plan_does_not_execute_it(self, hub: HubHarness) -> None:
        """Of a lazy type: schema, preview, size and number of rows."""
        transformer = self._transformer(hub)
        if not transformer.lazy:
            return
        for name in ("schema", "preview", "size", "num_rows"):
            value, executed = self.watched()
            getattr(transformer, name)(value)
            if executed():
                fail(
                    f"{name}() executed the plan",
                    why="who looks does not want to pay for a run",
                    fix="look at the plan",
                )
        value, executed = self.watched()
        transformer.content_hash(value)
        if not executed():
            fail("the watched plan was never executed, so nothing was seen", fix="see watched()")
