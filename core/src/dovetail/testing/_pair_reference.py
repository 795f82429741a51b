"""The page of the pairs of frames, written from the files in which the suites of pairs record what they found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.testing._pairs import ARROW, CARRIED, LOST, REFUSED

_NO_NULLS = f"{CARRIED}; with nulls: {REFUSED}"


@dataclass(slots=True)
class Recorded:
    """What the files say.

    Attributes:
        kinds: Source -> what it has: kinds of column, shapes, and values of its own.
        pairs: Source and target -> finding by kind, of what is not simply carried.
        lossy: Source and target -> what the road is declared to lose.
    """

    kinds: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    lossy: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def finding(self, source: str, target: str, kind: str) -> str:
        """What became of a kind."""
        return self.pairs[source, target].get(kind, CARRIED)

    def frames(self) -> list[str]:
        """Arrow first, then by name."""
        return sorted({name for pair in self.pairs for name in pair}, key=lambda name: (name != ARROW, name))


def read(files: Iterable[Path]) -> Recorded:
    """Put the files together; of a pair that stands in several, the first counts."""
    found = Recorded()
    for file in files:
        data = json.loads(file.read_text(encoding="utf-8"))
        for source, kinds in data["kinds"].items():
            before = found.kinds.setdefault(source, [])
            before.extend(kind for kind in kinds if kind not in before)
        for pair, odd in data["pairs"].items():
            source, _, target = pair.partition(" -> ")
            if (source, target) not in found.pairs:
                lossy = odd.pop("lossy", None)
                found.pairs[source, target] = odd
                if lossy:
                    found.lossy[source, target] = lossy
    return found


def pair_parts(files: Iterable[Path]) -> dict[str, str]:
    """The generated parts of the page, by name."""
    found = read(files)
    return {
        "frames": _matrix(found),
        "kinds": _kinds(found),
        "pairs": "\n".join(_peculiar(found)) or "There are none.",
        "own": _own(found),
    }


def _symbol(told: str) -> str:
    if told == CARRIED:
        return "●"
    if told == REFUSED:
        return "✗"
    if told.startswith(LOST) and ";" not in told:
        return "!"
    if told == _NO_NULLS:
        return "∅"
    return "≈" if told.startswith("as ") and ";" not in told else "◌"


def _matrix(found: Recorded) -> str:
    frames = found.frames()
    rows = []
    for source in frames:
        cells = []
        for target in frames:
            pair = (source, target)
            if pair not in found.pairs:
                cells.append("" if source == target else "·")
                continue
            kinds = [kind for kind in found.kinds[source] if kind in found.kinds[ARROW]]
            told = [found.finding(*pair, kind) for kind in kinds]
            arrived = sum(each == CARRIED or (each.startswith("as ") and ";" not in each) for each in told)
            worst = "●" if set(told) <= {CARRIED} else "≈" if arrived == len(told) else "◌" if arrived else "✗"
            cells.append("!" if pair in found.lossy else f"{worst} {arrived}/{len(told)}")
        rows.append((f"`{source}`", *cells))
    return _table(("from, to", *(f"`{name}`" for name in frames)), rows)


def _kinds(found: Recorded) -> str:
    """One row per kind, from Arrow: what the other frames make of it."""
    frames = [name for name in found.frames() if (ARROW, name) in found.pairs]
    notes: dict[str, int] = {}
    rows = []
    for kind in found.kinds[ARROW]:
        cells = []
        for target in frames:
            told = found.finding(ARROW, target, kind)
            mark = _symbol(told)
            if mark in "≈◌" or (mark == "!" and told != LOST):
                mark += f" {notes.setdefault(told, len(notes) + 1)}"
            cells.append(mark)
        rows.append((kind, *cells))
    told = "\n".join(f"{number}. {_noted(text)}" for text, number in notes.items())
    return _table(("what", *(f"`{name}`" for name in frames)), rows) + f"\n\n{told}"


def _noted(text: str) -> str:
    if text.startswith("as ") and ";" not in text:
        return f"arrives as `{text.removeprefix('as ')}`"
    if text.startswith(f"{LOST}: ") and ";" not in text:
        return f"refused, unless the loss is allowed; then it arrives as `{text.removeprefix(f'{LOST}: as ')}`"
    told = dict(part.partition(": ")[::2] for part in text.split("; ") if ": " in part)
    if told.get("no rows") == CARRIED and {*told.values()} == {CARRIED, REFUSED} and told.get("values") == REFUSED:
        return "refused for such values; without rows it arrives"
    return text


def _peculiar(found: Recorded) -> Iterator[str]:
    """Where a pair makes something else of a kind than the target does of Arrow."""
    for (source, target), _ in sorted(found.pairs.items()):
        if ARROW in (source, target) or (ARROW, target) not in found.pairs:
            continue
        odd = [
            f"{kind}: {found.finding(source, target, kind)}"
            for kind in found.kinds[source]
            if kind in found.kinds[ARROW] and found.finding(source, target, kind) != found.finding(ARROW, target, kind)
        ]
        if odd:
            yield f"- `{source}` to `{target}`: {'; '.join(odd)}."
    for (source, target), loss in sorted(found.lossy.items()):
        lost = [kind for kind in found.kinds[source] if found.finding(source, target, kind) == LOST]
        yield f"- `{source}` to `{target}` is declared to lose {', '.join(loss)}; lost were: {', '.join(lost) or 'none'}."


def _own(found: Recorded) -> str:
    frames = found.frames()
    rows = []
    for source in frames:
        for kind in found.kinds.get(source, []):
            if kind in found.kinds[ARROW] or kind == "every kind":
                continue
            cells = []
            for target in frames:
                if (source, target) not in found.pairs:
                    cells.append("")
                    continue
                told = found.finding(source, target, kind)
                cells.append(_symbol(told) + (f" `{told.removeprefix('as ')}`" if _symbol(told) == "≈" else ""))
            rows.append((f"`{source}`: {kind}", *cells))
    return _table(("what", *(f"`{name}`" for name in frames)), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
