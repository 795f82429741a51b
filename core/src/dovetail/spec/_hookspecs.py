"""The hook specifications: everything that a plugin can bring.

A plugin is a light module that is named by an entry point in the group ``dovetail.plugins`` and implements some of these
hooks. Hooks are called to collect, never per value or per row, and most often in another process than the hub's: what the
module does beside declaring is lost there. Implementations return declarations, so the module needs to import no engine.

``scripts/reference.py`` writes ``docs/reference/hooks.md`` from the signatures and docstrings here: a summary, paragraphs, then
sections that begin with ``Parameters:``, ``Returns:``, ``Called:``, ``Collected:``, ``If it raises:``, ``Since:``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from dovetail.spec._declarations import (
        ArtifactStoreSpec,
        CheckEngineSpec,
        CommandSpec,
        EnvironmentSpec,
        ExecutorSpec,
        SecretProviderSpec,
        TaskTypeSpec,
        TransformerSpec,
    )

hookspec = pluggy.HookspecMarker("dovetail")
hookimpl = pluggy.HookimplMarker("dovetail")

# -------------------------------------------------------------------------------------------------
# Collecting: called where nobody knows yet what the plugin declares
# -------------------------------------------------------------------------------------------------


@hookspec
def dovetail_task_types() -> Iterable[TaskTypeSpec]:
    """Declare the task types that the plugin brings.

    Returns: an iterable of :class:`TaskTypeSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one name are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """Declare the type transformers, with their converters and codecs.

    Returns: an iterable of :class:`TransformerSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one type are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_check_engines() -> Iterable[CheckEngineSpec]:
    """Declare the engines that evaluate suites of checks.

    Returns: an iterable of :class:`CheckEngineSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one name are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_executors() -> Iterable[ExecutorSpec]:
    """Declare executors: where ready nodes are dispatched.

    Returns: an iterable of :class:`ExecutorSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one name are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_artifact_stores() -> Iterable[ArtifactStoreSpec]:
    """Declare artifact stores for further URL schemes.

    The code is asked for the store when the setting ``artifact_store`` is a URL of such a scheme; schemes that no plugin
    declares are left to fsspec. It takes the URL and returns a :class:`~dovetail.spec.BlobStore`.

    Returns: an iterable of :class:`ArtifactStoreSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one scheme are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_secrets() -> Iterable[SecretProviderSpec]:
    """Declare sources of secrets, beside the built-in ``env`` and ``file``.

    The code of a source is imported when a secret of its is needed, such as the password of a connection.

    Returns: an iterable of :class:`SecretProviderSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one name are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_commands() -> Iterable[CommandSpec]:
    """Declare commands below ``dovetail``.

    Returns: an iterable of :class:`CommandSpec`.
    Called: to collect, as the hooks above. Of a command that the core knows, no plugin is asked.
    Collected: all plugins' results are joined; the core's own commands cannot be replaced.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


@hookspec
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """Declare the environments that engines of the plugin have of their own.

    Tasks that need the engine are run in the hub's process if it is installed there in a version that the plugin supports,
    else in this environment, which is built at the first need. What is not named by any declared environment runs in the hub's
    process or not at all.

    Returns: an iterable of :class:`EnvironmentSpec`.
    Called: to collect. Of an installed plugin in a process of its own, unless it ships a manifest that is current or its
        answer was kept; of a module that is registered or configured in the hub's process, when the catalogue is built.
    Collected: all plugins' results are joined; two owners of one name are a conflict that config settles.
    If it raises: the whole plugin is skipped, with the reason in ``dovetail doctor``.
    Since: API 1.
    """
    raise NotImplementedError


# -------------------------------------------------------------------------------------------------
# Listening: called during runs
# -------------------------------------------------------------------------------------------------


@hookspec
def dovetail_on_event(event: dict[str, Any]) -> None:
    """Hear of what happens in a run.

    Events, with the keys of their ``data``:

    - ``run.started``: ``workflow``, ``resumed``, ``nodes``
    - ``node.started``: ``attempt``; only for nodes that take longer than a moment
    - ``node.submitted``: ``handle`` of a remote job
    - ``node.expanded``: ``graph``, ``nodes``: hash and size of what a dynamic node connected
    - ``gate.evaluated``: ``gate``, ``decision``, ``summary``
    - ``dataset.published``: ``name``, ``artifact``
    - ``node.succeeded``: ``cached``, ``rows`` by output
    - ``node.retrying``: ``attempt``, ``error``, ``delay`` in seconds
    - ``node.failed``: ``attempt``, ``error``, ``kind``
    - ``node.skipped``: ``because``, where a gate refused what the node reads
    - ``node.blocked``: ``attempt, error``; a gate refused the output, and the run goes on
    - ``run.finished``: ``status``

    Parameters: ``event``, a JSON-able dict with ``id``, ``type``, ``run_id``, ``node_id`` (or None), ``time`` (ISO 8601,
        UTC) and ``data``. Do not change it.
    Returns: nothing.
    Called: after the event was committed to the run store, in order within a run; batches are delivered one by one. The run
        waits until it returns: long work belongs into a thread of the plugin's own. The hook module of a plugin that listens
        is imported in the hub's process when the first events are about to be told.
    Collected: nothing.
    If it raises: the exception is logged, the run goes on, and other listeners still hear the event.
    Since: API 1.
    """
    raise NotImplementedError


HOOK_NAMES = (
    "dovetail_task_types",
    "dovetail_type_transformers",
    "dovetail_check_engines",
    "dovetail_executors",
    "dovetail_artifact_stores",
    "dovetail_secrets",
    "dovetail_commands",
    "dovetail_environments",
    "dovetail_on_event",
)
