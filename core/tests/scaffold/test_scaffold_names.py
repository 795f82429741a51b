"""One name becomes all that a plugin needs, or an error that says what to type."""

from __future__ import annotations

import keyword

import pytest
from dovetail.errors import UsageError
from dovetail.scaffold import PluginNames, derive_names
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("ledger", PluginNames("dovetail-ledger", "dovetail_ledger", "ledger", "Ledger")),
        ("dovetail-ledger", PluginNames("dovetail-ledger", "dovetail_ledger", "ledger", "Ledger")),
        ("Ledger", PluginNames("dovetail-ledger", "dovetail_ledger", "ledger", "Ledger")),
        ("acme-ledger", PluginNames("acme-ledger", "acme_ledger", "acme_ledger", "AcmeLedger")),
        ("acme_ledger", PluginNames("acme-ledger", "acme_ledger", "acme_ledger", "AcmeLedger")),
        ("dovetail-big-book", PluginNames("dovetail-big-book", "dovetail_big_book", "big_book", "BigBook")),
        ("h2o", PluginNames("dovetail-h2o", "dovetail_h2o", "h2o", "H2o")),
    ],
)
def test_all_names_come_from_one(name: str, names: PluginNames) -> None:
    assert derive_names(name) == names


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "letters, digits"),
        ("led ger", "letters, digits"),
        ("-ledger", "letters, digits"),
        ("ledger/../x", "letters, digits"),
        ("größe", "letters, digits"),
        ("ledger\n", "letters, digits"),
        ("l" * 41, "at most 40"),
        ("3d", "names begin with a letter"),
        ("x", "fewer than two letters"),
        ("class", "a word of the language"),
        ("none", "a word of the language"),
        ("spark", "dovetail's own"),
        ("dovetail-polars", "dovetail's own"),
        ("Dovetail_Polars", "dovetail's own"),
        ("python", "dovetail's own"),
        ("testing", "dovetail's own"),
        ("sre-compile", "standard library"),
        ("rules", "as one is that it uses"),
        ("path", "as one is that it uses"),
        ("check", "'CheckEngine'"),
        ("dovetail-task-type", "as one is that it uses"),
        ("exception", "as one is that it uses"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(name: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        derive_names(name)
    assert why in caught.value.why
    derive_names(caught.value.fix.rpartition(" ")[2])


@given(st.text(st.characters(codec="ascii"), max_size=12))
def test_whatever_is_typed_gives_names_that_python_can_say_or_a_usage_error(name: str) -> None:
    try:
        names = derive_names(name)
    except UsageError:
        return
    for identifier in (names.package, names.short, names.prefix):
        assert identifier.isidentifier() and not keyword.iskeyword(identifier)
    assert derive_names(names.distribution) == names
