"""What a run is doing, while it does it: a live display on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from dovetail.cli._options import Options
from dovetail.cli._output import console_for, text
from dovetail.cli._text import clean, coloured, one_line, plural, seconds_text
from dovetail.config import redact
from dovetail.store import EventRecord

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SHOWN = 8


class Progress:
    """Counts what a run has done. Events come from several threads.

    Args:
        run_id: Id of the run.
        done: Nodes that an earlier attempt has finished.

    Attributes:
        started: Whether the run has started, and so is in the store.
    """

    def __init__(self, run_id: str, done: Iterable[str] = ()) -> None:
        self.run_id = run_id
        self.started = False
        self.workflow = ""
        self.total = 0
        self.done = {node for node in done if "[" not in node}
        self.parts = {node for node in done if "[" in node}
        self.failed: set[str] = set()
        self.running: dict[str, float] = {}
        self.begun = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, event: EventRecord) -> None:
        """Take in an event."""
        with self._lock:
            self._count(event)
        line = self.line(event)
        if line is not None:
            self.say(*line)

    def say(self, line: str, style: str) -> None:
        """Show a line that stays."""

    def stopping(self, line: str) -> None:
        """Show, from a signal handler, that the run is being stopped."""
        os.write(2, f"\n{line}\n".encode())

    def output(self, node_id: str, stream: str, line: str) -> None:
        """Show what a task in another process printed."""
        target = sys.stderr if stream == "stderr" else sys.stdout
        target.write(f"{one_line(node_id, 60)} | {clean(redact(line.rstrip()))}\n")

    def _count(self, event: EventRecord) -> None:
        node = event.node_id
        if event.type == "run.started":
            self.started = True
            self.workflow = str(event.data.get("workflow", ""))
            self.total = int(event.data.get("nodes", 0))
        elif event.type in ("node.started", "node.submitted"):
            self.running.setdefault(node, time.monotonic())
        elif event.type in ("node.succeeded", "node.skipped", "node.blocked", "node.failed", "node.retrying"):
            self.running.pop(node, None)
            if event.type == "node.failed":
                self.failed.add(node)
            elif event.type != "node.retrying":
                (self.parts if "[" in node else self.done).add(node)

    def line(self, event: EventRecord) -> tuple[str, str] | None:
        """The line that tells an event, with its style; None for an event that needs none."""
        node, data = redact(one_line(event.node_id, 80)), event.data
        if event.type == "node.retrying":
            said = redact(one_line(data.get("error", "")))
            return (
                f"{node}: attempt {data.get('attempt')} failed, again in {data.get('delay', 0):.1f} s: {said}",
                "yellow",
            )
        if event.type == "node.failed":
            return f"{node}: failed: {redact(one_line(data.get('error', '')))}", "red"
        if event.type == "node.skipped" and data.get("because"):
            return f"{node}: skipped: {redact(one_line(data['because'], 160))}", "yellow"
        if event.type == "node.blocked":
            return f"{node}: blocked, and the run goes on without its output", "yellow"
        if event.type == "gate.evaluated" and data.get("decision") != "publish":
            style = "red" if data.get("decision") == "block" else "yellow"
            return f"{node}: {redact(one_line(data.get('summary', '')))}", style
        return None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it while the run lasts."""
        yield


class PlainProgress(Progress):
    """One line per node: for logs, and where the terminal shows no colours."""

    def __init__(self, stream: TextIO, run_id: str, done: Iterable[str] = ()) -> None:
        super().__init__(run_id, done)
        self._stream = stream

    def say(self, line: str, style: str) -> None:
        """Write a line."""
        self._stream.write(f"[{time.monotonic() - self.begun:7.1f}s] {line}\n")
        self._stream.flush()

    def line(self, event: EventRecord) -> tuple[str, str] | None:
        """Beside what everybody is told: start and end of the run and of its nodes, but not of the elements of a map."""
        told = super().line(event)
        if told is not None:
            return told
        node = one_line(event.node_id, 80)
        if event.type == "run.started":
            how = "resumed" if event.data.get("resumed") else "started"
            return f"run {self.run_id} of {one_line(self.workflow)} {how}: {plural(self.total, 'node')}", ""
        if "[" in node:
            return None
        if event.type in ("node.started", "node.submitted"):
            return f"{node}: running", ""
        if event.type == "node.skipped":
            return f"{node}: skipped", ""
        if event.type == "node.succeeded":
            facts = [plural(rows, "row") for rows in event.data.get("rows", {}).values() if rows is not None]
            facts += ["from the cache"] if event.data.get("cached") else []
            return f"{node}: done{' (' + ', '.join(facts) + ')' if facts else ''}  {self._share()}", ""
        if event.type == "dataset.published":
            return f"{node}: published dataset {one_line(event.data.get('name', ''))}", ""
        return None

    def _share(self) -> str:
        return f"[{len(self.done)}/{max(self.total, len(self.done))}]"


class LiveProgress(Progress):
    """A display that is redrawn in place, and gone when the run has ended."""

    def __init__(self, stream: TextIO, run_id: str, done: Iterable[str] = ()) -> None:
        super().__init__(run_id, done)
        self._console: Console = console_for(stream)
        self._note = ""

    def stopping(self, line: str) -> None:
        """Show it with the next drawing; the handler must not wait for the one that draws."""
        self._note = line

    def say(self, line: str, style: str) -> None:
        """Print a line above the display."""
        self._console.print(text(line, style))

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw it eight times a second."""
        from rich.live import Live

        live = Live(
            get_renderable=self.render,
            console=self._console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        with live:
            yield

    def render(self) -> RenderableType:
        """The display as it is now."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        with self._lock:
            running = sorted(self.running.items(), key=lambda item: item[1])
            done, parts, failed = len(self.done), len(self.parts), len(self.failed)
        total = max(self.total, done, 1)
        now = time.monotonic()
        head = Table.grid(padding=(0, 1))
        counts = f"{done}/{plural(total, 'node')}"
        counts += f", {plural(parts, 'element')}" if parts else ""
        counts += f", {len(running)} running" if running else ""
        told = [text(counts)] + ([text(f"{failed} failed", "bold red")] if failed else [])
        bar = ProgressBar(total=total, completed=done, width=24, complete_style="cyan")
        head.add_row(text(self.workflow, "bold"), bar, *told, text(seconds_text(now - self.begun), "dim"))
        lines = [
            text(f"  {one_line(node, 60)}  {seconds_text(now - since)}", "cyan") for node, since in running[:_SHOWN]
        ]
        if len(running) > _SHOWN:
            lines.append(text(f"  and {len(running) - _SHOWN} more", "dim"))
        if self._note:
            lines.append(text(f"  {self._note}", "yellow"))
        return Group(head, *lines)


def progress_for(options: Options, run_id: str, done: Iterable[str] = ()) -> Progress:
    """The progress that fits: none when quiet, live on a terminal, lines elsewhere and with NO_COLOR."""
    if options.run.get("quiet"):
        return Progress(run_id, done)
    if coloured(sys.stderr) and not os.environ.get("CI"):
        return LiveProgress(sys.stderr, run_id, done)
    return PlainProgress(sys.stderr, run_id, done)
