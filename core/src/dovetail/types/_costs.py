"""What an edge of the conversion graph costs, and what stands in its way for a value of some size.

The unit is about 100 microseconds. Figures are kept in thousandths, as whole numbers: sums are exact, so that ties are ties.
"""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.config import show_size
from dovetail.spec import ConverterSpec

NOMINAL = 10_000_000
"""Bytes that a value is taken to have while its size is not known."""

KINDS = {"zero-copy": (1.0, 0.0), "view": (2.0, 0.0), "copy": (1.0, 0.9), "collect": (10.0, 9.0)}
"""For each kind of edge the fixed cost, and that of a megabyte: 1, 2, 10 and 100 at the nominal size."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of the value, and what this process allows.

    Attributes:
        size: Bytes, or None while not known.
        limit: Bytes that may be collected into this process; None: any.
    """

    size: int | None = None
    limit: int | None = None


ANY = Circumstances()


def edge_cost(edge: ConverterSpec, size: int | None = None) -> int:
    """Cost of one edge for a value of ``size`` bytes, in thousandths of a unit."""
    fixed, rate = KINDS[edge.cost]
    fixed = fixed if edge.fixed is None else edge.fixed
    rate = rate if edge.per_mb is None else edge.per_mb
    return round(1000 * fixed + rate * (NOMINAL if size is None else size) / 1000)


def shown_cost(cost: int) -> float:
    """Thousandths as units; a whole number where it is one."""
    units = round(cost / 1000, 2)
    return int(units) if units == int(units) else units


def has_figures(edge: ConverterSpec) -> bool:
    """Whether the plugin says more of the edge than its kind, so that the size of the value matters."""
    return edge.fixed is not None or edge.per_mb is not None or edge.max_bytes is not None


def obstacle(edge: ConverterSpec, given: Circumstances) -> str | None:
    """Why a value cannot take this edge; None if it can, as far as is known."""
    if given.size is None:
        return None
    if edge.max_bytes is not None and given.size > edge.max_bytes:
        return f"{edge.source} -> {edge.target} takes at most {show_size(int(edge.max_bytes))}"
    if over_limit(edge, given):
        return f"{edge.source} -> {edge.target} would collect {show_size(given.size)}, and {show_size(given.limit or 0)} may be"
    return None


def over_limit(edge: ConverterSpec, given: Circumstances) -> bool:
    """Whether the edge would collect more into this process than is allowed."""
    return edge.cost == "collect" and None not in (given.size, given.limit) and given.size > given.limit  # type: ignore[operator]
