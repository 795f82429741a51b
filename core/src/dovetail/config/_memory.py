"""How much memory this process may still take, and sizes as people write them."""

from __future__ import annotations

import os
import re
from pathlib import Path

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:[._]?\d+)*)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)
_NO_LIMIT = 1 << 60
_FALLBACK = 1 << 31


def parse_size(text: str) -> int:
    """Bytes from ``"2GB"``, ``"512 MiB"``, ``"1.5g"`` or ``"1000"``. Raises ValueError for anything else."""
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError('expected a size such as "2GB", "512 MiB" or 1000000')
    return int(float(found[1].replace("_", "")) * unit) if "." in found[1] else int(found[1].replace("_", "")) * unit


def show_size(size: int) -> str:
    """``"1.5 GB"``: decimal units, three figures."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= factor:
            value = size / factor
            text = f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"
    return f"{size} bytes"


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that this process may still take: what the machine has free, or what its control group leaves, if that is less.

    Args:
        root: Where ``proc`` and ``sys`` are, for tests.
    """
    figures = [_machine(root)]
    figures += _group_v2(root)
    figures += _group_v1(root)
    known = [figure for figure in figures if figure is not None]
    return max(0, min(known)) if known else _physical()


def _machine(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _physical() -> int:
    """Where there is no ``/proc``: half of the memory that is built in."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return _FALLBACK


def _group_v2(root: Path) -> list[int | None]:
    """What each group above this process leaves; a group's limit holds for all below it."""
    own = next((line[3:] for line in _text(root / "proc/self/cgroup").splitlines() if line.startswith("0::")), "")
    base = root / "sys/fs/cgroup"
    group = base / own.strip().lstrip("/")
    found = []
    for folder in (group, *group.parents):
        limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
        if limit is not None and used is not None:
            found.append(limit - used + _reclaimable(folder / "memory.stat", "inactive_file"))
        if folder == base:
            break
    return list(found)


def _group_v1(root: Path) -> list[int | None]:
    folder = root / "sys/fs/cgroup/memory"
    limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
    if limit is None or used is None or limit >= _NO_LIMIT:
        return []
    return [limit - used + _reclaimable(folder / "memory.stat", "total_inactive_file")]


def _reclaimable(path: Path, key: str) -> int:
    """Cached file pages, which the kernel gives back before it refuses memory."""
    for line in _text(path).splitlines():
        name, _, figure = line.partition(" ")
        if name == key:
            return int(figure)
    return 0


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None  # "max" means no limit


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
