"""Plugins that are broken, one of each kind, as distributions that can be installed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TYPICAL = """
from dovetail.spec import TaskType, TaskTypeSpec, hookimpl

DOVETAIL_API = 1


class Task(TaskType):
    name = "broken-{dashed}"

    def execute(self, call):
        return "done"


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec(name="broken-{dashed}", code="broken_{kind}:Task")]
"""
"""A hook module with nothing wrong; what breaks it comes before or after."""


@dataclass(frozen=True)
class Kind:
    """A way to be broken.

    Attributes:
        source: Text of the hook module ``broken_KIND``. ``{kind}`` and ``{dashed}`` are replaced.
        says: Regular expression of the reason that is given wherever the plugin is named; None if the hub can use what it
            declares, and only its own code, or nothing at all, suffers.
        types: Regular expression of what to type, that comes with the reason.
        entry_point: What the entry point names. Default: the module.
        name: Name of the distribution. Default: ``broken-KIND``.
        files: Further files of the wheel.
        damage: Files that are overwritten after it was installed, as an installer that was stopped leaves them.
        found: For one that can be used: what ``dovetail doctor`` says of it, or None if it has no reason to say anything.
        checked: For one that can be used: what ``dovetail plugins check`` says of it, or None.
    """

    source: str
    says: str | None = None
    types: str = r"pip install .*broken-"
    entry_point: str | None = None
    name: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    damage: Mapping[str, str] = field(default_factory=dict)
    found: str | None = None
    checked: str | None = None


def typical(before: str = "", after: str = "") -> str:
    """A hook module that does something more."""
    return f"{before}\n{TYPICAL}\n{after}"


def declaring(what: str) -> str:
    """A hook module whose task types are this expression."""
    return TYPICAL.replace('[TaskTypeSpec(name="broken-{dashed}", code="broken_{kind}:Task")]', what)


def rendered(source: str, kind: str) -> str:
    """The source of a hook module with the names of its kind."""
    return source.replace("{kind}", kind).replace("{dashed}", kind.replace("_", "-"))


def shipped(source: str, text: str, kind: str) -> dict[str, str]:
    """A manifest beside the hook module; ``DIGEST`` in its text is that of the source."""
    digest = hashlib.sha256(rendered(source, kind).encode()).hexdigest()
    return {f"broken_{kind}.dovetail.json": text.replace("DIGEST", digest)}


LIE = '{"kind": "TaskTypeSpec", "name": "broken-lie", "code": "broken_manifest_lies:Lie"}'
MANIFEST = '{"format": 1, "api": 1, "source": "DIGEST", "listens": false, "declarations": [%s]}'

EXECUTORS = """
from dovetail.spec import Executor, ExecutorSpec, hookimpl

DOVETAIL_API = 1


class Pool(Executor):
    name = "broken-rivalry"


@hookimpl
def dovetail_executors():
    return [ExecutorSpec("broken-rivalry", "MODULE:Pool")]
