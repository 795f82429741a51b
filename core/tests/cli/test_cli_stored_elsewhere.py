"""Looking at what was stored where a library is, from where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

HOOKS = """
from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

@hookimpl
def dovetail_type_transformers():
    code = "granite_code"
    return [TransformerSpec(
        "granite.Slab", f"{code}:Slabs",
        converters=(ConverterSpec("granite.Slab", "pyarrow.Table", f"{code}:to_arrow"),
                    ConverterSpec("pyarrow.Table", "granite.Slab", f"{code}:from_arrow")),
        codecs=(CodecSpec("arrow", f"{code}:Ipc", ".arrow"),),
    )]
"""
CODE = """
import granite
from dovetail.types.arrow import TableTransformer, read_ipc, write_ipc

def to_arrow(slab):
    return slab.table

def from_arrow(table):
    return granite.Slab(table)

class Slabs(TableTransformer):
    type_name = "granite.Slab"
    def to_arrow(self, value):
        return value.table
    def from_arrow(self, table):
        return granite.Slab(table)

class Ipc:
    def write(self, value, path):
        write_ipc(value.table, path)
    def read(self, path):
        return granite.Slab(read_ipc(path))
"""
LIBRARY = """
class Slab:
    def __init__(self, table):
        self.table = table
"""
PIPELINE = """
import dovetail as dt
import granite
import pyarrow as pa

@dt.task
def hew(n: int) -> granite.Slab:
    return granite.Slab(pa.table({"stone": list(range(n))}))

@dt.workflow
def flow(n: int = 3) -> granite.Slab:
    return hew(n)
"""


def test_a_table_whose_library_is_not_here_is_shown_as_arrow(cli, project, monkeypatch):
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    for name, text in (("granite_hooks", HOOKS), ("granite_code", CODE), ("granite", LIBRARY), ("stones", PIPELINE)):
        Path(project, f"{name}.py").write_text(text)
    Path(project, "dovetail.toml").write_text('plugins = ["granite_hooks"]\nallow = []\n')
    assert cli("run", "stones.py", "flow").code == 0
    there = cli("artifacts", "show", "latest:hew", "--json").json
    Path(project, "granite.py").unlink()
    for name in ("granite", "granite_code"):
        sys.modules.pop(name, None)
    here = cli("artifacts", "show", "latest:hew", "--json").json
    assert here["type"] == there["type"] == "granite.Slab"
    assert here["preview"] == {"columns": ["stone"], "rows": [["0"], ["1"], ["2"]]}
    assert (here["schema"], here["reason"]) == (there["schema"], "")
