"""Plugins that are installed in an environment and nowhere else: they are in the catalogue, and their tasks run there."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.env.build import Environments
from dovetail.errors import DefinitionError, EngineUnavailable, PluginConflict, UsageError
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, list_plugins, use_catalogue
from dovetail.spec import TypeRef

HOOKS = """
from dovetail.spec import CodecSpec, ConverterSpec, TaskTypeSpec, TransformerSpec, hookimpl
DOVETAIL_API = 1

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("guest", "acme_guest.code:Guest")]

@hookimpl
def dovetail_type_transformers():
    return [TransformerSpec(
        "acme_guest.frames.Frame", "acme_guest.code:Frames",
        (
            ConverterSpec("acme_guest.frames.Frame", "pyarrow.Table", "acme_guest.code:to_arrow", "zero-copy"),
            ConverterSpec("pyarrow.Table", "acme_guest.frames.Frame", "acme_guest.code:from_arrow", "zero-copy"),
        ),
        (CodecSpec("guest", "acme_guest.code:Stored", ".guest"),),
    )]
"""
FRAMES = """
class Frame:
    def __init__(self, table):
        self.table = table
"""
CODE = """
import pyarrow as pa
import pyarrow.ipc
from dovetail.errors import DefinitionError
from dovetail.spec import TaskType, TypeTransformer
from acme_guest.frames import Frame

class Guest(TaskType):
    name = "guest"
    def validate(self, config, interface, function):
        if "bad" in interface.inputs:
            raise DefinitionError("a guest takes no input called bad", fix="rename it")
    def resource_key(self, config):
        return "one"
    def open(self, config, context):
        return "opened"
    def execute(self, call):
        return f"{call.resource}: {call.function(**call.inputs)}"

class Frames(TypeTransformer):
    type_name = "acme_guest.frames.Frame"
    is_table = True
    def detect(self, value):
        return isinstance(value, Frame)
    def content_hash(self, value):
        return str(hash(value.table.to_pylist().__repr__()))

def to_arrow(value):
    return value.table

def from_arrow(table):
    return Frame(table)

class Stored:
    def write(self, value, path):
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, value.table.schema) as writer:
            writer.write_table(value.table)
        return {"rows": value.table.num_rows}
    def read(self, path, meta=None):
        with pa.memory_map(str(path)) as source:
            return Frame(pa.ipc.open_file(source).read_all())
