"""The formats of plain values belong to the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import PluginLoadError
from dovetail.plugins import build_catalogue
from dovetail.spec import CodecSpec, TransformerSpec, hookimpl
from dovetail.types import File, TypeEngine


class Plugin:
    """Stores its type under a format that the test names."""

    DOVETAIL_API = 1

    def __init__(self, format: str) -> None:
        self.format = format

    @hookimpl
    def dovetail_type_transformers(self) -> list[TransformerSpec]:
        return [TransformerSpec("money.Money", "money:T", codecs=(CodecSpec(self.format, "money:C"),))]


def test_no_plugin_can_take_a_format_of_plain_values(
    types: TypeEngine, bare_settings: Any, store: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    values = {int: 1, bytes: bytes(10_000), list[File]: [File(tmp_path / "a.txt")]}
    taken = {types.dump(value, annotation, store).format for annotation, value in values.items()}
    assert taken == {"json", "bytes", "tree"}
    for format in taken:
        with pytest.raises(PluginLoadError, match=f"format must not be '{format}'"):
            build_catalogue(bare_settings, [Plugin(format)])
    assert build_catalogue(bare_settings, [Plugin("money-json")]).transformer("money.Money")
