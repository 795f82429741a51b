"""Tracebacks that begin at the user's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import traceback

# The machinery between a run and the user's function. Its frames explain nothing to the person who wrote that function.
_MACHINERY = ("dovetail", "pluggy", "concurrent.futures", "cloudpickle", "importlib")


def user_traceback(error: BaseException, limit: int = 32_000) -> str:
    """The traceback of ``error`` without the frames of dovetail and of what it is built on.

    Chained causes, contexts and the members of exception groups are kept, each without those frames. Where nothing else
    is left, the last frame stays, so that there is always a place to look.

    Args:
        error: The exception; it need not have been raised.
        limit: Longest text returned, in characters. A longer one loses its middle.

    Returns:
        Lines as Python prints them, without a newline at the end.
    """
    import traceback  # only ever needed on the way to an error

    formatted = traceback.TracebackException.from_exception(error, compact=True)
    pending: list[tuple[traceback.TracebackException | None, BaseException | None]] = [(formatted, error)]
    while pending:
        shown, raised = pending.pop()
        if shown is None or raised is None:
            continue
        shown.stack = _without_machinery(shown.stack, raised)
        pending += [(shown.__cause__, raised.__cause__), (shown.__context__, raised.__context__)]
        if isinstance(raised, BaseExceptionGroup) and shown.exceptions:
            pending += zip(shown.exceptions, raised.exceptions, strict=False)
    return _clipped("".join(formatted.format()).rstrip("\n"), limit)


def _without_machinery(stack: traceback.StackSummary, raised: BaseException) -> traceback.StackSummary:
    import traceback

    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(raised.__traceback__)]
    if len(modules) != len(stack):  # sys.tracebacklimit has cut the stack: it can't be matched frame by frame
        return stack
    kept = [summary for summary, module in zip(stack, modules, strict=True) if not _is_machinery(module)]
    if not kept and not isinstance(raised, SyntaxError):  # a syntax error shows its place by itself
        kept = list(stack[-1:])
    return traceback.StackSummary.from_list(kept)


def _is_machinery(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in _MACHINERY)


def _clipped(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = max(limit // 2 - 40, 0)
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[len(text) - half :]}"
