"""Secrets: resolved late, shown never, masked in every text."""

from __future__ import annotations

import copy
import html
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from dovetail.config import Secret, Settings, _secrets, redact, redact_data, resolve_secrets, unset_variables
from dovetail.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st

WORD = "corr&ct h\u00f6rse/b@ttery"


@pytest.fixture(scope="module", autouse=True)
def _forget_the_secrets_of_these_tests() -> Iterator[None]:
    known, pattern = set(_secrets._known), _secrets._pattern
    yield
    _secrets._known, _secrets._pattern = known, pattern


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def resolve(value: Any, settings: Settings, **environ: str) -> Any:
    """Resolve in an environment that holds nothing else."""
    return resolve_secrets(value, settings, environ)


# -- resolving ---------------------------------------------------------------------------------------


def test_references_become_secrets_at_any_depth_and_the_rest_stays(settings: Settings) -> None:
    raw = {"url": "u", "auth": [{"env": "TOKEN"}, {"user": "x", "password": {"env": "TOKEN"}}], "port": 5432}
    resolved = resolve(raw, settings, TOKEN="t0psecret")
    assert resolved["url"] == "u"
    assert resolved["port"] == 5432
    assert resolved["auth"][0].reveal() == "t0psecret"
    assert resolved["auth"][1]["password"] == Secret("t0psecret")
    assert raw["auth"][0] == {"env": "TOKEN"}  # type: ignore[index]


@pytest.mark.parametrize("table", [{"env": "A", "other": 1}, {"env": 3}, {"environment": "A"}, {}])
def test_only_a_table_with_that_one_key_is_a_reference(settings: Settings, table: dict[str, Any]) -> None:
    assert resolve(table, settings) == table


@pytest.mark.parametrize(
    ("text", "secret"), [("abcdef\n", "abcdef"), ("abcdef\r\n", "abcdef"), (" a b \n\n", " a b \n")]
)
def test_a_file_is_read_from_the_project_root(settings: Settings, text: str, secret: str) -> None:
    (settings.project_root / "token").write_bytes(text.encode())
    assert resolve({"file": "token"}, settings).reveal() == secret


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ({"env": "NOT_THERE"}, "NOT_THERE is not set"),
        ({"env": "EMPTY"}, "EMPTY is empty"),
        ({"file": "nowhere"}, "nowhere cannot be read"),
        ({"file": "."}, "cannot be read"),
        ({"file": "empty"}, "empty is empty"),
        ({"file": "binary"}, "not UTF-8"),
    ],
)
def test_a_missing_secret_is_named(settings: Settings, reference: dict[str, str], named: str) -> None:
    (settings.project_root / "empty").write_text("\n")
    (settings.project_root / "binary").write_bytes(b"hunter2\xff")
    with pytest.raises(ConfigError) as caught:
        resolve({"deep": [reference]}, settings, EMPTY="")
    assert named in str(caught.value)
    assert caught.value.fix
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_providers_of_plugins_are_asked(settings: Settings) -> None:
    vault = {"pg/password": "from-the-vault"}
    found = resolve_secrets({"vault": "pg/password"}, settings, {}, {"vault": vault.get})
    assert found.reveal() == "from-the-vault"
    with pytest.raises(ConfigError, match="has no secret 'other'"):
        resolve_secrets({"vault": "other"}, settings, {}, {"vault": vault.get})

    def broken(key: str) -> str:
        raise OSError("down")

    with pytest.raises(ConfigError, match="'vault' failed for 'x'") as caught:
        resolve_secrets({"vault": "x"}, settings, {}, {"vault": broken})
    assert isinstance(caught.value.__cause__, OSError)


# -- a secret does not show itself ---------------------------------------------------------------------


def test_no_way_of_printing_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("opensesame")
    logging.getLogger("x").warning("%s %r", secret, {"password": secret})
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>9}", f"{secret:>9}", f"{[secret]}", caplog.text]
    assert not [text for text in shown if "opensesame" in text]
    assert all("***" in text for text in shown)


def test_it_cannot_be_written_down_by_mistake() -> None:
    secret = Secret("opensesame")
    with pytest.raises(TypeError):
        json.dumps({"password": secret})
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        "".join(["a", secret])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_secrets_compare_by_what_they_hide() -> None:
    assert Secret("opensesame") == Secret("opensesame")
    assert Secret("opensesame") != Secret("opensesamf")
    assert Secret("opensesame") != "opensesame"
    assert len({Secret("opensesame"), Secret("opensesame")}) == 1


# -- redaction -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        str,
        repr,
        quote,
        quote_plus,
        lambda text: quote(text, safe=""),
        lambda text: quote(text, safe=" +"),
        lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%40", "%40").replace("%C3%B6", "%c3%b6"),
        json.dumps,
        html.escape,
        lambda text: f"postgresql://user:{quote_plus(text)}@host/db",
    ],
)
def test_every_form_of_a_secret_is_masked(form: Any) -> None:
    Secret(WORD)
    text = redact(f"before {form(WORD)} after")
    assert "***" in text
    for part in ("corr", "rse", "ttery"):
        assert part not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_the_longest_secret_goes_first() -> None:
    Secret("overlap")
    Secret("overlapping-secret")
    assert redact("overlapping-secret overlap") == "*** ***"


def test_the_lines_of_a_key_file_are_masked_one_by_one() -> None:
    Secret("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nshort\n-----END KEY-----\n")
    assert "MIIEvQ" not in redact("line 2: MIIEvQIBADANBgkqhkiG9w0")
    assert redact("short") == "short"


def test_very_short_secrets_are_not_searched_for_but_still_do_not_print() -> None:
    secret = Secret("k7!")
    assert redact("k7! is 7") == "k7! is 7"
    assert str(secret) == "***"
    Secret("      ")  # nor are blanks, which would mask every indent
    assert redact("a      b") == "a      b"


def test_redacting_data_goes_to_any_depth_and_through_numbers() -> None:
    Secret("73519462")
    data = {"a": ["73519462", 73519462, 5, True, None, 1.5], "key 73519462": {"b": ("x73519462y",)}}
    assert redact_data(data) == {"a": ["***", "***", 5, True, None, 1.5], "key ***": {"b": ["x***y"]}}
    assert redact_data({"s": Secret("73519462")}) == {"s": "***"}


@given(st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=4), st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_secrets_are_none_survives(secrets: list[str], before: str, after: str) -> None:
    for secret in secrets:
        Secret(secret)
    for secret in secrets:
        if "*" not in secret and len(secret.strip()) >= 4:
            assert secret not in redact(f"{before}{secret}{after}")


def test_variables_that_are_not_set_are_told_without_reading_any():
    connection = {"a": {"env": "A"}, "deep": [{"b": {"env": "B"}}, {"env": "C"}, {"env": "A"}], "file": {"file": "x"}}
    assert unset_variables(connection, {"B": "", "C": "set"}) == ["A", "B"]
    assert unset_variables({"env": "A", "more": 1}, {}) == []  # two keys: a table of that name, no secret
    assert unset_variables("text", {}) == []
