"""``dovetail types``: how values get from one type to another."""

from __future__ import annotations

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._session import Session, with_session
from dovetail.errors import UsageError
from dovetail.types import ConversionPath

types = Verbs("types", help="Explain how one type becomes another.")
common(types)

_FRAMES = ("DataFrame", "Table")
"""What is meant when a library is named and not one of its types."""


@types.command("path")
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@common
@with_session
@click.pass_context
def path_between(context: click.Context, session: Session, source: str, target: str) -> None:
    """The cheapest path from type A to type B, with the cost of each step and the plugin that brings it.

    A and B are names such as polars.DataFrame, or the name of a library: polars, pandas, arrow.
    """
    session.activate(context)
    known = _names(session)
    path = session.types.explain(full_name(source, known), full_name(target, known))
    if session.options.json:
        emit_json(session.options, {**path.to_dict(), "lossy": list(path.lossy)})
        return
    _show(path)


@types.command("list")
@common
@with_session
def list_types(session: Session) -> None:
    """The types that plugins know, besides what Python and pydantic know themselves."""
    lines = [
        {
            "type": spec.type,
            "aliases": list(spec.aliases),
            "formats": [codec.format for codec in spec.codecs],
            "plugin": session.catalogue.owner_of(spec).distribution or session.catalogue.owner_of(spec).module,
            "summary": spec.summary,
        }
        for spec in session.catalogue.transformers().values()
    ]
    if session.options.json:
        emit_json(session.options, {"types": lines})
        return
    rows = [(line["type"], ", ".join(line["formats"]), line["plugin"], line["summary"]) for line in lines]
    show(table(("type", "stored as", "plugin", ""), rows))


def _names(session: Session) -> list[str]:
    found = session.catalogue.transformers()
    return [name for spec in found.values() for name in (spec.type, *spec.aliases)]


def full_name(name: str, known: list[str]) -> str:
    """The name of a type that a person may have shortened: the library, or the last part of it.

    Raises:
        UsageError: It may be several.
    """
    if name in known or "." in name or "[" in name:
        return name
    word = name.casefold()
    libraries = [
        each for each in known if word in (first := each.partition(".")[0].casefold(), first.removeprefix("py"))
    ]
    frames = [each for each in libraries if each.rpartition(".")[2] in _FRAMES]
    found = frames or libraries or [each for each in known if each.rpartition(".")[2].casefold() == word]
    if len(found) > 1:
        raise UsageError(
            f"{name!r} may be several types", why=f"there are {', '.join(sorted(found))}", fix="type the whole name"
        )
    return found[0] if found else name


def _show(path: ConversionPath) -> None:
    if not path.steps:
        show(text(str(path)))
        return
    show(text(f"{path.source} -> {path.target}: cost {path.cost}" + (f" ({path.note})" if path.note else "")))
    rows = [
        (
            number,
            step.source,
            step.target,
            step.cost,
            step.plugin,
            text(f"loses {step.lossy}", "yellow") if step.lossy else "",
        )
        for number, step in enumerate(path.steps, 1)
    ]
    show(table(("", "from", "to", "cost", "plugin", ""), rows))
