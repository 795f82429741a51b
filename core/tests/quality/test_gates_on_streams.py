"""Gates on rows that are too many to be held: the same counts, the same rows, and never all of them at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from dovetail.errors import ValueMismatch
from dovetail.quality import Gate, Suite, _on_disk, _quarantine
from dovetail.quality.checks import _stream_unique as parts
from dovetail.quality.checks import (
    compare,
    custom,
    fresh,
    has_type,
    in_range,
    mean_between,
    monotonic,
    not_null,
    quantile_between,
    row_count,
    stddev_between,
    sum_equals,
    unique,
)
from dovetail.quality.checks._engine import NativeEngine
from dovetail.quality.checks._stream import StreamChecks
from dovetail.spec import TypeRef
from dovetail.store import ArtifactStore
from dovetail.testing._truth import SHAPES, TRUTH_CHECKS, shape_table
from dovetail.types import TypeEngine
from dovetail.types.table_files import TableFile, file_of, write_table_file
from hypothesis import given, settings
from hypothesis import strategies as st

PIECES = (1, 7, 10**6)


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """Paths for files, numbered."""
    numbers = iter(range(10**6))
    return lambda suffix: tmp_path / f"{next(numbers)}{suffix}"


@pytest.fixture(autouse=True)
def little_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is much: nothing stays in memory, and keys are looked at five at a time."""
    monkeypatch.setattr(_on_disk, "_HELD", 0)
    monkeypatch.setattr(_quarantine, "_HELD", 0)
    monkeypatch.setattr(parts, "PART_ROWS", 5)
    monkeypatch.setattr(parts, "HELD_BYTES", 64)


def landed(table: pa.Table, place: Callable[[str], Path]) -> TableFile:
    return write_table_file(table.schema, table.to_batches(), place)


def by_pieces(suite: Suite, table: pa.Table, file: TableFile, rows: int) -> list[Any]:
    checks = StreamChecks(suite, file.schema, NativeEngine())
    for piece in file.pieces(checks.columns, rows):
        checks.feed(piece)
    return checks.finish(file)


