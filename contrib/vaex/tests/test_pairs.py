"""What Vaex carries of Arrow, and Arrow of it; `docs/reference/frame-pairs.md` takes in what is recorded here."""

from __future__ import annotations

from dovetail.testing import PairSuite


class TestPairs(PairSuite):
    plugin = "dovetail_vaex.plugin"
    type = "vaex.dataframe.DataFrame"
    may_leave = {"ThreadPoolExecutor-*": "Vaex computes in a pool of threads that lives as long as the process"}
