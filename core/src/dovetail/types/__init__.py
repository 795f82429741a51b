"""Types: fitting values to annotations, the conversion graph, content hashes, and how values are stored.

:class:`TypeEngine` is the one door. ``dovetail.types.arrow`` holds what frame plugins are built from.
"""

from dovetail.types._engine import TypeEngine, current_types
from dovetail.types._files import Directory, File
from dovetail.types._names import parse_name
from dovetail.types._paths import ConversionPath, ConversionStep, OtherPath

__all__ = [
    "ConversionPath",
    "ConversionStep",
    "Directory",
    "File",
    "OtherPath",
    "TypeEngine",
    "current_types",
    "parse_name",
]
