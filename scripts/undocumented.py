"""What the documentation lacks, and what it names that is not there: hooks, declarations, settings, environment variables,
errors, exit codes, commands, options, public names.

python scripts/undocumented.py
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from posixpath import normpath

import click
import dovetail
from dovetail import spec
from dovetail.cli import _errors as cli_errors
from dovetail.cli._main import root
from dovetail.config import Settings, setting_docs
from dovetail.plugins import build_catalogue
from dovetail.spec import DECLARATION_KINDS, HOOK_NAMES, _hookspecs
from reference import error_classes, signature
from tooling import ROOT, distributions

CLI = "docs/reference/cli.md"
CONFIGURE = "docs/how-to/configure.md"
ERRORS = "docs/reference/errors.md"
INDEX = "docs/README.md"
HOOKS = "docs/reference/hooks.md"
NAMES = "docs/reference/python-api.md"

NO_SETTINGS = {"DOVETAIL_API"}
"""Words that look like environment variables of ours and are something else."""

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```\n?", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"(?<![\w=-])--?[a-z][a-z_-]*")
_INPUT_FLAGS = "Flags of inputs"

Pages = Mapping[str, str]
"""Path in the repository -> text."""


def read_pages() -> dict[str, str]:
    """The pages that users and plugin authors read."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    paths += [member.path / "README.md" for member in distributions()]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths if path.exists()}


def complaints(pages: Pages) -> list[str]:
    """One line for each thing that is missing or invented; none when code and documentation agree."""
    checks = (
        hooks,
        declarations,
        settings,
        variables,
        errors,
        exit_codes,
        names,
        commands,
        options,
        typed_options,
        index,
    )
    return [line for check in checks for line in check(pages)]


def index(pages: Pages) -> Iterator[str]:
    """The index leads to every page, but for those that have an index of their own."""
    folder = PurePosixPath(INDEX).parent
    linked = {normpath(folder / name) for name in re.findall(r"\]\(([^)#\s]+\.md)", pages[INDEX])}
    indexed = {PurePosixPath(page).parent for page in linked if PurePosixPath(page).name == "README.md"}
    for page in pages:
        path = PurePosixPath(page)
        if path.is_relative_to(folder) and page != INDEX and page not in linked and path.parent not in indexed:
            yield f"{INDEX} lacks the page {page}"


def compare(page: str, what: str, documented: Iterable[str], real: Iterable[str]) -> Iterator[str]:
    """Both differences of two sets of names."""
    documented, real = set(documented), set(real)
    for name in sorted(real - documented):
        yield f"{page} lacks the {what} {name}"
    for name in sorted(documented - real):
        yield f"{page} names the {what} {name}, which there is not"


# -------------------------------------------------------------------------------------------------
# Hooks, settings, errors, names
# -------------------------------------------------------------------------------------------------


def hooks(pages: Pages) -> Iterator[str]:
    """A heading for each hook, with its signature."""
    headings = re.findall(r"^## (dovetail_.*)$", pages[HOOKS], re.MULTILINE)
    real = [f"{name}{signature(getattr(_hookspecs, name))}" for name in HOOK_NAMES]
    yield from compare(HOOKS, "hook", headings, real)


def declarations(pages: Pages) -> Iterator[str]:
    """A section for each kind of declaration, with a row for each field."""
    kinds = re.findall(r"^### (\w+)$", pages[HOOKS], re.MULTILINE)
    yield from compare(HOOKS, "declaration", kinds, DECLARATION_KINDS)
    for kind in set(kinds) & set(DECLARATION_KINDS):
        fields = [field.name for field in dataclasses.fields(getattr(spec, kind))]
        told = {row[0]: row[-1] for row in rows(section(pages[HOOKS], kind))}
        yield from compare(HOOKS, f"field of {kind}", told, fields)
        yield from (f"{HOOKS} does not say what {kind}.{name} means" for name, text in told.items() if not text)


def settings(pages: Pages) -> Iterator[str]:
    """A row for each setting."""
    told = [row[0] for row in rows(section(pages[CONFIGURE], "Settings"))]
    yield from compare(CONFIGURE, "setting", told, [key for key, *_ in setting_docs()])


def variables(pages: Pages) -> Iterator[str]:
    """A row for each environment variable: of settings, and those that the code reads besides."""
    text = pages[CONFIGURE]
    told = {row[1] for row in rows(section(text, "Settings")) if row[1]}
    told |= {row[0] for row in rows(section(text, "Other environment variables"))}
    real = {variable for _, variable, *_ in setting_docs() if variable}
    real |= {name for name in read_by_the_code() if not name.startswith("PYTHON")}  # Python's own
    yield from compare(CONFIGURE, "environment variable", told, real)
    ours = real | NO_SETTINGS | read_by_scripts() | read_by_the_code("tests")
    for page, text in pages.items():
        for word in sorted(set(re.findall(r"\bDOVETAIL_[A-Z_]*[A-Z]\b", text)) - ours):
            yield f"{page} names the environment variable {word}, which there is not"


