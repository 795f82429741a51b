"""Types: fitting values to annotations, the conversion graph, content hashes, and how values are stored.

:class:`TypeEngine` is the one door. ``dovetail.types.arrow`` holds what frame plugins are built from.
"""

from dovetail.types._carrier import Carrier
from dovetail.types._engine import TypeEngine, current_types
from dovetail.types._file_codecs import whole_files
from dovetail.types._file_format import FileFormat
from dovetail.types._files import Directory, File
from dovetail.types._lazy import StoredMapping, StoredSequence
from dovetail.types._names import parse_name
from dovetail.types._parts import Parts, StoredPart
from dovetail.types._paths import ConversionPath, ConversionStep, OtherPath
from dovetail.types._refine import Collect, Column, Columns, Lossy, Refinement, Stored, columns, is_refined, refine

__all__ = [
    "Carrier",
    "Collect",
    "Column",
    "Columns",
    "ConversionPath",
    "ConversionStep",
    "Directory",
    "File",
    "FileFormat",
    "Lossy",
    "OtherPath",
    "Parts",
    "Refinement",
    "Stored",
    "StoredMapping",
    "StoredPart",
    "StoredSequence",
    "TypeEngine",
    "columns",
    "current_types",
    "is_refined",
    "parse_name",
    "refine",
    "whole_files",
]
