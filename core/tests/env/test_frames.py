"""Messages: what goes in comes out, whatever the portions; what is no message is refused."""

from __future__ import annotations

import math

import pytest
from dovetail.env import _frames
from dovetail.env._frames import BrokenProtocol, FrameBuffer, frame, from_json, to_json
from dovetail.errors import PlatformError
from hypothesis import given
from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_json_comes_back_equal_and_of_the_same_types(value):
    assert repr(from_json(to_json(value, "value"))) == repr(value)


@given(st.lists(st.tuples(st.integers(1, 8), st.binary(max_size=200)), max_size=5), st.integers(1, 50))
def test_frames_come_out_whole_whatever_the_portions(frames, portion):
    stream = b"".join(frame(kind, body) for kind, body in frames)
    buffer, received = FrameBuffer(), []
    for start in range(0, len(stream), portion):
        buffer.feed(stream[start : start + portion])
        while (found := buffer.next()) is not None:
            received.append(found)
    assert received == frames


@given(st.binary(min_size=8, max_size=40).filter(lambda data: data[:3] != b"dt\x01"))
def test_what_is_no_frame_is_refused(data):
    buffer = FrameBuffer()
    buffer.feed(data)
    with pytest.raises(BrokenProtocol):
        buffer.next()


def test_another_protocol_version_is_named():
    buffer = FrameBuffer()
    buffer.feed(_frames.HEADER.pack(b"dt", 9, 1, 0))
    with pytest.raises(BrokenProtocol, match="version 9"):
        buffer.next()


def test_an_announced_length_above_the_cap_is_refused_before_its_bytes_arrive():
    buffer = FrameBuffer()
    buffer.feed(_frames.HEADER.pack(b"dt", _frames.VERSION, 1, _frames.MAX_FRAME + 1))
    with pytest.raises(BrokenProtocol, match="cap"):
        buffer.next()


def test_a_body_above_the_cap_is_refused_with_its_size():
    with pytest.raises(PlatformError, match="code of the task is too large") as caught:
        frame(1, bytes(_frames.MAX_FRAME + 1), "code of the task")
    assert f"{_frames.MAX_FRAME + 1:,}" in caught.value.why


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_capped_on_the_way_out():
    assert from_json(to_json(nested(_frames.MAX_DEPTH), "v")) == nested(_frames.MAX_DEPTH)
    for depth in (_frames.MAX_DEPTH + 1, 100_000):
        with pytest.raises(PlatformError, match="not JSON") as caught:
            to_json(nested(depth), "value")
        assert "deeper" in caught.value.why


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"[" * 101 + b"]" * 101, b'{"a":NaN}', b"1e400", b'{"a":', b"\xff", b"", b"\x80\x05K\x01."],
    ids=["deep", "one-too-deep", "nan", "inf", "cut", "bytes", "empty", "pickle"],
)
def test_what_is_not_acceptable_json_breaks_the_protocol(body):
    with pytest.raises(BrokenProtocol):
        from_json(body)


def test_a_cycle_is_refused():
    value = {}
    value["self"] = value
    with pytest.raises(PlatformError, match="not JSON"):
        to_json(value, "value")


@pytest.mark.parametrize("leaf", [math.nan, math.inf, b"x", (1,), {1}, 1j, object(), type("S", (str,), {})("x")])
def test_values_that_would_change_are_refused_by_path(leaf):
    with pytest.raises(PlatformError) as caught:
        to_json({"rows": [1, {"x": leaf}]}, "value")
    assert "it['rows'][1]['x']" in caught.value.why


def test_an_integer_with_too_many_digits_is_refused():
    with pytest.raises(PlatformError, match="not JSON"):
        to_json(10**5000, "value")
