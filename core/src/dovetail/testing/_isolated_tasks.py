"""What the suites of environments run inside of them; imports nothing that an environment may lack."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any


def give_back(frame: Any) -> Any:
    """What was given, as it came."""
    return frame


def look(frame: Any) -> dict[str, Any]:
    """What is shown of a value where its engine is."""
    from dovetail.types import current_types

    types = current_types()
    schema, preview = types.schema(frame), types.preview(frame)
    return {
        "schema": None if schema is None else [field.name for field in schema.fields],
        "columns": list(preview.columns),
        "shown": len(preview.rows),
        "rows": preview.total_rows,
    }


def about(engine: str) -> dict[str, Any]:
    """This process: its id, where its packages lie, and what is wrong with its engine, ``""`` for nothing."""
    problem = ""
    try:
        importlib.import_module(engine)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return {"pid": os.getpid(), "prefix": os.path.realpath(sys.prefix), "problem": problem}


def die_once(note: str) -> list[int]:
    """Ids of the process that was killed in the middle of this, and of the one that did it at last."""
    path = Path(note)
    if path.exists():
        return [int(path.read_text(encoding="utf-8")), os.getpid()]
    path.write_text(str(os.getpid()), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


def note_sessions(task_type: str, note: str) -> bool:
    """From now on, a line is written for each session that a task type opens or closes in this process."""
    from dovetail.graph import load_task_type

    kind = type(load_task_type(task_type))
    for word in ("open", "close"):
        _note_calls(kind, word, Path(note))
    return True


def _note_calls(kind: type, word: str, note: Path) -> None:
    method = getattr(kind, word)
    method = getattr(method, "__dovetail_noted__", method)

    def noting(self: Any, *args: Any) -> Any:
        with note.open("a", encoding="utf-8") as file:
            file.write(f"{word} {os.getpid()}\n")
        try:
            return method(self, *args)
        except BaseException as error:
            with note.open("a", encoding="utf-8") as file:
                file.write(f"{word} raised {type(error).__name__}: {error}".replace("\n", " ") + "\n")
            raise

    noting.__dovetail_noted__ = method  # type: ignore[attr-defined]
    setattr(kind, word, noting)
