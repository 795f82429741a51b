"""Plugins that are not packaged: task types, types and check engines that a file, a module or an object declares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dovetail as dt
import pytest
from dovetail.hub import Hub, load_workflow

PLUGIN = """
from dovetail.spec import (
    CheckEngine, CheckEngineSpec, CheckInfo, CheckOutcome, Codec, CodecSpec, SuiteInfo, TaskType, TaskTypeSpec,
    TransformerSpec, TypeTransformer, hookimpl,
)

DOVETAIL_API = 1


class Fruit:
    def __init__(self, name):
        self.name = name


class FruitCodec(Codec):
    def write(self, value, path):
        path.write_text(value.name)

    def read(self, path):
        return Fruit(path.read_text())


class FruitTransformer(TypeTransformer):
    type_name = f"{__name__}.Fruit"

    def detect(self, value):
        return isinstance(value, Fruit)

    def content_hash(self, value):
        return value.name.encode().hex().ljust(64, "0")


class Peel(TaskType):
    def execute(self, call):
        return Fruit("peeled " + call.function(**call.inputs).name)


class Taste:
    name = "taste"


SWEET = CheckInfo("sweet", "sweet", row_scoped=False)


class Taster(CheckEngine):
    name = "taster"

    def describe(self, suite):
        return SuiteInfo("taste", (SWEET,))

    def frames(self, suite):
        return ("pyarrow.Table",)

    def evaluate(self, suite, value):
        return [CheckOutcome(SWEET, "evaluated", 1, int("sour" in str(value["name"][0])))]


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec(name="peel", code=f"{__name__}:Peel")]


@hookimpl
def dovetail_type_transformers():
    codec = CodecSpec("txt", f"{__name__}:FruitCodec", ".txt")
    return [TransformerSpec(type=f"{__name__}.Fruit", code=f"{__name__}:FruitTransformer", codecs=(codec,))]


@hookimpl
def dovetail_check_engines():
    return [CheckEngineSpec(name="taster", code=f"{__name__}:Taster", suites=(f"{__name__}.Taste",))]
"""

OBJECT = """
class Plugin:
    DOVETAIL_API = DOVETAIL_API
    dovetail_task_types = staticmethod(dovetail_task_types)
    dovetail_type_transformers = staticmethod(dovetail_type_transformers)
    dovetail_check_engines = staticmethod(dovetail_check_engines)


dt.default_hub().register(Plugin())
dt.default_hub().register(Plugin())  # as when a cell of a notebook runs twice
"""

WORKFLOW = """
from typing import Annotated

import pyarrow as pa


@dt.task
def grow(name: str) -> Fruit:
    return Fruit(name)


@dt.task("peel")
def peel(fruit: Fruit) -> Fruit:
    return fruit


@dt.task
def basket(fruit: Fruit) -> Annotated[pa.Table, dt.Gate(Taste())]:
    return pa.table({"name": [fruit.name]})


@dt.task
def told(fruits: pa.Table) -> str:
    return str(fruits["name"][0])


@dt.workflow
def salad(name: str = "apple") -> str:
    return told(basket(peel(grow(name))))
"""

MAIN = """
if __name__ == "__main__":
    import sys

    print(salad())
    print(dt.run(salad, executor=sys.argv[1]).value)
    try:
        dt.run(salad, name="sour apple", executor=sys.argv[1])
    except dt.errors.GateBlocked:
        print("blocked")
"""

FORMS = {
    "object": "import dovetail as dt\n" + PLUGIN + OBJECT + WORKFLOW,
    "module": "import dovetail as dt\nimport fruit\nfrom fruit import *\ndt.default_hub().register(fruit)\n" + WORKFLOW,
    "import name": "import dovetail as dt\nfrom fruit import *\ndt.default_hub().register('fruit')\n" + WORKFLOW,
    "configuration": "import dovetail as dt\nfrom fruit import *\n" + WORKFLOW,
}


def project(folder: Path, form: str) -> Path:
    if form != "object":
        (folder / "fruit.py").write_text(PLUGIN)
    plugins = 'plugins = ["fruit"]\n' if form == "configuration" else ""
    (folder / "dovetail.toml").write_text(plugins)
    (folder / "pipeline.py").write_text(FORMS[form] + MAIN)
    return folder / "pipeline.py"


def told_by(command: list[str], folder: Path) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("form", FORMS)
def test_a_script_uses_what_it_registers(form: str, executor: str, tmp_path: Path) -> None:
    path = project(tmp_path, form)
    printed = told_by([str(path), executor], tmp_path).splitlines()
    assert printed == ["peeled apple", "peeled apple", "blocked"]


@pytest.mark.parametrize("form", ["object", "import name"])
def test_the_command_line_uses_what_a_file_registers(form: str, tmp_path: Path) -> None:
    project(tmp_path, form)
    command = ["-m", "dovetail", "run", "pipeline.py", "salad", "--executor", "processes"]
    assert "peeled apple" in told_by(command, tmp_path)


def test_a_hub_of_its_own_uses_what_is_registered_in_it(tmp_path: Path) -> None:
    (tmp_path / "berry.py").write_text(PLUGIN.replace('"peel"', '"peel-berry"').replace('"taster"', '"berry-taster"'))
    sys.path.insert(0, str(tmp_path))
    try:
        with Hub(home=tmp_path / "store", plugins=["berry"]) as hub:
            assert "peel-berry" in hub.catalogue.task_types()
            assert "berry-taster" in hub.catalogue.check_engines()
            assert "berry.Fruit" in hub.catalogue.transformers()
        assert "peel-berry" not in dt.default_hub().catalogue.task_types()
    finally:
        sys.path.remove(str(tmp_path))


def test_two_files_that_use_one_name_each_keep_their_own_task_type(tmp_path: Path) -> None:
    for word in ("one", "two"):
        (tmp_path / f"{word}.py").write_text(
            "import dovetail as dt\n"
            "@dt.task_type('same-name-test')\n"
            "class Same(dt.TaskType):\n"
            f"    def execute(self, call):\n        return {word!r}\n"
            "@dt.task('same-name-test')\ndef tell() -> str: ...\n"
            "@dt.workflow\ndef wf() -> str:\n    return tell()\n"
        )
    one, two = (load_workflow(tmp_path / f"{word}.py", "wf") for word in ("one", "two"))
    assert (one(), two(), one()) == ("one", "two", "one")
    with Hub(home=tmp_path / "store") as hub:
        assert [hub.run(each, executor="processes").value for each in (one, two)] == ["one", "two"]
