"""Finding, for one evaluation, the other data that checks refer to. What cannot be found makes the check an error."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import DovetailError, nearest
from dovetail.quality.checks import Check, Suite
from dovetail.quality.checks._reference import FILES, Reference, local_file
from dovetail.spec import TypeRef
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from dovetail.quality._gate import Gate

_ARROW = TypeRef("pyarrow.Table")


@dataclass(frozen=True, slots=True)
class _Scope:
    inputs: Mapping[str, Any] = field(default_factory=dict)
    load: Callable[[str], Any] | None = None
    dataset: Callable[[str, int | None], Any] | None = None


_scope: ContextVar[_Scope | None] = ContextVar("dovetail_named_tables", default=None)


@contextmanager
def named_tables(
    inputs: Mapping[str, Any],
    load: Callable[[str], Any] | None = None,
    dataset: Callable[[str, int | None], Any] | None = None,
) -> Iterator[None]:
    """Gates that are evaluated inside find these tables by name.

    Args:
        inputs: Tables by the names of the node's inputs.
        load: Called with the name of one, where it has to be loaded first; its value in ``inputs`` is not looked at then.
        dataset: Called with the name and perhaps the version of a published dataset; raises DovetailError if there is none.
    """
    token = _scope.set(_Scope(inputs, load, dataset))
    try:
        yield
    finally:
        _scope.reset(token)


def references_of(suite: Any) -> list[Reference]:
    """What the checks of a suite refer to; nothing for those of a library."""
    if not isinstance(suite, Suite):
        return []
    return [check.params["reference"] for check in suite.checks if isinstance(check.params.get("reference"), Reference)]


def with_references(gate: Gate, types: TypeEngine) -> Gate:
    """The gate, its checks with the data that they refer to; the gate itself if they refer to none."""
    if not references_of(gate.suite):
        return gate
    bound = copy.copy(gate)
    suite = copy.copy(gate.suite)
    suite.checks = tuple(_bound(check, types) for check in gate.suite.checks)
    object.__setattr__(bound, "suite", suite)
    return bound


def _bound(check: Check, types: TypeEngine) -> Check:
    reference = check.params.get("reference")
    if not isinstance(reference, Reference):
        return check
    found: Any
    try:
        found = _find(reference, types)
    except DovetailError as error:
        found = error.what if error.why is None else f"{error.what} ({error.why})"
    except Exception as error:  # whatever a reader of files may raise
        found = f"it cannot be read: {type(error).__name__}: {error}"
    return replace(check, params={**check.params, "found": found})


def _find(reference: Reference, types: TypeEngine) -> Any:
    """A ``pyarrow.Table``, or a text that says why there is none."""
    if reference.kind == "table":
        return reference.value
    if reference.kind == "file":
        return _read(reference)
    scope = _scope.get()
    if reference.kind == "name" and scope is not None and reference.name in scope.inputs:
        name = reference.name
        return types.convert(scope.inputs[name] if scope.load is None else scope.load(name), _ARROW)
    if scope is not None and scope.dataset is not None:
        version = getattr(reference.value, "version", None)
        return types.convert(scope.dataset(reference.name, version), _ARROW)
    if reference.kind == "dataset":
        return reference.value.load(_ARROW)
    known = () if scope is None else scope.inputs
    close = nearest(reference.name, known)
    guess = f"; did you mean {close!r}?" if close else ""
    return f"there is no input {reference.name!r} here, and datasets are known to runs only{guess}"


def _read(reference: Reference) -> Any:
    import pyarrow as pa

    form = FILES.get(Path(reference.name.partition("?")[0]).suffix.lower())
    if form is None:
        return f"its name ends in none of {', '.join(FILES)}"
    path = local_file(reference.name)
    if not path.exists():
        return "there is no such file"
    if form == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            return file.read([name for name in there if name in reference.columns])
    if form == "csv":
        from pyarrow import csv

        return csv.read_csv(path)
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()
