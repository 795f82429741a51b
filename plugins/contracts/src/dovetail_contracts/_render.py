"""Differences for people: in a terminal, and as Markdown for a pull request."""

from __future__ import annotations

from dovetail_contracts._changes import Side
from dovetail_contracts._diff import Difference

_HEADINGS = {"breaking": "Breaking", "compatible": "Compatible", "informational": "Informational"}


def summary(difference: Difference, side: Side = "consumers") -> str:
    """How many changes of each level, in one line."""
    counts = {level: len(changes) for level, changes in difference.by_level(side).items()}
    if not difference.changes:
        return "no change"
    told = ", ".join(f"{count} {level}" for level, count in counts.items() if count)
    return told if side == "both" else f"{told} (for {side})"


def render_lines(difference: Difference, side: Side = "consumers") -> list[str]:
    """A line per change, breaking ones first."""
    lines = []
    for level, changes in difference.by_level(side).items():
        for change in changes:
            other = f"  [breaks {change.breaks}]" if change.breaks != "nobody" and level != "breaking" else ""
            lines.append(f"{level:13}  {change.path}: {change.text()}{other}")
    return [*lines, summary(difference, side)]


def render_diff_markdown(difference: Difference, title: str, side: Side = "consumers") -> str:
    """The difference as Markdown.

    Args:
        difference: The changes.
        title: What is compared.
        side: Whose view is taken.
    """
    lines = [f"### {_safe(title)}", "", f"**{summary(difference, side)}**"]
    for level, changes in difference.by_level(side).items():
        if not changes:
            continue
        lines += ["", f"#### {_HEADINGS[level]}", "", "| part | change | breaks |", "|---|---|---|"]
        lines += [f"| `{_safe(each.path, code=True)}` | {_safe(each.text())} | {each.breaks} |" for each in changes]
    return "\n".join(lines) + "\n"


def _safe(text: str, code: bool = False) -> str:
    """Text of a contract cannot become markup, nor break its row."""
    text = " ".join(text.split()).replace("|", "\\|")
    if code:
        return text.replace("`", "'")
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{sign}" if sign in "`*_[]!#" else sign for sign in escaped)
