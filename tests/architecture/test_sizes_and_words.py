"""Sizes of files and functions, and what must not be written anywhere in the repository."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

FILE_LINES = 400
FUNCTION_LINES = 60

# Put together from pieces, so that this file does not hold them itself.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "conda.ana" + "conda.org")
MACHINE_PATHS = re.compile(r"(?<![\w.~$}/-])/(?:wo" + r"rk|ro" + r"ot|home/\w+|Users/\w+)/")
LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".sh",
    ".yml",
    ".yaml",
    ".txt",
    ".html",
    ".css",
    ".js",
    ".sql",
    ".cfg",
    ".ini",
    "",
}

LOADERS = {
    "pickle": {"load", "loads", "Unpickler"},
    "cloudpickle": {"load", "loads"},
    "joblib": {"load"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
    "dill": {"load", "loads"},
    "yaml": {"load", "full_load", "unsafe_load"},
    "os": {"system", "popen"},
}
# A function travels by value to a worker of the same run, over a pipe that nobody else holds; nothing stored is unpickled.
_PAYLOAD = ("core/src/dovetail/env/_payload.py",)
ALLOWED_LOADERS = {"cloudpickle": _PAYLOAD, "pickle": _PAYLOAD}


def test_files_stay_readable(python_files) -> None:
    long = {source.shown: lines for source in python_files if (lines := len(source.text.splitlines())) > FILE_LINES}
    assert not long, f"split these (at most {FILE_LINES} lines): {long}"


def test_functions_stay_readable(python_files) -> None:
    long = {
        f"{source.shown}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for source in python_files
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= FUNCTION_LINES
    }
    assert not long, f"split these (at most {FUNCTION_LINES} lines): {long}"


def test_no_unsafe_calls_in_what_is_shipped(sources) -> None:
    wrong = [f"{source.shown}:{line} {what}" for source in sources for line, what in unsafe_calls(source)]
    assert not wrong, "\n".join(wrong)


def unsafe_calls(source) -> list[tuple[int, str]]:
    """Line and name of every call that runs, or builds objects from, what it is given."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if any(word.arg == "shell" and not is_false(word.value) for word in node.keywords):
            found.append((node.lineno, "shell="))
        match node.func:
            case ast.Name(id="eval" | "exec" | "__import__" as name):
                found.append((node.lineno, name))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in LOADERS.get(module, ()):
                if not source.shown.startswith(ALLOWED_LOADERS.get(module, ("nowhere",))):
                    found.append((node.lineno, f"{module}.{name}"))
            case _:
                pass
    return found + [
        (found_import.line, found_import.target)
        for found_import in source.imports
        if found_import.target.rpartition(".")[2] in LOADERS.get(found_import.target.rpartition(".")[0], ())
    ]


def is_false(node: ast.expr) -> bool:
    """Whether an argument is the constant False."""
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\npickle.loads(b'')",
        "from pickle import loads",
        "eval('1')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import yaml\nyaml.load(x)",
        "def f():\n    exec(x)",
    ],
)
def test_an_unsafe_call_would_be_seen(text: str, parse, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    assert unsafe_calls(parse(path, "bad.py", "bad"))


def test_nothing_is_put_off_in_comments(python_files) -> None:
    wrong = lines_with(LATER, {source.shown: source.text for source in python_files})
    assert not wrong, "an issue says what is missing, a comment does not: " + "\n".join(wrong)


def test_no_package_host_and_no_path_of_one_machine(tracked: list[Path], repository: Path) -> None:
    texts = {
        str(path.relative_to(repository)): path.read_text(encoding="utf-8", errors="replace")
        for path in tracked
        if path.suffix in TEXT
    }
    hosts = lines_with(re.compile("|".join(map(re.escape, HOSTS))), texts)
    assert not hosts, "which index packages come from is the reader's affair:\n" + "\n".join(hosts)
    paths = lines_with(MACHINE_PATHS, texts)
    assert not paths, "paths of one machine:\n" + "\n".join(paths)


def lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """``file:line text`` of every line in which the pattern is found."""
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("line", ['open("/wo' + 'rk/x")', "cd /ro" + "ot/y", "see /home/" + "somebody/z"])
def test_a_machine_path_would_be_seen(line: str) -> None:
    assert MACHINE_PATHS.search(line)


@pytest.mark.parametrize("line", ["docs/wo" + "rk/x", "https://host/home/" + "page/"])
def test_an_ordinary_path_is_left_alone(line: str) -> None:
    assert not MACHINE_PATHS.search(line)
