"""dovetail-torch keeps what the conformance kit asks of every plugin. Without PyTorch, the suite of tensors is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dovetail.errors import UnknownType
from dovetail.spec import TypeRef
from dovetail.testing import HubHarness, PluginSuite, TransformerSuite, notyet

if TYPE_CHECKING:
    import torch

HERE = find_spec("torch") is not None
INSTALL = "PyTorch is not installed; pip --python .venvs/torch install torch"


class TestPlugin(PluginSuite):
    plugin = "dovetail_torch.plugin"
    with_plugins = ("dovetail_numpy.plugin",)
    engine_modules = ("torch", "safetensors")
    gaps = {} if HERE else {"type.torch.Tensor": notyet(INSTALL)}


def test_a_module_is_told_to_give_its_state_with_and_without_pytorch() -> None:
    with HubHarness("dovetail_torch.plugin") as hub, pytest.raises(UnknownType, match=r"model\.state_dict\(\)"):
        hub.types.check_storable(TypeRef("torch.nn.Module"))


@pytest.mark.skipif(HERE, reason="it is installed, and the suite of tensors runs")
def test_the_suite_of_tensors() -> None:
    pytest.skip(INSTALL)


class TensorSuite(TransformerSuite):
    """Collected as a test where PyTorch is installed."""

    plugin = "dovetail_torch.plugin"
    with_plugins = ("dovetail_numpy.plugin",)
    type = "torch.Tensor"

    def values(self) -> Sequence[torch.Tensor]:
        import torch

        grid = torch.arange(12, dtype=torch.float32).reshape(3, 4)
        return [
            grid,
            torch.tensor([float("nan"), -0.0, 0.0, float("inf")]),
            torch.zeros(0, 3),
            grid.t(),
            grid[:, 1:3],
            torch.tensor([True, False]),
            torch.tensor([[1, 2]], dtype=torch.int8),
            torch.tensor([2**40], dtype=torch.int64),
            torch.tensor([1.5, -2.5], dtype=torch.float64),
            torch.tensor([1.5, -2.5], dtype=torch.float16),
        ]

    def large_values(self) -> Sequence[torch.Tensor]:
        import torch

        return [torch.zeros(1000, 1000), torch.zeros(*[1] * 60)]

    def equal(self, left: Any, right: Any) -> bool:
        return same(left, right)

    def sources(self, source: str) -> Sequence[Any]:
        return [np.array([1.5]), np.arange(6).reshape(2, 3)] if source == "numpy.ndarray" else ()


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether two tensors have the same dtype, shape and bits."""
    import torch

    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    ends = [each.contiguous().reshape(-1) for each in (left, right)]
    if left.is_complex():
        ends = [torch.view_as_real(each).reshape(-1) for each in ends]
    return bool(torch.equal(*(each.view(torch.uint8) for each in ends)))


if HERE:

    class TestTensor(TensorSuite):
        pass
