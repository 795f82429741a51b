"""Whoever breaks a law of transformers is caught by the check that is about it, with a message that helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dovetail.testing import Gap, TableTransformerSuite, TransformerSuite, never

Play = Callable[[type[TransformerSuite], str], None]
Mutate = Callable[..., type[TableTransformerSuite]]

HASH = "return hash_table(value.table)"
TAKE = "return Frame(value.table.take(pa.array(list(rows), pa.int64())))"
WRITE = "write_parquet(value.table, path)"
READ = "return Frame(read_parquet(path))"
NUM_ROWS = "    def num_rows(self, value):"

# what is broken: (what stands in the plugin, what is put there instead, the check, what it says)
MUTANTS: dict[str, tuple[str, str, str, str]] = {
    "a hash of chunks": (
        HASH,
        "return hashlib.sha256(repr([hash_table(pa.table(b)) for b in value.table.to_batches()]).encode()).hexdigest()",
        "test_hash_ignores_chunks",
        "depends on how the table is chunked",
    ),
    "a hash that differs by process": (
        HASH,
        "return f'{hash(hash_table(value.table)) % 2**64:016x}'",
        "test_other_processes_read_and_hash_the_same",
        "read in another process: content hash",
    ),
    "a hash of the object": (
        HASH,
        "return f'{id(value):016x}'",
        "test_equal_values_hash_the_same_and_others_differently",
        "hash the meaning, not the object",
    ),
    "one hash for all": (
        HASH,
        "return '0' * 32",
        "test_equal_values_hash_the_same_and_others_differently",
        "different values have one content hash",
    ),
    "a hash that is no hex digest": (
        HASH,
        "return 'abc'",
        "test_equal_values_hash_the_same_and_others_differently",
        "give a hex digest",
    ),
    "a hash of the head": (
        HASH,
        "return hash_table(value.table.slice(0, 2))",
        "test_hash_sees_every_row",
        "differ by their last row have one content hash",
    ),
    "a hash of its own": (
        HASH,
        "return hashlib.sha256(hash_table(value.table).encode()).hexdigest()",
        "test_hash_is_that_of_arrow",
        "hashes differently from the same table in Arrow",
    ),
    "a codec that drops a row": (
        WRITE,
        "write_parquet(value.table.slice(0, max(value.table.num_rows - 1, 0)), path)",
        "test_codecs_give_back_what_they_wrote",
        "what was stored is not what is loaded",
    ),
    "a codec that changes a type": (
        READ,
        "t = read_parquet(path); return Frame(pa.table({n: c.cast('int64') if c.type == 'int8' else c "
        "for n, c in zip(t.column_names, t.columns)}))",
        "test_codecs_give_back_what_they_wrote",
        "what was stored is not what is loaded",
    ),
    "a codec that reads something else": (
        READ,
        "return read_parquet(path)",
        "test_codecs_give_back_what_they_wrote",
        "wrote a Frame and read a Table",
    ),
    "a codec that stores what it drops in memory": (
        READ,
        "return FrameParquet.kept.pop(str(path), None) or Frame(read_parquet(path).slice(0, 0))",
        "test_other_processes_read_and_hash_the_same",
        "read in another process",
    ),
    "a codec that imports pickle": (
        WRITE,
        "import pickle; path.write_bytes(pickle.dumps(value.table))",
        "test_codecs_do_not_pickle",
        "imports a pickler",
    ),
    "a codec that pickles in secret": (
        WRITE,
        "import importlib; path.write_bytes(b'head' + importlib.import_module('pick' + 'le').dumps(value.table))",
        "test_codecs_do_not_pickle",
        "writes a pickle (at byte 4)",
    ),
    "a codec that takes nothing": (
        WRITE,
        "raise NotImplementedError('later')",
        "test_codecs_give_back_what_they_wrote",
        "takes none of the values",
    ),
    "a codec that writes elsewhere": (
        WRITE,
        "write_parquet(value.table, path.with_name('other'))",
        "test_codecs_give_back_what_they_wrote",
        "did not write one file at the path",
    ),
    "a store that gives back less": (
        READ,
        "return Frame(read_parquet(path).slice(1))",
        "test_store_gives_back_what_it_took",
        "stored and loaded",
    ),
    "a run that gives on less": (
        READ,
        "return Frame(read_parquet(path).slice(1))",
        "test_travels_through_a_durable_run",
        "run 2",
    ),
    "a converter that changes its input": (
        "    return frame.table\n",
        "    table, frame.table = frame.table, frame.table.slice(1)\n    return table\n",
        "test_faithful_converters_lose_nothing",
        "changed what it was given",
    ),
    "an undeclared loss": (
        "    return frame.table\n",
        "    return frame.table.slice(0, 3)\n",
        "test_faithful_converters_lose_nothing",
        'declare lossy="what is lost"',
    ),
    "a converter that drops what is not its own": (
        "def from_arrow(table):\n    return Frame(table)",
        "def from_arrow(table):\n    own = [n for n in table.column_names if n != 'one more']\n"
        "    return Frame(table.select(own))",
        "test_faithful_converters_lose_nothing",
        "refuse what cannot be carried",
    ),
    "a converter whose loss nobody can see": (
        ', lossy="the types of empty columns"',
        "",
        "test_faithful_converters_can_be_seen_to_be",
        "no faithful road leads back from dict to mutant_library.Frame",
    ),
    "a converter that gives something else": (
        "    return frame.table\n",
        "    return frame\n",
        "test_faithful_converters_lose_nothing",
        "give what the declaration says",
    ),
    "a lossy converter that changes its input": (
        "    return frame.table.to_pydict()",
        "    found, frame.table = frame.table.to_pydict(), frame.table.slice(1)\n    return found",
        "test_lossy_converters_need_permission",
        "changed what it was given",
    ),
    "a loss without words": (
        'lossy="the types of empty columns"',
        'lossy=" "',
        "test_contract",
        "does not say what it",
    ),
    "a converter of others": (
        'ConverterSpec(FRAME, "dict", f"{CODE}:to_dict", lossy="the types of empty columns")',
        'ConverterSpec("polars.DataFrame", "pyarrow.Table", f"{CODE}:to_dict")',
        "test_contract",
        "neither of its ends",
    ),
    "an end that nobody knows": ('FRAME, "dict"', 'FRAME, "nobody.Knows"', "test_contract", "with_plugins"),
    "no road back": (
        'ConverterSpec("pyarrow.Table", FRAME, f"{CODE}:from_arrow"),',
        "",
        "test_roads_lead_to_arrow_and_back",
        "no faithful road leads from pyarrow.Table",
    ),
    "another name": ('type_name = "', 'type_name = "x', "test_contract", "calls itself"),
    "a format twice": ('CodecSpec("arrow"', 'CodecSpec("parquet"', "test_contract", "a format twice"),
    "rows off by one": (
        TAKE,
        "return Frame(value.table.take(pa.array([max(r - 1, 0) for r in rows], pa.int64())))",
        "test_takes_rows_by_ordinal",
        "ordinals count from 0",
    ),
    "rows of another type": (
        TAKE,
        "return value.table.take(pa.array(list(rows), pa.int64()))",
        "test_takes_rows_by_ordinal",
        "gave a Table of a Frame",
    ),
    "rows miscounted": (
        "return value.table.num_rows",
        "return value.table.num_rows + 1",
        "test_counts_rows_and_names_columns",
        "num_rows() gave",
    ),
    "columns misnamed": (
        NUM_ROWS,
        "    def schema(self, value):\n        return Schema(())\n" + NUM_ROWS,
        "test_counts_rows_and_names_columns",
        "does not name the columns",
    ),
    "a negative size": (
        NUM_ROWS,
        "    def size(self, value):\n        return -1\n" + NUM_ROWS,
        "test_schema_and_size",
        "size() gave -1",
    ),
    "a preview without an end": (
        NUM_ROWS,
        "    def preview(self, value, limit=10):\n        return Preview(text=str(value.table.to_pydict()))\n"
        + NUM_ROWS,
        "test_previews_of_large_values_are_bounded",
        "characters of text",
    ),
    "a preview that ignores its limit": (
        NUM_ROWS,
        "    def preview(self, value, limit=10):\n        return super().preview(value, 10)\n" + NUM_ROWS,
        "test_previews_of_large_values_are_bounded",
        "rows, at most 0 are allowed",
    ),
    "a preview of everything there is": (
        NUM_ROWS,
        "    def preview(self, value, limit=10):\n"
        "        return Preview(columns=tuple(value.table.column_names))\n" + NUM_ROWS,
        "test_previews_of_large_values_are_bounded",
        "has 60 columns, at most 20",
    ),
    "a look that changes": (
        NUM_ROWS,
        "    def schema(self, value):\n"
        "        value.table = value.table.slice(1)\n"
        "        return super().schema(value)\n" + NUM_ROWS,
        "test_operations_leave_the_value_alone",
        "schema() changed the",
    ),
    "a type that is widened": (
        "    return Frame(table)\n\n\ndef to_dict",
        "    return Frame(pa.table({n: c.cast('int64') if c.type == 'int8' else c "
        "for n, c in zip(table.column_names, table.columns)}))\n\n\ndef to_dict",
        "test_carries[int8]",
        "comes back as int64, not int8",
    ),
    "values that are falsified": (
        "    return Frame(table)\n\n\ndef to_dict",
        "    return Frame(pa.table({n: pa.array([not x for x in c.to_pylist()], 'bool') if c.type == 'bool' else c "
        "for n, c in zip(table.column_names, table.columns)}))\n\n\ndef to_dict",
        "test_carries[bool]",
        "comes back with other values",
    ),
    "the library imported by the hooks": (
        "\nDOVETAIL_API = 1",
        "\nimport mutant_library\nDOVETAIL_API = 1",
        "test_found_by_name_without_its_library",
        "must not pay for the library of another",
    ),
    "no word on installing": (
        'install="pip install frames"',
        "install=None",
        "test_missing_library_names_what_to_type",
        "does not say how to install",
    ),
    "a library that is missed too late": (
        "from mutant_library import Frame\n",
        "",
        "test_missing_library_names_what_to_type",
        "gives no error",
    ),
}


@pytest.fixture
def mutate(mutated: Callable[..., None]) -> Mutate:
    """Makes a plugin of three modules in which something is replaced, and its suite."""

    def make(old: str = "", new: str = "", gaps: dict[str, Gap] | None = None) -> type[TableTransformerSuite]:
        mutated("frame", old, new)

        class Mutant(TableTransformerSuite):
            plugin = "mutant_hooks"
            type = "mutant_library.Frame"
            examples = 25

        return type("Mutant", (Mutant,), {"gaps": gaps or {}})

    return make


def test_the_plugin_that_is_mutated_keeps_every_law(mutate: Mutate, play: Play, checks_of: Any) -> None:
    suite = mutate()
    for test in checks_of(suite):
        play(suite, f"{test}[int64]")


def test_every_check_of_tables_is_broken_by_some_mutant(checks_of: Any) -> None:
    broken = {mutant[2].partition("[")[0] for mutant in MUTANTS.values()}
    below = {  # broken by the tests further down
        "test_a_table_without_columns",
        "test_looking_at_a_plan_does_not_execute_it",
        "test_previews_are_bounded",
        "test_values_are_known_and_pass_by_reference",
        "test_what_it_does_not_carry_is_not_falsified",
    }
    assert checks_of(TableTransformerSuite) - broken == below


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_transformer_is_caught(mutate: Mutate, play: Play, mutant: str) -> None:
    old, new, test, told = MUTANTS[mutant]
    suite = mutate(old, new)
    with pytest.raises(AssertionError) as caught:
        play(suite, test)
    assert told in str(caught.value)


def test_a_stated_gap_covers_no_silent_change(mutate: Mutate, play: Play) -> None:
    old, new, _, _ = MUTANTS["values that are falsified"]
    suite = mutate(old, new, gaps={"carries.bool": never("it knows no booleans")})
    with pytest.raises(AssertionError, match="comes back with other values, and without a word"):
        play(suite, "test_what_it_does_not_carry_is_not_falsified")


def test_a_frame_that_makes_columns_up_is_caught(mutate: Mutate, play: Play) -> None:
    new = "return value.table if value.table.num_columns else pa.table({'made_up': [1]})"
    suite = mutate(
        "    def to_arrow(self, value):\n        return value.table", f"    def to_arrow(self, value):\n        {new}"
    )
    with pytest.raises(AssertionError, match="without columns has columns"):
        play(suite, "test_a_table_without_columns")


@pytest.mark.parametrize("look", ["schema", "preview", "num_rows"])
def test_a_plan_that_is_executed_by_looking_is_caught(mutate: Mutate, play: Play, look: str) -> None:
    options = {"preview": "Preview(text='plan')", "schema": "Schema(())", "num_rows": "None"}
    quiet = "".join(
        f"    def {name}(self, value, limit=0):\n        {'value.table' if name == look else 'pass'}\n        return {given}\n"
        for name, given in options.items()
    )
    suite = mutate(NUM_ROWS + "\n        return value.table.num_rows\n", "    lazy = True\n" + quiet)

    class Plan:
        def __init__(self) -> None:
            self.runs = 0

        @property
        def table(self) -> Any:
            import pyarrow as pa

            self.runs += 1
            return pa.table({"a": [1]})

    def watched(self: Any) -> tuple[Any, Callable[[], int]]:
        plan = Plan()
        return plan, lambda: plan.runs

    with pytest.raises(AssertionError, match=rf"{look}\(\) executed the plan"):
        play(type("Lazy", (suite,), {"watched": watched}), "test_looking_at_a_plan_does_not_execute_it")
