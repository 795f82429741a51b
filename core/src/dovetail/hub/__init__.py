"""The hub: the object that holds the catalogue, the type engine and the stores."""

from dovetail.engine import RunResult
from dovetail.hub._hub import Hub, default_hub, resume, run
from dovetail.hub._load import import_file, is_spec, load_module, load_spec, load_workflow, workflows_in
from dovetail.hub._re_audit import Audit, re_audit
from dovetail.hub._replay import Replay, replay
from dovetail.hub._set_aside import forget_rows, gone, kept_rows
from dovetail.hub._staged import publish_staged, roll_back

__all__ = [
    "Hub",
    "default_hub",
    "run",
    "resume",
    "RunResult",
    # going on after a gate
    "re_audit",
    "Audit",
    "replay",
    "Replay",
    # what gates set aside
    "kept_rows",
    "forget_rows",
    "gone",
    # publishing by hand
    "publish_staged",
    "roll_back",
    # where workflows come from
    "load_workflow",
    "load_module",
    "import_file",
    "load_spec",
    "is_spec",
    "workflows_in",
]
