"""``dovetail plugins new`` and ``dovetail plugins update``."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import click

from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import plural
from dovetail.errors import UserError

_DIRECTORY = click.Path(path_type=Path, file_okay=True)


def _scaffold() -> Any:
    """The floor beside this one, named by string: nobody but who makes plugins pays for it."""
    return importlib.import_module("dovetail.scaffold")


@click.command("new")
@click.argument("name")
@click.argument("directory", metavar="[DIR]", required=False, type=_DIRECTORY)
@click.option("--task-type", is_flag=True, help="With a task type.")
@click.option("--transformer", is_flag=True, help="With a type and its transformer.")
@click.option("--checks", is_flag=True, help="With a check engine.")
@click.option("--author", metavar="NAME", help="Who writes it.  [default: whom git commits as]")
@click.option("--description", metavar="TEXT", help="One line for people.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    default="Apache-2.0",
    help="Apache-2.0, BSD-3-Clause, MIT or none.  [default: Apache-2.0]",
)
@common
@with_session
def new(session: Session, name: str, directory: Path | None, licence: str, **given: Any) -> None:
    """Make a plugin package that works as it is.

    NAME is a word (ledger becomes dovetail-ledger) or the whole name of the distribution (acme-ledger). DIR must be new or
    empty; the default is named like the distribution. Without --task-type, --transformer and --checks it brings all three.
    """
    scaffold = _scaffold()
    parts = tuple(part for part in scaffold.PARTS if given[part]) or scaffold.PARTS
    made = scaffold.new_plugin(
        name, directory, parts=parts, author=given["author"], description=given["description"], license=licence
    )
    steps = _steps(made)
    if session.options.json:
        emit_json(
            session.options,
            {
                "distribution": made.names.distribution,
                "package": made.names.package,
                "plugin": made.names.short,
                "directory": str(made.directory),
                "template": made.template,
                "parts": list(made.parts),
                "files": list(made.files),
                "next": steps,
            },
        )
        return
    show(
        text(f"made {made.names.distribution} in {_shown(made.directory)}: {plural(len(made.files), 'file')}", "green"),
        text("next"),
        *(text(f"  {step}", "cyan") for step in steps),
    )


def _steps(made: Any) -> list[str]:
    inside = any((parent / ".git").exists() for parent in made.directory.parents)
    commit = f'{"" if inside else "git init && "}git add . && git commit -m "As it was made"'
    return [
        f"cd {shlex.quote(_shown(made.directory))}",
        *([commit] if shutil.which("git") else []),
        "pip install -e '.[engine,test]'",
        "pytest",
        f"dovetail plugins show {made.names.short}",
    ]


def _shown(directory: Path) -> str:
    """The directory as one would type it here."""
    below = os.path.relpath(directory)
    return str(directory) if below.startswith(".") else below


@click.command("update")
@click.argument("directory", metavar="[DIR]", required=False, type=_DIRECTORY)
@common
@with_session
def update(session: Session, directory: Path | None) -> int:
    """Bring a plugin up to the newest template; your edits stay.

    DIR is a plugin that `dovetail plugins new` made, by default the current directory; all of it must be committed. Where an
    edit and the template are at odds, both are left in the file, marked as git does, and the command exits with 2.
    """
    done = _scaffold().update_plugin(directory)
    fix = f"settle what is marked, then: git add {' '.join(map(shlex.quote, done.conflicts))}" if done.conflicts else ""
    if session.options.json:
        lists = {name: list(getattr(done, name)) for name in _LISTS}
        emit_json(
            session.options,
            {
                "directory": str(done.directory),
                "before": done.before,
                "after": done.after,
                **lists,
                "manifest": done.manifest,
                "fix": fix,
            },
        )
    elif done.before == done.after:
        show(text(f"nothing to do: {_shown(done.directory)} is of template {done.after}, the newest", "green"))
    else:
        show(text(f"updated {_shown(done.directory)} from template {done.before} to {done.after}", "green"))
        for name, style in _LISTS.items():
            show(*(text(f"  {name.removesuffix('s')}: {path}", style) for path in getattr(done, name)))
        if done.manifest:
            show(text(f"  {done.manifest}", "yellow"))
        show(text("next"), *(text(f"  {step}", "cyan") for step in (fix, "git diff HEAD", "pytest") if step))
    return UserError.exit_code if done.conflicts else 0


_LISTS = {"changed": "", "added": "", "removed": "", "kept": "yellow", "conflicts": "bold red"}
"""What an update tells, and in which style."""
