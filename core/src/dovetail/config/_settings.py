"""The settings of a project: one frozen dataclass, from which config keys, environment variables and docs come."""

# ruff: noqa: RUF009 - `_setting` is `dataclasses.field` with metadata
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dovetail.config import _parse

OWNER_KINDS = ("task_type", "type", "check_engine", "executor", "artifact_store", "secret", "command", "environment")
"""What stands before the first dot of a key of ``owners``."""


def _workers() -> int:
    return max(4, os.cpu_count() or 1)


def _setting(parse: _parse.Parser, text: str, *, env: bool = True, shown: str | None = None, **options: Any) -> Any:
    """A field that is a setting: how to read it, what it means, and the default as people read it."""
    return field(metadata={"parse": parse, "text": text, "env": env, "shown": shown}, **options)


@dataclass(frozen=True)
class Settings:
    """What is configured. Make one with :func:`load_settings`, or by hand in tests.

    Attributes:
        project_root: Directory that relative paths of the config file start from.
        source: The config file, or None when there is none.

    The other attributes are the settings themselves; :func:`setting_docs` lists them with their meaning and defaults.
    """

    project_root: Path
    source: Path | None = None
    home: Path = _setting(
        _parse.path,
        "Directory of the run store and the artifact store. Relative to the config file, or to the current directory "
        "when it comes from the environment or a flag.",
        default=Path(".dovetail"),
    )
    plugins: tuple[str, ...] = _setting(
        _parse.words, "Hook modules that are not packaged, by import name; found from the project root.", default=()
    )
    allow: tuple[str, ...] | None = _setting(
        _parse.distributions,
        "Load plugins of these distributions only. An empty list allows none.",
        default=None,
        shown="all",
    )
    deny: tuple[str, ...] = _setting(
        _parse.distributions,
        "Never load plugins of these distributions, or these modules of `plugins`. Stronger than `allow`.",
        default=(),
    )
    disable_plugins: bool = _setting(
        _parse.boolean, "Load no plugin at all, only what the core itself brings.", default=False
    )
    strict: bool = _setting(
        _parse.boolean,
        "A plugin that cannot be used, or a name with two owners, is an error at start instead of at first use.",
        default=False,
    )
    plugin_import_seconds: float = _setting(
        _parse.positive_seconds,
        "Seconds that importing one installed plugin may take, in a process of its own, to learn what it declares. "
        "A plugin that ships a manifest is not imported for that.",
        default=10.0,
    )
    cache_dir: Path | None = _setting(
        _parse.path,
        "Directory in which it is kept what plugins without a manifest declare, files of a remote artifact store, and "
        "environments.",
        default=None,
        shown="~/.cache/dovetail, or dovetail in $XDG_CACHE_HOME",
    )
    owners: Mapping[str, str] = _setting(
        _parse.owners(OWNER_KINDS),
        'Which distribution owns a name that two plugins declare: `"task_type.spark" = "dovetail-spark"`.',
        default_factory=dict,
        shown="{}",
        hash=False,
    )
    plugin: Mapping[str, Mapping[str, Any]] = _setting(
        _parse.tables,
        "Settings of plugins by the name of the plugin, one table each; the page of the plugin says which keys it has.",
        env=False,
        default_factory=dict,
        shown="{}",
        hash=False,
        repr=False,
    )
    connections: Mapping[str, Mapping[str, Any]] = _setting(
        _parse.tables,
        'Connections by name, one table each. A value may be a secret: `{ env = "NAME" }` or `{ file = "path" }`.',
        env=False,
        default_factory=dict,
        shown="{}",
        hash=False,
        repr=False,  # somebody will write a password into it
    )
    artifact_store: Path | str | None = _setting(
        _parse.location,
        'Where the files of stored values lie: a directory, or a URL such as `"s3://bucket/prefix"`. The record of runs, '
        "which names them, stays under `home`. A relative path is one as for `home`.",
        default=None,
        shown="`artifacts` in `home`",
        repr=False,
    )
    storage: Mapping[str, Mapping[str, Any]] = _setting(
        _parse.tables,
        "Credentials and options of remote storage, one table for each scheme (`storage.s3`) or beginning of a URL "
        '(`storage."s3://bucket/"`; the longest that fits is added to that of its scheme). Keys are those of the fsspec package; '
        "a value may be a secret, as in `connections`.",
        env=False,
        default_factory=dict,
        shown="{}",
        hash=False,
        repr=False,
    )
    engine: Literal["auto", "here", "isolated"] = _setting(
        _parse.choice("auto", "here", "isolated"),
        "Where engines of plugins are used: `here`, in the process that drives the run; `isolated`, each in the environment that "
        "its plugin declares; `auto`, here where the engine is installed in a version that the plugin supports, else isolated.",
        default="auto",
    )
    engines: Mapping[str, Literal["auto", "here", "isolated"]] = _setting(
        _parse.choices("auto", "here", "isolated"),
        'The same for single engines, by the name of their environment: `vaex = "isolated"`. Stronger than `engine`.',
        default_factory=dict,
        shown="{}",
        hash=False,
    )
    envs: Mapping[str, Mapping[str, Any]] = _setting(
        _parse.environments,
        'Isolated environments by name, one table each: `requires`, a list of requirements, and `python`, a version (`"3.12"`) '
        'or versions (`">=3.11,<3.13"`), by default the minor version that the hub runs on.',
        env=False,
        default_factory=dict,
        shown="{}",
        hash=False,
    )
    env_dir: Path | None = _setting(
        _parse.path,
        "Directory in which environments are built. Environments that hold the same are shared by all projects that name it.",
        default=None,
        shown="`envs` in `cache_dir`",
    )
    lease_seconds: float = _setting(
        _parse.positive_seconds,
        "Seconds after its last sign of life at which the owner of a run counts as dead.",
        default=15.0,
    )
    max_workers: int = _setting(
        _parse.integer(1),
        "Nodes that run at once.",
        default_factory=_workers,
        shown="number of CPUs, at least 4",
    )
    durability: Literal["process", "power"] = _setting(
        _parse.choice("process", "power"),
        "What a committed node survives: the death of the process, or the loss of power (slower).",
        default="process",
    )
    staged_days: int = _setting(
        _parse.integer(0),
        "Days for which a value that a gate refused is kept, so that it can be audited again; `dovetail artifacts gc` forgets "
        "what is older.",
        default=14,
    )
    max_collect_bytes: int | None = _setting(
        _parse.size,
        'Bytes that may be collected into this process for one value, as a number or a text such as `"4GB"`: when a plan is run, '
        "a distributed frame is brought here, or a file is unpacked.",
        default=None,
        shown="half of the memory that is free",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", self.project_root / self.home)
        if self.cache_dir is not None:
            object.__setattr__(self, "cache_dir", self.project_root / self.cache_dir)
        if self.env_dir is not None:
            object.__setattr__(self, "env_dir", self.project_root / self.env_dir)
        if isinstance(self.artifact_store, Path):
            object.__setattr__(self, "artifact_store", self.project_root / self.artifact_store)


def setting_fields() -> dict[str, Field[Any]]:
    """The fields that can be set, by key."""
    return {f.name: f for f in fields(Settings) if "parse" in f.metadata}


def env_name(setting: Field[Any]) -> str | None:
    """The environment variable of a setting, or None if it has none."""
    return f"DOVETAIL_{setting.name.upper()}" if setting.metadata["env"] else None


def setting_docs() -> list[tuple[str, str | None, str, str]]:
    """Every setting as ``(key, environment variable or None, default as text, meaning)``, in order of declaration."""
    return [
        (key, env_name(f), f.metadata["shown"] or _as_toml(f.default), f.metadata["text"])
        for key, f in setting_fields().items()
    ]


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_as_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, (str, Path)) else str(value)
