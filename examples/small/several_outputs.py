"""Several outputs, files as values, and a program as a task.

Prints:
    4 lines, the longest is 'a whale'
    wc counts 4
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import dovetail as dt


@dt.task
def write(lines: list[str]) -> dt.File:
    path = Path(tempfile.mkdtemp()) / "lines.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return dt.File(path)


class Facts(NamedTuple):
    count: int
    longest: str


@dt.task
def look(file: dt.File) -> Facts:
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return Facts(len(lines), max(lines, key=len))


# No shell reads the arguments; {file} stands for an input.
count_words = dt.shell(["wc", "-l", "{file}"], inputs={"file": dt.File}, name="wc")


@dt.task
def first_number(text: str) -> int:
    return int(text.split()[0])


class Summary(NamedTuple):
    facts: str
    program: int


@dt.task
def describe(count: int, longest: str) -> str:
    return f"{count} lines, the longest is {longest!r}"


@dt.workflow
def summary(lines: list[str]) -> Summary:
    file = write(lines)
    facts = look(file)
    return Summary(describe(facts.count, facts.longest), first_number(count_words(file)))


if __name__ == "__main__":
    result = summary(["a cat", "a dog", "a whale", "an ox"])
    print(result.facts)
    print("wc counts", result.program)
