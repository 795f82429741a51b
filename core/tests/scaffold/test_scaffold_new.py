"""``dovetail plugins new``: a package that works as it is, or nothing at all."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from dovetail.errors import PlatformError
from dovetail.scaffold import PARTS, _new, newest_template
from dovetail.scaffold._answers import ANSWERS_FILE, read_answers

FLAGS = {"task_type": "--task-type", "transformer": "--transformer", "checks": "--checks"}
BROUGHT = {
    "task_type": {"config.py", "task.py", "test_task.py"},
    "transformer": {"counts.py", "transformers.py", "test_counts.py"},
    "checks": {"rules.py", "checks.py", "test_rules.py"},
}
COMBINATIONS = [parts for size in (1, 2, 3) for parts in itertools.combinations(PARTS, size)]


@pytest.mark.parametrize("parts", COMBINATIONS, ids="+".join)
def test_a_plugin_brings_what_was_asked_for(cli, place: Path, parts: tuple[str, ...]) -> None:
    made = cli("plugins", "new", "ledger", *(FLAGS[part] for part in parts), "--json").json
    assert made["parts"] == list(parts)
    files = {path.name for path in (place / "dovetail-ledger").rglob("*") if path.is_file()}
    for part, names in BROUGHT.items():
        assert names & files == (names if part in parts else set())
    manifest = json.loads((place / "dovetail-ledger/src/dovetail_ledger/plugin.dovetail.json").read_text())
    kinds = {"task_type": "TaskTypeSpec", "transformer": "TransformerSpec", "checks": "CheckEngineSpec"}
    assert {item["kind"] for item in manifest["declarations"]} == {kinds[part] for part in parts}


def test_without_a_choice_it_brings_everything(cli) -> None:
    assert cli("plugins", "new", "ledger", "--json").json["parts"] == list(PARTS)


def test_what_is_made_is_told(cli, place: Path) -> None:
    made = cli("plugins", "new", "acme-ledger", "--json").json
    assert made["distribution"] == "acme-ledger"
    assert (made["package"], made["plugin"], made["template"]) == ("acme_ledger", "acme_ledger", newest_template())
    assert made["directory"] == str(place / "acme-ledger")
    found = sorted(p.relative_to(place / "acme-ledger").as_posix() for p in place.rglob("*") if p.is_file())
    assert made["files"] == found
    assert made["next"][0] == "cd acme-ledger" and "pytest" in made["next"]


def test_what_is_made_is_told_to_people_with_what_to_type_next(cli) -> None:
    told = cli("plugins", "new", "ledger", "some/where").out
    assert "made dovetail-ledger in some/where" in told
    assert "  cd some/where\n" in told and "  dovetail plugins show ledger\n" in told


def test_inside_of_a_repository_no_other_one_is_begun(cli, place: Path, git) -> None:
    assert "git init" in cli("plugins", "new", "ledger").out
    git(place, "init", "--quiet")
    assert "git init" not in cli("plugins", "new", "acme-ledger").out


def test_without_git_nobody_is_told_to_type_it(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = cli("plugins", "new", "ledger").out
    assert "git" not in told and "  pytest\n" in told


@pytest.mark.parametrize(("name", "hidden"), [("test", True), ("testing-ground", True), ("ledger", False)])
def test_a_class_whose_name_looks_like_tests_is_not_collected(cli, place: Path, name: str, hidden: bool) -> None:
    cli("plugins", "new", name)
    (config,) = place.glob("*/src/*/config.py")
    assert ("__test__: ClassVar[bool] = False" in config.read_text()) == hidden


def test_every_file_can_be_read_by_what_reads_it(cli, place: Path) -> None:
    cli(
        "plugins", "new", "ledger", "--author", 'Zoë "Z" O\'Hara \\', "--description", 'It\'s {{ 7 * 7 }} "%}" \\n 日本'
    )
    plugin = place / "dovetail-ledger"
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["authors"] == [{"name": 'Zoë "Z" O\'Hara \\'}]
    assert project["description"] == 'It\'s {{ 7 * 7 }} "%}" \\n 日本'
    assert project["entry-points"]["dovetail.plugins"] == {"ledger": "dovetail_ledger.plugin"}
    for path in plugin.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    for path in plugin.rglob("*"):
        if path.is_file() and path.name != "py.typed":
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n") and not text.endswith("\n\n"), path
    jobs = yaml.safe_load((plugin / ".github/workflows/ci.yml").read_text())["jobs"]
    assert {"python-version": "${{ matrix.python }}"} in [step.get("with") for step in jobs["test"]["steps"]]
    told = yaml.safe_load((plugin / ANSWERS_FILE).read_text(encoding="utf-8"))
    answers = read_answers(plugin)
    assert told == {"_template": "dovetail-plugin", "_version": answers.version, **answers.values}


def test_the_author_is_whom_git_commits_as(cli, place: Path) -> None:
    cli("plugins", "new", "ledger", "--license", "MIT")
    assert read_answers(place / "dovetail-ledger").values["author"] == "Ada Lovelace"
    assert "Ada Lovelace" in (place / "dovetail-ledger/LICENSE").read_text()


@pytest.mark.parametrize(
    ("licence", "begins"), [("Apache-2.0", "Apache License"), ("BSD-3-Clause", "BSD"), ("MIT", "MIT")]
)
def test_a_licence_is_there_with_its_text(cli, place: Path, licence: str, begins: str) -> None:
    cli("plugins", "new", "ledger", "--license", licence)
    assert (place / "dovetail-ledger/LICENSE").read_text().strip().startswith(begins)
    project = tomllib.loads((place / "dovetail-ledger/pyproject.toml").read_text())["project"]
    assert project["license"] == licence


def test_there_may_be_no_licence(cli, place: Path) -> None:
    cli("plugins", "new", "ledger", "--license", "none")
    assert not (place / "dovetail-ledger/LICENSE").exists()
    assert "license" not in tomllib.loads((place / "dovetail-ledger/pyproject.toml").read_text())["project"]


def test_the_answers_name_nothing_of_this_machine(cli, place: Path) -> None:
    cli("plugins", "new", "ledger")
    for path in (place / "dovetail-ledger").rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert str(place) not in text and str(Path(_new.__file__).parent) not in text, path


def test_a_directory_that_holds_something_is_left_alone(cli, place: Path) -> None:
    (place / "mine").mkdir()
    (place / "mine/notes.txt").write_text("dear to me")
    done = cli("plugins", "new", "ledger", "mine")
    assert done.code == 2 and "is not empty" in done.err and "plugins update" in done.err
    assert [path.name for path in place.rglob("*")] == ["mine", "notes.txt"]


def test_an_empty_directory_is_filled(cli, place: Path) -> None:
    (place / "mine").mkdir()
    assert cli("plugins", "new", "ledger", "mine").code == 0
    assert (place / "mine/pyproject.toml").exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_directory_is_left_alone(cli, place: Path, kind: str) -> None:
    (place / "elsewhere").mkdir()
    target = place / "mine"
    if kind == "file":
        target.write_text("dear to me")
    else:
        target.symlink_to("elsewhere")
    assert cli("plugins", "new", "ledger", "mine").code == 2
    assert target.is_symlink() if kind == "link" else target.read_text() == "dear to me"
    assert list((place / "elsewhere").iterdir()) == []


def test_a_failure_on_the_way_leaves_nothing_behind(cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PlatformError("the disk is full")

    monkeypatch.setattr(_new, "write_manifest_of", fail)
    assert cli("plugins", "new", "ledger").code == 3
    assert list(place.iterdir()) == [] or [path.name for path in place.iterdir()] == [".dovetail"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--license", "MTI"), "--license MIT"),
        (("--license", "zzz"), "one of Apache-2.0"),
        (("--author", "two\nlines"), "one line of text"),
        (("--description", ""), "one line of text"),
        (("--author", "esc\x1b[31m"), "one line of text"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_to_type(cli, place: Path, words: tuple[str, ...], told: str) -> None:
    done = cli("plugins", "new", "ledger", *words)
    assert done.code == 2 and told in done.err
    assert not (place / "dovetail-ledger").exists()


def test_without_copier_the_line_that_brings_it_is_told(cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "copier", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    done = cli("plugins", "new", "ledger")
    assert done.code == 3 and "pip install 'dovetail[scaffold]'" in done.err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("words", [["--help"], ["plugins", "list"], ["plugins", "new", "--help"]])
def test_who_makes_no_plugin_does_not_pay_for_it(place: Path, words: list[str]) -> None:
    program = (
        "import sys; from dovetail.cli import main; main(sys.argv[1:]); "
        "print(sorted({'copier', 'jinja2', 'dovetail.scaffold'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]\n")


def test_what_copier_cannot_do_is_told_with_a_way_out(cli, place: Path, templates: Path) -> None:
    (templates / "1/copier.yml").write_text('_min_copier_version: "99"\n')
    done = cli("plugins", "new", "ledger")
    assert done.code == 3 and "pip install --upgrade 'dovetail[scaffold]'" in done.err
    assert not (place / "dovetail-ledger").exists()
