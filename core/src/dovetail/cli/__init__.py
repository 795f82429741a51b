"""The command ``dovetail``. Every command lies in a module of its own, imported when it is called.

Commands that plugins bring find here what they have in common with the core's.
"""

from typing import TYPE_CHECKING

from dovetail.cli._main import main
from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail.cli._check import find_gate
    from dovetail.cli._output import emit_json
    from dovetail.cli._results import json_option, write_result
    from dovetail.cli._session import session_of
    from dovetail.cli._table_files import read_table
    from dovetail.cli._text import clean
    from dovetail.cli._written import write_text

__all__ = [
    "main",
    "read_table",
    "find_gate",
    "write_text",
    "session_of",
    "emit_json",
    "json_option",
    "write_result",
    "clean",
]

_LAZY = {
    "read_table": "dovetail.cli._table_files",
    "find_gate": "dovetail.cli._check",
    "write_text": "dovetail.cli._written",
    "session_of": "dovetail.cli._session",
    "emit_json": "dovetail.cli._output",
    "json_option": "dovetail.cli._results",
    "write_result": "dovetail.cli._results",
    "clean": "dovetail.cli._text",
}

__getattr__, __dir__ = _lazy_names(__name__, _LAZY)
