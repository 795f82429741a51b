"""Where PyTorch is not installed, what needs it is not collected; `test_conformance.py` says so."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["unit/test_torch_tensors.py"]
