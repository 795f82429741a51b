"""Flags of a workflow, made from its signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from dovetail.cli._text import one_line
from dovetail.cli._values import InputKind, default_text, kind_of, read
from dovetail.errors import DovetailError, UsageError, nearest
from dovetail.graph import Workflow
from dovetail.types import TypeEngine

_PREFIX = "input_"
"""Before the name of a parameter that is an input, so that it cannot be taken for an option of the command."""


class InputFlag(click.Option):
    """The flag of one input; help says its default, or that it must be given."""

    def __init__(
        self, name: str, kind: InputKind, default: str | None, text: str, *, on_off: bool, own_flag: bool
    ) -> None:
        self.input = name
        self.kind = kind
        self._default = f"[default: {default}]" if default is not None else "[required]"
        # Where the flag is an option of the command, the input has none; with a blank in it, it cannot be typed by accident.
        flag = flag_of(name) if own_flag else f"--input {name}"
        self.shown = flag
        declared = f"{flag}/--no-{flag.removeprefix('--')}" if kind.flag and on_off else flag
        options: dict[str, Any] = {"default": None, "help": text, "required": False, "hidden": not own_flag}
        if kind.flag and on_off:
            options["is_flag"] = True
        else:
            options |= {"multiple": True, "metavar": kind.metavar, "type": click.UNPROCESSED}
        super().__init__([declared, _PREFIX + name], **options)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Names and help, with the default as it would be typed."""
        flags = "/".join((self.opts[0], *self.secondary_opts))
        names = flags if self.is_flag else f"{flags} {self.metavar}"
        if self.hidden:
            names = self.example()
        repeat = "; repeatable, or JSON" if self.kind.element is not None else ""
        json = "; JSON text or @file.json" if self.kind.metavar == "JSON" else ""
        json = json if self.kind.typeable else "; from Python only"
        parts = (f"{self.help}{repeat}{json}".removeprefix("; "), self._default)
        return names, "  ".join(part for part in parts if part)

    def example(self) -> str:
        """How it is given: ``--month INTEGER``, or ``--input quiet=BOOLEAN``."""
        if self.hidden:
            return f"{self.shown}={self.kind.metavar}"
        if self.is_flag:
            return f"{self.shown} or {self.secondary_opts[0]}"
        return f"{self.shown} {self.kind.metavar}"


def with_values(arguments: Sequence[str], flags: Iterable[InputFlag], option: str) -> list[str] | None:
    """The arguments with ``--flag=VALUE`` of an on/off input as ``--input flag=VALUE``.

    Args:
        arguments: As typed.
        flags: Of the inputs.
        option: The flag that was given a value, as click tells it.

    Returns:
        None if ``option`` is no on/off input, or its value cannot be found.
    """
    for flag in flags:
        if not flag.is_flag or flag.shown != option:
            continue
        for place, argument in enumerate(arguments):
            typed, separator, value = argument.partition("=")
            if separator and typed.replace("_", "-") == option:
                return [*arguments[:place], "--input", f"{flag.input}={value}", *arguments[place + 1 :]]
    return None


def flag_of(name: str) -> str:
    """The flag of an input: ``--dep-delay`` for ``dep_delay``."""
    return "--" + name.replace("_", "-")


def input_flags(workflow: Workflow[..., Any], taken: Iterable[str], engine: TypeEngine) -> list[InputFlag]:
    """One flag per input; those whose flag is an option of the command are set with ``--input``, and shown so.

    Args:
        workflow: The workflow.
        taken: Flags of the command itself.
        engine: Knows the types.
    """
    interface = workflow.interface
    used = {*taken, "--help"}
    names = {flag_of(name) for name in interface.inputs}
    flags = []
    for name, annotation in interface.inputs.items():
        flag = flag_of(name)
        kind = kind_of(annotation, engine)
        default = default_text(interface.defaults[name], kind) if name in interface.defaults else None
        on_off = f"--no-{flag.removeprefix('--')}" not in names | used
        text = one_line(interface.help.get(name, ""))
        flags.append(InputFlag(name, kind, default, text, on_off=on_off, own_flag=flag not in used))
    return flags


def read_inputs(
    workflow: Workflow[..., Any],
    flags: Iterable[InputFlag],
    typed: Mapping[str, Any],
    generic: Iterable[str],
    engine: TypeEngine,
) -> dict[str, Any]:
    """Values of the inputs that were given.

    Args:
        workflow: The workflow.
        flags: Of all its inputs.
        typed: What click found, by parameter; other parameters than inputs are left alone.
        generic: Texts ``NAME=VALUE`` of ``--input``.
        engine: Reads and validates.

    Raises:
        UsageError: An input is unknown, or one without a default is missing.
        ValueMismatch: A text does not say a value of the input's type.
    """
    by_name = {flag.input: flag for flag in flags}
    given: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for parameter, value in typed.items():
        name = parameter.removeprefix(_PREFIX)
        if name == parameter or value in (None, ()):
            continue
        if isinstance(value, bool):
            values[name] = value
        else:
            given[name] = list(value)
    for text in generic:
        name, value = _pair(text, workflow)
        given.setdefault(name, []).append(value)
    for name, texts in given.items():
        try:
            values[name] = read(texts, by_name[name].kind, by_name[name].shown, engine)
        except DovetailError as error:
            error.who = error.who or f"workflow {workflow.name}"
            raise
    _check_complete(workflow, by_name, values)
    return values


def _pair(text: str, workflow: Workflow[..., Any]) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"--input takes NAME=VALUE, not {one_line(text, 60)!r}", fix="--input month=1")
    known = workflow.interface.inputs
    if name not in known:
        name_with = name.replace("-", "_")
        if name_with in known:
            return name_with, value
        close = nearest(name_with, known)
        raise UsageError(
            f"workflow {workflow.name} has no input {one_line(name, 60)!r}",
            fix=f"did you mean {close}?" if close else f"its inputs: {', '.join(known) or 'none'}",
        )
    return name, value


def _check_complete(workflow: Workflow[..., Any], flags: Mapping[str, InputFlag], values: Mapping[str, Any]) -> None:
    interface = workflow.interface
    missing = [flags[name] for name in interface.inputs if name not in values and name not in interface.defaults]
    if not missing:
        return
    verb, why = ("is", "the input has no default") if len(missing) == 1 else ("are", "these inputs have no default")
    raise UsageError(
        f"{', '.join(flag.shown for flag in missing)} {verb} required",
        who=f"workflow {workflow.name}",
        why=why,
        fix="give " + " ".join(flag.example() for flag in missing),
        missing=[flag.input for flag in missing],
    )
