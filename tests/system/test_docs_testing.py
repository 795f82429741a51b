"""The reference of the conformance kit leaves nothing out; its tables of checks are written from the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dovetail import testing
from dovetail.testing import HubHarness, Suite, never

PageOf = Callable[[str], Any]


def test_every_name_is_there(page: PageOf) -> None:
    text = page("docs/reference/testing.md").text
    assert [name for name in testing.__all__ if f"`{name}" not in text and f"## {name}\n" not in text] == []


def test_every_method_of_the_hub_for_tests_is_there(page: PageOf) -> None:
    text = page("docs/reference/testing.md").text
    row = next(line for line in text.splitlines() if line.startswith("| `HubHarness("))
    public = [name for name in (*vars(HubHarness), *HubHarness.__annotations__) if not name.startswith("_")]
    assert [name for name in public if f"`{name}`" not in row] == []
    for name in inspect.signature(HubHarness).parameters:
        assert name in row


def test_every_suite_has_its_row_in_the_guide(page: PageOf) -> None:
    text = page("docs/how-to/test-a-plugin.md").text
    suites = [name for name in testing.__all__ if name.endswith("Suite") and getattr(testing, name) is not Suite]
    assert suites
    assert [name for name in suites if f"`{name}`" not in text] == []


def test_the_arguments_of_a_gap_are_those(page: PageOf) -> None:
    signature = inspect.signature(never)
    assert list(signature.parameters) == ["reason", "raises", "runs"]
    assert "`(reason, *, raises=AssertionError, runs=True)`" in page("docs/reference/testing.md").text
