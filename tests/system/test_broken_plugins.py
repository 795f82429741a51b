"""Broken plugins, one of each kind (`tests/broken_plugins`), all installed together: none hurts anybody but itself."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PATIENCE = 3  # seconds that a plugin may take; each that hangs costs as much, once


def _load_kinds() -> ModuleType:
    path = Path(__file__).resolve().parent.parent / "broken_plugins" / "kinds.py"
    spec = importlib.util.spec_from_file_location("broken_kinds", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


kinds = _load_kinds()
KINDS = kinds.KINDS
UNUSABLE = sorted(kind for kind, broken in KINDS.items() if broken.says is not None)
USABLE = sorted(set(KINDS) - set(UNUSABLE))


class Place:
    """Where the tests run: a folder of installed plugins, a cache, and an empty directory."""

    def __init__(self, site: Path, root: Path) -> None:
        self.site = site
        self.work = root / "work"
        self.work.mkdir(parents=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOVETAIL_", "PYTHON", "COV_", "PYTEST"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(site),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "DOVETAIL_CACHE_DIR": str(root / "cache"),
            "DOVETAIL_PLUGIN_IMPORT_SECONDS": str(PATIENCE),
            "BROKEN_MARK": str(root),
        }

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run this interpreter."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def dovetail(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return self.ask("-m", "dovetail", *words)

    def json(self, *words: str) -> Any:
        """What a command says as JSON."""
        done = self.dovetail(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def site(tooling: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all of them are installed, by an installer, from wheels."""
    folder = tmp_path_factory.mktemp("broken")
    wheels = [kinds.write_wheel(kind, folder) for kind in KINDS]
    uv = tooling.ensure_uv()
    words = [uv, "pip", "install", "--quiet", "--no-deps", "-p", sys.executable, "--target", folder / "site", *wheels]
    tooling.run(words, env=tooling.uv_environment(uv), cwd=folder)
    for broken in KINDS.values():
        for name, text in broken.damage.items():
            (folder / "site" / name).write_text(text)
    return Path(folder / "site")


