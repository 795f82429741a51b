"""From what is typed to what the workflow gets."""

from __future__ import annotations

import json

import pytest

ECHO = """
import datetime, decimal, enum, uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict
import dovetail as dt

class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"

@dataclass
class Config:
    size: int
    name: str = "n"

class Point(NamedTuple):
    x: int
    y: str = "y"

class Row(TypedDict):
    k: int

def workflow_for(kind, name):
    @dt.task
    def show(value: kind) -> str:
        return repr(value)

    def body(value):
        return show(value)

    body.__annotations__ = {"value": kind, "return": str}
    body.__name__ = body.__qualname__ = name
    return dt.workflow(body)

KINDS = {
    "an_int": int, "a_float": float, "a_str": str, "a_bool": bool, "optional": int | None, "maybe": bool | None,
    "a_union": int | str,
    "literal": Literal["fast", "slow"], "numbers": Literal[1, 2], "an_enum": Color,
    "a_date": datetime.date, "a_datetime": datetime.datetime, "a_duration": datetime.timedelta,
    "a_decimal": decimal.Decimal, "a_uuid": uuid.UUID, "a_path": Path, "a_file": dt.File,
    "ints": list[int], "a_set": set[str], "many": tuple[int, ...], "pair": tuple[int, str],
    "dates": list[datetime.date], "configs": list[Config],
    "config": Config, "point": Point, "row": Row, "frame": "pyarrow.Table", "mapping": dict[str, int], "anything": Any,
}
globals().update({name: workflow_for(kind, name) for name, kind in KINDS.items()})
"""


@pytest.fixture
def echo(project, cli):
    """``echo("an_int", "--value", "3")``: the repr of what the workflow got, or the error as a dict."""
    (project / "echo.py").write_text(ECHO, encoding="utf-8")

    def run(workflow: str, *arguments: str):
        done = cli("run", "echo.py", workflow, "--in-process", "--json", *arguments)
        document = json.loads(done.out)
        if done.code:
            assert document["error"]["exit_code"] == done.code
            return document["error"]
        return document["value"]["preview"]["text"].strip("'\"")

    return run


@pytest.mark.parametrize(
    ("workflow", "arguments", "got"),
    [
        ("an_int", ["--value", "3"], "3"),
        ("an_int", ["--value=-3"], "-3"),
        ("a_float", ["--value", "1e3"], "1000.0"),
        ("a_str", ["--value", "@home"], "@home"),
        ("a_str", ["--value", "3"], "3"),
        ("a_bool", ["--value"], "True"),
        ("a_bool", ["--no-value"], "False"),
        ("a_bool", ["--input", "value=true"], "True"),
        ("a_bool", ["--value=false"], "False"),
        ("a_bool", ["--value=true"], "True"),
        ("maybe", ["--value"], "True"),
        ("maybe", ["--no-value"], "False"),
        ("maybe", ["--value=null"], "None"),
        ("maybe", ["--input", "value=null"], "None"),
        ("optional", ["--value", "3"], "3"),
        ("optional", ["--value", "null"], "None"),
        ("a_union", ["--value", "3"], "3"),
        ("literal", ["--value", "slow"], "slow"),
        ("numbers", ["--value", "2"], "2"),
        ("an_enum", ["--value", "blue"], "<Color.BLUE: 'blue'>"),
        ("an_enum", ["--value", "BLUE"], "<Color.BLUE: 'blue'>"),
        ("a_date", ["--value", "2026-01-31"], "datetime.date(2026, 1, 31)"),
        ("a_datetime", ["--value", "2026-01-31T10:00"], "datetime.datetime(2026, 1, 31, 10, 0)"),
        ("a_duration", ["--value", "PT5M"], "datetime.timedelta(seconds=300)"),
        ("a_decimal", ["--value", "12.50"], "Decimal('12.50')"),
        ("a_uuid", ["--value", "12345678-1234-5678-1234-567812345678"], "UUID('12345678-1234-5678-1234-567812345678')"),
        ("a_path", ["--value", "a/b"], "PosixPath('a/b')"),
        ("ints", ["--value", "1", "--value", "2"], "[1, 2]"),
        ("ints", ["--value", "[1, 2, 3]"], "[1, 2, 3]"),
        ("ints", ["--value", "[]"], "[]"),
        ("ints", ["--value", "@ints.json"], "[4, 5]"),
        ("a_set", ["--value", "a"], "{'a'}"),
        ("many", ["--value", "1", "--value", "2"], "(1, 2)"),
        ("pair", ["--value", '[1, "x"]'], "(1, 'x')"),
        ("dates", ["--value", "2026-01-31"], "[datetime.date(2026, 1, 31)]"),
        ("configs", ["--value", '[{"size": 1}]'], "[Config(size=1, name='n')]"),
        (
            "configs",
            ["--value", '{"size": 1}', "--value", '{"size": 2}'],
            "[Config(size=1, name='n'), Config(size=2, name='n')]",
        ),
        ("config", ["--value", '{"size": 3}'], "Config(size=3, name='n')"),
        ("config", ["--value", "@config.json"], "Config(size=7, name='file')"),
        ("mapping", ["--value", '{"a": 1}'], "{'a': 1}"),
        ("point", ["--value", '[1, "z"]'], "Point(x=1, y='z')"),
        ("point", ["--value", '{"x": 1}'], "Point(x=1, y='y')"),
        ("row", ["--value", '{"k": 1}'], "{'k': 1}"),
        ("anything", ["--value", '{"a": [1]}'], "{'a': [1]}"),
        ("anything", ["--value", "plain text"], "plain text"),
    ],
)
def test_values_are_read_as_the_annotation_says(echo, project, workflow, arguments, got):
    (project / "config.json").write_text('{"size": 7, "name": "file"}', encoding="utf-8")
    (project / "ints.json").write_text("[4, 5]", encoding="utf-8")
    assert echo(workflow, *arguments) == got


