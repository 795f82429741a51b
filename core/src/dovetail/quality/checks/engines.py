"""What engines that evaluate native suites on frames of their own are built from."""

from dovetail.quality.checks._engine import FrameChecks, NativeEngine
from dovetail.quality.checks._found import whole_bound

__all__ = ["FrameChecks", "NativeEngine", "whole_bound"]
