"""Tasks, workflows and the graphs they make."""

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
from dovetail.graph._call import CompiledTask, ResourceScope, apply_gate, current_context, gates_in
from dovetail.graph._control import map_, when
from dovetail.graph._custom import session_plugins, task_type
from dovetail.graph._dataset import Dataset
from dovetail.graph._document import read_workflow_spec
from dovetail.graph._fingerprint import code_fingerprint, value_fingerprint
from dovetail.graph._format import json_schema
from dovetail.graph._graph import Graph, describe_binding, needs
from dovetail.graph._import import load_workflow_spec
from dovetail.graph._interpret import as_output, getter, guards_hold, interpret, spread, take
from dovetail.graph._needs import NeedOf, needs_of_task
from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, NodeOutput, Ref, references
from dovetail.graph._options import TaskOptions
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
    "task_type",
    "current_context",
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
    "type_text",
    "seconds",
]
