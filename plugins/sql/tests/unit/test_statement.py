"""How a statement is cut into code and parameters."""

import pytest
import sqlalchemy as sa
from dovetail.errors import DefinitionError
from dovetail_sql._alchemy import text_of
from dovetail_sql._statement import Placeholder, check_names, parse
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("select 1", ()),
        ("select * from t where a = :a and b = :b or a > :a", ("a", "b")),
        ("select x::int from t", ()),
        ("select :x::int", ("x",)),
        ("select ':x', \":y\", `:z`", ()),
        ("select 'it''s :x'", ()),
        ("select E'\\' :x'", ()),
        ("select $$ :x $$, $tag$ :y $tag$", ()),
        ("select 1 -- :x\n, :y", ("y",)),
        ("select 1 /* :x \n ' */ , :y", ("y",)),
        ("select a\\:b, \\:c", ()),
        ("select '10:30', time '10:30:00', a[1:2]", ()),
        ("select json->'a:b' where c=:c", ("c",)),
        ("select :größe", ("größe",)),
        ("create trigger a after insert on t begin insert into u values (1); delete from v; end", ()),
        ("select 1;", ()),
        ("select 1 ; -- done", ()),
    ],
)
def test_only_true_parameters_are_found(text: str, names: tuple[str, ...]) -> None:
    assert parse(text).names == names


@pytest.mark.parametrize("text", ["", "  ", "-- nothing", ";", "/* a */ ;", "select '\x00'", None, ["select 1"]])
def test_no_statement_is_an_error(text: str) -> None:
    with pytest.raises(DefinitionError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["select 1; select 2", "select ';'; drop table t", "drop table a;\n-- x\ndrop table b;"]
)
def test_two_statements_are_an_error(text: str) -> None:
    with pytest.raises(DefinitionError, match="more than one statement"):
        parse(text)


def test_a_list_becomes_one_placeholder_for_each_element() -> None:
    bound = parse("select * from t where a in :ids").bind({"ids": [7, 8]})
    assert bound.values == {"p0_0": 7, "p0_1": 8}
    assert "".join(p if isinstance(p, str) else "?" for p in bound.pieces) == "select * from t where a in (?, ?)"


@pytest.mark.parametrize("text", ["a in (:ids)", "a in :ids", "a IN  ( :ids )"])
def test_a_list_may_stand_in_parentheses(text: str) -> None:
    bound = parse(f"select {text}").bind({"ids": (1,)})
    shown = "".join(p if isinstance(p, str) else "?" for p in bound.pieces)
    assert shown.count("(") == 1


def test_names_of_elements_never_meet_names_of_other_inputs() -> None:
    bound = parse("select :ids, :ids_0, :p0_0").bind({"ids": [1], "ids_0": 2, "p0_0": 3})
    assert sorted(bound.values.values()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "bound", "frames", "said"),
    [
        ("select :month", ["moth"], [], "write :moth"),
        ("select :month", ["year", "month"], [], "input 'year'"),
        ("select :month", [], [], "inputs={'month': int}"),
        ("select * from clean", [], ["clear"], "never reads from clear"),
        ("select :clean", [], ["clean"], "without the colon"),
        ("select 1 -- clean", [], ["clean"], "never reads"),
    ],
)
def test_names_that_disagree_are_an_error_with_the_nearest(text, bound, frames, said) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_names(parse(text), bound, frames, "task 'x'")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ["select * from clean", 'select * from "clean"', "select * from CLEAN c", "from clean"]
)
def test_a_relation_is_found_plain_or_quoted(text: str) -> None:
    check_names(parse(text), [], ["clean"], "task 'x'")


SQLISH = st.text(st.sampled_from("ab1:\\ '\"-/*\n$;?%_"), max_size=30)


@given(SQLISH)
def test_code_reaches_sqlalchemy_as_it_was_written(code: str) -> None:
    """Whatever colons and backslashes stand in the code: text() gives it back, and sees our placeholder alone."""
    try:
        statement = parse(f"select 1 {code}\nwhere x=:value")
    except DefinitionError:
        return
    if statement.names != ("value",):
        return  # the code opened a quote, or holds parameters of its own
    bound = statement.bind({"value": 1})
    compiled = sa.text(text_of(bound)).compile()
    expected = "".join(p if isinstance(p, str) else f":{p.key}" for p in bound.pieces)
    assert [p for p in bound.pieces if isinstance(p, Placeholder)] == [Placeholder("p0")]
    assert str(compiled).replace(" :p0", ":p0") == expected.replace(" :p0", ":p0")
    assert list(compiled.params) == ["p0"]
