"""Errors on their way back: text and JSON, from a closed list of classes."""

from __future__ import annotations

import pytest
from dovetail import errors
from dovetail.env._frames import BrokenProtocol, object_from_json
from dovetail.env._outcomes import describe_as_json, rebuild
from dovetail.errors import DovetailError, PlatformError

CLASSES = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, DovetailError)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_of_the_tree_makes_the_journey(cls):
    error = cls("what", who="who", why="why", fix="fix", number=1, nested={"a": [1, None]})
    back = rebuild(object_from_json(describe_as_json(error)), "job")
    assert type(back) is cls
    assert back.to_dict() == error.to_dict()


@pytest.mark.parametrize("name", ["NoSuchError", "nearest", "__class__", "SystemExit", None, 3, ["TaskFailed"]])
def test_a_class_that_is_not_in_the_tree_is_a_platform_error(name):
    back = rebuild({"type": name, "what": "w", "who": None, "why": None, "fix": None, "details": {}}, "job")
    assert type(back) is PlatformError
    assert back.who == "job"


def test_details_named_like_parts_do_no_harm():
    details = {"what": 1, "self": 2, "who": 3}
    back = rebuild({"type": "UserError", "what": "w", "who": None, "why": None, "fix": None, "details": details}, "")
    assert back.details == details
    assert back.what == "w" and back.who is None


@pytest.mark.parametrize(
    "described", [{}, {"what": 1, "details": {}}, {"what": "w", "details": []}, {"what": "w", "details": {}, "why": 1}]
)
def test_a_malformed_error_breaks_the_protocol(described):
    with pytest.raises(BrokenProtocol):
        rebuild(described, "job")


def test_details_that_are_too_large_or_too_deep_are_left_out_or_cut():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    for details in ({"deep": deep}, {"large": "x" * (65 << 20)}):
        back = rebuild(object_from_json(describe_as_json(PlatformError("w", **details))), "job")
        assert back.what == "w"
