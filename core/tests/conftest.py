"""What all tests of the core share."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings, _secrets
from dovetail.plugins import build_catalogue, use_catalogue


@pytest.fixture(autouse=True)
def no_secret_outlives_its_test() -> Iterator[None]:
    """A process masks the secrets that it has seen for as long as it lives, in the words of later tests as well."""
    known, pattern = set(_secrets._known), _secrets._pattern
    yield
    _secrets._known, _secrets._pattern = known, pattern


class S3Server:
    """A server that speaks S3, in a process of its own, with one bucket."""

    def __init__(self, bucket: str = "data") -> None:
        self.bucket = bucket
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                break
        else:
            raise RuntimeError("the S3 server did not start: " + "".join(seen))
        self.endpoint = found[0]
        self._log = threading.Thread(target=self._drain, daemon=True)  # a full pipe would stop the server
        self._log.start()
        self.fs: Any = self.filesystem()
        try:
            self.fs.call_s3("create_bucket", Bucket=bucket)
        except BaseException:
            self.stop()
            raise

    def _drain(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            pass

    def options(self, key: str = "reader", secret: str = "geheim-0815") -> dict[str, Any]:
        """What ``[storage.s3]`` has to say; few retries, since a server that was stopped stays away."""
        return {
            "key": key,
            "secret": secret,
            "endpoint_url": self.endpoint,
            "client_kwargs": {"region_name": "us-east-1"},
            "config_kwargs": {"retries": {"max_attempts": 1}},
        }

    def filesystem(self) -> Any:
        import s3fs

        return s3fs.S3FileSystem(**self.options(), use_listings_cache=False, skip_instance_cache=True)

    def put(self, key: str, data: bytes) -> str:
        """Store an object; returns its URL."""
        self.fs.pipe_file(f"{self.bucket}/{key}", data)
        return f"s3://{self.bucket}/{key}"

    def require_credentials(self, required: bool) -> None:
        """From now on only keys that the server knows are let in; it knows none."""
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth",
            data=b"0" if required else b"1000000000",
            headers={"Content-Type": "text/plain"},
        )
        urllib.request.urlopen(request).read()

    def nobody(self) -> dict[str, Any]:
        """Options of somebody whom the server will know, and who may do nothing."""
        import boto3

        service = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="root",
            aws_secret_access_key="root",
        )
        service.create_user(UserName="nobody")
        key = service.create_access_key(UserName="nobody")["AccessKey"]
        return self.options(key["AccessKeyId"], key["SecretAccessKey"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _serving() -> Iterator[S3Server]:
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    server = S3Server()
    yield server
    server.stop()


s3_server = pytest.fixture(_serving, scope="session", name="s3_server")
"""One server for all tests that leave it running."""
own_s3_server = pytest.fixture(_serving, name="own_s3_server")
"""A server that the test may stop."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Makes a project with these ``[storage]`` tables the current one, for the test."""
    entered: list[Any] = []

    def use(**tables: dict[str, Any]) -> Settings:
        settings = Settings(tmp_path, storage=tables, disable_plugins=True)
        entered.append(use_catalogue(build_catalogue(settings)))
        entered[-1].__enter__()
        return settings

    yield use
    for context in reversed(entered):
        context.__exit__(None, None, None)


@pytest.fixture
def s3(s3_server: S3Server, storage: Callable[..., Settings]) -> Callable[[str, bytes], str]:
    """Puts an object into a folder of the test's own; returns its URL. The current project has the credentials."""
    storage(s3=s3_server.options())
    folder = uuid.uuid4().hex
    return lambda key, data: s3_server.put(f"{folder}/{key}", data)


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """True once the process is dead; waits for that, without looking again and again."""

    def wait(pid: int) -> bool:
        try:
            watch = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        try:
            return bool(poll.poll(30_000))
        finally:
            os.close(watch)

    return wait
