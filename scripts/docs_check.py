"""Check the documentation: links inside the repository lead somewhere, Python blocks compile, `make` targets exist.

python scripts/docs_check.py
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tooling import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"(?:^|`|\$ )make ([a-z-]+)", re.MULTILINE)


def pages() -> list[Path]:
    """The Markdown files that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.exists() and path.parent.name != "news.d"]


def anchors(text: str) -> set[str]:
    """The anchors that headings get, as the usual renderers make them."""
    without_code = FENCE.sub("", text)
    titles = re.findall(r"^#+ +(.+?) *#*$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(path: Path, text: str) -> Iterator[str]:
    """Relative links that lead nowhere."""
    for match in LINK.finditer(FENCE.sub("", text)):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        if not found.exists():
            yield f"link to {target}: no such file"
        elif anchor and found.suffix == ".md" and anchor not in anchors(found.read_text(encoding="utf-8")):
            yield f"link to {target}: no such heading"


def broken_python(text: str) -> Iterator[str]:
    """Python blocks that do not compile. Doctest-like and elided ones are written as `text`."""
    for match in FENCE.finditer(text):
        if match.group(2) == "python":
            try:
                ast.parse(textwrap.dedent(match.group(3)))
            except SyntaxError as error:
                line = text[: match.start()].count("\n") + 1 + (error.lineno or 0)
                yield f"line {line}: {error.msg}"


def unknown_targets(text: str, targets: set[str]) -> Iterator[str]:
    """`make x` in code for an x that the Makefile lacks."""
    code = "\n".join([match.group(3) for match in FENCE.finditer(text)] + re.findall(r"`make [a-z-]+", text))
    for name in MAKE.findall(code):
        if name not in targets:
            yield f"`make {name}`: no such target"


def main() -> int:
    """Returns the exit code."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    found, seen = [], pages()
    for path in seen:
        text = path.read_text(encoding="utf-8")
        wrong = [*dead_links(path, text), *broken_python(text), *unknown_targets(text, targets)]
        found += [f"{path.relative_to(ROOT)}: {line}" for line in wrong]
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    print(f"{len(seen)} pages: links, Python blocks and make targets are good")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
