"""Data contracts of the Open Data Contract Standard as suites of dovetail gates.

>>> import dovetail as dt
>>> from dovetail_contracts import contract
>>> good = dt.Gate(contract("flights.odcs.yaml"), on_fail="quarantine")
"""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail_contracts._changes import Change
    from dovetail_contracts._diff import Difference, compare_contracts
    from dovetail_contracts._lint import Problem
    from dovetail_contracts._render import render_diff_markdown
    from dovetail_contracts._suite import Contract, ContractSuite, contract, parse_contract, read_contract
    from dovetail_contracts._write import Written, propose_contract, write_contract

__all__ = [
    # as a suite
    "contract",
    "ContractSuite",
    # the file
    "read_contract",
    "parse_contract",
    "Contract",
    "Problem",
    # written
    "write_contract",
    "propose_contract",
    "Written",
    # compared
    "compare_contracts",
    "Difference",
    "Change",
    "render_diff_markdown",
]

_LAZY = {
    "contract": "dovetail_contracts._suite",
    "ContractSuite": "dovetail_contracts._suite",
    "read_contract": "dovetail_contracts._suite",
    "parse_contract": "dovetail_contracts._suite",
    "Contract": "dovetail_contracts._suite",
    "Problem": "dovetail_contracts._lint",
    "write_contract": "dovetail_contracts._write",
    "propose_contract": "dovetail_contracts._write",
    "Written": "dovetail_contracts._write",
    "compare_contracts": "dovetail_contracts._diff",
    "Difference": "dovetail_contracts._diff",
    "Change": "dovetail_contracts._changes",
    "render_diff_markdown": "dovetail_contracts._render",
}

__getattr__, __dir__ = _lazy_names(__name__, _LAZY)
