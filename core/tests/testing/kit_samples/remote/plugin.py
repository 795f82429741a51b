import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dovetail.errors import DefinitionError, EngineUnavailable
from dovetail.graph import Task
from dovetail.spec import Interface, JobStatus, RemoteTaskType, TaskTypeSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec(name="queue", code="KIT:QueueTask", config="KIT:Queue")]


@dataclass(frozen=True)
class Queue:
    __dovetail_task_type__: ClassVar[str] = "queue"
    folder: str
    times: int = 1
    seconds: float = 0.05
    fail: str = ""

    def __repr__(self):
        return f"Queue({self.times}, {self.fail!r})"


class QueueTask(RemoteTaskType):
    name = "queue"
    poll_interval = 0.02

    def validate(self, config, interface, function):
        if config.times < 1:
            raise DefinitionError("times must be at least 1")

    def submit(self, call):
        config = call.config
        if not Path(config.folder).is_dir():
            raise EngineUnavailable("the cluster cannot be reached", fix="start the cluster")
        path = Path(config.folder, f"job-{uuid.uuid4().hex}")
        job = {"ends": time.time() + config.seconds, "fail": config.fail, "by": os.getpid()}
        path.write_text(json.dumps({**job, "result": call.inputs.get("text", "").upper() * config.times}))
        return {"job": str(path)}

    def status(self, handle, config):
        path = Path(handle["job"])
        if not path.exists():
            return JobStatus("lost", "no such job")
        job = json.loads(path.read_text())
        if job.get("cancelled"):
            return JobStatus("cancelled")
        if time.time() < job["ends"]:
            return JobStatus("running")
        return JobStatus("failed", job["fail"]) if job["fail"] else JobStatus("succeeded")

    def result(self, handle, call):
        return json.loads(Path(handle["job"]).read_text())["result"]

    def logs(self, handle, config):
        return ["the job begins", "the job ends"]

    def cancel_job(self, handle, config):
        path = Path(handle["job"])
        job = json.loads(path.read_text())
        if time.time() < job["ends"]:
            path.write_text(json.dumps({**job, "cancelled": True}))


def queue(folder, **config):
    inputs = Interface({"text": str}, {"result": str}, defaults={"text": ""})
    return Task.from_type(task_type="queue", config=Queue(str(folder), **config), interface=inputs, name="queue")
