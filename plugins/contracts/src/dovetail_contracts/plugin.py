"""The hook implementations of dovetail-contracts. Imports no YAML and no engine."""

from __future__ import annotations

from dovetail.spec import CheckEngineSpec, CommandSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """Data contracts as suites of gates. It names no engine: only rules in SQL need DuckDB, and say so."""
    return [
        CheckEngineSpec(
            name="contracts",
            code="dovetail_contracts.checks:ContractEngine",
            suites=("dovetail_contracts._suite.ContractSuite",),
            summary="data contracts of the Open Data Contract Standard, 3.0 to 3.2",
            files=(".odcs.yaml", ".odcs.yml"),
            reader="dovetail_contracts._suite:read_suite",
        )
    ]


@hookimpl
def dovetail_commands() -> list[CommandSpec]:
    """The command ``dovetail contract``."""
    return [
        CommandSpec("contract", "dovetail_contracts.command:contract", "data contracts: propose, export, lint, compare")
    ]