def test_a_file_is_given_by_its_path(echo, project):
    (project / "data.csv").write_text("x", encoding="utf-8")
    assert echo("a_file", "--value", "data.csv") == f"File('{project / 'data.csv'}')"


@pytest.mark.parametrize(
    ("workflow", "arguments", "what", "hint"),
    [
        ("an_int", ["--value", "x"], "--value takes an integer, such as 3, not 'x'", "--value"),
        ("an_int", ["--value", "3.5"], "not '3.5'", "--value"),
        ("an_int", ["--value", "1", "--value", "2"], "--value was given 2 times", "once"),
        ("an_int", [], "--value is required", "--value INTEGER"),
        ("an_int", ["--valeu", "3"], "there is no option --valeu", "did you mean --value?"),
        ("an_int", ["--input", "valeu=3"], "has no input 'valeu'", "did you mean value?"),
        ("an_int", ["--input", "value"], "--input takes NAME=VALUE", "--input"),
        ("an_int", ["--value"], "--value", "--help"),
        ("an_int", ["--value", "3", "left over"], "left over", "--help"),
        ("a_float", ["--value", "x"], "takes a number", "--value"),
        ("a_bool", ["--value=maybe"], "--value takes true or false, not 'maybe'", "--value"),
        ("a_bool", ["--no-value=x"], "--no-value", "dovetail run echo.py a_bool --help"),
        ("a_bool", [], "--value is required", "give --value or --no-value"),
        ("literal", ["--value", "fsat"], "takes one of fast, slow, not 'fsat'", "did you mean --value fast?"),
        ("an_enum", ["--value", "green"], "takes one of red, blue", "--value red"),
        ("a_date", ["--value", "31.1.2026"], "takes a date, such as 2026-01-31", "--value"),
        ("a_decimal", ["--value", "1,5"], "takes a decimal number", "--value"),
        ("a_file", ["--value", "dta.csv"], "there is no file 'dta.csv'", "did you mean data.csv?"),
        ("ints", ["--value", "1", "--value", "x"], "takes an integer, such as 3, not 'x'", "--value"),
        ("ints", ["--value", "[1, 2"], "as JSON", "@file.json"),
        ("ints", ["--value", "@nowhere.json"], "'nowhere.json' cannot be read", "path"),
        ("config", ["--value", "{size: 3}"], "as JSON", "@file.json"),
        ("config", ["--value", '{"size": "q"}'], 'not \'{"size": "q"}\'', "--value"),
        (
            "config",
            ["--value", '{"size": 1, "nmae": "x"}'],
            "--value: Config has no field 'nmae'",
            "did you mean 'name'?",
        ),
        ("config", ["--value", '{"zz": 1}'], "--value: Config has no field 'zz'", "its fields: size, name"),
        ("config", ["--value", '{"name": "x"}'], "--value takes Config, not", "add 'size' to the JSON"),
        ("configs", ["--value", '{"siz": 1}'], "has no field 'siz'", "did you mean 'size'?"),
        ("point", ["--value", '{"xx": 1}'], "--value: Point has no field 'xx'", "did you mean 'x'?"),
        ("row", ["--value", '{"k": 1, "kk": 2}'], "--value: Row has no field 'kk'", "did you mean 'k'?"),
        ("point", ["--value", '{"x": "q"}'], "--value takes Point, not", "--value"),
        ("row", ["--value", '{"k": "q"}'], "--value takes Row, not", "--value"),
        ("frame", ["--value", "x.parquet"], "takes a pyarrow.Table, which cannot be typed", "dt.File"),
        ("mapping", ["--value", '{"a": "x"}'], "--value takes dict[str, int]", "--value"),
    ],
)
def test_a_wrong_value_names_the_flag_the_value_and_what_was_expected(echo, project, workflow, arguments, what, hint):
    (project / "data.csv").write_text("x", encoding="utf-8")
    error = echo(workflow, *arguments)
    assert error["exit_code"] == 2
    assert error["kind"] == "user"
    assert what in error["what"]
    assert hint in error["fix"]


