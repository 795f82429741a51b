"""The task type ``weather-model``: remote work. Each forecast is a process of its own that outlives ours."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from dovetail.errors import DefinitionError
from dovetail.spec import Interface, JobStatus, RemoteTaskType, TaskCall

from acme_weather.config import Model
from acme_weather.readings import Readings


class ModelTask(RemoteTaskType):
    """The function gives the readings; the job makes the forecast."""

    name: ClassVar[str] = "weather-model"
    poll_interval: ClassVar[float] = 0.05

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """A function is needed, and hours to look ahead."""
        if function is None:
            raise DefinitionError("the model needs a function that gives the readings", fix="@dt.task(Model())")
        if config is not None and (not isinstance(config, Model) or config.hours < 1):
            raise DefinitionError(f"the model cannot work with {config!r}", fix="Model(hours=3)")

    def submit(self, call: TaskCall) -> dict[str, Any]:
        """Start the job. The handle says where it works, and as which process."""
        assert call.function is not None  # validate() saw to it
        readings = call.function(**call.inputs)
        config: Model = call.config or Model()
        context = call.context
        # Asked twice for one attempt, because nobody knows whether the first request arrived: it is one job.
        key = f"{context.idempotency_key}/{context.attempt}" if context.idempotency_key else uuid.uuid4().hex
        home = Path(tempfile.gettempdir() if context.settings is None else context.settings.home)
        folder = home / "acme-weather" / hashlib.sha256(key.encode()).hexdigest()[:24]
        if (folder / "pid").exists():
            return {"folder": str(folder), "pid": int((folder / "pid").read_text())}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "input.json").write_text(readings.to_json(), encoding="utf-8")
        words = [sys.executable, "-m", "acme_weather.model_job", str(folder), str(config.hours), str(config.pace)]
        job = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        (folder / "pid").write_text(str(job.pid))
        return {"folder": str(folder), "pid": job.pid}

    def status(self, handle: dict[str, Any], config: Any) -> JobStatus:
        """What the job has left in its folder; where it left nothing, whether it lives."""
        folder = Path(handle["folder"])
        alive = _is_alive(handle["pid"])  # before the files: it may end between the two looks
        if (folder / "cancelled").exists():
            return JobStatus("cancelled", "the forecast was called off")
        if (folder / "output.json").exists():
            return JobStatus("succeeded")
        if (folder / "error.txt").exists():
            return JobStatus("failed", (folder / "error.txt").read_text(encoding="utf-8"))
        return JobStatus("running") if alive else JobStatus("lost", "the model has vanished")

    def result(self, handle: dict[str, Any], call: TaskCall) -> Readings:
        """The forecast; what the model said goes to the log of the node."""
        if call.context.log is not None:
            for line in self.logs(handle, call.config):
                call.context.log.info(line)
        return Readings.from_json((Path(handle["folder"]) / "output.json").read_text(encoding="utf-8"))

    def logs(self, handle: dict[str, Any], config: Any) -> Iterable[str]:
        """What the model has written so far."""
        log = Path(handle["folder"]) / "log.txt"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else ()

    def cancel_job(self, handle: dict[str, Any], config: Any) -> None:
        """Stop the process, unless it is done."""
        folder = Path(handle["folder"])
        if self.status(handle, config).done:
            return
        (folder / "cancelled").touch()
        with suppress(ProcessLookupError):
            os.killpg(handle["pid"], signal.SIGTERM)


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):  # somebody else's child, after a re-attachment
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
