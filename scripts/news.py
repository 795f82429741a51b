"""News fragments: one small file per change and distribution, gathered into CHANGELOG.md at a release.

    python scripts/news.py check
    python scripts/news.py build VERSION

A fragment is `<distribution folder>/news.d/<issue>.<kind>.md`, or `<issue>.<kind>.<n>.md` when one issue has several of a
kind. Its text is one or more sentences for users of that distribution.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from tooling import ROOT, distributions

KINDS = {
    "feature": "New",
    "change": "Changed",
    "fix": "Fixed",
    "deprecation": "Deprecated",
    "removal": "Removed",
    "security": "Security",
}
NAME = re.compile(rf"(?P<issue>\d+)\.(?P<kind>{'|'.join(KINDS)})(\.\d+)?\.md")
MARK = "<!-- the newest release goes below this line -->\n"


def problems() -> list[str]:
    """What is wrong with the fragments, one line each."""
    found = []
    for path in fragments():
        where = path.relative_to(ROOT)
        text = path.read_text(encoding="utf-8").strip()
        if not NAME.fullmatch(path.name):
            found.append(f"{where}: call it <issue>.<kind>.md with a kind among {', '.join(KINDS)}")
        elif not text:
            found.append(f"{where}: say what changed")
        elif text.startswith(("#", "-", "*")):
            found.append(f"{where}: plain sentences, no heading and no list mark; the change log adds those")
        elif not text.endswith((".", "`")):
            found.append(f"{where}: end with a full stop")
    return found


def fragments() -> list[Path]:
    """All files of all `news.d` folders but for the hidden ones."""
    folders = [member.path / "news.d" for member in distributions()]
    return [path for folder in folders for path in sorted(folder.glob("*")) if not path.name.startswith(".")]


def entry(version: str, day: str) -> str:
    """The change log of one release, by distribution and kind."""
    lines = [f"## {version} ({day})", ""]
    for member in distributions():
        paths = [path for path in fragments() if path.parent.parent == member.path]
        if not paths:
            continue
        lines += [f"### {member.name}", ""]
        for kind, title in KINDS.items():
            texts = [line_of(path) for path in paths if kind_of(path) == kind]
            lines += [f"**{title}**", "", *texts, ""] if texts else []
    return "\n".join(lines)


def kind_of(path: Path) -> str:
    """The kind that a checked fragment's name says."""
    return path.name.split(".")[1]


def line_of(path: Path) -> str:
    """A fragment as one list item."""
    text = " ".join(path.read_text(encoding="utf-8").split())
    return f"- {text} (#{path.name.split('.')[0]})"


def build(version: str) -> None:
    """Write the entry into CHANGELOG.md and remove the fragments."""
    log = ROOT / "CHANGELOG.md"
    before, mark, after = log.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit("CHANGELOG.md has lost the line that says where releases go")
    log.write_text(before + mark + "\n" + entry(version, f"{datetime.now(UTC):%Y-%m-%d}") + after, encoding="utf-8")
    for path in fragments():
        path.unlink()


def main(words: list[str]) -> int:
    """Returns the exit code."""
    found = problems()
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    match words:
        case ["check"]:
            print(f"{len(fragments())} news fragments")
        case ["build", version] if re.fullmatch(r"\d+(\.\d+)+((a|b|rc)\d+)?", version):
            build(version)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