@pytest.fixture(scope="module")
def broken(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where all of them are installed."""
    return Place(site, tmp_path_factory.mktemp("with"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same without them."""
    return Place(tmp_path_factory.mktemp("nothing"), tmp_path_factory.mktemp("without"))


# -------------------------------------------------------------------------------------------------
# Those who do not use them notice nothing
# -------------------------------------------------------------------------------------------------

WATCHED = """
import json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "import") else None)
{code}
print()
print(json.dumps([sorted(sys.modules), [name for name in opened if "broken" in name]]))
"""
IMPORT = "import dovetail"
HELP = """
from dovetail.cli import main
try:
    code = main(["--help"])
except SystemExit as end:
    code = end.code
assert not code, code
"""


@pytest.mark.parametrize("code", [IMPORT, HELP], ids=["import dovetail", "dovetail --help"])
def test_starting_opens_and_imports_nothing_of_theirs(code: str, broken: Place, sound: Place) -> None:
    with_them, without = (place.ask("-c", WATCHED.replace("{code}", code)) for place in (broken, sound))
    assert with_them.returncode == 0, with_them.stderr
    modules, opened = json.loads(with_them.stdout.splitlines()[-1])
    assert modules == json.loads(without.stdout.splitlines()[-1])[0]
    assert opened == []
    assert with_them.stdout.splitlines()[:-1] == without.stdout.splitlines()[:-1]


LISTED = """
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import list_plugins
list_plugins(Settings(Path.cwd()))
"""


def test_what_is_opened_would_be_seen(broken: Place) -> None:
    done = broken.ask("-c", WATCHED.replace("{code}", LISTED))
    modules, opened = json.loads(done.stdout.splitlines()[-1])
    assert opened, "the check above cannot fail"
    assert not [name for name in modules if name.startswith("broken")]


PIPELINE = """
import dovetail as dt


@dt.task
def double(n: int) -> int:
    print("working")
    return 2 * n


@dt.workflow
def doubled(n: int = 4) -> int:
    return double(double(n))


@dt.task
def broken() -> int:
    raise ValueError("mine")


@dt.workflow
def failing() -> int:
    return broken()
"""


def told(place: Place, workflow: str, *words: str) -> tuple[int, str, Any, Any, str]:
    """What a run comes to: exit code, status, value, error, and what it printed."""
    (place.work / "pipeline.py").write_text(PIPELINE)
    done = place.dovetail("run", "pipeline.py", workflow, *words, "--json")
    run = json.loads(done.stdout)
    error = {key: run["error"][key] for key in ("type", "kind", "what")} if run["error"] else None
    value = run["outputs"]["result"]["value"] if run["outputs"] else None
    return done.returncode, run["status"], value, error, done.stderr


@pytest.mark.parametrize("words", [(), ("--executor", "processes")], ids=["threads", "processes"])
@pytest.mark.parametrize("workflow", ["doubled", "failing"])
def test_a_run_comes_to_the_same(workflow: str, words: tuple[str, ...], broken: Place, sound: Place) -> None:
    with_them, without = told(broken, workflow, *words), told(sound, workflow, *words)
    assert with_them[:4] == without[:4]
    assert "LOUD" not in with_them[4]


UNTOUCHED = """
import builtins, json, sys, threading
import dovetail as dt
from dovetail.errors import DovetailError

before = (builtins.print, json.dumps, DovetailError.__str__, sys.stdout, sys.excepthook, list(sys.path), sys.getrecursionlimit())


@dt.task
def double(n: int) -> int:
    return 2 * n


@dt.workflow
def doubled(n: int = 4) -> int:
    return double(n)


hub = dt.default_hub()
assert hub.run(doubled).value == 8
{more}
after = (builtins.print, json.dumps, DovetailError.__str__, sys.stdout, sys.excepthook, list(sys.path), sys.getrecursionlimit())
assert before == after, [pair for pair in zip(before, after) if pair[0] != pair[1]]
mine = sorted(name for name in sys.modules if name.startswith("broken"))
assert mine == ["broken_listener", "broken_listener_exits"], mine  # they asked to hear of runs
print("untouched", str(DovetailError("what")))
"""


def test_nothing_of_the_process_is_patched(broken: Place) -> None:
    done = broken.ask("-c", UNTOUCHED.replace("{more}", ""))
    assert done.returncode == 0 and done.stdout.endswith("untouched what\n"), done.stdout + done.stderr


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked for in /proc")
def test_nothing_that_they_started_goes_on(broken: Place) -> None:
    broken.dovetail("doctor")
    mark = f"BROKEN_MARK={broken.environment['BROKEN_MARK']}".encode()
    pause = threading.Event()
    for _ in range(200):  # a process that was killed takes a moment to be gone
        alive = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _content(path)]
        if not alive:
            return
        pause.wait(0.05)
    raise AssertionError([path.with_name("cmdline").read_text().replace("\0", " ") for path in alive])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # somebody else's, or gone
        return b""


# -------------------------------------------------------------------------------------------------
# Those who ask are told
# -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def findings(broken: Place) -> list[dict[str, str]]:
    """What `dovetail doctor` says."""
    return list(broken.json("doctor")["findings"])


@pytest.fixture(scope="module")
def listed(broken: Place, findings: object) -> dict[str, dict[str, Any]]:
    """What `dovetail plugins list` says, by distribution."""
    return {line["distribution"]: line for line in broken.json("plugins", "list")["plugins"]}


def test_doctor_ends_with_the_code_of_the_platform_and_each_finding_is_a_line(broken: Place) -> None:
    done = broken.dovetail("doctor")
    assert done.returncode == 3
    for kind in UNUSABLE:
        lines = [
            line for line in done.stdout.splitlines() if line.startswith(f"{kinds.distribution_of(kind)} 1.0 (plugin ")
        ]
        assert len(lines) == 1, (kind, lines)


@pytest.mark.parametrize("kind", UNUSABLE)
def test_doctor_says_what_is_wrong_and_what_to_type(kind: str, findings: list[dict[str, str]]) -> None:
    (finding,) = about(kind, findings)
    assert re.search(KINDS[kind].says, finding["reason"]), finding
    assert re.search(KINDS[kind].types, finding["fix"]), finding
    assert "\n" not in finding["reason"] + finding["fix"]


