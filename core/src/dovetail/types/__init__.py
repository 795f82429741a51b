"""Types: fitting values to annotations, the conversion graph, content hashes, and how values are stored.

:class:`TypeEngine` is the one door. ``dovetail.types.arrow`` holds what frame plugins are built from.
"""

from dovetail.types._engine import TypeEngine, current_types
from dovetail.types._files import Directory, File
from dovetail.types._paths import ConversionPath, ConversionStep

__all__ = ["ConversionPath", "ConversionStep", "Directory", "File", "TypeEngine", "current_types"]