def told(outcomes: list[Any]) -> list[Any]:
    return [
        (
            each.check.id,
            each.status,
            each.n_evaluated,
            each.n_failed,
            None if each.failed_rows is None else [int(row) for row in each.failed_rows.to_pylist()],
            each.n_keys,
            pytest.approx(each.observed, nan_ok=True) if isinstance(each.observed, float) else each.observed,
            each.message,
        )
        for each in outcomes
        if each.check.kind != "freshness"  # an age is another one a moment later
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_come_to_what_the_whole_table_does(shape: str, place: Callable[[str], Path]) -> None:
    table = shape_table(shape)
    suite = Suite("truth", [check for truth in TRUTH_CHECKS.values() if (check := native(truth)) is not None])
    file = landed(table, place)
    whole = told(NativeEngine().evaluate(suite, file.read(file.schema.names)))
    for rows in PIECES:
        assert told(by_pieces(suite, table, file, rows)) == whole


def native(truth: Any) -> Any:
    from dovetail.testing._native import native_check

    return native_check(truth)


KINDS = {
    "n": st.one_of(st.none(), st.integers(-3, 3)),
    "x": st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")])),
    "t": st.one_of(st.none(), st.sampled_from(["", "a", "b", "ä", "a" * 40])),
    "k": st.one_of(st.none(), st.sampled_from(["one", "two"])),
}
TYPES = {"n": pa.int64(), "x": pa.float64(), "t": pa.string(), "k": pa.dictionary(pa.int32(), pa.string())}
CHECKS = [
    not_null("x"),
    unique("n"),
    unique("t", nulls="fail"),
    unique("k", "n"),
    unique("x", "t", nulls="fail"),
    in_range("n", -1, 2),
    compare("n", "<", "x"),
    monotonic("n"),
    monotonic("t", strict=True, descending=True),
    mean_between("n", -1, 1),
    stddev_between("n", 0, 1),
    quantile_between("n", 0.5, 0, 1),
    sum_equals("n", 0),
    has_type("k", "string"),
    row_count(3, 20),
    custom(lambda table: pa.compute.is_valid(table.column("n")), "n", name="there"),
    not_null("nowhere"),
    mean_between("t", 0, 1),
]


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(st.fixed_dictionaries(KINDS), max_size=40),
    rows=st.sampled_from((1, 3, 7, 10**6)),
    cut=st.integers(1, 9),
)
def test_drawn_tables_come_to_the_same_whatever_the_pieces(
    data: list[Any], rows: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = pa.table({name: pa.array([row[name] for row in data], kind) for name, kind in TYPES.items()})
    folder = tmp_path_factory.mktemp("drawn")
    file = write_table_file(table.schema, table.to_batches(cut), lambda suffix: folder / f"t{suffix}")
    suite = Suite("drawn", CHECKS)
    assert told(by_pieces(suite, table, file, rows)) == told(NativeEngine().evaluate(suite, table))


def many(rows: int = 60) -> pa.Table:
    return pa.table(
        {"id": range(rows), "n": [None if i % 10 == 3 else i for i in range(rows)], "t": [f"t{i}" for i in range(rows)]}
    )


def reader_of(table: pa.Table, alive: list[int] | None = None) -> pa.RecordBatchReader:
    """A stream of small batches; in ``alive`` how many of them there were at most."""
    held: list[weakref.ref[Any]] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in table.to_batches(5):
            fresh_one = pa.RecordBatch.from_pydict(batch.to_pydict(), schema=batch.schema)
            held.append(weakref.ref(fresh_one))
            if alive is not None:
                alive.append(sum(each() is not None for each in held))
            yield fresh_one

    return pa.RecordBatchReader.from_batches(table.schema, batches())


LAZY: dict[str, Callable[[pa.Table, Path], Any]] = {
    "reader": lambda table, path: reader_of(table),
    "dataset": lambda table, path: pq.write_table(table, path / "d.parquet") or ds.dataset(path / "d.parquet"),
}


@pytest.mark.parametrize("kind", LAZY)
@pytest.mark.parametrize("action", ["warn", "drop", "quarantine"])
def test_what_comes_out_has_the_type_that_went_in_and_no_row_is_lost(
    kind: str, action: Any, types: TypeEngine, tmp_path: Path, place: Callable[[str], Path]
) -> None:
    table = many()
    value = LAZY[kind](table, tmp_path)
    gate = Gate([not_null("n")], on_fail=action, max_quarantined=1.0)
    kept: list[Any] = []
    result = gate.evaluate(value, types=types, place=place, quarantine=lambda rows, meta: kept.append((rows, meta)))
    assert types.type_name(type(result.value)) == types.type_name(type(value))
    clean = types.convert(result.value, TypeRef("pyarrow.Table"))
    good = table if action == "warn" else table.filter(pa.compute.is_valid(table["n"]))
    assert clean.equals(good)
    assert (result.report.rows_in, result.report.rows_clean) == (60, good.num_rows)
    if action == "quarantine":
        (rows, meta), aside = kept[0], types.convert(result.quarantined, TypeRef("pyarrow.Table"))
        assert rows is result.quarantined
        assert meta["rows"] == 6
        assert aside["_dv_row"].to_pylist() == aside["id"].to_pylist() == [3, 13, 23, 33, 43, 53]
        assert aside["_dv_checks"].to_pylist() == [["n.not_null"]] * 6
    else:
        assert not kept


def test_the_report_is_that_of_the_table(types: TypeEngine, place: Callable[[str], Path]) -> None:
    table = many()
    gate = Gate([not_null("n"), unique("id"), in_range("n", 0, 50)], on_fail="warn", keys=["id"])
    streamed, whole = (gate.evaluate(v, types=types, place=place).report for v in (reader_of(table), table))
    assert streamed.value_type == "pyarrow.RecordBatchReader"
    assert [(c.check_id, c.n_evaluated, c.n_failed, c.status, c.sample) for c in streamed.checks] == [
        (c.check_id, c.n_evaluated, c.n_failed, c.status, c.sample) for c in whole.checks
    ]
    assert (streamed.decision, streamed.reason, streamed.rows_failed) == (
        whole.decision,
        whole.reason,
        whole.rows_failed,
    )


def test_a_stream_is_run_once_and_few_of_its_batches_are_alive(
    types: TypeEngine, place: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dovetail.types import _stream_files

    monkeypatch.setattr(_stream_files, "ROWS", 20)  # rows that are written together: four batches
    monkeypatch.setattr(_on_disk, "PIECE_ROWS", 10)
    alive: list[int] = []
    value = reader_of(many(1000), alive)
    result = Gate([not_null("n"), unique("t")], on_fail="drop", max_quarantined=1.0).evaluate(
        value, types=types, place=place
    )
    assert result.report.rows_clean == 900
    assert len(alive) == 200  # each batch was made once
    assert max(alive) <= 8


def test_the_store_takes_the_file_over(types: TypeEngine, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    spooled: list[Path] = []

    def place(suffix: str) -> Path:
        spooled.append(store.temporary(suffix))
        return spooled[-1]

    gate = Gate([not_null("n")], on_fail="drop", max_quarantined=1.0)
    result = gate.evaluate(reader_of(many()), types=types, place=place)
    inode = file_of(result.value).path.stat().st_ino  # type: ignore[union-attr]
    artifact = types.dump(result.value, type(result.value), store)
    assert store.open_path(artifact.blobs[0]).stat().st_ino == inode
    assert artifact.meta["rows"] == 54
    clean = many().filter(pa.compute.is_valid(many()["n"]))
    assert artifact.content_hash == types.dump(clean, pa.Table, store).content_hash
    for path in spooled:
        path.unlink(missing_ok=True)
    again = types.load(artifact, store, TypeRef("pyarrow.RecordBatchReader"))
    assert again.read_all().equals(clean)


def test_what_lies_in_the_store_is_read_from_there_and_not_written_again(types: TypeEngine, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    artifact = types.dump(many(), pa.Table, store)
    value = types.load(artifact, store, TypeRef("pyarrow.dataset.Dataset"))

    def place(suffix: str) -> Path:
        raise AssertionError("nothing is to be put aside")

    result = Gate([not_null("n"), unique("id")], on_fail="warn").evaluate(value, types=types, place=place)
    assert result.value is value
    stored = types.dump(value, type(value), store)
    assert (stored.blobs, stored.content_hash) == (artifact.blobs, artifact.content_hash)


def test_a_source_that_changes_is_published_as_it_was_checked(
    types: TypeEngine, tmp_path: Path, place: Callable[[str], Path]
) -> None:
    pq.write_table(many(), tmp_path / "d.parquet")
    result = Gate([in_range("id", 0, 59)]).evaluate(ds.dataset(tmp_path / "d.parquet"), types=types, place=place)
    pq.write_table(pa.table({"id": [-1], "n": [None], "t": [""]}, many().schema), tmp_path / "d.parquet")
    assert result.value.to_table().equals(many())


def test_what_was_refused_is_there_though_the_stream_is_gone(types: TypeEngine, place: Callable[[str], Path]) -> None:
    result = Gate([not_null("n")]).evaluate(reader_of(many()), types=types, place=place)
    assert result.report.decision == "block"
    assert result.value is None
    assert result.refused.read_all().equals(many())


def test_a_stream_that_breaks_off_is_no_failed_check(
    types: TypeEngine, place: Callable[[str], Path], tmp_path: Path
) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from many().to_batches()
        raise pa.ArrowInvalid("the line is dead")

    value = pa.RecordBatchReader.from_batches(many().schema, broken())
    with pytest.raises(ValueMismatch, match="broke off"):
        Gate([not_null("id")]).evaluate(value, types=types, place=place)
    assert not list(tmp_path.iterdir())


def test_columns_that_no_file_holds_are_checked_in_memory(types: TypeEngine, place: Callable[[str], Path]) -> None:
    table = pa.table(
        {"a": pa.array([{"k": "x"}, None]).cast(pa.struct([("k", pa.dictionary(pa.int8(), pa.string()))]))}
    )
    result = Gate([not_null("a")], on_fail="drop", max_quarantined=1.0).evaluate(
        table.to_reader(), types=types, place=place
    )
    assert result.value.read_all().num_rows == 1


def test_no_rows_and_no_columns(types: TypeEngine, place: Callable[[str], Path]) -> None:
    none = many().slice(0, 0)
    result = Gate([not_null("n"), fresh("t", "1h")], min_rows=0).evaluate(none.to_reader(), types=types, place=place)
    assert [check.status for check in result.report.checks] == ["pass", "error"]
    bare = pa.table({}).to_reader()
    assert Gate([row_count(0)], min_rows=0).evaluate(bare, types=types, place=place).report.rows_in == 0


def test_two_columns_of_one_name_block(types: TypeEngine, place: Callable[[str], Path]) -> None:
    value = pa.table([[1], [2]], names=["a", "a"]).to_reader()
    report = Gate([not_null("a")]).evaluate(value, types=types, place=place).report
    assert (report.decision, report.checks[0].message) == ("block", "2 columns are named 'a'")
