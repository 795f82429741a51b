"""The suite of pairs: every frame of an environment with every other, and the file that says what was found."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.errors import nearest
from dovetail.testing._base import Suite, fail
from dovetail.testing._pair_law import PairLaw
from dovetail.testing._pairs import CARRIED, CHANGED, CRASHED, Pair, PairTable

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness

WRITE = "FRAME_PAIRS"
"""Variable: ``write`` writes the file anew instead of comparing with it."""


class PairSuite(Suite):
    """What a frame carries of the others in the hub, and they of it: tried, and recorded in a file beside the test module.

    The file is committed; where what is found is something else than what it says, the suite fails. ``FRAME_PAIRS=write``
    in the environment writes it anew. The pages of the reference are made from such files.

    Attributes:
        type: Declared name of the frame: ``"vaex.dataframe.DataFrame"``.
        results: Name of the file.
        examples: How many tables each ordered pair is tried with.
    """

    type: ClassVar[str] = ""
    results: ClassVar[str] = "frame_pairs.json"
    examples: ClassVar[int] = 200

    def _pairs(self, hub: HubHarness) -> PairTable:
        pairs = PairTable(hub.types)
        if self.type not in pairs.names:
            close = nearest(self.type, pairs.names)
            fail(f"{self.type!r} is no frame here", fix=f'type = "{close}"' if close else "name its plugin, install it")
        return pairs

    def test_pairs_change_nothing(self, hub: HubHarness) -> None:
        """Tables of mixed kinds arrive with equal values, or are refused with a reason; both ways."""
        pairs = self._pairs(hub)
        others = [name for name in pairs.names if name != self.type]
        check_law(pairs, self.type, others, self.examples)
        for other in others:
            check_law(pairs, other, [self.type], self.examples)

    def test_pairs_are_as_recorded(self, hub: HubHarness) -> None:
        """Each kind of column and shape of table, as the file says."""
        pairs = self._pairs(hub)
        found = [
            pairs.measure(*ends) for o in pairs.names if o != self.type for ends in ((o, self.type), (self.type, o))
        ]
        check_recorded(found, Path(inspect.getfile(type(self))).parent / self.results)


def check_law(pairs: PairTable, source: str, targets: Iterable[str], examples: int) -> None:
    """Try tables on the pairs from one source. Raises AssertionError where a value is changed, or too few were tried."""
    wanted = [target for target in targets if target != source and pairs.roads(source, target) == (True, ())]
    tried = PairLaw(pairs, source, wanted).try_examples(examples)
    few = {target: tried.carried[target] for target in wanted if tried.tried(target) < examples}
    if few:
        fail(f"{source} was tried with fewer than {examples} tables", why=str(few), fix="take more kinds of column")


def check_recorded(found: Iterable[Pair], path: Path) -> None:
    """Compare with the file, or write it. Raises AssertionError where a pair changes a value or is not as recorded."""
    pairs = list(found)
    wrong = [
        f"{pair.source} -> {pair.target}, {kind}: {told}"
        for pair in pairs
        for kind, told in pair.findings.items()
        if CHANGED in told or CRASHED in told
    ]
    if wrong:
        fail(
            "a pair changes values, or breaks: " + "; ".join(wrong), fix="refuse what cannot be carried: ValueMismatch"
        )
    text = dumped(pairs)
    if os.environ.get(WRITE) == "write":
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else "{}"
    if before != text:
        fail(
            f"{path.name} does not say what was found",
            why="; ".join(_differences(json.loads(before), json.loads(text))) or "it is written in another way",
            fix=f"look at the change, and if it is meant: {WRITE}=write python -m pytest {path.parent.name}, then make docs",
        )


def dumped(pairs: Iterable[Pair]) -> str:
    """The text of the file: what each source has, and for each pair what is not simply carried."""
    kinds: dict[str, list[str]] = {}
    told: dict[str, Any] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.source, pair.target)):
        kinds.setdefault(pair.source, list(pair.findings))
        odd: dict[str, Any] = {kind: text for kind, text in pair.findings.items() if text != CARRIED}
        told[f"{pair.source} -> {pair.target}"] = {**({"lossy": list(pair.lossy)} if pair.lossy else {}), **odd}
    return json.dumps({"format": 1, "kinds": kinds, "pairs": told}, indent=1, ensure_ascii=False) + "\n"


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    for pair in sorted({*before.get("pairs", {}), *now["pairs"]}):
        old, new = before.get("pairs", {}).get(pair), now["pairs"].get(pair)
        if old is None or new is None:
            found.append(f"{pair} is {'new' if old is None else 'gone'}")
            continue
        found += [
            f"{pair}, {kind}: {old.get(kind, CARRIED)} became {new.get(kind, CARRIED)}"
            for kind in sorted({*old, *new})
            if old.get(kind) != new.get(kind)
        ]
    return found[:12]
