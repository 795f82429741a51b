"""The pytest plugin: fixtures, and a word at the end about what was checked and what was not.

pytest loads it in every session where dovetail is installed, so it imports nothing of dovetail before it is needed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness

_BASE = "dovetail.testing._base"
_PLUGIN, _GAP, _OVERRIDE = "dovetail_plugin", "dovetail_gap", "dovetail_override"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option ``--dovetail-gaps``."""
    parser.getgroup("dovetail").addoption(
        "--dovetail-gaps",
        action="store_true",
        help="after the conformance suites, show each gap and each replaced check with its reason",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker ``dovetail_plugins``."""
    config.addinivalue_line(
        "markers", "dovetail_plugins(*modules, **settings): hook modules and settings of the fixture dovetail_hub"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse marks that switch a check off; note which plugin an item checks."""
    base = sys.modules.get(_BASE)
    if base is None:
        return
    for item in items:
        suite = getattr(item, "cls", None)
        if not isinstance(suite, base.SuiteType) or not isinstance(item, pytest.Function):
            continue
        item.user_properties.append((_PLUGIN, suite.plugin))
        name = item.originalname
        if name not in base.kit_checks(suite):
            continue
        for mark in item.iter_markers():
            if mark.name in ("skip", "xfail"):
                raise pytest.UsageError(
                    f"{item.nodeid}: a check of the conformance kit is switched off by pytest.mark.{mark.name}; state a gap "
                    f"in {suite.__name__}.gaps, with its reason"
                )
        reason = base.overridden(suite).get(name)
        if reason:
            item.user_properties.append((_OVERRIDE, f"{suite.__name__}.{name}: {reason}"))


@pytest.fixture
def dovetail_harness(tmp_path: Path) -> Iterator[Callable[..., HubHarness]]:
    """Makes hubs for the test: ``dovetail_harness("my_package.plugin", max_workers=2)``; all are closed at its end."""
    from dovetail.testing._harness import HubHarness

    with ExitStack() as stack:
        made: list[HubHarness] = []

        def make(*plugins: object, **settings: Any) -> HubHarness:
            harness = HubHarness(*plugins, home=tmp_path / f"hub{len(made) or ''}", **settings)
            made.append(stack.enter_context(harness))
            return made[-1]

        yield make


@pytest.fixture
def dovetail_hub(request: pytest.FixtureRequest, dovetail_harness: Callable[..., HubHarness]) -> HubHarness:
    """A hub with the core's own declarations, and those of ``@pytest.mark.dovetail_plugins("my_package.plugin")``."""
    mark = request.node.get_closest_marker("dovetail_plugins")
    return dovetail_harness(*mark.args, **mark.kwargs) if mark else dovetail_harness()


@dataclass
class _Summary:
    """What was checked of one plugin."""

    outcomes: Counter[str] = field(default_factory=Counter)
    gaps: dict[str, None] = field(default_factory=dict)
    replaced: dict[str, None] = field(default_factory=dict)
    skipped: dict[str, None] = field(default_factory=dict)

    def line(self) -> str:
        checks = sum(self.outcomes.values())
        parts = [f"{checks} check{'s' * (checks != 1)}"]
        parts += [f"{self.outcomes[name]} {name}" for name in ("failed", "error") if self.outcomes[name]]
        for what, found in (("gap", self.gaps), ("replaced check", self.replaced)):
            if found:
                parts.append(f"{len(found)} {what}{'s' * (len(found) != 1)} ({'; '.join(found)})")
        if self.skipped:
            parts.append(f"{len(self.skipped)} not run")
        return ", ".join(parts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each plugin whose suites ran; with ``--dovetail-gaps`` every gap on a line of its own."""
    found = _summaries(terminalreporter)
    if not found:
        return
    terminalreporter.section("conformance")
    names = _distributions()
    for plugin, summary in found.items():
        if not config.getoption("dovetail_gaps"):
            terminalreporter.line(f"conformance: {names.get(plugin, plugin)}: {summary.line()}")
            continue
        terminalreporter.line(f"conformance: {names.get(plugin, plugin)}: {sum(summary.outcomes.values())} checks")
        for what, lines in (("gap", summary.gaps), ("replaced", summary.replaced), ("not run", summary.skipped)):
            for text in lines:
                terminalreporter.line(f"  {what}: {text}")


def _summaries(terminalreporter: pytest.TerminalReporter) -> dict[str, _Summary]:
    found: dict[str, _Summary] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            facts = dict(getattr(report, "user_properties", ()))
            plugin = facts.get(_PLUGIN)
            if plugin is None or not outcome:
                continue
            summary = found.setdefault(str(plugin), _Summary())
            summary.outcomes[outcome] += 1
            for name, value in report.user_properties:
                if name == _GAP:
                    summary.gaps[value] = None
                if name == _OVERRIDE:
                    summary.replaced[value] = None
            if outcome == "skipped" and _GAP not in facts:
                told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                summary.skipped[f"{report.nodeid.partition('::')[2]}: {told}"] = None
    return found


def _distributions() -> dict[str, str]:
    """Hook module -> distribution, of what is installed."""
    from dovetail.config import Settings
    from dovetail.errors import DovetailError
    from dovetail.plugins import list_plugins

    try:
        return {each.module: each.distribution for each in list_plugins(Settings(project_root=Path.cwd()))}
    except DovetailError:
        return {}
