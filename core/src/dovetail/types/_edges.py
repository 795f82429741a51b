"""Wiring at definition: does what one end gives fit what the other end wants?"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from dovetail.errors import ConversionError, MemoryLimit
from dovetail.types._column_types import declared_misfit
from dovetail.types._costs import Circumstances
from dovetail.types._file_format import FileFormat
from dovetail.types._files import Directory, File
from dovetail.types._graph import STREAM, ConversionGraph
from dovetail.types._names import NoneType, is_typed_dict, is_union, normalise
from dovetail.types._paths import ConversionPath
from dovetail.types._refine import Columns, Lossy, check_refined, is_refined, refine, refinement
from dovetail.types._registry import Registry

LATER = "checked when the value arrives"
_NO_WAY = "no value of the first is a value of the second, and no converter leads there"


class Edges:
    """The static check. It refuses what a type checker would refuse, and finds the road between frames."""

    def __init__(self, registry: Registry, graph: ConversionGraph) -> None:
        self._registry = registry
        self._graph = graph

    def check(self, source: Any, target: Any) -> ConversionPath:
        """The path from one annotation to another.

        Raises:
            ConversionError: They do not fit.
            UnknownType: One end is a name that nobody knows, and the other is something else.
        """
        source, target = refine(source), refine(target)
        names = self._registry.shown(source), self._registry.shown(target)
        for end in (source, target):
            if is_refined(end):
                check_refined(end, self._registry)
        if target is Any or source is Any:
            return ConversionPath(*names, note="" if target is Any else LATER)
        if source == target:
            return ConversionPath(*names)
        if is_union(source):
            return self._from_union(source, target, names)
        if is_union(target):
            return self._to_union(source, target, names)
        if is_refined(source) or is_refined(target):
            return self._refined(source, target)
        leaves = self._registry.canonical(source), self._registry.canonical(target)
        if leaves[0] is not None or leaves[1] is not None:
            return self._between_leaves(source, target, leaves, names)
        if get_origin(source) is Literal or get_origin(target) is Literal:
            return self._literals(source, target, names)
        if get_origin(source) is not None or get_origin(target) is not None:
            return self._generics(source, target, names)
        if isinstance(source, type) and isinstance(target, type) and self._classes(source, target):
            return ConversionPath(*names)
        raise self._registry.contested(source, target) or self._refuse(names)

    def _refined(self, source: Any, target: Any) -> ConversionPath:
        """Ends behind which something stands: the types fit as without it, and then the declared columns."""
        given, wanted = refinement(source, Columns), refinement(target, Columns)
        ends = [get_args(end)[0] if is_refined(end) else end for end in (source, target)]
        road = self._lossy(*ends) if refinement(target, Lossy) is not None else None
        path = self.check(*ends) if road is None else road
        path = self._formats(source, target, path)
        if wanted is None or given == wanted:
            return path
        problems, certain = declared_misfit(given, wanted) if given is not None else ([], False)
        if problems:
            raise self._refuse(
                (path.source, path.target),
                "; ".join(problems),
                "change one of the two declarations, or put a task between them that makes the columns",
            )
        note = path.note if certain else "; ".join(filter(None, (path.note, f"columns {LATER}")))
        return replace(path, note=note)

    def _lossy(self, source: Any, target: Any) -> ConversionPath | None:
        """The path between two declared types where it may lose something; None for other ends."""
        start, end = self._registry.canonical(source), self._registry.canonical(target)
        if start is None or end is None or start == end or not {start, end} <= set(self._registry.names):
            return None
        steps = self._graph.describe(self._graph.find(start, end, allow_lossy=True))
        return ConversionPath(start, end, steps, "may lose what the annotation allows")

    def _formats(self, source: Any, target: Any, path: ConversionPath) -> ConversionPath:
        """The formats that are declared of files: they agree, or only values can tell."""
        given, wanted = refinement(source, FileFormat), refinement(target, FileFormat)
        if wanted is None or given == wanted:
            return path
        if given is not None:
            raise self._refuse(
                (path.source, path.target), f"it is declared as {given.name}, and {wanted.name} is wanted"
            )
        return replace(path, note="; ".join(filter(None, (path.note, f"the format {LATER}"))))

    def explain(self, source: Any, target: Any, size: int | None, limit: Callable[[], int]) -> ConversionPath:
        """Like :meth:`check` for what values need on the way, with the reason and the other paths; refuses no path."""
        ends = self._registry.canonical(source), self._registry.canonical(target)
        if None in ends:
            ends = self.plain_ends(source, target) or (None, None)
        elif ends[0] == ends[1] or not all(end in self._registry.names for end in ends):
            ends = None, None
        start, end = ends
        if start is None or end is None:
            return self.check(source, target)
        edges = self._graph.find(start, end, allow_lossy=True)
        given, most = Circumstances(size), None
        if any(edge.cost == "collect" for road in self._graph.roads(start, end) for edge in road):
            given = Circumstances(size, most := limit())
        notes = []
        try:
            edges = self._graph.find(start, end, allow_lossy=True, given=given)
        except (ConversionError, MemoryLimit) as error:
            given = Circumstances(size)
            notes.append(f"refused: {error.what}")
        if any(edge.lossy for edge in edges):
            notes.append("lossy: refused unless allowed")
        reason, others = self._graph.compare(start, end, edges, given)
        most = most if any(edge.cost == "collect" for edge in edges) else None
        steps = self._graph.describe(edges, size)
        return ConversionPath(start, end, steps, "; ".join(notes), reason, others, size, most)

    # -- unions ------------------------------------------------------------------------------------

    def _from_union(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        worst = ConversionPath(*names)
        for arm in get_args(source):
            try:
                path = self.check(arm, target)
            except ConversionError as error:
                fix = None
                if normalise(arm) is NoneType:
                    fix = "handle None before this edge, give it a default, or let the input be Optional too"
                raise self._refuse(
                    names, f"{self._registry.shown(arm)} does not fit {names[1]}", fix or error.fix
                ) from None
            if path.cost >= worst.cost and (path.steps or path.note):
                worst = ConversionPath(*names, path.steps, path.note)
        return worst

    def _to_union(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        best: ConversionPath | None = None
        for arm in get_args(target):
            try:
                path = self.check(source, arm)
            except ConversionError:
                continue
            if best is None or path.cost < best.cost:
                best = ConversionPath(*names, path.steps, path.note)
        if best is None:
            raise self._refuse(names)
        return best

    # -- frames and files -----------------------------------------------------------------------------

    def _between_leaves(
        self, source: Any, target: Any, leaves: tuple[str | None, str | None], names: tuple[str, str]
    ) -> ConversionPath:
        start, end = leaves
        if None in leaves:
            ends = self.plain_ends(source, target)
            if ends is not None:
                return ConversionPath(*names, self._graph.describe(self._graph.find(*ends)))
        if end in ("dovetail.File", "dovetail.Directory") and start is None:
            if source is str or (isinstance(source, type) and issubclass(source, Path)):
                return ConversionPath(*names, note=f"the path is taken; {LATER}")
            raise self._refuse(names)
        if start in ("dovetail.File", "dovetail.Directory") and end is None:
            if target in (Path, os.PathLike) or get_origin(target) is os.PathLike:
                return ConversionPath(*names, note="the path is taken")
            raise self._refuse(names)
        if start is not None and start == end:
            return self._same_leaf(source, target, names)
        if start is None:
            if not hasattr(source, "__arrow_c_stream__"):
                raise self._registry.contested(source) or self._refuse(names)
            start = STREAM
        if end is None:
            raise self._registry.contested(target) or self._refuse(names)
        for name, end_of_edge in ((start, source), (end, target)):
            if name != STREAM and name not in self._registry.names:
                raise self._registry.unknown(end_of_edge, f"needed to get from {names[0]} to {names[1]}")
        steps = self._graph.describe(self._graph.find(start, end))
        return ConversionPath(*names, steps)

    def plain_ends(self, source: Any, target: Any) -> tuple[str, str] | None:
        """The ends of a road of declared converters between a plain type and another; None if there is no such road."""
        source, target = normalise(source), normalise(target)
        start, end = self._registry.canonical(source), self._registry.canonical(target)
        if start is None and end is not None:
            plain = get_origin(source) or source
            spec = self._registry.find_class(plain) if isinstance(plain, type) else None
            start = spec.type if spec is not None else None
        elif start is not None and end is None:
            end = self._graph.plain_end(target)
        return (start, end) if start is not None and end is not None and self._graph.has_road(start, end) else None

    def _same_leaf(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        """One declared type at both ends; a subclass fits its base, never the other way round."""
        spec = self._registry.find(target)
        declared = self._registry.class_of(spec) if spec is not None else None
        if isinstance(target, type) and declared is not None and target is not declared:
            mine = get_origin(source) or source
            if not (isinstance(mine, type) and issubclass(mine, target)):
                raise self._refuse(names)
        return ConversionPath(*names)

    # -- plain types -----------------------------------------------------------------------------------

    def _literals(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        if get_origin(source) is not Literal:
            raise self._refuse(names, f"any {names[0]} might come, and only {names[1]} fits")
        for option in get_args(source):
            if get_origin(target) is Literal:
                if not any(type(option) is type(other) and option == other for other in get_args(target)):
                    raise self._refuse(names, f"{option!r} is not one of {names[1]}")
            else:
                self.check(type(option), target)
        return ConversionPath(*names)

    def _generics(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        mine, theirs = get_origin(source) or source, get_origin(target) or target
        if not (isinstance(mine, type) and isinstance(theirs, type)):
            return ConversionPath(*names, note=LATER)
        if is_typed_dict(theirs) or not issubclass(mine, theirs):
            raise self._refuse(names)
        ours, wanted = get_args(source), get_args(target)
        if not wanted or is_typed_dict(mine):
            return ConversionPath(*names)
        if not ours:
            return ConversionPath(*names, note=LATER)
        if mine is tuple:
            return self._tuples(ours, wanted, theirs, names)
        path = ConversionPath(*names)
        for inner, other in zip(ours, wanted, strict=False):
            path = self._wider(path, self._inside(inner, other, names), names)
        return path

    def _inside(self, source: Any, target: Any, names: tuple[str, str]) -> ConversionPath:
        """The check of one element; its refusal names the outer ends as well."""
        try:
            return self.check(source, target)
        except ConversionError as error:
            because = "" if error.why in (None, _NO_WAY) else f": {error.why}"
            raise self._refuse(names, f"inside it, {error.what}{because}", error.fix) from None

    def _tuples(self, ours: Any, wanted: Any, theirs: type, names: tuple[str, str]) -> ConversionPath:
        open_ended = ours[-1] is Ellipsis
        if theirs is not tuple or wanted[-1] is Ellipsis:  # tuple[int, str] -> Sequence[X] or tuple[X, ...]
            pairs = [(inner, wanted[0]) for inner in ours if inner is not Ellipsis]
        elif open_ended or len(ours) != len(wanted):
            raise self._refuse(names, "the lengths differ, or one is not known")
        else:
            pairs = list(zip(ours, wanted, strict=True))
        path = ConversionPath(*names)
        for inner, other in pairs:
            path = self._wider(path, self._inside(inner, other, names), names)
        return path

    def _wider(self, path: ConversionPath, inner: ConversionPath, names: tuple[str, str]) -> ConversionPath:
        steps = inner.steps if inner.cost > path.cost else path.steps
        note = "for each element" if steps else path.note or inner.note
        return ConversionPath(*names, steps, note)

    def _classes(self, source: type, target: type) -> bool:
        if source is target:
            return True
        if source is bool and target in (int, float):
            return False  # True is no number here, as in the values that acceptors let through
        if target is float and source is int:
            return True
        if source is dt.datetime and target is dt.date:
            return False
        if issubclass(source, (File, Directory)) and target is Path:
            return True
        return not is_typed_dict(target) and issubclass(source, target)

    def _refuse(self, names: tuple[str, str], why: str | None = None, fix: str | None = None) -> ConversionError:
        return ConversionError(
            f"{names[0]} does not fit {names[1]}",
            why=why or _NO_WAY,
            fix=fix or "change one of the two annotations, or put a task between them that converts",
            source=names[0],
            target=names[1],
        )
