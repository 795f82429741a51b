"""``dovetail plugins update``: what the template has grown comes in, what the author wrote stays."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from dovetail.scaffold._answers import ANSWERS_FILE, read_answers

README, TASK = "project/README.md.jinja", "project/src/{{ package }}/task.py.jinja"


@pytest.fixture
def plugin(cli, place: Path, committed, templates: Path) -> Path:
    """A plugin made from template 1, committed."""
    assert cli("plugins", "new", "ledger").code == 0
    return committed(place / "dovetail-ledger")


def text_of(template: Path, name: str) -> str:
    return (template / "1" / name).read_text(encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_edits_and_the_template_come_together(cli, plugin: Path, committed, templates: Path, second) -> None:
    second(
        {
            README: text_of(templates, README) + "\n## Help\n\nAsk.\n",
            "project/docs/index.md.jinja": "# {{ distribution }}\n",
        }
    )
    edit(plugin / "README.md", "# dovetail-ledger\n", "# The ledger of my own\n")
    (plugin / "src/dovetail_ledger/mine.py").write_text("MINE = 1\n")
    committed(plugin)
    done = cli("plugins", "update", str(plugin), "--json")
    assert done.code == 0, done.err
    assert {key: done.json[key] for key in ("before", "after", "changed", "added", "removed", "conflicts", "kept")} == {
        "before": 1,
        "after": 2,
        "changed": ["README.md"],
        "added": ["docs/index.md"],
        "removed": [],
        "conflicts": [],
        "kept": [],
    }
    readme = (plugin / "README.md").read_text()
    assert readme.startswith("# The ledger of my own\n") and readme.endswith("## Help\n\nAsk.\n")
    assert (plugin / "docs/index.md").read_text() == "# dovetail-ledger\n"
    assert (plugin / "src/dovetail_ledger/mine.py").read_text() == "MINE = 1\n"
    assert read_answers(plugin).version == 2


def test_a_conflict_is_marked_and_git_will_not_commit_it(
    cli, plugin: Path, committed, git, templates: Path, second
) -> None:
    second({TASK: text_of(templates, TASK).replace("Make the directory,", "Make a directory,")})
    edit(plugin / "src/dovetail_ledger/task.py", "Make the directory,", "Make my directory,")
    committed(plugin)
    done = cli("plugins", "update", str(plugin))
    assert done.code == 2
    assert "conflict: src/dovetail_ledger/task.py" in done.out and "git add src/dovetail_ledger/task.py" in done.out
    marked = (plugin / "src/dovetail_ledger/task.py").read_text()
    for line in ("<<<<<<< yours", "Make my directory,", "Make a directory,", ">>>>>>> template 2"):
        assert line in marked
    assert "UU src/dovetail_ledger/task.py" in git(plugin, "status", "--porcelain")


def test_a_plugin_in_a_part_of_a_repository_is_updated_too(cli, place: Path, committed, git, templates, second) -> None:
    cli("plugins", "new", "ledger", "plugins/ledger")
    second({TASK: text_of(templates, TASK).replace("Make the directory,", "Make a directory,")})
    edit(place / "plugins/ledger/src/dovetail_ledger/task.py", "Make the directory,", "Make my directory,")
    committed(place)
    (place / "elsewhere.txt").write_text("not committed, and not of the plugin")
    assert cli("plugins", "update", "plugins/ledger").code == 2
    assert "UU plugins/ledger/src/dovetail_ledger/task.py" in git(place, "status", "--porcelain")


def test_a_file_that_the_author_removed_stays_removed(cli, plugin: Path, committed, templates: Path, second) -> None:
    second({README: text_of(templates, README) + "\nMore.\n"})
    (plugin / "README.md").unlink()
    committed(plugin)
    assert cli("plugins", "update", str(plugin), "--json").json["changed"] == []
    assert not (plugin / "README.md").exists()


def test_what_the_template_has_no_more_goes_unless_it_was_edited(cli, plugin: Path, committed, second) -> None:
    second({"project/CHANGELOG.md.jinja": None, "project/.gitignore.jinja": None})
    edit(plugin / "CHANGELOG.md", "The first version.", "The very first.")
    committed(plugin)
    told = cli("plugins", "update", str(plugin), "--json").json
    assert (told["removed"], told["kept"]) == ([".gitignore"], ["CHANGELOG.md"])
    assert not (plugin / ".gitignore").exists()
    assert "The very first." in (plugin / "CHANGELOG.md").read_text()


def test_a_file_that_both_have_added_is_merged_from_nothing(cli, plugin: Path, committed, second) -> None:
    second({"project/NOTICE.jinja": "of the template\n"})
    (plugin / "NOTICE").write_text("of mine\n")
    committed(plugin)
    told = cli("plugins", "update", str(plugin), "--json").json
    assert told["conflicts"] == ["NOTICE"]
    assert {"of mine", "of the template"} <= set((plugin / "NOTICE").read_text().splitlines())


def test_a_link_that_leads_elsewhere_is_not_written_through(
    cli, plugin: Path, committed, place, templates, second
) -> None:
    second({README: text_of(templates, README) + "\nMore.\n"})
    outside = place / "outside.md"
    outside.write_text("of somebody else\n")
    (plugin / "README.md").unlink()
    (plugin / "README.md").symlink_to(outside)
    committed(plugin)
    assert cli("plugins", "update", str(plugin), "--json").json["kept"] == ["README.md"]
    assert outside.read_text() == "of somebody else\n"


def test_the_manifest_is_made_anew(cli, plugin: Path, templates: Path, second) -> None:
    name = "project/src/{{ package }}/plugin.py.jinja"
    second({name: text_of(templates, name).replace("how often each key occurs", "keys and their counts")})
    assert cli("plugins", "update", str(plugin)).code == 0
    manifest = json.loads((plugin / "src/dovetail_ledger/plugin.dovetail.json").read_text())
    assert "keys and their counts" in {item["summary"] for item in manifest["declarations"]}


def test_a_manifest_that_cannot_be_made_is_told(cli, plugin: Path, committed, templates: Path, second) -> None:
    second({README: text_of(templates, README) + "\nMore.\n"})
    (plugin / "src/dovetail_ledger/plugin.py").write_text("raise RuntimeError('not today')\n")
    committed(plugin)
    assert "could not be written" in cli("plugins", "update", str(plugin), "--json").json["manifest"]


def test_a_plugin_of_the_newest_template_is_left_alone(cli, plugin: Path, git) -> None:
    (plugin / "README.md").write_text("not committed, and nobody asks")
    done = cli("plugins", "update", str(plugin))
    assert done.code == 0 and "of template 1, the newest" in done.out
    assert git(plugin, "status", "--porcelain") == " M README.md\n"


def test_updating_twice_is_updating_once(cli, plugin: Path, committed, git, templates: Path, second) -> None:
    second({README: text_of(templates, README) + "\nMore.\n"})
    cli("plugins", "update", str(plugin))
    committed(plugin)
    assert cli("plugins", "update", str(plugin), "--json").json["changed"] == []
    assert git(plugin, "status", "--porcelain") == ""


@pytest.mark.parametrize("change", ["edited", "added"])
def test_what_is_not_committed_is_refused_first(cli, plugin: Path, second, change: str) -> None:
    second({})
    name = "README.md" if change == "edited" else "new.txt"
    (plugin / name).write_text("not committed")
    done = cli("plugins", "update", str(plugin))
    assert done.code == 2 and name in done.err and "git commit" in done.err
    assert read_answers(plugin).version == 1


def test_a_plugin_outside_of_git_is_refused(cli, place: Path, templates: Path, second) -> None:
    cli("plugins", "new", "ledger")
    second({})
    done = cli("plugins", "update", "dovetail-ledger")
    assert done.code == 2 and "git init" in done.err


def test_without_git_it_is_told_that_git_is_needed(cli, plugin: Path, second, monkeypatch: pytest.MonkeyPatch) -> None:
    second({})
    monkeypatch.setenv("PATH", os.devnull)
    done = cli("plugins", "update", str(plugin))
    assert done.code == 3 and "install git" in done.err


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (None, "was not made by dovetail plugins new"),
        ("_src_path: gh:somebody/template\n", "cannot be read"),
        ('_template: "other"\n_version: 1\n', "of another template"),
        ('_template: "dovetail-plugin"\n_version: 99\n', "has no template 99"),
        ('_template: "dovetail-plugin"\n_version: 1\nauthor: [1]\n', "neither text nor yes or no"),
    ],
)
def test_answers_that_are_not_ours_are_refused(cli, plugin: Path, committed, second, answers, told: str) -> None:
    second({})
    if answers is None:
        (plugin / ANSWERS_FILE).unlink()
    else:
        (plugin / ANSWERS_FILE).write_text(answers)
    committed(plugin)
    done = cli("plugins", "update", str(plugin))
    assert done.code == 2 and told in done.err
