"""The runner of the checks is itself checked: what goes wrong in a suite must show in the counts."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Load = Callable[[str], ModuleType]
Judge = Callable[[str], Any]


@pytest.fixture
def judge(load: Load, tmp_path: Path) -> Judge:
    """What the runner makes of a suite that is one file with this text."""
    runner = load("test_all")

    def run(text: str) -> Any:
        (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
        outcome = runner.Outcome("example")
        runner.suite(Path(sys.executable), tmp_path, outcome)
        return outcome

    return run


def test_counts_are_those_of_pytest(judge: Judge) -> None:
    outcome = judge(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(3))\n"
        "def test_good(n): pass\n"
        "def test_bad(): assert False\n"
        "def test_skipped(): pytest.skip('no')\n"
    )
    assert (outcome.passed, outcome.failed, outcome.skipped, outcome.wrong) == (3, 1, 1, [])
    assert not outcome.good


def test_a_broken_fixture_counts_as_a_failure(judge: Judge) -> None:
    outcome = judge(
        "import pytest\n@pytest.fixture\ndef bad():\n    yield\n    raise OSError\n\ndef test_one(bad): assert False\n"
    )
    assert (outcome.passed, outcome.failed) == (0, 1)


def test_a_suite_that_runs_nothing_is_wrong(judge: Judge) -> None:
    assert "no test ran" in judge("").wrong
    assert "no test ran" in judge("import pytest\ndef test_one(): pytest.skip('all of it')\n").wrong


def test_a_suite_that_cannot_be_collected_is_wrong(judge: Judge) -> None:
    assert not judge("import no_such_module_anywhere\ndef test_one(): pass\n").good


def test_a_suite_whose_process_dies_is_wrong(judge: Judge) -> None:
    outcome = judge("import os\ndef test_one(): pass\ndef test_two(): os._exit(0)\n")
    assert not outcome.good


def saying(runner: ModuleType, name: str, code: str, *arguments: Path) -> Any:
    """A step that runs a program in this language."""
    words = [sys.executable, "-c", f"import sys\nprint('{name} one', flush=True)\n{code}\nprint('{name} two')"]
    words += map(str, arguments)
    return runner.Step(name, lambda outcome: runner.CHILDREN.run(words, outcome, os.environ, 60))


def test_steps_run_at_once_and_each_is_shown_as_a_whole(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = load("test_all")
    os.mkfifo(tmp_path / "pipe")  # opened by the one, it waits until it is opened by the other
    steps = [saying(runner, name, f"open(sys.argv[1], '{name}')", tmp_path / "pipe") for name in "rw"]
    outcomes = runner.carry_out_all(steps, 2)
    assert [outcome.name for outcome in outcomes] == ["r", "w"] and all(outcome.good for outcome in outcomes)
    lines = [line for line in capsys.readouterr().out.splitlines() if line and not line.endswith("begins")]
    first, second = sorted(["r", "w"], key=lambda name: lines.index(f"=== {name} ==="))
    assert lines == [line for name in (first, second) for line in (f"=== {name} ===", f"{name} one", f"{name} two")]


def test_what_a_step_raises_is_its_failure_alone(load: Load) -> None:
    runner = load("test_all")

    def broken(outcome: Any) -> None:
        raise LookupError("no such thing")

    bad, good = runner.carry_out_all([runner.Step("bad", broken), runner.Step("good", lambda outcome: None)], 2)
    assert good.good and bad.wrong == ["LookupError('no such thing')"]


@pytest.mark.parametrize("hears", [True, False])
def test_an_interrupt_ends_what_was_started_and_starts_nothing_more(
    hears: bool, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = load("test_all")
    monkeypatch.setattr(runner, "CHILDREN", runner.Children())
    monkeypatch.setattr(runner, "GRACE_SECONDS", 30 if hears else 0.01)
    begun, never = tmp_path / "begun", tmp_path / "never"
    os.mkfifo(begun)
    os.mkfifo(never)
    deaf = "" if hears else "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    step = saying(runner, "waits", deaf + "open(sys.argv[1], 'w').close(); open(sys.argv[2])", begun, never)
    codes: list[int | None] = []
    thread = threading.Thread(target=lambda: codes.append(step.action(runner.Outcome("waits"))))
    thread.start()
    begun.read_bytes()
    runner.CHILDREN.stop()
    thread.join()
    assert codes == [-(signal.SIGINT if hears else signal.SIGKILL)]
    with pytest.raises(runner.ToolError, match="interrupted"):
        step.action(runner.Outcome("late"))


def test_the_last_line_is_the_count(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    runner = load("test_all")
    outcomes = [
        runner.Outcome("a", passed=3, skipped=1),
        runner.Outcome("b", passed=2, failed=1, wrong=["ended oddly"]),
    ]
    runner.report(outcomes, suites=True)
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 2 failed, 1 skipped"


def test_the_lock_names_no_place_and_pins_everything(repository: Path) -> None:
    lines = (repository / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins and all("==" in line and "://" not in line and not line.startswith("-") for line in pins)


def test_the_lock_covers_what_the_distributions_ask_for(load: Load, repository: Path) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins: dict[str, set[str]] = {}
    for line in (repository / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith("#"):
            name, _, version = line.split(";")[0].strip().partition("==")
            pins.setdefault(canonicalize_name(name), set()).add(version)
    together = [member for member in load("tooling").distributions() if member.lock == repository / "requirements.lock"]
    for text in load("lock")._requirements(together):
        asked = Requirement(text)
        versions = pins.get(canonicalize_name(asked.name), set())
        assert versions, f"{text}: not pinned, run `make lock`"
        assert all(asked.specifier.contains(version) for version in versions), f"{text}: {versions}, run `make lock`"


def test_dead_links_broken_blocks_and_unknown_targets_are_seen(load: Load, tmp_path: Path) -> None:
    docs = load("docs_check")
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# A title\n", encoding="utf-8")
    text = "[a](nowhere.md) [b](other.md#a-title) [c](other.md#gone)\n\n```python\ndef f(:\n```\n\nuse `make nothing`\n"
    assert [line.split(":")[0] for line in docs.dead_links(page, text)] == [
        "link to nowhere.md",
        "link to other.md#gone",
    ]
    assert list(docs.broken_python(text)) and not list(docs.broken_python("```python\nx = 1\n```\n"))
    assert list(docs.unknown_targets(text, {"test"})) == ["`make nothing`: no such target"]


@pytest.mark.parametrize(
    ("name", "text", "good"),
    [
        ("2.feature.md", "Something new.", True),
        ("2.fix.1.md", "Something works.", True),
        ("2.novelty.md", "Something new.", False),
        ("feature.md", "Something new.", False),
        ("2.feature.md", "", False),
        ("2.feature.md", "- Something new.", False),
        ("2.feature.md", "Something new", False),
    ],
)
def test_news_fragments_are_checked(
    name: str, text: str, good: bool, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = load("news")
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(news, "ROOT", tmp_path)
    monkeypatch.setattr(news, "fragments", lambda: [path])
    assert (not news.problems()) is good
