"""What the kit finds wrong with environments that a plugin declares; each defect is caught, and a good one passes."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

import pytest
from dovetail.spec import EnvironmentSpec, TaskTypeSpec
from dovetail.testing._environments import problems_of

GOOD = "Requires-Dist: polars>=1; extra == 'engine'\nProvides-Extra: engine\n"


def found(folder: Path, spec: EnvironmentSpec, metadata: str = GOOD, engine: str = "polars") -> list[str]:
    """The problems of an environment of a plugin with these metadata, whose task type has this engine."""
    info = folder / "acme_work-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-work\nVersion: 1.0\n{metadata}")
    task = TaskTypeSpec("work", "acme:Work", engine=engine)
    return list(problems_of(spec, [task, spec], Distribution.at(info)))


def test_a_good_one_passes(tmp_path: Path) -> None:
    assert found(tmp_path, EnvironmentSpec("polars", engine="polars", python=">=3.11,<3.14")) == []


@pytest.mark.parametrize(
    ("spec", "metadata", "engine", "problem"),
    [
        (EnvironmentSpec("e", engine="zlib"), GOOD, "polars", "nothing that the plugin declares needs zlib"),
        (EnvironmentSpec("e", engine="polars", extra="all"), GOOD, "polars", "acme-work has no extra 'all'"),
        (EnvironmentSpec("e", engine="polars", python="three"), GOOD, "polars", "are no versions of Python"),
        (EnvironmentSpec("e", engine="polars", python="<3.9"), GOOD, "polars", "leaves none of 3.11, 3.12 and 3.13"),
        (EnvironmentSpec("e", engine="polars"), "Provides-Extra: engine\n", "polars", "brings nothing"),
        (EnvironmentSpec("e", engine="pyarrow"), GOOD, "pyarrow", "does not bring pyarrow, which comes from pyarrow"),
        (EnvironmentSpec("e", engine="nowhere"), GOOD, "nowhere", "is installed, and there is no module nowhere"),
    ],
)
def test_a_bad_one_is_caught(spec: EnvironmentSpec, metadata: str, engine: str, problem: str, tmp_path: Path) -> None:
    (told,) = found(tmp_path, spec, metadata, engine)
    assert problem in told