"""


def wheel(folder: Path) -> Path:
    """A little plugin as a wheel, which no index has."""
    path = folder / "acme_guest-1.0-py3-none-any.whl"
    info = "acme_guest-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme_guest/__init__.py", "")
        archive.writestr("acme_guest/plugin.py", HOOKS)
        archive.writestr("acme_guest/frames.py", FRAMES)
        archive.writestr("acme_guest/code.py", CODE)
        needs = "Requires-Dist: dovetail[arrow]>=0.1\n"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: acme-guest\nVersion: 1.0\n{needs}")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[dovetail.plugins]\nguest = acme_guest.plugin\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="session")
def guest_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def settings(tmp_path: Path, env_dir: Path, guest_wheel: Path) -> Settings:
    """A project with an environment that holds the plugin."""
    requires = [f"acme-guest @ {guest_wheel.as_uri()}"]
    made = Settings(tmp_path, env_dir=env_dir, envs={"guests": {"requires": requires}}, max_workers=2)
    environments = Environments(made)
    environments.sync(environments.request("guests"))
    return made


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    with use_catalogue(build_catalogue(settings)), Hub(settings) as hub:
        yield hub


def test_they_are_in_the_catalogue_and_nothing_of_them_is_imported(hub: Hub) -> None:
    catalogue = hub.catalogue
    assert catalogue.homes == {"acme-guest:guest": "guests"}
    assert [manifest.name for manifest in catalogue.foreign] == ["guest"]
    assert catalogue.task_type("guest").code == "acme_guest.code:Guest"
    assert "acme_guest.frames.Frame" in catalogue.transformers()
    assert not [name for name in sys.modules if name.startswith("acme_guest")]


def test_listings_say_where_they_live(hub: Hub, settings: Settings) -> None:
    (listing,) = (each for each in list_plugins(settings) if each.name == "guest")
    assert (listing.environment, listing.source, listing.enabled) == ("guests", "environment", True)
    assert listing.engines == ()
    (kept_out,) = (each for each in list_plugins(replace(settings, deny=("acme-guest",))) if each.name == "guest")
    assert not kept_out.enabled


def test_their_code_cannot_be_used_here_and_the_error_says_where(hub: Hub) -> None:
    spec = hub.catalogue.task_type("guest")
    with pytest.raises(EngineUnavailable) as caught:
        hub.catalogue.load(spec.code, spec)
    assert caught.value.why == "the plugin is installed in environment guests alone"
    assert 'env="guests"' in (caught.value.fix or "")
    assert "pip install acme-guest" in (caught.value.fix or "")


def test_their_task_types_are_used_by_name(hub: Hub, pipeline: Callable[..., ModuleType]) -> None:
    module = pipeline(
        """
        @dt.task("guest", cache=True)
        def greet(name: str) -> str:
            import acme_guest
            return f"hello {name}"

        @dt.workflow
        def flow(name: str = "you") -> str:
            return greet(name)
        """
    )
    assert module.flow(name="me") == "opened: hello me"
    first, again = (hub.run(module.flow, name="me") for _ in range(2))
    assert first.value == "opened: hello me"
    (node,) = hub.runs.nodes(first.run_id)
    assert node.info["place"]["environment"] == "guests"
    assert node.info["place"]["reason"] == "acme-guest is installed only there"
    (node,) = hub.runs.nodes(again.run_id)
    assert node.cached


def test_what_they_would_refuse_is_refused_by_the_worker(hub: Hub, pipeline: Callable[..., ModuleType]) -> None:
    module = pipeline(
        """
        @dt.task("guest")
        def greet(bad: str) -> str:
            return bad
        """
    )
    with pytest.raises(DefinitionError, match="a guest takes no input called bad"):
        module.greet("x")


def test_their_types_are_known_by_name(hub: Hub, pipeline: Callable[..., ModuleType]) -> None:
    assert hub.types.check_edge(TypeRef("pyarrow.Table"), TypeRef("acme_guest.frames.Frame")) is not None
    module = pipeline(
        """
        import pyarrow as pa

        @dt.task
        def start(n: int) -> pa.Table:
            return pa.table({"n": list(range(n))})

        @dt.task
        def inside(frame: "acme_guest.frames.Frame") -> "acme_guest.frames.Frame":
            assert type(frame).__name__ == "Frame"
            return frame

        @dt.task
        def more(frame: "acme_guest.frames.Frame") -> "acme_guest.frames.Frame":
            return type(frame)(frame.table.slice(1))

        @dt.task
        def back(table: pa.Table) -> int:
            return sum(table["n"].to_pylist())

        @dt.workflow
        def flow(n: int = 4) -> int:
            return back(more(inside(start(n))))
        """
    )
    assert module.flow(n=5) == 10
    result = hub.run(module.flow, n=5)
    assert result.value == 10
    nodes = {node.node_id: node for node in hub.runs.nodes(result.run_id)}
    assert nodes["inside"].outputs is not None
    assert (
        nodes["inside"].outputs["result"].format == "guest"
    )  # as its own type: nobody here wanted to see it in between
    assert isinstance(module.inside(pa.table({"n": [1]})), pa.Table)
    assert not [name for name in sys.modules if name.startswith("acme_guest")]


def test_what_else_a_task_there_needs_has_to_be_there_too(hub: Hub, pipeline: Callable[..., ModuleType]) -> None:
    module = pipeline(
        """
        import polars as pl

        @dt.task
        def both(frame: "acme_guest.frames.Frame") -> pl.DataFrame:
            return frame
        """
    )
    with pytest.raises(DefinitionError) as caught:
        module.both(pa.table({"n": [1]}))
    assert (
        "environment guests does not have what its result (polars.DataFrame) of task 'both' needs" in caught.value.what
    )
    assert "add 'dovetail-polars[engine]' to requires of [envs.guests]" in (caught.value.fix or "")


def test_a_name_that_is_taken_here_is_settled_as_between_plugins_that_are_here(hub: Hub, settings: Settings) -> None:
    class Rival:
        DOVETAIL_API = 1

        @dt.spec.hookimpl
        def dovetail_task_types(self) -> list[dt.spec.TaskTypeSpec]:
            return [dt.spec.TaskTypeSpec("guest", "rival:Guest")]

    catalogue = build_catalogue(settings, [Rival()])
    with pytest.raises(PluginConflict, match="2 plugins own the task type 'guest'"):
        catalogue.task_type("guest")


def test_as_long_as_the_environment_is_not_built_the_error_says_so(tmp_path: Path, guest_wheel: Path) -> None:
    requires = [f"acme-guest @ {guest_wheel.as_uri()}", "tabulate"]
    settings = Settings(tmp_path, env_dir=tmp_path / "envs", envs={"guests": {"requires": requires}})
    catalogue = build_catalogue(settings)
    assert catalogue.foreign == ()
    with pytest.raises(UsageError) as caught:
        catalogue.task_type("guest")
    assert "dovetail env sync guests" in (caught.value.fix or "")
