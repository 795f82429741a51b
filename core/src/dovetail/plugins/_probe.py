"""Learning what a hook module declares without importing it here: another process does, see ``_probe_child``."""

from __future__ import annotations

import builtins
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from dovetail.errors import ApiMismatch, DefinitionError, PluginError, PluginLoadError
from dovetail.plugins._collect import read_collected
from dovetail.plugins._failures import bounded, outcome_error
from dovetail.plugins._records import Identity
from dovetail.plugins._scan import Found
from dovetail.spec import Manifest

_START = (
    "import sys, json; request = json.loads(sys.stdin.buffer.read()); "
    "sys.path[:] = [*request['first'], *(request['path'] or sys.path)]; "
    "from dovetail.plugins._probe_child import serve; serve(request)"
)
_GRACE = 30.0
"""Seconds beyond a plugin's own that its answer may take: the process has to start, and must not be waited for for ever."""
_LONGEST = 64 << 20
"""Bytes of one answer."""
_SIDE_BY_SIDE = 4
"""Plugins that are looked at at a time, if the first of them take long."""
_CLASSES: dict[str, type[PluginError]] = {cls.__name__: cls for cls in (PluginError, PluginLoadError, ApiMismatch)}


class PluginRaised(Exception):
    """Stands for an exception of a plugin's own class that was raised in the process of a probe.

    Args:
        kind: Name of the class.
        message: Its message.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}".removesuffix(": ")


@dataclass(frozen=True, slots=True)
class Probed:
    """What the probe of one plugin found.

    Attributes:
        manifest: What it declares, or None if it cannot be used.
        listens: Whether it implements ``dovetail_on_event``.
        error: Why it cannot be used, or None.
        outcome: ``"ok"``, ``"failed"``, ``"missing"`` (something that it imports), ``"hangs"``, ``"died"``,
            ``"unstarted"`` if there could be no such process, or ``"garbled"`` if its answer cannot be read.
        seconds: How long it took.
        seen: What the result depends on, as :class:`~dovetail.plugins._witness.Watch` reports it; empty if it did not end.
        own: Source files of its own package that were imported.
        answer: The JSON-able form.
    """

    manifest: Manifest | None
    listens: bool
    error: PluginError | None
    outcome: str
    seconds: float
    seen: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An interpreter that is not this one.

    Attributes:
        python: The program.
        first: Directory that holds dovetail, before all else on its module path.
    """

    python: str
    first: str


def probe(
    plugins: Sequence[Found], limit: float, root: object = None, elsewhere: Elsewhere | None = None
) -> Iterator[Probed]:
    """Import hook modules in a process of their own, and say what each declares.

    Args:
        plugins: The plugins.
        limit: Seconds that each may take.
        root: Directory in which modules that are not on the path are looked for, or None.
        elsewhere: The interpreter of the process. Default: this one, with its path.

    Yields:
        One result for each, in their order, as soon as it is known.
    """
    items = [
        {
            "name": each.name,
            "distribution": each.distribution,
            "version": each.version,
            "module": each.module,
            "attribute": each.attribute,
            "root": str(root) if root else None,
        }
        for each in plugins
    ]
    for each, answer in zip(plugins, ask(items, limit, elsewhere), strict=True):
        yield understood(answer, Identity.of(each), limit)


