"""Loading a workflow from a file or a module, and saying where one came from."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from dovetail.engine import MODULE_PREFIX
from dovetail.errors import DovetailError, UsageError, listing, nearest, user_traceback
from dovetail.graph import Task, Workflow, load_workflow_spec


def load_module(path: Path) -> ModuleType:
    """Run a Python file as a module of its own; its directory is put on ``sys.path`` for what it imports.

    Raises:
        UsageError: There is no such file, or it raised.
    """
    path = path.absolute()
    if not path.is_file():
        near = nearest(path.name, (p.name for p in path.parent.glob("*.py"))) if path.parent.is_dir() else None
        raise UsageError(
            f"there is no file {str(path)!r}",
            fix=f"did you mean {near!r}?" if near else "check the path; the first argument is a Python file",
        )
    name = f"{MODULE_PREFIX}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name!r} is no Python file", fix="the first argument is a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except DovetailError:
        sys.modules.pop(name, None)
        raise
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        problem = UsageError(
            f"{path.name} cannot be loaded: {type(error).__name__}: {error}",
            who=str(path),
            traceback=user_traceback(error),
        )
        if isinstance(error, ModuleNotFoundError):
            problem.fix = f"install what brings {error.name!r} into this environment"
        raise problem from error
    return module


def import_file(path: Path) -> ModuleType:
    """Import a Python file under its own name, so that what it defines can be found by reference; its directory is put on
    ``sys.path``.

    Raises:
        UsageError: There is no such file, another module has its name, or it raised.
    """
    path = path.absolute()
    if not path.is_file() or not path.stem.isidentifier():
        raise UsageError(
            f"{str(path)!r} is no Python file that can be imported", fix="check the path; letters, digits and '_' only"
        )
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module(path.stem)
    except DovetailError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{path.name} cannot be imported: {type(error).__name__}: {error}",
            who=str(path),
            traceback=user_traceback(error),
        ) from error
    found = getattr(module, "__file__", None)
    if found is None or Path(found).resolve() != path.resolve():
        raise UsageError(
            f"{path.stem!r} is imported from {found or 'elsewhere'}, not from {path.name}",
            fix="rename the file: another module has its name",
        )
    return module


def is_spec(path: str | Path) -> bool:
    """True for what names a file that holds a graph specification rather than code."""
    return str(path).endswith(".json")


def load_spec(path: str | Path, **options: Any) -> Workflow[..., Any]:
    """The workflow of a graph specification; modules beside the file are found after all others.

    Args:
        path: A JSON file.
        options: As for :func:`~dovetail.graph.load_workflow_spec`.

    Raises:
        UsageError: There is no such file.
        DefinitionError: It is malformed, or names what cannot be found.
    """
    folder = str(Path(path).absolute().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    return load_workflow_spec(path, **options)


def workflows_in(module: ModuleType) -> dict[str, Workflow[..., Any]]:
    """The workflows of a module by the name that the module gives them."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Workflow)}


def load_workflow(path: str | Path, name: str) -> Workflow[..., Any]:
    """The workflow ``name`` of a Python file or a graph specification (``.json``), or of a module ``package.module``.

    Raises:
        UsageError: The file, the module or the workflow is not there, or loading raised.
    """
    text = str(path)
    if is_spec(text):
        workflow = load_spec(text)
        if workflow.name != name:
            raise UsageError(f"there is no workflow {name!r} in {text}", fix=f"it holds {workflow.name!r}")
        return workflow
    if text.endswith(".py") or "/" in text or Path(text).exists():
        module = load_module(Path(text))
    else:
        try:
            module = importlib.import_module(text)
        except ImportError as error:
            raise UsageError(
                f"there is no file or module {text!r}", why=str(error), fix="give a file that ends in .py, or a module"
            ) from error
    found = workflows_in(module)
    if name in found:
        return found[name]
    close = nearest(name, found)
    other = vars(module).get(name)
    if other is not None:
        kind = "a task" if isinstance(other, Task) else "a plain function" if callable(other) else "no function"
        raise UsageError(
            f"{name!r} in {text} is {kind}, not a workflow",
            fix=f"call it in a function decorated with @dt.workflow, or decorate {name}() itself"
            if callable(other)
            else f"workflows there: {listing(found)}",
        )
    raise UsageError(
        f"there is no workflow {name!r} in {text}",
        fix=(f"did you mean {close!r}?" if close else None) or f"workflows there: {listing(found)}",
    )


def source_of(workflow: Workflow[..., Any]) -> dict[str, Any]:
    """Where a workflow can be loaded from again: its file and name, or its module; empty for one made in a session."""
    if workflow.source is not None:
        return workflow.source
    own = workflow.function.__module__
    # A workflow that was built by a helper, such as a reader of YAML, is found where the helper was called.
    others = ["__main__", *(name for name in sys.modules if name.startswith(MODULE_PREFIX))]
    for module in filter(None, map(sys.modules.get, [own, *others])):
        names = [name for name, value in list(vars(module).items()) if value is workflow]
        if not names:
            continue
        file = getattr(module, "__file__", None)
        if file is not None and (module.__name__.startswith(MODULE_PREFIX) or module.__name__ == "__main__"):
            return {"file": str(Path(file).absolute()), "name": names[0]}
        return {"module": module.__name__, "name": names[0]}
    return {}


def load_source(source: dict[str, Any], run_id: str) -> Workflow[..., Any]:
    """The workflow of an earlier run.

    Raises:
        UsageError: It was made in a session, or cannot be loaded any more.
    """
    if "replay" in source:
        raise UsageError(
            f"run {run_id} is a replay, which is not resumed but done again",
            fix=f"dovetail quarantine replay {source['replay'][:12]} FILE --publish",
        )
    where = source.get("file") or source.get("module")
    if where is None:
        raise UsageError(
            f"it is not known where the workflow of run {run_id} comes from",
            why="it was defined in an interactive session or inside a function",
            fix=f"in Python: dt.resume({run_id!r}, workflow=my_workflow)",
        )
    return load_workflow(where, source["name"])
