"""What was expected is said with the right article."""

from __future__ import annotations

import pytest
from dovetail.types._mismatch import Mismatch


@pytest.mark.parametrize(
    ("expected", "said"),
    [("a object", "an object"), ("a Arrow table", "an Arrow table"), ("a str", "a str"), ("an int", "an int")],
)
def test_the_article_fits(expected: str, said: str) -> None:
    assert str(Mismatch(3, expected).error(str)).startswith(f"expected {said}, got 3")
