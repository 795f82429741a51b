# ruff: noqa: F401  # what is put in by a mutant uses them
import os

from dovetail.errors import TaskFailed
from dovetail.spec import TaskType


class GemsTask(TaskType):
    name = "gems"

    def validate(self, config, interface, function):
        pass

    def resource_key(self, config):
        return "one mine"

    def open(self, config, context):
        import gems

        return gems.Mine()

    def close(self, resource):
        resource.shut()

    def execute(self, call):
        return call.resource.dig(call.function(**call.inputs))
