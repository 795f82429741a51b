"""The plugin is found, read and described where its engine is not installed."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pandas", "pyarrow", "numpy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Missing())
import dovetail_pandas.plugin as plugin
specs = list(plugin.dovetail_type_transformers())
assert plugin.DOVETAIL_API == 1
assert all(spec.install == "pip install 'dovetail-pandas[engine]'" for spec in specs)
assert "pandas" not in sys.modules and "pyarrow" not in sys.modules

from pathlib import Path
from dovetail.config import load_settings
from dovetail.errors import EngineUnavailable
from dovetail.plugins import build_catalogue
from dovetail.types import TypeEngine

types = TypeEngine(build_catalogue(load_settings(Path.cwd(), {"disable_plugins": True}, {}), [plugin]))
assert types.explain("pandas.DataFrame", "pyarrow.Table").steps, "the graph is known without the library"
try:
    types.transformer_named("pandas.DataFrame")
except EngineUnavailable as error:
    assert "pip install 'dovetail-pandas[engine]'" in str(error), error
else:
    raise AssertionError("a missing engine must be said")
print("fine")
"""


def test_everything_but_the_work_itself_goes_without_the_engine() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr
