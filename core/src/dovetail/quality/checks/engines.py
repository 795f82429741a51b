"""What engines that evaluate native suites on frames of their own are built from."""

from dovetail.quality.checks._engine import FrameChecks
from dovetail.quality.checks._found import whole_bound
from dovetail.quality.checks._told import tell_functions_by

__all__ = ["FrameChecks", "tell_functions_by", "whole_bound"]