@pytest.mark.parametrize("kind", USABLE)
def test_doctor_says_no_more_than_there_is(kind: str, findings: list[dict[str, str]]) -> None:
    found = [f"{each['plugin']} {each['reason']} {each['fix']}" for each in about(kind, findings)]
    pattern = KINDS[kind].found
    assert len(found) == (1 if pattern else 0), found
    assert pattern is None or re.search(pattern, found[0]), found


def about(kind: str, findings: list[dict[str, str]]) -> list[dict[str, str]]:
    name = re.compile(rf"(?<![\w-]){re.escape(kinds.distribution_of(kind))}(?![\w-])")
    return [each for each in findings if name.search(each["plugin"])]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_is_listed_with_the_reason_or_with_what_tells_it(kind: str, listed: dict[str, dict[str, Any]]) -> None:
    line = listed[kinds.distribution_of(kind)]
    if line["known_by"] is None and not line["reason"]:
        # It ships no manifest that can be used, and what is quickly found is not kept: it may be mended meanwhile.
        assert line["declares"] is None and line["fix"] == f"dovetail plugins check {kinds.plugin_of(kind)}", line
    elif KINDS[kind].says is None:
        assert line["reason"] == "", line
    else:
        assert re.search(KINDS[kind].says, line["reason"]), line


USE = """
import json, sys
import dovetail as dt
from dovetail.errors import DovetailError

told = {}
for name in sys.argv[1:]:
    try:
        @dt.task(name)
        def work(n: int) -> int:
            return n

        @dt.workflow
        def flow() -> int:
            return work(1)

        flow()
        told[name] = None
    except DovetailError as error:
        told[name] = error.to_dict()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def used(broken: Place) -> dict[str, Any]:
    """What a task of each says, by the name of the task type."""
    done = broken.ask("-c", USE, *(kinds.plugin_of(kind) for kind in UNUSABLE), *WITHOUT_CODE)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("kind", [kind for kind in UNUSABLE if kind != "metadata"])  # its own name cannot be read
def test_using_its_name_names_it_and_its_reason(kind: str, used: dict[str, Any]) -> None:
    error = used[kinds.plugin_of(kind)]
    assert error["kind"] == "platform", error
    assert kinds.distribution_of(kind) in error["who"], error
    assert re.search(KINDS[kind].says, error["why"]), error
    assert re.search(KINDS[kind].types, error["fix"]), error


WITHOUT_CODE = {"broken-code": ("broken-code", "Task"), "broken-lie": ("broken-manifest-lies", "Lie")}


@pytest.mark.parametrize("name", WITHOUT_CODE)
def test_using_code_that_is_not_there_names_the_plugin_that_declares_it(name: str, used: dict[str, Any]) -> None:
    error, (owner, attribute) = used[name], WITHOUT_CODE[name]
    assert (error["type"], error["kind"]) == ("PluginLoadError", "platform"), error
    assert owner in error["who"] and attribute in error["why"], error


@pytest.fixture(scope="module")
def checked(broken: Place) -> dict[str, dict[str, Any]]:
    """What `dovetail plugins check` says, by distribution."""
    return {line["distribution"]: line for line in broken.json("plugins", "check")["plugins"]}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_check_says_what_is_wrong(kind: str, checked: dict[str, dict[str, Any]]) -> None:
    line = checked[kinds.distribution_of(kind)]
    broken = KINDS[kind]
    wanted = broken.says or broken.checked or broken.found
    told = [*line["code"], *line["problems"]]
    said = " ".join([line["reason"], *(f"{each.get('code') or each['plugin']} {each['reason']}" for each in told)])
    state = "ok" if wanted is None else "stale manifest" if broken.found == kinds.STILL_WORKS else "bad"
    assert line["state"] == state, line
    assert wanted is None or re.search(wanted, said), line
    assert wanted is None or line["fix"] or any(each["fix"] for each in told), line


@pytest.mark.parametrize("kind", ["raises", "quits", "hangs", "no_module", "metadata", "newer_api", "shouts", "code"])
def test_show_shows_it(kind: str, broken: Place, findings: object) -> None:
    done = broken.dovetail("plugins", "show", kinds.distribution_of(kind))
    assert kinds.distribution_of(kind) in done.stdout, done.stdout + done.stderr
    assert "LOUD" not in done.stdout + done.stderr
    if KINDS[kind].says is not None:
        assert re.search(KINDS[kind].says, " ".join(done.stdout.split())), done.stdout
