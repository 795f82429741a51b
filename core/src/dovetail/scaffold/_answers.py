"""The answers that a plugin was made with: a file that goes with it, and names nothing of the machine that made it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dovetail.errors import UsageError, listing, shorten

ANSWERS_FILE = ".copier-answers.yml"
TEMPLATE = "dovetail-plugin"
"""What the file calls the template, so that nobody takes another template's answers for ours."""

Answer = str | bool
_HEAD = "# With these answers the template was rendered; `dovetail plugins update` needs them. Not to be edited.\n"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the template was asked.

    Attributes:
        version: Number of the template.
        values: Answers by question.
    """

    version: int
    values: dict[str, Answer]


def answers_text(answers: Answers) -> str:
    """The text of the file: YAML, one answer in a line, values as JSON writes them."""
    lines = {"_template": TEMPLATE, "_version": answers.version, **answers.values}
    return _HEAD + "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines.items())


def read_answers(directory: Path) -> Answers:
    """Read the answers of a plugin.

    Raises:
        UsageError: There are none, or they are not of our template, or somebody edited them.
    """
    path = directory / ANSWERS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{directory} was not made by dovetail plugins new",
            why=f"it holds no {ANSWERS_FILE}",
            fix="name the directory of a plugin that was: dovetail plugins update DIR",
        ) from None
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error), fix=_restore()) from error
    found = _parse(text, path)
    template, version = found.pop("_template", None), found.pop("_version", None)
    if template != TEMPLATE or not isinstance(version, int) or isinstance(version, bool):
        raise UsageError(
            f"{path} is of another template",
            why=f"_template is {shorten(template)}, _version is {shorten(version)}",
            fix="update it with the tool that it was made with",
        )
    values = {key: value for key, value in found.items() if isinstance(value, str | bool)}
    if len(values) < len(found):
        odd = listing(found.keys() - values.keys())
        raise UsageError(f"{path} holds answers that are neither text nor yes or no: {odd}", fix=_restore())
    return Answers(version, values)


def _parse(text: str, path: Path) -> dict[str, object]:
    values: dict[str, object] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, _, value = line.partition(":")
        try:
            values[key.strip()] = json.loads(value)
        except ValueError as error:
            raise UsageError(
                f"{path} cannot be read", why=f"line {number} is no answer: {shorten(line)}", fix=_restore()
            ) from error
    return values


def _restore() -> str:
    return f"take it from the last commit: git checkout HEAD -- {ANSWERS_FILE}"
