"""The conformance kit: test suites that a plugin's author subclasses, and a hub for tests.

It comes with the extra ``dovetail[testing]`` and loads nothing before a name is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.testing._base import Suite as Suite
    from dovetail.testing._checks import CheckEngineSuite as CheckEngineSuite
    from dovetail.testing._executors import ExecutorSuite as ExecutorSuite
    from dovetail.testing._gaps import Gap as Gap
    from dovetail.testing._gaps import never as never
    from dovetail.testing._gaps import notimpl as notimpl
    from dovetail.testing._gaps import notyet as notyet
    from dovetail.testing._harness import HubHarness as HubHarness
    from dovetail.testing._hygiene import PluginSuite as PluginSuite
    from dovetail.testing._isolated import IsolatedSuite as IsolatedSuite
    from dovetail.testing._isolated_frames import EnvironmentSuite as EnvironmentSuite
    from dovetail.testing._isolated_task_types import IsolatedTaskTypeSuite as IsolatedTaskTypeSuite
    from dovetail.testing._marks import overrides as overrides
    from dovetail.testing._marks import requires as requires
    from dovetail.testing._native import NativeChecksSuite as NativeChecksSuite
    from dovetail.testing._pair_suite import PairSuite as PairSuite
    from dovetail.testing._remote import RemoteTaskTypeSuite as RemoteTaskTypeSuite
    from dovetail.testing._strategies import TABLE_KINDS as TABLE_KINDS
    from dovetail.testing._strategies import tables as tables
    from dovetail.testing._tables import TableTransformerSuite as TableTransformerSuite
    from dovetail.testing._task_types import TaskTypeSuite as TaskTypeSuite
    from dovetail.testing._transformers import TransformerSuite as TransformerSuite
    from dovetail.testing._truth import TRUTH_CHECKS as TRUTH_CHECKS
    from dovetail.testing._truth import TruthCheck as TruthCheck

_LAZY = {
    "Suite": "dovetail.testing._base",
    "HubHarness": "dovetail.testing._harness",
    # what a plugin owes the others, and what work owes its users
    "PluginSuite": "dovetail.testing._hygiene",
    "TaskTypeSuite": "dovetail.testing._task_types",
    "RemoteTaskTypeSuite": "dovetail.testing._remote",
    "ExecutorSuite": "dovetail.testing._executors",
    # what lives in an environment of its own
    "IsolatedSuite": "dovetail.testing._isolated",
    "EnvironmentSuite": "dovetail.testing._isolated_frames",
    "IsolatedTaskTypeSuite": "dovetail.testing._isolated_task_types",
    # what checks count
    "CheckEngineSuite": "dovetail.testing._checks",
    "NativeChecksSuite": "dovetail.testing._native",
    "TruthCheck": "dovetail.testing._truth",
    "TRUTH_CHECKS": "dovetail.testing._truth",
    # what types keep
    "TransformerSuite": "dovetail.testing._transformers",
    "TableTransformerSuite": "dovetail.testing._tables",
    "PairSuite": "dovetail.testing._pair_suite",
    "tables": "dovetail.testing._strategies",
    "TABLE_KINDS": "dovetail.testing._strategies",
    # what a plugin does not do
    "Gap": "dovetail.testing._gaps",
    "notimpl": "dovetail.testing._gaps",
    "notyet": "dovetail.testing._gaps",
    "never": "dovetail.testing._gaps",
    # for suites of one's own
    "requires": "dovetail.testing._marks",
    "overrides": "dovetail.testing._marks",
}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    # Not `dovetail.errors.lazy_names`: pytest imports this package in every process, and nothing else of dovetail.
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
