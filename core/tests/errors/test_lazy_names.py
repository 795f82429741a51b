"""Packages find some of their names at first use, and say which they are."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = [
    "dovetail.engine",
    "dovetail.env",
    "dovetail.plugins",
    "dovetail.quality",
    "dovetail.spec",
    "dovetail.store",
]


@pytest.mark.parametrize("name", [*PACKAGES, "dovetail.testing"])
def test_a_package_lists_and_finds_what_it_exports(name: str) -> None:
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    for exported in package.__all__:
        found = getattr(package, exported)
        assert vars(package)[exported] is found


@pytest.mark.parametrize("name", PACKAGES)
def test_a_name_that_is_not_there_is_an_attribute_error(name: str) -> None:
    package = importlib.import_module(name)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = package.nothing
    assert not hasattr(package, "nothing")


def test_what_is_lazy_is_not_imported_before_it_is_used() -> None:
    script = (
        "import sys, dovetail.store as store\n"
        "print('sqlalchemy' in sys.modules, 'dovetail.store._runs' in sys.modules)\n"
        "store.RunStore\n"
        "print('dovetail.store._runs' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]
