"""What Daft carries of Arrow, and Arrow of it; `docs/reference/frame-pairs.md` takes in what is recorded here."""

from __future__ import annotations

from dovetail.testing import PairSuite

LEFT = "Daft keeps it as long as the process lives"


class TestPairs(PairSuite):
    plugin = "dovetail_daft.plugin"
    type = "daft.DataFrame"
    may_leave = {"DaftBackgroundEventLoop": LEFT, "Thread-*": LEFT}
