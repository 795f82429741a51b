"""Texts and numbers as they are shown."""

from __future__ import annotations

import io
import json
import math
import unicodedata

import pytest
from dovetail import errors
from dovetail.cli._options import Options
from dovetail.cli._output import emit_json
from dovetail.cli._text import bytes_text, clean, one_line, plural, seconds_text
from dovetail.cli._view import value_text
from hypothesis import example, given
from hypothesis import strategies as st


@given(st.text())
@example("\x1b[31mred\x1b[0m")
@example("\x1b]0;title\x07text")
@example("\x9b31m\u202etxt\u2066\x00\x7f\r\n")
@example("\ud800")
def test_what_is_shown_cannot_steer_a_terminal(text):
    shown = clean(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in shown)
    assert clean(shown) == shown
    assert "\n" not in one_line(text)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="_")))
def test_ordinary_text_is_left_alone(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[1;31mb\x1b[0mc", "abc"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("tab\tand\nline\r\n", "tab\tand\nline\n"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ("_dovetail_flows_0a1b2c3d.Config", "Config"),
        ("list[_dovetail_my_flows_0a1b2c3d.Config]", "list[Config]"),
    ],
)
def test_examples_of_clean(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.0001, "0.1 ms"),
        (0.0099, "9.9 ms"),
        (0.01, "10 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (59.9, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
    ],
)
def test_durations(seconds, shown):
    assert seconds_text(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB"), (1 << 50, "1024.0 TiB")],
)
def test_sizes(size, shown):
    assert bytes_text(size) == shown


def test_one_is_no_plural():
    assert [plural(n, "node") for n in (0, 1, 2, 1200)] == ["0 nodes", "1 node", "2 nodes", "1,200 nodes"]


@pytest.mark.parametrize(
    ("inline", "shown"),
    [
        (None, ""),
        ("3", "3"),
        ('"caf\\u00e9"', '"café"'),
        ('"\\u001b[31mred\\u202e"', '"red"'),
        ('{"\\u00fc": ["\\u001b]0;t\\u0007x"]}', '{"ü":["x"]}'),
        ('"two\\nlines"', '"two\\nlines"'),
        ("no JSON\x1b[0m", "no JSON"),
    ],
)
def test_small_values_are_shown_as_text(inline, shown):
    assert value_text(inline) == shown


def test_errors_have_the_name_by_which_users_import_them():
    for name in errors.__all__:
        found = getattr(errors, name)
        if isinstance(found, type):
            assert f"{found.__module__}.{found.__qualname__}" == f"dovetail.errors.{name}"


def test_json_is_such_that_every_reader_takes_it():
    out = io.StringIO()
    emit_json(
        Options(out=out),
        {
            "nan": math.nan,
            1: [math.inf, {"deep": -math.inf}],
            "odd": {
                1,
            },
            "text": "ü",
        },
    )

    def refuse(constant):
        raise ValueError(constant)

    assert json.loads(out.getvalue(), parse_constant=refuse) == {
        "nan": None,
        "1": [None, {"deep": None}],
        "odd": "{1}",
        "text": "ü",
    }


def test_a_terminal_that_lacks_a_letter_gets_an_escape(process, project, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (project / "umlaut.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef odd() -> str:\n    return 'ünï'\n"
        "@dt.task\ndef fail(x: str) -> str:\n    raise ValueError('schön ' + x)\n"
        "@dt.workflow\ndef umlaut() -> str:\n    return fail(odd())\n",
        encoding="utf-8",
    )
    done = process("run", "umlaut.py", "umlaut")
    assert done.code == 2
    assert "sch\\xf6n" in done.err
    told = process("run", "umlaut.py", "umlaut", "--json")
    assert told.json["error"]["details"]["message"] == "schön ünï"
