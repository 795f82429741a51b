"""What Modin carries of Arrow, and Arrow of it; `docs/reference/frame-pairs.md` takes in what is recorded here."""

from __future__ import annotations

from dovetail.testing import PairSuite


class TestPairs(PairSuite):
    plugin = "dovetail_modin.plugin"
    type = "modin.pandas.DataFrame"
