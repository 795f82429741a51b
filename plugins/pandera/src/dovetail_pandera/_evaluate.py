"""One step of the plan, on one frame. Polars and pandas give the same counts because the rules are here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any

from dovetail.errors import nearest
from dovetail.spec import CheckOutcome

from dovetail_pandera._frames import Frame, Labels, Level, Unevaluable
from dovetail_pandera._plan import Kind, Step


def evaluate_step(step: Step, frame: Frame) -> CheckOutcome:
    """The outcome of one step; whatever is raised on the way is an outcome of status ``error``."""
    try:
        _require(step.needs, frame)
        labels = _LABELS[step.kind](step, frame)
    except Unevaluable as error:
        return CheckOutcome(step.info, "error", message=str(error))
    except Exception as error:  # a check may hold any code, and a library raises many kinds
        return CheckOutcome(step.info, "error", message=f"{type(error).__name__}: {_first_line(error)}")
    scoped = labels.rows is not None
    info = step.info if step.info.row_scoped == scoped else replace(step.info, row_scoped=scoped)
    return CheckOutcome(
        info,
        "evaluated",
        n_evaluated=labels.evaluated,
        n_failed=len(labels.rows) if scoped else labels.failed,
        failed_rows=labels.rows,
        n_keys=labels.keys,
        observed=labels.observed,
        message=labels.message,
    )


def _require(needs: Iterable[Hashable], frame: Frame) -> None:
    for name in needs:
        if isinstance(name, Level):
            continue
        times = sum(1 for other in frame.names if other == name)
        if times != 1:
            raise Unevaluable(_no_column(name, frame) if not times else f"{times} columns are named {name!r}")


def _no_column(name: Hashable, frame: Frame) -> str:
    """What to say of a column that is missing, with the one that may be meant."""
    guess = nearest(str(name), map(str, frame.names))
    return f"there is no column {name!r}" + (f"; did you mean {guess!r}?" if guess else "")


def _whole(fine: bool, observed: Any, message: str = "") -> Labels:
    return Labels(1, failed=int(not fine), observed=None if fine else observed, message="" if fine else message)


def _present(step: Step, frame: Frame) -> Labels:
    missing = []
    for name in step.key:
        column = step.columns[name]
        if not (frame.matching(column) if column.regex else name in frame.names):
            missing.append(str(name))
    return _whole(not missing, {"missing": missing}, "; ".join(_no_column(name, frame) for name in missing))


def _strict(step: Step, frame: Frame) -> Labels:
    extra = [str(name) for name in frame.names if name not in step.key]
    return _whole(not extra, {"extra": extra})


def _ordered(step: Step, frame: Frame) -> Labels:
    known = [name for name in frame.names if name in step.key]
    wanted = [name for name in step.key if name in known]
    return _whole(known == wanted, {"order": [str(name) for name in known]})


def _names_unique(step: Step, frame: Frame) -> Labels:
    repeated = sorted({str(name) for name in frame.names if list(frame.names).count(name) > 1})
    return _whole(not repeated, {"repeated": repeated})


_LABELS: dict[Kind, Callable[[Step, Frame], Labels]] = {
    "present": _present,
    "strict": _strict,
    "ordered": _ordered,
    "names_unique": _names_unique,
    "dtype": lambda step, frame: frame.dtype(step.key, step.dtype),
    "coerce": lambda step, frame: frame.coerce(step.key, step.dtype),
    "not_null": lambda step, frame: frame.not_null(step.key),
    "unique": lambda step, frame: frame.unique((step.key,)),
    "joint_unique": lambda step, frame: frame.unique(step.key),
    "check": lambda step, frame: frame.check(step.check, step.key),
}


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
