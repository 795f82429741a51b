"""``dovetail types``: how values get from one type to another."""

from __future__ import annotations

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import clean
from dovetail.config import parse_size, show_size
from dovetail.errors import UnknownType, UsageError, nearest
from dovetail.plugins import Catalogue
from dovetail.types import ConversionPath

types = Verbs("types", help="Explain how one type becomes another.")
common(types)

_FRAMES = ("DataFrame", "Table")
"""What is meant when a library is named and not one of its types."""

_PROPER = {"spark": "pyspark.sql.DataFrame", "flink": "pyflink.table.Table", "arrow": "pyarrow.Table"}
"""Libraries that people call by another name than that of their module."""


@types.command("path")
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@click.option("--size", metavar="SIZE", help="Size of the value, such as 2GB; otherwise 10 MB is assumed.")
@common
@with_session
@click.pass_context
def path_between(context: click.Context, session: Session, source: str, target: str, size: str | None) -> None:
    """The cheapest path from type A to type B: the cost of each step, the plugin that brings it, why, and what else there is.

    A and B are names such as polars.DataFrame, or the name of a library: polars, pandas, arrow.
    """
    session.activate(context)
    try:
        figure = None if size is None else parse_size(size)
    except ValueError as error:
        raise UsageError(f"{clean(size or '')!r} is no size", why=str(error), fix="--size 2GB") from None
    start, end = full_name(source, session.catalogue), full_name(target, session.catalogue)
    path = session.types.explain(start, end, figure)
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
    show(table(("type", "stored as", "plugin", "summary"), rows, spare=("stored as", "summary"), prose=("summary",)))


def full_name(name: str, catalogue: Catalogue) -> str:
    """The name of a type that a person may have shortened: the library, or the last part of it.

    Raises:
        UsageError: It may be several types.
        UnknownType: It is none; names the nearest, or what to install.
    """
    known = list(catalogue.transformers())
    if name in known or "." in name or "[" in name or "|" in name or name in ("Any", "None", "object"):
        return name
    word = name.casefold()
    libraries = [each for each in known if word in _words(each.partition(".")[0])]
    frames = [each for each in libraries if each.rpartition(".")[2] in _FRAMES]
    found = frames or libraries or [each for each in known if each.rpartition(".")[2].casefold() == word]
    if len(found) > 1:
        raise UsageError(
            f"{name!r} may be several types", why=f"there are {', '.join(sorted(found))}", fix="type the whole name"
        )
    if not found:
        close = nearest(word, {part.casefold() for each in known for part in each.split(".")} | set(_PROPER))
        if word in _PROPER or close is None:
            raise catalogue.missing("type", _PROPER.get(word, name))
        raise UnknownType(f"there is no type {clean(name)!r}", fix=f"did you mean {close}?")
    return found[0]


def _words(library: str) -> tuple[str, str]:
    return library.casefold(), library.casefold().removeprefix("py")


def _show(path: ConversionPath) -> None:
    if not path.steps:
        show(text(str(path)))
        return
    of = "" if path.size is None else f" for {show_size(path.size)}"
    show(text(f"{path.source} -> {path.target}: cost {path.cost}{of}"))
    rows = [
        (
            number,
            step.source,
            step.target,
            step.cost,
            step.plugin,
            text(", ".join(step.remarks()), "yellow" if step.lossy else ""),
        )
        for number, step in enumerate(path.steps, 1)
    ]
    show(table(("", "from", "to", "cost", "plugin", ""), rows))
    for line in path.remarks():
        show(text(line))
