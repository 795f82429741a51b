"""What the suite of check engines asks another process to do."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.plugins import build_catalogue
from dovetail.quality import Gate
from dovetail.testing._child import load_class
from dovetail.testing._truth import TRUTH_CHECKS
from dovetail.types import TypeEngine


def told_of_suites(file: str, name: str, checks: list[str]) -> dict[str, list[Any]]:
    """Ids of the checks, and fingerprint, of the suites that a test class makes."""
    suite = load_class(file, name)()
    engine = suite._load(_catalogue([suite.plugin, *suite.with_plugins]))
    found = {}
    for check in checks:
        made = suite.suite_for(TRUTH_CHECKS[check])
        found[check] = [[info.id for info in engine.describe(made).checks], engine.fingerprint(made)]
    return found


def _catalogue(plugins: list[str]) -> Any:
    settings = Settings(project_root=Path.cwd(), allow=())
    core = ("dovetail.types.builtin_hooks", "dovetail.engine.builtin_hooks", "dovetail.quality.builtin_hooks")
    return build_catalogue(settings, [importlib.import_module(name) for name in plugins if name not in core])


def without_library(plugins: list[str], suite_type: str) -> list[str]:
    """Class and text of the error that a gate raises for a suite whose library is hidden."""
    module, _, name = suite_type.rpartition(".")
    suite = type(name, (), {"__module__": module})()
    try:
        Gate(suite).check(TypeEngine(_catalogue(plugins)))
    except Exception as error:  # what is raised is what is looked at
        return [type(error).__name__, str(error)]
    return ["", ""]
