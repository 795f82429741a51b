"""Nothing that a user can type or name is undocumented, and nothing is documented that is not there: `scripts/undocumented.py`.

The tables of mutants below are the proof that this check can fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

import click
import dovetail
import pytest
from dovetail.errors import Deprecation
from dovetail.spec import HOOK_NAMES

Load = Callable[[str], ModuleType]

CLI = "docs/reference/cli.md"
CONFIGURE = "docs/how-to/configure.md"
ERRORS = "docs/reference/errors.md"
HOOKS = "docs/reference/hooks.md"
INDEX = "docs/README.md"
NAMES = "docs/reference/python-api.md"
GATES = "docs/how-to/gates.md"


@pytest.fixture(scope="module")
def reference(load: Load) -> ModuleType:
    return load("reference")


@pytest.fixture(scope="module")
def check(load: Load, reference: ModuleType) -> ModuleType:
    """`scripts/undocumented.py`."""
    return load("undocumented")


def test_documentation_and_code_agree(check: ModuleType) -> None:
    assert check.complaints(check.read_pages()) == []


def test_the_generated_parts_are_current(reference: ModuleType) -> None:
    assert [str(path) for path in reference.stale()] == [], "make docs"


# A page, what is taken out (the first match), what comes instead, and what must be said.
MUTANTS = {
    "a hook is gone": (HOOKS, r"## dovetail_secrets.*\n", "", "lacks the hook dovetail_secrets() -> "),
    "a hook has another signature": (HOOKS, r"\(event: dict\[str, Any\]\)", "(event)", "lacks the hook dovetail_on_event(event"),
    "a hook is invented": (HOOKS, r"\Z", "\n## dovetail_wishes() -> None\n", "names the hook dovetail_wishes() -> None"),
    "a declaration is gone": (HOOKS, r"### CodecSpec\n", "", "lacks the declaration CodecSpec"),
    "a declaration is invented": (HOOKS, r"\Z", "\n### WishSpec\n", "names the declaration WishSpec"),
    "a field is gone": (HOOKS, r"\| `lossy` .*\n", "", "lacks the field of ConverterSpec lossy"),
    "a field is invented": (HOOKS, r"(\| `lossy` .*\n)", r"\1| `colour` | `str` |  | Blue. |\n", "ConverterSpec colour"),
    "a field is not explained": (HOOKS, r"(\| `lossy` .*)\|[^|]*\|\n", r"\1|  |\n", "what ConverterSpec.lossy means"),
    "a setting is gone": (CONFIGURE, r"\| `strict` .*\n", "", "lacks the setting strict"),
    "a setting is invented": (CONFIGURE, r"(\| `strict` .*\n)", r"\1| `mood` | | | Good. |\n", "the setting mood"),
    "a variable of a setting is gone": (CONFIGURE, r"`DOVETAIL_STRICT`", "", "lacks the environment variable DOVETAIL_STRICT"),
    "another variable is gone": (CONFIGURE, r"\| `NO_COLOR` .*\n", "", "lacks the environment variable NO_COLOR"),
    "a variable is invented": (CONFIGURE, r"(\| `NO_COLOR` .*\n)", r"\1| `SHOE_SIZE` | 43 |\n", "variable SHOE_SIZE, which"),
    "a variable is invented elsewhere": (GATES, r"\Z", "\nSet `DOVETAIL_MOOD`.\n", "gates.md names the environment variable"),
    "an error is gone": (ERRORS, r"\| `WorkerDied` .*\n", "", "lacks the error WorkerDied"),
    "an error has another code": (ERRORS, r"(\| `WorkerDied` .*) 3 ", r"\1 2 ", "the error WorkerDied PlatformError platform 2"),
    "an error is invented": (ERRORS, r"(\| `WorkerDied` .*\n)", r"\1| `BadLuck` | x | x | 2 | x |\n", "the error BadLuck"),
    "an error is invented elsewhere": (GATES, r"\Z", "\n`dt.errors.BadLuck`\n", "gates.md names dovetail.errors.BadLuck"),
    "an exit code is gone": (ERRORS, r"\| 130 .*\n", "", "errors.md lacks the exit code 130"),
    "an exit code is gone from the other table": (CLI, r"\| 143 .*\n", "", "cli.md lacks the exit code 143"),
    "an exit code is invented": (CLI, r"(\| 143 .*\n)", r"\1| 99 | luck |\n", "names the exit code 99"),
    "a public name is gone": (NAMES, r"\| `dt.map` .*\n", "", "lacks the name dt.map"),
    "a public name is not explained": (NAMES, r"\| `dt.map` .*\n", "| `dt.map` | maps |\n", "what dt.map is"),
    "a public name is invented": (NAMES, r"(\| `dt.map` .*\n)", r"\1| `dt.wish` | makes it come true |\n", "the name dt.wish"),
    "a public name is invented elsewhere": (GATES, r"\Z", "\n```python\ndt.wish()\n```\n", "gates.md names the name dt.wish"),
    "the section of a command is gone": (CLI, r"## `dovetail datasets`\n", "", "lacks the command datasets"),
    "the section of a command is invented": (CLI, r"\Z", "\n## `dovetail wish`\n", "names the command wish"),
    "a verb is invented": (CLI, r"(\| `runs cancel RUN` .*\n)", r"\1| `runs praise RUN` | praises it |\n", "command runs praise"),
    "a verb is invented elsewhere": (GATES, r"\Z", "\n```sh\ndovetail runs praise\n```\n", "gates.md names the command runs"),
    "an option is gone": (CLI, r"\| `--run-id ID` .*\n", "", "lacks the option run --run-id"),
    "a short option is gone": (CLI, r"\| `--quiet`, `-q` ", "| `--quiet` ", "lacks the option run -q"),
    "an option of a verb is gone": (CLI, r" \[--workflow NAME\]", "", "lacks the option runs list --workflow"),
    "an option is invented": (CLI, r"(\| `--run-id ID` .*\n)", r"\1| `--luck N` | more of it |\n", "names the option run --luck"),
    "an option of a verb is invented": (CLI, r"(`runs list )", r"\1[--luck] ", "names the option runs list --luck"),
    "an option stands at another verb": (CLI, r"(`runs cancel RUN)", r"\1 [--limit N]", "names the option runs cancel --limit"),
    "an option is invented elsewhere": (GATES, r"\Z", "\n```sh\ndovetail runs list --luck 3\n```\n", "types the option runs"),
    "a page is not in the index": (INDEX, r"\(how-to/gates\.md\)", "(how-to/sql.md)", "lacks the page docs/how-to/gates.md"),
    "an option of every command is gone": (CLI, r"\| `--debug` .*\n", "", "lacks the option of every command --debug"),
}  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_page_that_is_wrong_is_told(mutant: str, check: ModuleType) -> None:
    page, pattern, instead, said = MUTANTS[mutant]
    pages = check.read_pages()
    changed = re.sub(pattern, instead, pages[page], count=1)
    assert changed != pages[page], "the mutant is no mutant"
    before = set(check.complaints(pages))
    found = set(check.complaints({**pages, page: changed})) - before
    assert any(said in line for line in found), found


def test_a_verb_that_nobody_documented_is_told(check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = check.all_commands()["runs"]
    monkeypatch.setitem(runs.commands, "praise", click.Command("praise"))
    assert "docs/reference/cli.md lacks the command runs praise" in check.complaints(check.read_pages())


def test_an_option_that_nobody_documented_is_told(check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = check.all_commands()["runs list"]
    monkeypatch.setattr(listing, "params", [*listing.params, click.Option(["--luck"])])
    assert "docs/reference/cli.md lacks the option runs list --luck" in check.complaints(check.read_pages())


def test_a_public_name_that_nobody_documented_is_told(check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovetail, "__all__", [*dovetail.__all__, "wish"])
    assert "docs/reference/python-api.md lacks the name dt.wish" in check.complaints(check.read_pages())


@pytest.mark.parametrize(
    "code",
    [
        'os.environ["SHOE_SIZE"]',
        'os.environ.get("SHOE_SIZE", "43")',
        'os.getenv("SHOE_SIZE")',
        '"SHOE_SIZE" in os.environ',
        'environ.pop("SHOE_SIZE")',
    ],
)
def test_a_variable_that_code_reads_is_seen(code: str, check: ModuleType) -> None:
    assert list(check._looked_up(check.ast.parse(code))) == ["SHOE_SIZE"]


# -------------------------------------------------------------------------------------------------
# What is generated
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("docstring", "reason"),
    [
        ("Wish.\n\nReturns: x.\nCalled: x.\nCollected: x.\nIf it raises: x.", "a section is missing"),
        ("Wish.\n\nCalled: x.\nReturns: x.\nCollected: x.\nIf it raises: x.\nSince: x.", "out of order"),
        ("Wish.\n\nReturns:\nCalled: x.\nCollected: x.\nIf it raises: x.\nSince: x.", "an empty one"),
        ("Returns: x.\nCalled: x.\nCollected: x.\nIf it raises: x.\nSince: x.", "no summary"),
    ],
)
def test_a_hook_whose_docstring_lacks_something_is_refused(docstring: str, reason: str, reference: ModuleType) -> None:
    with pytest.raises(ValueError, match="has the sections"):
        reference.hook_sections("dovetail_secrets", docstring)


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_every_section_of_every_hook_is_on_the_page(name: str, reference: ModuleType, check: ModuleType) -> None:
    text = check.section(check.read_pages()[HOOKS], f"{name}{reference.signature(getattr(check._hookspecs, name))}")
    wanted = [each for each in reference.SECTIONS if each != "Parameters" or name == "dovetail_on_event"]
    assert re.findall(r"^- \*\*(.+)\*\*: \S", text, re.MULTILINE) == wanted


def test_every_deprecation_is_a_row(reference: ModuleType) -> None:
    entries = [
        Deprecation("dt.task(retry=...)", "write ``dt.task(retries=...)``", "0.2", "0.4", "counts are plural"),
        Deprecation("dovetail_frames", "implement ``dovetail_type_transformers``", "0.3", "1.0", "one | hook", api=1),
    ]
    assert reference.deprecations(entries).splitlines()[2:] == [
        "| `dt.task(retry=...)` | write `dt.task(retries=...)` | 0.2 | 0.4 |  | counts are plural |",
        "| `dovetail_frames` | implement `dovetail_type_transformers` | 0.3 | 1.0 | 1 | one \\| hook |",
    ]


BEGIN, END = "<!-- hooks: written by make docs -->\n", "<!-- end of hooks -->\n"


@pytest.mark.parametrize("text", ["", BEGIN, END + BEGIN, BEGIN + END + BEGIN + END])
def test_a_page_without_a_place_for_its_part_is_refused(text: str, reference: ModuleType) -> None:
    with pytest.raises(ValueError, match="the part hooks needs"):
        reference.filled("page.md", text, {"hooks": "x"})


def test_writing_twice_changes_nothing_and_keeps_the_prose(reference: ModuleType) -> None:
    page = "before\n<!-- a: written by make docs -->\nold\n<!-- end of a -->\nafter\n"
    once = reference.filled("page.md", page, {"a": "new"})
    assert once == "before\n<!-- a: written by make docs -->\n\nnew\n\n<!-- end of a -->\nafter\n"
    assert reference.filled("page.md", once, {"a": "new"}) == once
