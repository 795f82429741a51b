"""The real catalogue and type engine; nothing here needs more than Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.spec import CheckEngine, CheckEngineSpec, CheckInfo, CheckOutcome, SuiteInfo, hookimpl
from dovetail.types import TypeEngine, current_types


@pytest.fixture
def types() -> TypeEngine:
    return current_types()


class ScriptedSuite:
    """A suite that says itself what its engine returns."""

    def __init__(self, answer: Any, frames: tuple[str, ...] = ("pyarrow.Table",)) -> None:
        self.answer = answer
        self.accepted = frames


class ScriptedEngine(CheckEngine):
    """A check engine of a plugin that may do anything: lie, raise, return junk."""

    name = "scripted"

    def describe(self, suite: ScriptedSuite) -> SuiteInfo:
        return SuiteInfo("scripted", (CheckInfo("a.custom", "custom"),))

    def frames(self, suite: ScriptedSuite) -> tuple[str, ...]:
        return suite.accepted

    def evaluate(self, suite: ScriptedSuite, value: Any) -> list[CheckOutcome]:
        if isinstance(suite.answer, BaseException):
            raise suite.answer
        return suite.answer(value) if callable(suite.answer) else suite.answer


class ScriptedPlugin:
    DOVETAIL_API = 1
    __name__ = "scripted_plugin"

    @hookimpl
    def dovetail_check_engines(self) -> list[CheckEngineSpec]:
        code = f"{ScriptedEngine.__module__}:ScriptedEngine"
        return [CheckEngineSpec("scripted", code, suites=(f"{ScriptedSuite.__module__}.ScriptedSuite",))]


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[type[ScriptedSuite]]:
    """Makes suites for an engine that answers what it is told to; the engine is in the current catalogue."""
    catalogue = build_catalogue(Settings(project_root=tmp_path), extra=[ScriptedPlugin()])
    with use_catalogue(catalogue):
        yield ScriptedSuite


@pytest.fixture
def outcome() -> Callable[..., CheckOutcome]:
    def make(rows: Any = None, *, failed: int | None = None, evaluated: int = 10, **info: Any) -> CheckOutcome:
        check = CheckInfo(**{"id": "a.custom", "name": "custom", **info})
        count = failed if failed is not None else len(rows if rows is not None else ())
        return CheckOutcome(check, "evaluated", n_evaluated=evaluated, n_failed=count, failed_rows=rows)

    return make
