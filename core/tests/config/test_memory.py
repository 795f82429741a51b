"""Sizes as people write them, and the memory that is left where control groups limit it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dovetail.config import available_memory, parse_size, show_size
from hypothesis import example, given, settings
from hypothesis import strategies as st

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("2GB", 2 * 10**9),
        ("2 gb", 2 * 10**9),
        ("512 MiB", 512 << 20),
        ("1.5k", 1500),
        ("1_000", 1000),
        ("3Ti", 3 << 40),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "2 GX", "1,5 GB", "1e9", "nan", "2 GB left", "1..5", "i", "5i"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parse_size(text)


@given(st.integers(0, 10**15))
@example(999_500_000)
@settings(deadline=None)  # a busy machine is no defect
def test_what_is_shown_is_read_back_to_three_figures(size: int) -> None:
    assert abs(parse_size(show_size(size).removesuffix(" bytes")) - size) <= 0.005 * size


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def meminfo(free: int) -> dict[str, str]:
    return {"proc/meminfo": f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {free // 1024} kB\n"}


def test_a_machine_without_limits_has_what_is_available(tmp_path: Path) -> None:
    assert available_memory(lay(tmp_path, meminfo(8 * GIB))) == 8 * GIB


def test_a_control_group_leaves_its_limit_less_what_is_used_and_cannot_be_dropped(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/pods/mine"
    files = {
        "proc/self/cgroup": "0::/pods/mine\n",
        f"{group}/memory.max": str(4 * GIB),
        f"{group}/memory.current": str(3 * GIB),
        f"{group}/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        "sys/fs/cgroup/pods/memory.max": "max",
        "sys/fs/cgroup/pods/memory.current": str(9 * GIB),
    }
    assert available_memory(lay(tmp_path, meminfo(8 * GIB) | files)) == 2 * GIB


def test_the_group_above_limits_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/pods/mine\n",
        "sys/fs/cgroup/pods/mine/memory.max": str(4 * GIB),
        "sys/fs/cgroup/pods/mine/memory.current": "0",
        "sys/fs/cgroup/pods/memory.max": str(GIB),
        "sys/fs/cgroup/pods/memory.current": "0",
    }
    assert available_memory(lay(tmp_path, meminfo(8 * GIB) | files)) == GIB


def test_the_older_groups_limit_as_well(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GIB),
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GIB),
    }
    assert available_memory(lay(tmp_path, meminfo(8 * GIB) | files)) == GIB
    files["sys/fs/cgroup/memory/memory.limit_in_bytes"] = str((1 << 63) - 4096)  # no limit
    assert available_memory(lay(tmp_path, files)) == 8 * GIB


def test_more_used_than_allowed_leaves_nothing(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "2000"}
    assert available_memory(lay(tmp_path, meminfo(8 * GIB) | files)) == 0


def test_there_is_some_memory_here() -> None:
    assert available_memory() > 1 << 20
