"""``dovetail run FILE WORKFLOW``: the file and the workflow are commands, so each has its own help and its own flags."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from dovetail.cli._execute import check_report, execute
from dovetail.cli._flags import InputFlag, input_flags, read_inputs, with_values
from dovetail.cli._groups import Group
from dovetail.cli._in_process import call
from dovetail.cli._options import common, common_late, options_of, run_options
from dovetail.cli._session import Session, session_of
from dovetail.cli._text import clean, one_line
from dovetail.engine import new_run_id
from dovetail.errors import DovetailError, UsageError
from dovetail.graph import Workflow
from dovetail.hub import is_spec, load_module, load_spec, load_workflow, workflows_in

_HELP = """Run a workflow: recorded, cached, resumable.

FILE is a Python file, a module as package.module, or a graph specification (.json). The flags of the workflow come from
its signature; see dovetail run FILE WORKFLOW --help. Without a WORKFLOW, those of the file are listed.
"""
_SECTIONS = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Example|Examples|Note|Notes):\s*$")


class RunGroup(Group):
    """``dovetail run``: every file is a command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a file; the file is not looked at yet."""
        return None if cmd_name.startswith("-") else FileGroup(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """None: files are not listed."""
        return []


class FileGroup(Group):
    """``dovetail run FILE``: every workflow of the file is a command."""

    def __init__(self, file: str) -> None:
        super().__init__(
            file,
            help=f"Run a workflow of {clean(file)}.",
            invoke_without_command=True,
            callback=self._no_workflow,
            subcommand_metavar="WORKFLOW [INPUT FLAGS]",
            params=[*run_options()],
        )
        common_late(self)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a workflow; loads the file."""
        if cmd_name.startswith("-"):
            return None
        self._prepare(ctx)
        with _at_line_of(str(self.name)):
            workflow = load_workflow(str(self.name), cmd_name)
        return WorkflowCommand(workflow, session_of(ctx))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The workflows of the file, which is loaded for that."""
        self._prepare(ctx)
        return list(self._workflows)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The workflows with the first line of their docstrings."""
        self._prepare(ctx)
        if self._workflows:
            with formatter.section("Workflows"):
                formatter.write_dl([(name, _first_line(workflow)) for name, workflow in self._workflows.items()])

    @cached_property
    def _workflows(self) -> dict[str, Workflow[..., Any]]:
        with _at_line_of(str(self.name)):
            if is_spec(str(self.name)):
                workflow = load_spec(str(self.name))
                return {workflow.name: workflow}
            return workflows_in(_module(str(self.name)))

    def _prepare(self, context: click.Context) -> None:
        text = str(self.name)
        if not text.endswith(".py") and not is_spec(text) and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))  # as `python -m` does, so that modules of the project are found
        session_of(context).activate(context)

    def _no_workflow(self) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is not None:
            return
        self._prepare(context)
        found = self._workflows
        lines = [f"{name}  {_first_line(workflow)}".rstrip() for name, workflow in found.items()]
        first = next(iter(found), "WORKFLOW")
        raise UsageError(
            "no workflow was named",
            who=clean(self.name),
            why="there are:\n" + "\n".join(lines) if found else "and none is defined there",
            fix=f"dovetail run {clean(self.name)} {first}" if found else "decorate a function with @dt.workflow",
            workflows=list(found),
        )


@contextmanager
def _at_line_of(file: str) -> Iterator[None]:
    """Say of an error that a definition raises in which line of the file that is."""
    try:
        yield
    except DovetailError as error:
        path = str(Path(file).absolute())
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == path and frame.lineno
        ]
        if lines:
            error.who = f"{file}, line {lines[-1]}" + (f": {error.who}" if error.who else "")
        raise


def _module(text: str) -> ModuleType:
    if text.endswith(".py") or "/" in text or Path(text).exists():
        return load_module(Path(text))
    try:
        return importlib.import_module(text)
    except ImportError as error:
        raise UsageError(
            f"there is no file or module {text!r}", why=str(error), fix="give a file that ends in .py, or a module"
        ) from error


class WorkflowCommand(click.Command):
    """``dovetail run FILE WORKFLOW``: the flags are the inputs of the workflow."""

    def __init__(self, workflow: Workflow[..., Any], session: Session) -> None:
        super().__init__(
            workflow.name,
            help=_description(workflow),
            params=[*run_options()],
            callback=self._run,
            context_settings={"token_normalize_func": lambda token: token.replace("_", "-")},
        )
        common_late(self)
        self.workflow = workflow
        self.session = session
        taken = [flag for option in self.params for flag in (*option.opts, *option.secondary_opts)]
        self.flags = input_flags(workflow, taken, session.types)
        self.params[:0] = self.flags

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, but ``--flag=VALUE`` is taken for an on/off input as well, which may be ``null``."""
        typed = list(args)
        while True:
            try:
                return super().parse_args(ctx, list(typed))
            except click.BadOptionUsage as error:
                error.ctx = error.ctx or ctx
                again = with_values(typed, self.flags, error.option_name)
                if again is None:
                    raise
                typed = again

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The inputs first, then the options of every run."""
        parameters = self.get_params(ctx)
        inputs = [p.get_help_record(ctx) for p in parameters if isinstance(p, InputFlag)]
        others = [p.get_help_record(ctx) for p in parameters if not isinstance(p, InputFlag)]
        for title, records in (("Inputs", inputs), ("Options", others)):
            shown = [record for record in records if record is not None]
            if shown:
                with formatter.section(title):
                    formatter.write_dl(shown)

    def _run(self, **typed: Any) -> int:
        workflow, session = self.workflow, self.session
        given = options_of(click.get_current_context()).run
        inputs = read_inputs(workflow, self.flags, typed, given.get("input", ()), session.types)
        check_report(given.get("report"))
        if given.get("in_process"):
            return call(session, workflow, inputs)
        hub = session.hub
        run_id = given.get("run_id") or new_run_id()
        return execute(
            session,
            run_id,
            lambda progress: hub.run(
                workflow,
                executor=given.get("executor") or "threads",
                engine=given.get("engine"),
                offline=bool(given.get("offline")),
                run_id=run_id,
                observers=[progress],
                on_output=progress.output,
                inputs=inputs,
            ),
        )


def _description(workflow: Workflow[..., Any]) -> str:
    """The docstring up to its sections; the flags tell the rest."""
    lines = []
    for line in inspect.cleandoc(workflow.function.__doc__ or "").splitlines():
        if _SECTIONS.match(line):
            break
        lines.append(clean(line))
    return "\n".join(lines).strip() or f"Run workflow {workflow.name}."


def _first_line(workflow: Workflow[..., Any]) -> str:
    return one_line((workflow.function.__doc__ or "").strip().partition("\n")[0])


run = RunGroup("run", help=_HELP, subcommand_metavar="FILE WORKFLOW [INPUT FLAGS]", params=[*run_options()])
common(run)