@cache
def read_by_the_code(folder: str = "src") -> set[str]:
    """Variables that a module looks up by a name that is written there; those of shipped modules, or of their tests."""
    found = set()
    for member in distributions():
        for path in (member.path / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if "environ" in source or "getenv" in source:
                found |= set(_looked_up(ast.parse(source)))
    return found


def _looked_up(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and _is_environment(node.value):
            keys = [node.slice]
        elif isinstance(node, ast.Compare) and any(_is_environment(each) for each in node.comparators):
            keys = [node.left]
        elif isinstance(node, ast.Call):
            of = node.func.value if isinstance(node.func, ast.Attribute) else None
            if ast.unparse(node.func) in ("os.getenv", "getenv") or (of is not None and _is_environment(of)):
                keys = node.args[:1]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.environ", "environ")


def read_by_scripts() -> set[str]:
    """Variables of ours that the scripts of the repository know."""
    return {
        word for path in (ROOT / "scripts").glob("*.sh") for word in re.findall(r"DOVETAIL_[A-Z]+", path.read_text())
    }


def errors(pages: Pages) -> Iterator[str]:
    """A row for each class, with its parent, kind and exit code; classes that pages name exist."""
    told = [" ".join(row[:4]) for row in rows(section(pages[ERRORS], "The tree"))]
    real = [f"{each.__name__} {each.__bases__[0].__name__} {each.kind} {each.exit_code}" for each in error_classes()]
    yield from compare(ERRORS, "error", told, real)
    for page, text in pages.items():
        for name in sorted(set(re.findall(r"\b(?:dt|dovetail)\.errors\.([A-Za-z]\w*)", text))):
            if not hasattr(dovetail.errors, name):
                yield f"{page} names dovetail.errors.{name}, which there is not"


def exit_codes(pages: Pages) -> Iterator[str]:
    """The table of exit codes stands on two pages."""
    real = {0, cli_errors.INTERRUPTED, cli_errors.TERMINATED, cli_errors.READER_GONE}
    real |= {each.exit_code for each in error_classes()}
    for page, heading in ((CLI, "Exit codes"), (ERRORS, "Exit codes of `dovetail`")):
        told = [row[0] for row in rows(section(pages[page], heading))]
        yield from compare(page, "exit code", told, map(str, real))


def names(pages: Pages) -> Iterator[str]:
    """A row for each public name; names that pages use exist."""
    told = {row[0]: row[1] for row in rows(pages[NAMES]) if row[0].startswith("dt.")}
    yield from compare(NAMES, "name", told, [f"dt.{name}" for name in dovetail.__all__])
    yield from (f"{NAMES} does not say what {name} is" for name, text in told.items() if len(text) < 10)
    for page, text in pages.items():
        for name in sorted(set(re.findall(r"(?<![\w.])dt\.([A-Za-z]\w*)", text)) - set(dovetail.__all__)):
            if not (page == "docs/explanation/deprecation-policy.md" and name == "name"):
                yield f"{page} names the name dt.{name}, which there is not"


# -------------------------------------------------------------------------------------------------
# Commands and options
# -------------------------------------------------------------------------------------------------


def all_commands() -> dict[str, click.Command]:
    """Every command by its path, ``"runs list"``; groups as well."""
    context = click.Context(root, info_name="dovetail")
    found: dict[str, click.Command] = {}

    def walk(group: click.Group, context: click.Context, path: str) -> None:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None  # it was listed
            found[f"{path}{name}"] = command
            if isinstance(command, click.Group):
                walk(command, click.Context(command, parent=context, info_name=name), f"{path}{name} ")

    walk(root, context, "")
    check = found["check"]
    assert isinstance(check, click.Group)
    of_data = check.get_command(context, "DATA")  # whatever is no verb is data
    assert of_data is not None
    return found | {"check": of_data}


@cache
def commands_of_plugins() -> dict[str, click.Command]:
    """The commands that plugins of this repository bring; their options stand in the plugins' own pages."""
    context = click.Context(root, info_name="dovetail")
    found: dict[str, click.Command] = {}
    for name, declared in build_catalogue(Settings(ROOT)).commands().items():
        module, _, attribute = declared.code.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        found[name] = command
        if isinstance(command, click.Group):
            verbs = {verb: command.get_command(context, verb) for verb in command.list_commands(context)}
            found |= {f"{name} {verb}": each for verb, each in verbs.items() if each is not None}
    return found


def commands(pages: Pages) -> Iterator[str]:
    """Each command has a section, or is named in that of its group; commands that pages name exist."""
    real = all_commands()
    tops = {path for path in real if " " not in path}
    yield from compare(CLI, "command", set(command_sections(pages[CLI])), tops)
    told = {path for span in spans(pages[CLI]) for path in [path_of(span, real)] if path}
    yield from (f"{CLI} lacks the command {path}" for path in sorted(set(real) - told - tops))
    for page, text in pages.items():
        said = [span.removeprefix("dovetail ") for span in typed(text) if span.startswith("dovetail ")]
        said += [span for span in spans(text) if page == CLI and span.split()[0] in tops]
        for words in said:
            wrong = _unknown(words.split(), real | commands_of_plugins())
            if wrong:
                yield f"{page} names the command {wrong}, which there is not"


def _unknown(words: list[str], real: Mapping[str, click.Command]) -> str | None:
    while words and words[0].startswith(
        "-"
    ):  # options before the command; those with a value come after it in our pages
        words = words[1:]
    path = ""
    for word in words:
        if not re.fullmatch(r"[a-z]+", word) or not (path == "" or isinstance(real[path], click.Group)):
            return None
        path = f"{path} {word}".strip()
        if path not in real:
            return path
    return None


def options(pages: Pages) -> Iterator[str]:
    """Each option stands beside its command; options that the sections of commands name exist."""
    real = all_commands()
    text = pages[CLI]
    common = option_names(root)
    told = [word for row in rows(section(text, "Options of every command")) for word in _OPTION.findall(row[0])]
    yield from compare(CLI, "option of every command", told, common - {"--version"})
    sections = command_sections(text)
    for path, command in real.items():
        top = path.partition(" ")[0]
        blocks = sections.get(top, [])
        if path != top:
            blocks = [block for block in blocks if any(path_of(span, real) == path for span in spans(block))]
        said = {option for block in blocks for span in spans(block) for option in _OPTION.findall(span)}
        yield from (f"{CLI} lacks the option {path} {name}" for name in sorted(option_names(command) - common - said))
    for top, blocks in sections.items():
        beside = {other for other, theirs in sections.items() if theirs == blocks}  # one section may tell of several
        below = {
            name for path, each in real.items() if path.split()[0] in beside for name in option_names(each)
        } | common
        for span in (span for block in blocks for span in spans(block)):
            meant = path_of(span, real)
            known = option_names(real[meant]) | common if meant and not isinstance(real[meant], click.Group) else below
            for name in sorted(set(_OPTION.findall(span)) - known):
                yield f"{CLI} names the option {meant or top} {name}, which there is not"


def typed_options(pages: Pages) -> Iterator[str]:
    """Options that any page types after a command exist; ``run`` and groups apart, whose flags are not ours alone."""
    real = all_commands() | commands_of_plugins()
    common = option_names(root)
    for page, text in pages.items():
        for words in (re.split(r"[|;&>]", span)[0] for span in typed(text) if span.startswith("dovetail ")):
            path = path_of(words, real)
            if path is None or path == "run" or isinstance(real[path], click.Group):
                continue
            for name in sorted(set(_OPTION.findall(words)) - option_names(real[path]) - common):
                yield f"{page} types the option {path} {name}, which there is not"


def option_names(command: click.Command) -> set[str]:
    """The options that a command shows, in all their spellings."""
    shown = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return {name for each in shown for name in (*each.opts, *each.secondary_opts)}


def command_sections(text: str) -> dict[str, list[str]]:
    """Command -> the paragraphs and table rows of its section, without what tells of the flags of inputs."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        body = re.sub(rf"^### {_INPUT_FLAGS}\n.*?(?=^### |\Z)", "", body, flags=re.MULTILINE | re.DOTALL)
        blocks = [block for paragraph in _FENCE.sub("", body).split("\n\n") for block in _rows_or_whole(paragraph)]
        for top in re.findall(r"`dovetail ([a-z]+)`", heading):
            found[top] = blocks
    return found


def _rows_or_whole(paragraph: str) -> list[str]:
    return paragraph.splitlines() if paragraph.lstrip().startswith("|") else [paragraph]


def path_of(span: str, real: Mapping[str, click.Command]) -> str | None:
    """The command that a piece of code begins with."""
    words = span.removeprefix("dovetail ").split()
    best: str | None = None
    for length in range(1, len(words) + 1):
        path = " ".join(words[:length])
        best = path if path in real else best
    return best


# -------------------------------------------------------------------------------------------------
# Markdown
# -------------------------------------------------------------------------------------------------


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table but its head, without back quotes."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        for line in block.splitlines()[2:]:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip().replace("`", "") for cell in cells])
    return found


def spans(text: str) -> list[str]:
    """Code inside of lines."""
    return [span for span in re.findall(r"`([^`\n]+)`", _FENCE.sub("", text)) if span.strip()]


def typed(text: str) -> list[str]:
    """What is to be typed: code inside of lines, and the commands of blocks."""
    blocks = [match[3] for match in _FENCE.finditer(text) if match[2] in ("console", "sh", "text", "bash")]
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [*spans(text), *lines]


def main() -> int:
    """Returns the exit code."""
    found = complaints(read_pages())
    if found:
        print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
