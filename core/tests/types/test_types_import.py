"""What importing the types floor costs."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_floor_brings_no_heavy_library() -> None:
    code = (
        "import sys; import dovetail.types, dovetail.types.arrow\n"
        "heavy = {'pydantic', 'pyarrow', 'pandas', 'polars', 'numpy', 'pluggy', 'stevedore', 'sqlalchemy', 'rich', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_scalar_needs_no_pydantic() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dovetail.config import load_settings\n"
        "from dovetail.plugins import build_catalogue\n"
        "from dovetail.types import TypeEngine\n"
        "types = TypeEngine(build_catalogue(load_settings(Path.cwd(), {'disable_plugins': True}, {})))\n"
        "artifact = types.dump(types.accept(5, int), int, None)\n"
        "assert types.load(artifact, None, int) == 5\n"
        "print(sorted({'pydantic', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
