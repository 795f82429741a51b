"""Output is cut into lines of bounded length; nothing is lost, nothing is invented."""

from __future__ import annotations

from dovetail.env._lines import MAX_LINE, Lines
from hypothesis import given
from hypothesis import strategies as st


def cut(portions):
    lines = []
    cutter = Lines("stdout", lambda stream, line: lines.append(line))
    for portion in portions:
        cutter.feed(portion)
    cutter.finish()
    return lines


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])), st.integers(1, 10))
def test_any_portions_give_the_same_lines(text, size):
    data = text.encode()
    expected = text.split("\n")
    if expected[-1] == "":
        expected.pop()
    assert cut(data[start : start + size] for start in range(0, len(data), size)) == expected


@given(st.sampled_from("aé€😀"), st.integers(0, 3), st.integers(1, 3))
def test_an_overlong_line_comes_in_pieces_that_split_no_character(character, shift, times):
    text = "x" * shift + character * (MAX_LINE * times)
    pieces = cut([text.encode()])
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= MAX_LINE for piece in pieces)


def test_a_line_without_end_is_not_gathered_for_ever():
    cutter = Lines("stderr", None)
    for _ in range(100):
        cutter.feed(bytes(MAX_LINE))
    assert len(cutter._rest) <= MAX_LINE


def test_undecodable_bytes_are_replaced():
    assert cut([b"a\xffb\r\n\xc3"]) == ["a�b", "�"]


def test_the_tail_is_short():
    cutter = Lines("stderr", None)
    cutter.feed(b"".join(b"%d %s\n" % (number, b"x" * 5000) for number in range(100)))
    assert cutter.tail().splitlines()[-1].startswith("99 x")
    assert len(cutter.tail()) < 25_000
