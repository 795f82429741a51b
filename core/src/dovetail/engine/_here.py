"""What this process can import."""

from __future__ import annotations

from dovetail.spec import TypeRef


def is_here(reference: TypeRef) -> bool:
    """True if the library of a type can be imported in this process."""
    from importlib.util import find_spec

    top = reference.name.partition(".")[0]
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False
