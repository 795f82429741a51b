"""What a content hash must tell apart, and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.errors import shorten
from dovetail.testing._base import fail

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness
    from dovetail.testing._transformers import TransformerSuite


def check_hashes(suite: TransformerSuite, hub: HubHarness) -> None:
    """Fail unless values hash the same exactly if they mean the same."""
    transformer = suite._transformer(hub)

    def check(value: Any) -> None:
        digest = transformer.content_hash(value)
        if not isinstance(digest, str) or len(digest) < 16 or set(digest) - set("0123456789abcdef"):
            fail(f"content_hash() gave {digest!r}", fix="give a hex digest of at least 64 bits")
        if transformer.content_hash(value) != digest:
            fail(f"a {suite.type} has another content hash each time", fix="hash the meaning, not the object")
        if transformer.content_hash(suite.copied(value)) != digest:
            fail(
                f"a copy of a {suite.type} has another content hash: {shorten(value)}",
                why="caches and datasets go by the hash; the copy is equal, its dicts and sets were filled in another order",
                fix="hash the meaning, not the object: sort what has no order, as json.dumps(..., sort_keys=True) does",
            )

    suite._each(hub, check)
    values = suite._few(hub, 12)
    differing = 0
    for position, left in enumerate(values):
        for right in values[position + 1 :]:
            same = suite.equal(left, right)
            differing += not same
            if same != (transformer.content_hash(left) == transformer.content_hash(right)):
                told = "equal values hash differently" if same else "different values have one content hash"
                fail(f"{told}: {shorten(left)} and {shorten(right)}", why="caches and datasets go by the hash")
    if not differing:
        fail("values() gives no two values that differ", fix="give some more")
