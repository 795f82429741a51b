"""What of a pipeline's code comes into an environment, and what the refusals say."""

from __future__ import annotations

import sys

import pytest
from dovetail.errors import DefinitionError, TaskFailed

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_task_runs_where_its_environment_is(pipeline, env_dir):
    where = pipeline(
        """
        @dt.task(env="plain")
        def where() -> str:
            import sys
            return sys.prefix
        """
    ).where
    assert where().startswith(str(env_dir))


def test_only_what_the_function_uses_is_imported(pipeline):
    module = pipeline(
        """
        import polars as pl
        import helpers
        from helpers import half, Pair

        FACTOR = 3

        def triple(x):
            return FACTOR * x

        @dt.task(env="plain")
        def work(x: int) -> list[float]:
            import sys
            assert "polars" not in sys.modules
            return [triple(x), half(x), helpers.quarter(x), Pair(x, 1).total()]

        @dt.task
        def elsewhere(frame: pl.DataFrame) -> int:
            return frame.height
        """,
        helpers="""
        from dataclasses import dataclass
        import polars

        def half(x):
            return x / 2

        def quarter(x):
            return half(half(x))

        def unused():
            return polars.DataFrame()

        @dataclass
        class Pair:
            a: int
            b: int

            def total(self):
                return self.a + self.b
        """,
    )
    assert module.work(8) == [24, 4, 2, 9]


def test_annotations_of_libraries_that_are_not_there_are_not_needed(pipeline):
    module = pipeline(
        """
        import polars as pl
        import pyarrow as pa
        from typing import NamedTuple

        class Report(NamedTuple):
            rows: int
            frame: pl.DataFrame

        def count(frame: pl.DataFrame | None, scale: "pl.Series | int" = 1) -> pl.Series:
            return frame.num_rows * scale

        @dt.task(env="plain", engine="isolated")
        def work(table: pa.Table) -> int:
            return count(table)
        """
    )
    import pyarrow as pa

    assert module.work(pa.table({"a": [1, 2, 3]})) == 3


def test_a_library_that_a_function_uses_and_the_environment_lacks_is_named(pipeline):
    module = pipeline(
        """
        import polars as pl

        @dt.task(env="plain")
        def work(x: int) -> int:
            return pl.DataFrame({"a": [x]}).height
        """
    )
    with pytest.raises(DefinitionError) as caught:
        module.work(1)
    error = caught.value
    assert error.what == "environment 'plain' cannot import 'polars'"
    assert "'work'" in error.who
    assert "requirements of 'plain'" in error.fix
    assert "import it inside the function" in error.fix


def test_closures_lambdas_and_nested_functions_travel_by_value(pipeline):
    module = pipeline(
        """
        def adder(n):
            @dt.task(env="plain")
            def add(x: int) -> int:
                return (lambda y: y + n)(x)
            return add
        """
    )
    assert module.adder(5)(1) == 6


def test_what_a_session_changes_is_seen_by_the_next_call(pipeline):
    module = pipeline(
        """
        FACTOR = 2

        @dt.task(env="plain")
        def work(x: int) -> int:
            return FACTOR * x
        """
    )
    assert module.work(4) == 8
    module.FACTOR = 3
    assert module.work(4) == 12


def test_what_cannot_be_packed_is_refused_with_its_reason(pipeline):
    module = pipeline(
        """
        import threading
        LOCK = threading.Lock()

        @dt.task(env="plain")
        def work(x: int) -> int:
            with LOCK:
                return x
        """
    )
    with pytest.raises(DefinitionError, match="cannot run in environment 'plain'") as caught:
        module.work(1)
    assert "lock" in caught.value.why


# -- another version of Python ---------------------------------------------------------------------


def test_on_another_python_the_function_is_imported_with_its_module(pipeline, other_python):
    module = pipeline(
        """
        import helpers

        class Inner:
            @staticmethod
            def scale(x):
                return 10 * x

        @dt.task(env="other")
        def version() -> str:
            import sys
            return f"{sys.version_info[0]}.{sys.version_info[1]}"

        @dt.task(env="other")
        def work(x: int) -> int:
            return Inner.scale(helpers.double(x))

        task_of_a_module = helpers.triple
        """,
        helpers="""
        import dovetail as dt

        def double(x):
            return 2 * x

        @dt.task(env="other")
        def triple(x: int) -> int:
            return 3 * x
        """,
    )
    assert module.version() == other_python
    assert module.work(2) == 40
    assert module.task_of_a_module(2) == 6


def test_a_pipeline_file_that_changes_is_imported_again(pipeline, other_python):
    text = """
        @dt.task(env="other")
        def work() -> int:
            return %d
        """
    assert pipeline(text % 1).work() == 1
    assert pipeline(text % 22).work() == 22


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            """
            def made():
                @dt.task(env="other")
                def work(x: int) -> int:
                    return x
                return work
            work = made()
            """,
            "defined inside of another function",
        ),
        ('work = dt.task(env="other", name="work")(lambda x: x)', "a lambda"),
        (
            """
            def work(x: int) -> int:
                return x
            original, work = work, 1
            work = dt.task(env="other")(original)
            original.__qualname__ = "gone"
            """,
            "cannot be found under its name",
        ),
    ],
)
def test_what_another_python_cannot_import_by_its_name_is_refused(pipeline, other_python, text, words):
    module = pipeline(text)
    with pytest.raises(DefinitionError) as caught:
        module.work(x=1)
    error = caught.value
    assert "cannot run in environment 'other'" in error.what
    assert words in error.why
    assert "pipeline.py" in error.why
    assert f"Python {HERE}" in error.fix
    assert "top of a file" in error.fix


def test_a_module_that_another_python_cannot_import_is_named_with_the_line_that_imports_it(pipeline, other_python):
    module = pipeline(
        """
        import helpers

        @dt.task(env="other")
        def work(x: int) -> int:
            return x
        """,
        helpers="""
        import polars
        """,
    )
    with pytest.raises(DefinitionError) as caught:
        module.work(1)
    error = caught.value
    assert error.what == "environment 'other' cannot import 'polars'"
    assert "line 2 of helpers.py imports it" in error.why
    assert f"Python is {other_python} there and {HERE} here" in error.why
    assert f"Python {HERE}" in error.fix


def test_what_importing_raises_is_the_users(pipeline, other_python):
    module = pipeline(
        """
        import sys

        if sys.argv[0] == "dovetail-worker":
            raise RuntimeError("not here")

        @dt.task(env="other")
        def work(x: int) -> int:
            return x
        """
    )
    with pytest.raises(TaskFailed, match="RuntimeError: not here") as caught:
        module.work(1)
    assert "pipeline.py" in caught.value.details["traceback"]
