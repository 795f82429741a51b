import threading
import time
from dataclasses import dataclass
from typing import ClassVar

from dovetail.errors import DefinitionError, EngineUnavailable
from dovetail.graph import Task
from dovetail.spec import Interface, TaskType, TaskTypeSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec(name="shout", code="KIT:ShoutTask", config="KIT:Shout")]


@dataclass(frozen=True)
class Shout:
    __dovetail_task_type__: ClassVar[str] = "shout"
    times: int = 1
    server: str = "up"
    say: str = ""
    seconds: float = 0
    fail: str = ""


class ShoutTask(TaskType):
    name = "shout"

    def validate(self, config, interface, function):
        if config.times < 1:
            raise DefinitionError("times must be at least 1", fix="times=1")

    def resource_key(self, config):
        return config.server

    def open(self, config, context):
        if config.server == "down":
            raise EngineUnavailable("the server is down", fix="start the server")
        return [context.settings.connections.get("desk", {}).get("password")]

    def close(self, resource):
        resource.clear()

    def execute(self, call):
        config = call.config
        if config.say:
            call.context.log.info(config.say)
        if config.fail:
            raise ValueError(config.fail)
        until = time.monotonic() + config.seconds
        while time.monotonic() < until and not call.context.cancelled():
            threading.Event().wait(0.01)
        return call.inputs.get("text", "").upper() * config.times


def shout(**config):
    inputs = Interface({"text": str}, {"result": str}, defaults={"text": ""})
    return Task.from_type(task_type="shout", config=Shout(**config), interface=inputs, name="shout")
