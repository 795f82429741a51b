"""A secret of one test masks nothing in the next."""

from __future__ import annotations

from dovetail.config import Secret, redact
from dovetail.testing import HubHarness


def test_a_secret_is_forgotten_with_its_hub() -> None:
    before = Secret("hedgehog-of-before")
    with HubHarness():
        Secret("porcupine-of-a-test")
        assert redact("a porcupine-of-a-test") == "a ***"
    assert redact("a porcupine-of-a-test") == "a porcupine-of-a-test"
    assert redact("a hedgehog-of-before") == "a ***" and before
