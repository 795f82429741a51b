"""The templates that are shipped, and copier, which renders them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dovetail.errors import EngineUnavailable, PlatformError, UsageError
from dovetail.scaffold._answers import ANSWERS_FILE, Answers, answers_text

TEMPLATES = Path(__file__).parent / "templates"
"""Each version of the template in a directory of its number. One that was released stays: updates begin from it."""


def newest_template() -> int:
    """The number of the newest template."""
    return max(int(found.name) for found in TEMPLATES.iterdir() if found.name.isdecimal())


def require_copier() -> None:
    """See that copier is there.

    Raises:
        EngineUnavailable: It is not installed.
    """
    if importlib.util.find_spec("copier") is None:
        raise EngineUnavailable(
            "making and updating plugins needs copier",
            why="it is not installed",
            fix="pip install 'dovetail[scaffold]'",
        )


def render(answers: Answers, target: Path) -> None:
    """Render the template of these answers into an empty directory, with the file of answers.

    Raises:
        UsageError: This dovetail has no template of that number.
        EngineUnavailable: copier is not installed.
        OSError: The directory cannot be written to.
        PlatformError: copier failed.
    """
    template = TEMPLATES / str(answers.version)
    if not template.is_dir():
        raise UsageError(
            f"this dovetail has no template {answers.version}",
            why=f"its newest one is {newest_template()}, so the plugin was made by a newer dovetail",
            fix="pip install --upgrade 'dovetail[scaffold]'",
        )
    require_copier()
    import copier

    try:
        copier.run_copy(
            str(template), target, data=dict(answers.values), defaults=True, overwrite=True, quiet=True, unsafe=False
        )
    except Exception as error:  # copier raises kinds of its own, of jinja, of pydantic and of yaml
        cause = next((each for each in (error, error.__cause__, error.__context__) if isinstance(each, OSError)), None)
        if cause is not None:
            raise cause from None  # a disk is to blame, or a directory: whoever named it can tell
        raise PlatformError(
            "copier could not render the template",
            why=f"{type(error).__name__}: {error}",
            fix="pip install --upgrade 'dovetail[scaffold]'",
        ) from error
    (target / ANSWERS_FILE).write_text(answers_text(answers), encoding="utf-8", newline="\n")
