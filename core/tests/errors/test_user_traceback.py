"""Tracebacks begin at the user's code."""

from __future__ import annotations

import concurrent.futures
import sys

import pytest
from dovetail import errors
from dovetail.errors import user_traceback


def machinery(module, call):
    """A function that calls ``call`` from a module of that name."""
    namespace = {"__name__": module, "call": call}
    exec(compile("def through():\n    call()", f"/lib/{module}.py", "exec"), namespace)
    return namespace["through"]


def users_function():
    raise ValueError("mine")


def caught(function):
    try:
        function()
    except BaseException as error:
        error.__traceback__ = error.__traceback__.tb_next  # this frame is the test's, not the user's
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "module", ["dovetail.engine._run", "pluggy._callers", "concurrent.futures.thread", "cloudpickle"]
)
def test_frames_of_the_machinery_are_left_out(module):
    text = user_traceback(caught(machinery(module, users_function)))
    assert text.splitlines()[0] == "Traceback (most recent call last):"
    assert text.splitlines()[1].startswith(f'  File "{__file__}"')
    assert text.splitlines()[-1] == "ValueError: mine"
    assert module not in text


@pytest.mark.parametrize("module", ["dovetail_spark.task", "dovetailed", "concurrent.interpreters"])
def test_frames_of_others_stay(module):
    assert f"/lib/{module}.py" in user_traceback(caught(machinery(module, users_function)))


def test_where_nothing_else_is_left_the_last_frame_stays():
    def raises():
        raise AssertionError

    inner = machinery("dovetail.inner", lambda: None)
    inner.__globals__["call"] = None  # calling it raises in that very frame
    text = user_traceback(caught(machinery("dovetail.outer", inner)))
    assert "dovetail.inner" in text and "dovetail.outer" not in text


def test_causes_and_contexts_keep_only_their_own_frames():
    def first():
        raise KeyError("a")

    def second():
        try:
            machinery("dovetail.x", first)()
        except KeyError as error:
            raise ValueError("b") from error

    def third():
        try:
            machinery("pluggy", second)()
        except ValueError:
            raise TypeError("c")  # noqa: B904  the context is the point

    text = user_traceback(caught(third))
    assert [name in text for name in ("KeyError: 'a'", "ValueError: b", "TypeError: c")] == [True] * 3
    assert "direct cause" in text and "During handling" in text
    assert "/lib/" not in text


def test_members_of_groups_too():
    def group():
        raise ExceptionGroup("several", [caught(machinery("dovetail.x", users_function))])

    text = user_traceback(caught(group))
    assert "ValueError: mine" in text and "/lib/" not in text


def test_a_real_thread_pool_leaves_no_trace():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        text = user_traceback(caught(pool.submit(users_function).result))
    assert "concurrent" not in text and "users_function" in text


def test_an_exception_that_was_never_raised():
    assert user_traceback(ValueError("x")) == "ValueError: x"


def test_an_exception_that_is_its_own_cause():
    error = ValueError("round")
    error.__cause__ = error
    assert "ValueError: round" in user_traceback(error)


def test_endless_recursion_stays_short():
    def again():
        again()

    assert len(user_traceback(caught(again)).splitlines()) < 30


def test_a_long_text_loses_its_middle():
    text = user_traceback(ValueError("x" * 100_000), limit=1000)
    assert len(text) <= 1000
    assert text.startswith("ValueError: x") and "left out" in text


def test_a_shortened_stack_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "tracebacklimit", 1, raising=False)
    assert "ValueError: mine" in user_traceback(caught(machinery("dovetail.x", users_function)))


def test_it_is_public():
    assert "user_traceback" in errors.__all__