def understood(answer: Mapping[str, Any], identity: Identity, limit: float) -> Probed:
    """The answer of a probe, from its JSON-able form, whatever a plugin may have made of it."""
    try:
        return _understood(answer, identity, limit)
    except (DefinitionError, PluginError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        broken = outcome_error("what its process answered cannot be read", identity)
        return Probed(None, False, broken, "garbled", 0.0)


def _understood(answer: Mapping[str, Any], identity: Identity, limit: float) -> Probed:
    seconds = float(answer.get("seconds", 0.0))
    seen, own = answer.get("seen") or {}, tuple(answer.get("own") or ())
    if "manifest" in answer:
        told = Manifest.from_dict({**answer["manifest"], **asdict(identity)})  # who it is, it does not say itself
        manifest = read_collected(told, identity)
        return Probed(manifest, answer["listens"] is True, None, "ok", seconds, seen, own, answer)
    if "error" in answer:
        told = answer["error"]
        made = _CLASSES.get(told["class"], PluginLoadError)(
            told["what"],
            who=identity.who,
            why=bounded(told["why"]) if told["why"] else None,
            fix=bounded(told["fix"]) if told["fix"] else None,
        )
        if told["type"] not in _CLASSES:
            made.__cause__ = _cause(told)
        return Probed(None, False, made, "missing" if told["missing"] else "failed", seconds, seen, own, answer)
    outcome = next((each for each in ("hangs", "unstarted") if answer.get(each)), "died")
    why = {
        "hangs": f"import took longer than {limit:g} s",
        "unstarted": f"no process could be started to look at it ({sys.executable})",
        "died": _how_it_died(answer.get("died")),
    }[outcome]
    return Probed(None, False, outcome_error(why, identity), outcome, seconds, answer=answer)


def _cause(told: Mapping[str, Any]) -> BaseException:
    """The plugin's own exception, as far as text carries it: its class if it is one of Python's, its message, its traceback."""
    known = getattr(builtins, told["type"], None)
    message = bounded(told["message"], 2000)
    made: BaseException
    try:
        if not (isinstance(known, type) and issubclass(known, BaseException)):
            raise TypeError
        made = known(message)
    except TypeError:
        made = PluginRaised(told["type"], message)
    if told["traceback"]:
        lines = (bounded(line, 500) if line.strip() else line for line in told["traceback"].splitlines())
        made.add_note("In the process that looked at the plugin:\n" + "\n".join(f"  {line}" for line in lines))
    return made


def _how_it_died(code: object) -> str:
    if isinstance(code, int) and code < 0:
        try:
            return f"importing it ended the process ({signal.Signals(-code).name})"
        except ValueError:
            pass
    return f"importing it ended the process (exit code {code})"


def ask(
    items: Sequence[Mapping[str, Any]], limit: float, elsewhere: Elsewhere | None = None
) -> Iterator[dict[str, Any]]:
    """The answers of a probe's process to several items, one each; a process that is lost is followed by a fresh one.

    Args:
        items: See ``_probe_child.serve``.
        limit: Seconds for each.
        elsewhere: The interpreter of the process. Default: this one, with its path.
    """
    done = 0
    side_by_side = _SIDE_BY_SIDE
    while done < len(items):
        try:
            talk = _Conversation(items[done:], limit, side_by_side, elsewhere)
        except OSError:  # no such interpreter, or no room for a process
            yield from ({"unstarted": True} for _ in items[done:])
            return
        answered = 0
        with closing(talk):
            for answer in talk.answers():
                answered += 1
                yield answer
        done += answered
        if done < len(items):
            if side_by_side > 1:
                side_by_side = 1  # it is gone, and only one at a time can be told from the others
                continue
            # That one pays, so that the next process gets on.
            begun = talk.begun > answered
            yield {"died": talk.exit_code} if begun else {"died": talk.exit_code, "unstarted": True}
            done += 1


class _Conversation:
    """One process that looks at plugins."""

    def __init__(
        self, items: Sequence[Mapping[str, Any]], limit: float, side_by_side: int, elsewhere: Elsewhere | None
    ) -> None:
        import subprocess  # most catalogues ask nobody

        self.begun = 0
        self._limit = limit
        path = [] if elsewhere else [entry for entry in sys.path if isinstance(entry, str)]
        first = [elsewhere.first] if elsewhere else []
        request = {"path": path, "first": first, "limit": limit, "side_by_side": side_by_side, "plugins": items}
        program = [elsewhere.python, "-I", "-B"] if elsewhere else [sys.executable or "python3", *_flags()]
        self._process = subprocess.Popen(
            [*program, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, and no plugin can answer a terminal
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        with suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(request).encode())

    def answers(self) -> Iterator[dict[str, Any]]:
        """One answer per plugin, until all are given or the process is lost."""
        for line in self._lines():
            try:
                told = json.loads(line)
            except ValueError:
                return
            if not isinstance(told, dict):
                return
            if "begins" in told:
                self.begun += 1
            else:
                yield told

    def _lines(self) -> Iterator[bytes]:
        buffer = bytearray()
        deadline = time.monotonic() + self._limit + _GRACE
        poll = select.poll()  # not select, which takes no descriptor beyond 1023
        poll.register(self._pipe, select.POLLIN)
        while len(buffer) < _LONGEST:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            chunk = os.read(self._pipe, 1 << 16) if ready else b""
            if not chunk:
                return
            buffer += chunk
            while (end := buffer.find(b"\n")) >= 0:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                deadline = time.monotonic() + self._limit + _GRACE
                yield line

    @property
    def exit_code(self) -> int | None:
        """How the process ended, its pipe being closed; None if it goes on without."""
        return self._ended(2)

    def close(self) -> None:
        """End the process, with what it has started."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.terminate()
        if self._ended(5) is None:
            self._process.kill()
            self._process.wait()

    def _ended(self, seconds: float) -> int | None:
        from subprocess import TimeoutExpired

        try:
            return self._process.wait(seconds)
        except TimeoutExpired:
            return None


def _flags() -> list[str]:
    """The options of this interpreter that decide what can be imported."""
    named = {"isolated": "-I", "no_site": "-S", "no_user_site": "-s", "ignore_environment": "-E"}
    flags = [flag for name, flag in named.items() if getattr(sys.flags, name)]
    # Bytecode goes by size and whole seconds: written by a look, it would hide an edit that follows at once.
    return ["-P", "-B", *flags, *["-O"] * sys.flags.optimize]
