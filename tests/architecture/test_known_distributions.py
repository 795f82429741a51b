"""Hints recommend what can be installed: the table of well-known distributions is in step with the repository."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from dovetail.plugins import _known


def test_exactly_the_distributions_that_are_built_here_are_released(repository: Path) -> None:
    files = [*repository.glob("plugins/*/pyproject.toml"), *repository.glob("contrib/*/pyproject.toml")]
    built = {tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"] for file in files}
    assert {known.requirement for known in _known._KNOWN if known.released} == {"dovetail", "dovetail[arrow]", *built}


@pytest.mark.parametrize("known", _known._KNOWN, ids=lambda known: str(known.requirement))
def test_only_what_is_released_is_to_be_installed(known: _known._Known) -> None:
    text = _known.how_to_get(known.requirement, "type")
    assert ("pip install" in text) == known.released
    assert known.requirement in text


@pytest.mark.parametrize("kind", ["type", "task_type", "check_engine", "executor"])
def test_the_page_that_a_hint_names_is_there(repository: Path, kind: str) -> None:
    page = _known.how_to_get("dovetail-spark", kind).rpartition(" ")[2]
    assert (repository / page).is_file()
