"""What a change of a contract means: whom it breaks, and which way a limit went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dovetail.errors import shorten

Side = Literal["consumers", "producers", "both"]
Level = Literal["breaking", "compatible", "informational"]

SIDES: tuple[Side, ...] = ("consumers", "producers", "both")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts.

    Attributes:
        path: The part: ``"flights.carrier.required"``.
        what: What happened to it, in a few words: ``"limit loosened"``.
        consumers: Who reads the data may be given what they could rely on not to get.
        producers: Data that were right may be refused.
        additive: Something new that nobody has to look at.
        old: What it was; None: nothing.
        new: What it is.
    """

    path: str
    what: str
    consumers: bool = False
    producers: bool = False
    additive: bool = False
    old: Any = None
    new: Any = None

    def level(self, side: Side = "consumers") -> Level:
        """What it is for one side.

        Args:
            side: Whose view is taken; ``"both"``: it breaks as soon as it breaks one.
        """
        breaks = {"consumers": self.consumers, "producers": self.producers, "both": self.consumers or self.producers}
        if breaks[side]:
            return "breaking"
        return "compatible" if self.consumers or self.producers or self.additive else "informational"

    @property
    def breaks(self) -> str:
        """Whom it breaks, for people."""
        return " and ".join(name for name in ("consumers", "producers") if getattr(self, name)) or "nobody"

    def to_dict(self, side: Side = "consumers") -> dict[str, Any]:
        """JSON-able."""
        told = {"path": self.path, "what": self.what, "old": self.old, "new": self.new}
        return {
            "level": self.level(side),
            "breaks": [] if self.breaks == "nobody" else self.breaks.split(" and "),
            **told,
        }

    def text(self) -> str:
        """The change in one line."""
        if self.old is None and self.new is None:
            return self.what
        if self.old is None:
            return f"{self.what}: {shorten(self.new)}"
        return f"{self.what}: {shorten(self.old)}" + ("" if self.new is None else f" -> {shorten(self.new)}")


def bound_changed(path: str, old: Any, new: Any, lower: bool) -> Change | None:
    """A limit that came, went or moved.

    Args:
        path: Where.
        old: A value and whether it is no allowed value itself, or None.
        new: The same.
        lower: It is a lower limit.
    """
    if old == new:
        return None
    shown_old, shown_new = _bound(old, lower), _bound(new, lower)
    if old is None:
        return Change(path, "limit added", producers=True, new=shown_new)
    if new is None:
        return Change(path, "limit removed", consumers=True, old=shown_old)
    try:
        tighter = _tighter(old, new, lower)
    except TypeError:
        return Change(path, "limit changed", True, True, old=shown_old, new=shown_new)
    if tighter:
        return Change(path, "limit tightened", producers=True, old=shown_old, new=shown_new)
    return Change(path, "limit loosened", consumers=True, old=shown_old, new=shown_new)


def _tighter(old: tuple[Any, bool], new: tuple[Any, bool], lower: bool) -> bool:
    if old[0] == new[0]:
        return new[1]
    return bool(new[0] > old[0]) == lower


def _bound(bound: Any, lower: bool) -> str | None:
    if bound is None:
        return None
    return f"{'>' if lower else '<'}{'' if bound[1] else '='} {bound[0]}"


def bounds_of(options: Mapping[str, Any], low: str, high: str) -> tuple[Any, Any]:
    """The lower and the upper limit among options, each a value and whether it is no allowed value itself."""
    return _one_bound(options, low, True), _one_bound(options, high, False)


def _one_bound(options: Mapping[str, Any], name: str, lower: bool) -> Any:
    exclusive = options.get("exclusive" + name[0].upper() + name[1:])
    given = [] if options.get(name) is None else [(options[name], exclusive is True)]
    given += [] if exclusive is None or isinstance(exclusive, bool) else [(exclusive, True)]
    if not given:
        return None
    try:
        # The stricter of two counts; of equal ones that which is no allowed value itself.
        return max(given, key=lambda bound: (bound[0] if lower else -bound[0], bound[1]))
    except TypeError:
        return given[-1]


def set_changed(path: str, what: str, old: Any, new: Any) -> list[Change]:
    """A list of allowed values that came, went or changed."""
    if old is None or new is None:
        if old is None and new is None:
            return []
        if old is None:
            return [Change(path, f"{what} added", producers=True, new=new)]
        return [Change(path, f"{what} removed", consumers=True, old=old)]
    more = [value for value in new if value not in old]
    less = [value for value in old if value not in new]
    found = [Change(path, f"{what}: values more", consumers=True, new=more)] if more else []
    return found + ([Change(path, f"{what}: values fewer", producers=True, old=less)] if less else [])


def demand_bounds(rule: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """The lower and upper limit that the operators of a rule make, and the operators that are neither."""
    low = high = None
    rest: dict[str, Any] = {}
    for name, value in rule.items():
        if not name.startswith("must") or value is None:
            continue
        if name == "mustBe" and isinstance(value, (int, float)) and not isinstance(value, bool):
            low = high = (value, False)
        elif name in ("mustBeGreaterThan", "mustBeGreaterOrEqualTo"):
            low = (value, name == "mustBeGreaterThan")
        elif name in ("mustBeLessThan", "mustBeLessOrEqualTo"):
            high = (value, name == "mustBeLessThan")
        elif name == "mustBeBetween":
            low, high = (value[0], False), (value[1], False)
        else:
            rest[name] = value
    return low, high, rest
