"""Tasks, workflows and the graphs they make."""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail.config import seconds
    from dovetail.graph._annotations import (
        RESULT,
        base_type,
        element_type,
        field_hints,
        interface_of,
        is_named_tuple,
        markers,
        type_text,
    )
    from dovetail.graph._builder import WorkflowBuilder
    from dovetail.graph._call import CompiledTask, ResourceScope, apply_gate, current_context, work_of
    from dovetail.graph._control import map_, when
    from dovetail.graph._custom import session_plugins, task_type
    from dovetail.graph._dataset import Dataset, checked_dataset
    from dovetail.graph._document import read_workflow_spec
    from dovetail.graph._fingerprint import code_fingerprint, value_fingerprint
    from dovetail.graph._format import json_schema
    from dovetail.graph._gates import OnBlocked, TaskGates, effect_in, gates_in, on_blocked
    from dovetail.graph._graph import Graph, describe_binding, needs
    from dovetail.graph._import import load_workflow_spec
    from dovetail.graph._interpret import as_output, getter, guards_hold, interpret, spread, take
    from dovetail.graph._needs import NeedOf, needs_of_task
    from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, NodeOutput, Ref, references
    from dovetail.graph._options import TaskOptions
    from dovetail.graph._published import OnConflict, Publish, PublishedDataset, dataset, destination, publish
    from dovetail.graph._refused import NodeLeftOut, why_left_out
    from dovetail.graph._remote import run_job
    from dovetail.graph._task import Task, load_task_type, task
    from dovetail.graph._workflow import Dynamic, Workflow, dynamic, workflow

__all__ = [
    # what users write
    "task",
    "Task",
    "TaskOptions",
    "workflow",
    "Workflow",
    "dynamic",
    "Dynamic",
    "map_",
    "when",
    "Dataset",
    "publish",
    "dataset",
    "PublishedDataset",
    "OnConflict",
    "OnBlocked",
    "on_blocked",
    "task_type",
    "current_context",
    "work_of",
    "NodeOutput",
    # building graphs by code
    "WorkflowBuilder",
    "load_workflow_spec",
    "read_workflow_spec",
    "json_schema",
    # graphs
    "Graph",
    "Node",
    "Binding",
    "Const",
    "Input",
    "Ref",
    "Collect",
    "references",
    "needs",
    "describe_binding",
    # running them
    "interpret",
    "CompiledTask",
    "ResourceScope",
    "apply_gate",
    "Publish",
    "destination",
    "checked_dataset",
    "NodeLeftOut",
    "why_left_out",
    "run_job",
    "needs_of_task",
    "NeedOf",
    "load_task_type",
    "session_plugins",
    "code_fingerprint",
    "value_fingerprint",
    "as_output",
    "getter",
    "guards_hold",
    "spread",
    "take",
    # annotations
    "RESULT",
    "interface_of",
    "base_type",
    "element_type",
    "field_hints",
    "is_named_tuple",
    "markers",
    "gates_in",
    "effect_in",
    "TaskGates",
    "type_text",
    "seconds",
]

# Loaded on first use: the worker of an environment runs tasks, and makes no workflows.
_HOMES = {
    "seconds": "dovetail.config",
    "RESULT": "dovetail.graph._annotations",
    "base_type": "dovetail.graph._annotations",
    "element_type": "dovetail.graph._annotations",
    "field_hints": "dovetail.graph._annotations",
    "interface_of": "dovetail.graph._annotations",
    "is_named_tuple": "dovetail.graph._annotations",
    "markers": "dovetail.graph._annotations",
    "type_text": "dovetail.graph._annotations",
    "WorkflowBuilder": "dovetail.graph._builder",
    "CompiledTask": "dovetail.graph._call",
    "ResourceScope": "dovetail.graph._call",
    "apply_gate": "dovetail.graph._call",
    "current_context": "dovetail.graph._call",
    "work_of": "dovetail.graph._call",
    "gates_in": "dovetail.graph._gates",
    "effect_in": "dovetail.graph._gates",
    "TaskGates": "dovetail.graph._gates",
    "OnBlocked": "dovetail.graph._gates",
    "on_blocked": "dovetail.graph._gates",
    "map_": "dovetail.graph._control",
    "when": "dovetail.graph._control",
    "session_plugins": "dovetail.graph._custom",
    "task_type": "dovetail.graph._custom",
    "Dataset": "dovetail.graph._dataset",
    "checked_dataset": "dovetail.graph._dataset",
    "read_workflow_spec": "dovetail.graph._document",
    "code_fingerprint": "dovetail.graph._fingerprint",
    "value_fingerprint": "dovetail.graph._fingerprint",
    "json_schema": "dovetail.graph._format",
    "Graph": "dovetail.graph._graph",
    "describe_binding": "dovetail.graph._graph",
    "needs": "dovetail.graph._graph",
    "load_workflow_spec": "dovetail.graph._import",
    "as_output": "dovetail.graph._interpret",
    "getter": "dovetail.graph._interpret",
    "guards_hold": "dovetail.graph._interpret",
    "interpret": "dovetail.graph._interpret",
    "spread": "dovetail.graph._interpret",
    "take": "dovetail.graph._interpret",
    "NeedOf": "dovetail.graph._needs",
    "needs_of_task": "dovetail.graph._needs",
    "Binding": "dovetail.graph._nodes",
    "Collect": "dovetail.graph._nodes",
    "Const": "dovetail.graph._nodes",
    "Input": "dovetail.graph._nodes",
    "Node": "dovetail.graph._nodes",
    "NodeOutput": "dovetail.graph._nodes",
    "Ref": "dovetail.graph._nodes",
    "references": "dovetail.graph._nodes",
    "TaskOptions": "dovetail.graph._options",
    "NodeLeftOut": "dovetail.graph._refused",
    "why_left_out": "dovetail.graph._refused",
    "OnConflict": "dovetail.graph._published",
    "Publish": "dovetail.graph._published",
    "PublishedDataset": "dovetail.graph._published",
    "dataset": "dovetail.graph._published",
    "destination": "dovetail.graph._published",
    "publish": "dovetail.graph._published",
    "run_job": "dovetail.graph._remote",
    "Task": "dovetail.graph._task",
    "load_task_type": "dovetail.graph._task",
    "task": "dovetail.graph._task",
    "Dynamic": "dovetail.graph._workflow",
    "Workflow": "dovetail.graph._workflow",
    "dynamic": "dovetail.graph._workflow",
    "workflow": "dovetail.graph._workflow",
}

__getattr__, __dir__ = _lazy_names(__name__, _HOMES)
