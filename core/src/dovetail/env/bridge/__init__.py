"""Values between a hub and its workers, at the speed of memory: tables as Arrow in memory-mapped files, read without a copy.

The hub makes a :class:`Bridge`; its ``place`` goes to the workers, who open a :class:`WorkerSide`. Both send values, which gives
a JSON-able wire, and receive wires. :func:`sweep` removes what dead processes left.
"""

from dovetail.env.bridge._sides import Bridge, WorkerSide
from dovetail.env.bridge._sweep import Swept, sweep

__all__ = ["Bridge", "Swept", "WorkerSide", "sweep"]
