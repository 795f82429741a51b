"""The hub: the object that holds the catalogue, the type engine and the stores."""

from dovetail.engine import RunResult
from dovetail.hub._hub import Hub, default_hub, resume, run
from dovetail.hub._load import load_module, load_workflow, workflows_in

__all__ = ["Hub", "default_hub", "run", "resume", "RunResult", "load_workflow", "load_module", "workflows_in"]
