"""One plugin: importing its hook module, checking it, and calling its hooks. pluggy is used here and nowhere else."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, get_args

from dovetail.errors import ApiMismatch, PluginError, PluginLoadError, nearest, shorten
from dovetail.plugins._blame import is_authors
from dovetail.plugins._failures import load_error, one_line
from dovetail.plugins._names import CORE, declared_names
from dovetail.plugins._records import Identity
from dovetail.spec import API_VERSION, CodecSpec, ConverterSpec, Cost, Declaration, Manifest, Preference

_LIMIT = 10_000
"""Declarations of one hook; an endless generator must not hang the process."""

_OWN_FORMATS = ("json", "tree", "bytes")
"""Formats under which the core stores plain values; a codec by one of these names could not be told from them."""

_PLAIN_MODULES = ("builtins", "datetime", "decimal", "enum", "pathlib", "uuid")
"""Where the plain types of Python lie that come without a plugin."""

_WORDS = {"Cost": get_args(Cost), "Preference": get_args(Preference)}
"""Annotation of a field that takes one of a few words -> these words."""

_CODE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Collected:
    """What a plugin brought.

    Attributes:
        manifest: What it declares.
        listener: What hears events; of an installed plugin, what will import the hook module for that.
    """

    manifest: Manifest
    listener: Callable[[dict[str, Any]], None] | LazyListener | None


def import_hook_module(module: str, attribute: str, identity: Identity, project_root: Path | None = None) -> object:
    """Import the hook module, or the object in it.

    Raises:
        PluginLoadError: The import raised anything but KeyboardInterrupt; SystemExit included.
    """
    try:
        with importable_from(project_root, module):
            found: object = importlib.import_module(module)
        for part in attribute.split(".") if attribute else ():
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise load_error(error, "the plugin cannot be imported", identity) from error
    return found


@contextmanager
def importable_from(root: Path | None, module: str) -> Iterator[None]:
    """While open, top-level modules in ``root`` can be imported, if ``module`` is not found without that."""
    entry = str(root)
    if root is None or entry in sys.path or is_importable(module.partition(".")[0]):
        yield
        return
    sys.path.append(entry)  # last: a file of the project must not stand in for an installed module
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):  # the plugin may have rearranged the path
            sys.path.remove(entry)


def is_importable(name: str) -> bool:
    """Whether a top-level module can be found; it is not imported."""
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def read_collected(manifest: Manifest, identity: Identity) -> Manifest:
    """A manifest that was not collected here, checked as if it had been; raises what :func:`collect` raises."""
    check_api(manifest.api, identity)
    try:
        for declaration in manifest.declarations:
            _check_declaration(declaration, declaration.hook or "a manifest")
        _refuse_repeated(manifest.declarations)
        hash(manifest.declarations)
    except (TypeError, ValueError) as error:
        made = load_error(error, "the manifest holds a malformed declaration", identity)
        made.why = one_line(error)  # the file is to blame that was read, and not the hook module
        raise made from error
    return manifest


def collect(plugin: object, identity: Identity) -> Collected:
    """Check a hook module (or object) and call its collecting hooks.

    Raises:
        ApiMismatch: It states another API version, or none.
        PluginLoadError: A hook implementation is malformed, raised, or returned what it must not.
    """
    api = _check_api(plugin, identity)
    caller = _HookCaller(plugin, identity)
    declarations: list[Declaration] = []
    for hook in caller.collecting:
        declarations += caller.collect(hook)
    manifest = Manifest(
        name=identity.name,
        distribution=identity.distribution,
        version=identity.version,
        module=identity.module,
        api=api,
        declarations=tuple(declarations),
    )
    return Collected(manifest, caller.listener())


def check_api(api: object, identity: Identity) -> int:
    """The API version if it is ours; raises ApiMismatch if it is not."""
    if not isinstance(api, int) or isinstance(api, bool):
        raise ApiMismatch(
            "the plugin does not state the hook API it was written for",
            who=identity.who,
            why=f"DOVETAIL_API is {shorten(api)}" if api is not None else "DOVETAIL_API is missing",
            fix=f"set DOVETAIL_API = {API_VERSION} in {identity.module}",
        )
    if api != API_VERSION:
        fix = f"pip install --upgrade {identity.distribution if api < API_VERSION else CORE}"
        if api < API_VERSION and is_authors(identity):
            fix = f"set DOVETAIL_API = {API_VERSION} in {identity.module} once its hooks fit that"
        raise ApiMismatch(
            "the plugin was written for another hook API",
            who=identity.who,
            why=f"DOVETAIL_API is {api}, this dovetail has {API_VERSION}",
            fix=fix,
        )
    return api


def _check_api(plugin: object, identity: Identity) -> int:
    try:
        api = getattr(plugin, "DOVETAIL_API", None)
        if api is None:  # an object may leave it to the module that it stands in
            api = getattr(sys.modules.get(identity.module), "DOVETAIL_API", None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a property, or a module-level __getattr__
        raise load_error(error, "DOVETAIL_API cannot be read", identity) from error
    return check_api(api, identity)


class _HookCaller:
    """A pluggy manager that holds this one plugin: what it does wrong cannot reach the hooks of another."""

    def __init__(self, plugin: object, identity: Identity) -> None:
        import pluggy

        specs = importlib.import_module("dovetail.spec._hookspecs")
        self.identity = identity
        self.names: tuple[str, ...] = specs.HOOK_NAMES
        self.collecting = tuple(name for name in self.names if name != "dovetail_on_event")
        self.manager = pluggy.PluginManager("dovetail")
        self.manager.add_hookspecs(specs)
        try:
            self.manager.register(plugin, name=identity.name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise load_error(error, "a hook implementation does not fit its specification", identity) from error
        self._refuse_unknown(plugin)
        self._refuse_unmarked(plugin)

    def _refuse_unknown(self, plugin: object) -> None:
        for caller in self.manager.get_hookcallers(plugin) or ():
            if caller.name not in self.names:
                close = nearest(caller.name, self.names)
                raise PluginLoadError(
                    f"the plugin implements an unknown hook {caller.name!r}",
                    who=self.identity.who,
                    fix=f"did you mean {close!r}?" if close else f"the hooks are {', '.join(self.names)}",
                )

    def _refuse_unmarked(self, plugin: object) -> None:
        # pluggy passes over a function without the marker in silence, and the author wonders for an hour.
        marked = {caller.name for caller in self.manager.get_hookcallers(plugin) or ()}
        own = vars(plugin) if isinstance(plugin, (ModuleType, type)) else vars(type(plugin))
        for name in self.names:
            if name not in marked and callable(own.get(name)):
                raise PluginLoadError(
                    f"{name} is not marked as a hook implementation",
                    who=self.identity.who,
                    fix=f"write @dovetail.spec.hookimpl above def {name}",
                )

    def collect(self, hook: str) -> list[Declaration]:
        try:
            results = getattr(self.manager.hook, hook)()
            items = [item for result in results for item in _bounded(result, hook)]
            for item in items:
                _check_declaration(item, hook)
            _refuse_repeated(items)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise load_error(error, f"the hook {hook} failed", self.identity) from error
        return items

    def listener(self) -> Callable[[dict[str, Any]], None] | None:
        caller = self.manager.hook.dovetail_on_event
        return _Listener(caller, self.identity) if caller.get_hookimpls() else None


class LazyListener:
    """The ``dovetail_on_event`` of a plugin whose hook module was not imported here so far.

    Args:
        found: The entry point.
        identity: The plugin.
    """

    def __init__(self, found: _EntryPoint, identity: Identity) -> None:
        self._found = found
        self._identity = identity

    def listener(self) -> Callable[[dict[str, Any]], None]:
        """Import the hook module, for events are going to be told; what fails is raised by each call, as PluginError."""
        try:
            plugin = import_hook_module(self._found.module, self._found.attribute, self._identity)
            made = collect(plugin, self._identity).listener
            assert not isinstance(made, LazyListener)
            return made or _deaf
        except PluginError as error:
            return _Unable(error)


class _EntryPoint(Protocol):
    @property
    def module(self) -> str: ...
    @property
    def attribute(self) -> str: ...


def _deaf(event: dict[str, Any]) -> None:
    """The listener of a plugin that has none: it has changed since it was looked at."""


class _Unable:
    """Raises the error for which a listener could not be made."""

    def __init__(self, error: PluginError) -> None:
        self._error = error

    def __call__(self, event: dict[str, Any]) -> None:
        raise self._error


class _Listener:
    """Hands events to the ``dovetail_on_event`` of one plugin. Whatever that raises arrives as PluginError."""

    def __init__(self, caller: Any, identity: Identity) -> None:
        self._caller = caller
        self._identity = identity

    def __repr__(self) -> str:
        return f"<dovetail_on_event of {self._identity.who}>"

    def __call__(self, event: dict[str, Any]) -> None:
        try:
            self._caller(event=event)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(
                "a listener failed", who=self._identity.who, why=f"{type(error).__name__}: {error}"
            ) from error


def _bounded(result: object, hook: str) -> list[Any]:
    if isinstance(result, (str, bytes, dict)) or not isinstance(result, Iterable):
        close = getattr(result, "close", None)  # an async implementation returns a coroutine, which would warn
        if close is not None:
            close()
        raise TypeError(f"{hook} must return a list of declarations, not {shorten(result)}")
    items = list(islice(result, _LIMIT + 1))
    if len(items) > _LIMIT:
        raise ValueError(f"{hook} returned more than {_LIMIT} declarations")
    return items


def _refuse_repeated(items: Iterable[Declaration]) -> None:
    seen: set[str] = set()
    for item in items:
        for name in declared_names(item):
            if name in seen:
                raise ValueError(f"it declares {name} twice")
            seen.add(name)


def _check_declaration(item: object, hook: str) -> None:
    if not isinstance(item, Declaration) or not item.hook or item.hook != hook:
        raise TypeError(f"{hook} must return declarations of its kind, not {shorten(item)}")
    _check_fields(item)


def _check_fields(item: Declaration) -> None:
    kind = type(item).__name__
    for field in fields(item):
        value, annotation = getattr(item, field.name), str(field.type)
        if annotation == "str":
            good = isinstance(value, str)
        elif annotation == "str | None":
            good = value is None or isinstance(value, str)
        elif annotation.startswith("tuple["):
            good = isinstance(value, tuple) and all(isinstance(v, (str, ConverterSpec, CodecSpec)) for v in value)
        elif annotation == "bool":
            good = isinstance(value, bool)
        elif annotation.startswith(("int", "float")):
            good = True  # declarations check their figures themselves
        else:
            good = value in _WORDS[annotation]
        if not good:
            raise TypeError(
                f"{kind}.{field.name} must be {_told(annotation)}, not {shorten(value)}{_meant(annotation, value)}"
            )
    for name in ("name", "type", "source", "target", "format"):
        text = getattr(item, name, None)
        if text is not None and not _is_name(text):
            raise ValueError(f"{kind}.{name} must be a name, not {text!r}")
    for name in ("aliases", "schemes"):
        for text in getattr(item, name, ()):
            if not _is_name(text):
                raise ValueError(f"{kind}.{name} must hold names, not {text!r}")
    for name in ("code", "config"):
        text = getattr(item, name, None)
        if text is not None and not _CODE.fullmatch(text):
            raise ValueError(f"{kind}.{name} must be of the form 'module:attribute', not {text!r}")
    if isinstance(item, CodecSpec) and item.format in _OWN_FORMATS:
        raise ValueError(
            f"CodecSpec.format must not be {item.format!r}: plain values are stored as {', '.join(_OWN_FORMATS)}; "
            f"give the codec a name of its own, such as 'my-{item.format}'"
        )
    if isinstance(item, ConverterSpec) and _is_plain(item.source) and _is_plain(item.target):
        raise ValueError(
            f"a converter from {item.source} to {item.target} is not taken: it would change what Python's own types mean "
            "in every annotation; one end must be a type that a plugin declares"
        )
    for nested in (*getattr(item, "converters", ()), *getattr(item, "codecs", ())):
        if not isinstance(nested, (ConverterSpec, CodecSpec)):
            raise TypeError(f"{kind} holds {shorten(nested)} where a ConverterSpec or CodecSpec belongs")
        _check_fields(nested)


def _told(annotation: str) -> str:
    """The annotation of a field, for people who do not know our names of types."""
    return f"one of {', '.join(_WORDS[annotation])}" if annotation in _WORDS else annotation


def _meant(annotation: str, value: object) -> str:
    close = nearest(value, _WORDS[annotation]) if annotation in _WORDS and isinstance(value, str) else None
    return f"; did you mean {close!r}?" if close else ""


def _is_name(text: object) -> bool:
    """Whether it can stand in a line for people: not empty, and nothing in it that moves a cursor or cannot be seen."""
    return isinstance(text, str) and bool(text) and text == text.strip() and text.isprintable()


def _is_plain(name: str) -> bool:
    module, dot, _ = name.rpartition(".")
    return module in _PLAIN_MODULES if dot else hasattr(builtins, name)
