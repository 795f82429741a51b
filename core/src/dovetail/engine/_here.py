"""What this process can import."""

from __future__ import annotations

from dovetail.plugins import is_importable
from dovetail.spec import TypeRef


def is_here(reference: TypeRef) -> bool:
    """True if the library of a type can be imported in this process."""
    return is_importable(reference.name.partition(".")[0])