def test_a_wrong_place_inside_json_is_named(echo):
    assert "at size" in echo("config", "--value", '{"size": "q"}')["why"]


def test_a_field_that_is_missing_is_named(echo):
    assert echo("config", "--value", "{}")["why"] == "the field 'size' is missing"


def test_a_value_of_another_flag_that_looks_like_one_is_left_alone(echo, cli, project):
    (project / "two.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef show(on: bool, text: str) -> str:\n    return f'{on} {text}'\n"
        "@dt.workflow\ndef two(text: str, on: bool = True) -> str:\n    return show(on, text)\n",
        encoding="utf-8",
    )
    done = cli("run", "two.py", "two", "--in-process", "--json", "--text", "--on=x")
    assert done.json["value"]["preview"]["text"] == "'True --on=x'"


@pytest.mark.parametrize("flag", ["--dep-delay", "--dep_delay"])
def test_both_spellings_of_a_flag_are_taken(cli, flag):
    done = cli("run", "pipeline.py", "plain", "--month", "2", flag, "5", "--in-process", "--json")
    assert done.json["value"]["preview"]["text"] == "7"


def test_options_may_stand_before_the_file_and_after_the_workflow(cli, project):
    before = cli("run", "--home", "here", "--run-id", "one", "pipeline.py", "plain", "--month", "1", "--json")
    after = cli("run", "pipeline.py", "plain", "--month", "1", "--json", "--home", "here", "--run-id", "two")
    assert (before.json["run_id"], after.json["run_id"]) == ("one", "two")
    assert before.json["home"] == after.json["home"] == str(project / "here")


def test_an_input_that_is_called_like_an_option_is_set_by_name(cli, project):
    (project / "clash.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef same(x: str) -> str:\n    return x\n"
        "@dt.workflow\ndef clash(home: str, report: str = 'r') -> str:\n    return same(home)\n",
        encoding="utf-8",
    )
    done = cli("run", "clash.py", "clash", "--in-process", "--json", "--input", "home=mine")
    assert done.json["value"]["preview"]["text"] == "'mine'"
    forgotten = cli("run", "clash.py", "clash", "--home", "elsewhere")
    assert "--input home is required" in forgotten.err
    assert "fix: give --input home=TEXT" in forgotten.err
