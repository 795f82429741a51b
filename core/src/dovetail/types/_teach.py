"""The lines that teach dovetail a type that nobody knows, ready to paste."""

from __future__ import annotations

import re

_LINES = """\
# {module}.py; name it in pyproject.toml: [tool.dovetail] plugins = ["{module}"]
import hashlib, json
from dovetail.spec import CodecSpec, TransformerSpec, TypeTransformer, hookimpl
DOVETAIL_API = 1
class {name}Transformer(TypeTransformer):
    def content_hash(self, value): return hashlib.sha256({name}Json().encode(value)).hexdigest()
class {name}Json:  # any format that holds all of a value, and no pickle
    def encode(self, value): return json.dumps(vars(value), sort_keys=True, allow_nan=False).encode()
    def write(self, value, path): path.write_bytes(self.encode(value))
    def read(self, path):
        from {source} import {root}
        return {path}(**json.loads(path.read_bytes()))
@hookimpl
def dovetail_type_transformers():
    json_file = CodecSpec("{name}-json", "{module}:{name}Json", ".json")
    return [TransformerSpec("{type}", "{module}:{name}Transformer", codecs=(json_file,))]"""


def teaching(module: str, qualname: str) -> str | None:
    """The lines for a class; None for one that other processes could not import.

    Args:
        module: Its module: ``"shop"``.
        qualname: Its name there: ``"Order"``, ``"Order.Line"``.
    """
    if "<" in qualname or module in ("__main__", "builtins") or not re.fullmatch(r"[\w.]+", f"{module}.{qualname}"):
        return None
    name = "".join(part[:1].upper() + part[1:] for part in qualname.split("."))
    stem = "dovetail_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _LINES.format(
        module=stem,
        name=name,
        source=module,
        root=qualname.partition(".")[0],
        path=qualname,
        type=f"{module}.{qualname}",
    )