"""

RIVALRY = r"broken-rival-one.*broken-rival-two.*broken-rivalry"
STILL_WORKS = r"the plugin works, but"

KINDS: Mapping[str, Kind] = {
    # -- what happens when it is imported --------------------------------------------------------
    "raises": Kind(typical("raise RuntimeError('no licence')"), r"RuntimeError: no licence"),
    "exits": Kind(typical("raise SystemExit(0)"), r"it called sys\.exit\(0\)"),
    "interrupts": Kind(typical("raise KeyboardInterrupt"), r"KeyboardInterrupt"),
    "quits": Kind(typical("import os; os._exit(3)"), r"ended the process \(exit code 3\)"),
    "quits_well": Kind(typical("import os; os._exit(0)"), r"ended the process \(exit code 0\)"),
    "crashes": Kind(typical("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), r"SIGSEGV"),
    "unspeakable": Kind(
        typical("class Error(Exception):\n    def __str__(self): raise Error\nraise Error"), r"Error: <its message raised too>"
    ),
    "syntax": Kind("def (:\n", r"SyntaxError: .*broken_syntax\.py, line 1"),
    "dependency": Kind(
        typical("import acme_radar"), r"it needs the module acme_radar, which is not installed",
        r"install the library that has the module acme_radar"),
    "hangs": Kind(typical("import time; time.sleep(60)"), r"import took longer than \d+ s"),
    "recurses": Kind(typical("def f(): f()\nf()"), r"RecursionError"),
    "encoded": Kind("# coding: klingon\n", r"SyntaxError: unknown encoding"),
    # -- what it says of itself ------------------------------------------------------------------
    "newer_api": Kind(TYPICAL.replace("API = 1", "API = 99"), r"is 99, this dovetail has 1", r"--upgrade dovetail$"),
    "older_api": Kind(TYPICAL.replace("API = 1", "API = 0"), r"is 0, this dovetail has 1", r"--upgrade broken-older-api$"),
    "no_api": Kind(TYPICAL.replace("DOVETAIL_API = 1", ""), r"DOVETAIL_API is missing", r"set DOVETAIL_API = 1"),
    "no_module": Kind(typical(), r"its entry point is not an import name: 'not a module!'", entry_point="not a module!"),
    "absent_module": Kind(typical(), r"the module broken_nowhere does not exist", entry_point="broken_nowhere.plugin"),
    "metadata": Kind(
        TYPICAL, r"entry_points\.txt cannot be read", name="dovetail-broken-metadata",
        damage={"dovetail_broken_metadata-1.0.dist-info/entry_points.txt": "[dovetail.plugins]\nbroken-metadata\n= = \x00"}),
    # -- what its hooks do -----------------------------------------------------------------------
    "hook_raises": Kind(declaring("1 / 0"), r"ZeroDivisionError"),
    "hook_exits": Kind(declaring("__import__('sys').exit(2)"), r"it called sys\.exit\(2\)"),
    "hook_nonsense": Kind(declaring("42"), r"must return a list of declarations, not 42"),
    "hook_strangers": Kind(declaring("[dict(name='broken')]"), r"must return declarations of its kind"),
    "hook_endless": Kind(declaring("iter(lambda: TaskTypeSpec('a', 'b:c'), None)"), r"more than \d+ declarations"),
    "hook_hangs": Kind(declaring("__import__('time').sleep(60)"), r"took longer than \d+ s"),
    "hook_unknown": Kind(
        typical(after="@hookimpl\ndef dovetail_wishes(): return []"), r"unknown hook 'dovetail_wishes'", r"did you mean"
    ),
    "hook_unmarked": Kind(
        TYPICAL.replace("@hookimpl\n", ""), r"is not marked as a hook implementation", r"@dovetail\.spec\.hookimpl"
    ),
    # -- what it does to others ------------------------------------------------------------------
    "patches": Kind(
        typical(
            "import builtins, json, sys, dovetail.errors\n"
            "dovetail.errors.DovetailError.__str__ = lambda self: 'PATCHED'\n"
            "builtins.print = lambda *a, **k: None\n"
            "json.dumps = lambda *a, **k: 'PATCHED'\n"
            "sys.stdout = sys.stderr = None\n"
            "sys.path[:] = []\n"
            "sys.excepthook = None\n"
        ),
    ),
    "shouts": Kind(typical("import os\nfor fd in (1, 2): os.write(fd, b'LOUD ' * 400_000)\nprint('LOUD ' * 400_000)")),
    "threads": Kind(typical("import threading as t, time\nfor _ in range(8): t.Thread(target=time.sleep, args=(60,)).start()")),
    "forks": Kind(typical("import os, time\nif not os.fork(): time.sleep(60)")),
    "rival_one": Kind(EXECUTORS.replace("MODULE", "broken_rival_one"), found=RIVALRY),
    "rival_two": Kind(EXECUTORS.replace("MODULE", "broken_rival_two"), found=RIVALRY),
    "rivals_core": Kind(
        declaring('[TaskTypeSpec(name="python", code="broken_rivals_core:Task")]'),
        found=r"declares task_type\.python, which is the core's own",
    ),
    "rivals_verb": Kind(
        "import click\nfrom dovetail.spec import CommandSpec, hookimpl\nDOVETAIL_API = 1\nrun = click.Command('run')\n"
        "@hookimpl\ndef dovetail_commands():\n    return [CommandSpec('run', 'broken_rivals_verb:run')]\n",
        found=r"declares the command run, which is dovetail's own",
    ),
    "listener": Kind(typical(after="@hookimpl\ndef dovetail_on_event(event):\n    raise RuntimeError('deaf')")),
    "listener_exits": Kind(typical(after="@hookimpl\ndef dovetail_on_event(event):\n    raise SystemExit(5)")),
    # -- what it declares ------------------------------------------------------------------------
    "code": Kind(TYPICAL.replace("class Task(", "class Work("), checked=r"broken_code:Task"),
    "manifest_lies": Kind(
        TYPICAL,
        files=shipped(TYPICAL, MANIFEST % LIE, "manifest_lies"),
        checked=r"says something else than the hooks declare",
    ),
    "manifest_damaged": Kind(
        TYPICAL,
        files=shipped(TYPICAL, '{"format": 1, "declarations": [', "manifest_damaged"),
        found=STILL_WORKS,
        checked=r"broken_manifest_damaged\.dovetail\.json",
    ),
    "manifest_newer": Kind(
        TYPICAL,
        files=shipped(TYPICAL, '{"format": 99, "source": "DIGEST"}', "manifest_newer"),
        found=STILL_WORKS,
        checked=r"format",
    ),
    "manifest_stale": Kind(
        TYPICAL,
        files=shipped("", MANIFEST % "", "manifest_stale"),
        found=STILL_WORKS,
        checked=r"is older than the code",
    ),
}  # fmt: skip


def distribution_of(kind: str) -> str:
    """Name of the distribution of a kind."""
    return KINDS[kind].name or f"broken-{kind.replace('_', '-')}"


def plugin_of(kind: str) -> str:
    """Name of its entry point."""
    return f"broken-{kind.replace('_', '-')}"


def write_wheel(kind: str, folder: Path) -> Path:
    """The wheel of a kind, as a build backend would make it."""
    broken = KINDS[kind]
    name = distribution_of(kind).replace("-", "_")
    info = f"{name}-1.0.dist-info"
    entry_point = broken.entry_point or f"broken_{kind}"
    files = {
        f"broken_{kind}.py": rendered(broken.source, kind),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution_of(kind)}\nVersion: 1.0\nSummary: broken: {kind}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[dovetail.plugins]\n{plugin_of(kind)} = {entry_point}\n",
    }
    files |= broken.files
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
