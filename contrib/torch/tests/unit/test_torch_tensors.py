"""Tensors and state dicts in the store: exact, readable by others, and never a pickle."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from dovetail.errors import ArtifactCorrupt, UnknownType, ValueMismatch
from dovetail.testing import HubHarness
from dovetail_torch.transformers import SafetensorsCodec, TensorTransformer, from_numpy, to_numpy

CODEC, KNOWN = SafetensorsCodec(), TensorTransformer()


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(3, 2)
        self.norm = torch.nn.BatchNorm1d(2)


@pytest.fixture
def hub() -> Iterator[HubHarness]:
    with HubHarness("dovetail_torch.plugin", "dovetail_numpy.plugin") as hub:
        yield hub


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "uint16", "uint64", "complex64"])
def test_dtypes_that_numpy_lacks_or_that_are_new_come_back(dtype: str, tmp_path: Path) -> None:
    kind = getattr(torch, dtype)
    tensor = torch.tensor([1, 2, 3], dtype=torch.float32).to(kind)
    CODEC.write(tensor, tmp_path / "t.safetensors")
    back = CODEC.read(tmp_path / "t.safetensors")
    assert back.dtype is kind and KNOWN.content_hash(back) == KNOWN.content_hash(tensor)


def test_a_single_value_comes_back(tmp_path: Path) -> None:
    CODEC.write(torch.tensor(1.5), tmp_path / "t.safetensors")
    back = CODEC.read(tmp_path / "t.safetensors")
    assert back.shape == () and back.item() == 1.5 and KNOWN.content_hash(back) != KNOWN.content_hash(back.reshape(1))


def test_the_file_is_one_that_safetensors_reads_without_pytorch(tmp_path: Path) -> None:
    CODEC.write(torch.arange(6).reshape(2, 3).t(), tmp_path / "t.safetensors")
    read = safetensors.numpy.load_file(tmp_path / "t.safetensors")
    assert {name: array.tolist() for name, array in read.items()} == {"tensor": [[0, 3], [1, 4], [2, 5]]}


def test_what_is_done_with_a_loaded_tensor_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    CODEC.write(torch.zeros(1000), path)
    before = path.read_bytes()
    CODEC.read(path).add_(1)
    assert path.read_bytes() == before


def test_a_state_dict_comes_back_into_a_model_lazily_or_whole(hub: HubHarness) -> None:
    model = Net()
    state: OrderedDict[str, Any] = model.state_dict()
    value = hub.types.accept(state, dict[str, torch.Tensor])
    artifact = hub.types.dump(value, dict[str, torch.Tensor], hub.artifacts)
    assert {child.format for child in artifact.children} == {"safetensors"} and len(artifact.children) == len(state)
    for annotation in (dict[str, torch.Tensor], Mapping[str, torch.Tensor]):
        back, other = hub.types.load(artifact, hub.artifacts, annotation), Net()
        other.load_state_dict(back)
        assert all(
            torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True)
        )


def test_layers_that_did_not_change_are_stored_once(hub: HubHarness) -> None:
    model = Net()
    ids = []
    for _ in range(2):
        artifact = hub.types.dump(dict(model.state_dict()), dict[str, torch.Tensor], hub.artifacts)
        ids.append([child.id for child in artifact.children])
        with torch.no_grad():
            model.inner.bias.add_(1)
    assert sum(a != b for a, b in zip(*ids, strict=True)) == 1


@pytest.mark.parametrize("annotation", [Net, torch.nn.Module, dict[str, Net]])
def test_a_module_is_told_to_give_its_state(hub: HubHarness, annotation: Any) -> None:
    with pytest.raises(UnknownType, match=r"model\.state_dict\(\).*load_state_dict"):
        hub.types.check_storable(annotation)


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (torch.ones(2, requires_grad=True), "gradients"),
        (torch.nn.Parameter(torch.ones(2)), "gradients"),
        (torch.eye(2).to_sparse(), "layout"),
        (torch.empty(2, device="meta"), "meta"),
        (torch.ones(2, dtype=torch.complex128), "complex128"),
        (torch.ones(2).as_subclass(type("Mine", (torch.Tensor,), {})), "Mine"),
    ],
    ids=["gradients", "parameter", "sparse", "meta", "complex128", "subclass"],
)
def test_what_would_not_come_back_as_it_is_is_refused(tensor: torch.Tensor, why: str, tmp_path: Path) -> None:
    for operate in (KNOWN.content_hash, to_numpy, lambda value: CODEC.write(value, tmp_path / "t")):
        with pytest.raises(ValueMismatch, match=why):
            operate(tensor)


def test_arrays_share_memory_and_tensors_do_not() -> None:
    tensor = torch.zeros(3)
    array = to_numpy(tensor)
    array[0] = 5
    assert tensor[0] == 5
    made = from_numpy(array)
    array[1] = 7
    assert made.tolist() == [5, 0, 0]


@pytest.mark.parametrize(
    "array",
    [np.array(["a"]), np.array(["2020-01-01"], "M8[D]"), np.array([1], ">i4"), np.zeros(1, [("a", "i4")])],
    ids=lambda array: array.dtype.str,
)
def test_arrays_of_no_numbers_are_refused(array: Any) -> None:
    with pytest.raises(ValueMismatch, match="no tensor of"):
        from_numpy(array)


def test_numpy_is_told_what_it_lacks() -> None:
    with pytest.raises(ValueMismatch, match="bfloat16"):
        to_numpy(torch.ones(1, dtype=torch.bfloat16))


@pytest.mark.parametrize("damage", [lambda data: data[:20], lambda data: b"", lambda data: b"\xff" * 8 + data[8:]])
def test_damaged_files_are_refused(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    CODEC.write(torch.zeros(10), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArtifactCorrupt, match="cannot be read as a tensor"):
        CODEC.read(path)


def test_a_file_of_pytorch_itself_is_refused(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "t.pt")
    with pytest.raises(ArtifactCorrupt):
        CODEC.read(tmp_path / "t.pt")


def test_a_file_of_several_tensors_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "t.safetensors")
    with pytest.raises(ArtifactCorrupt, match="holds 2 tensors"):
        CODEC.read(tmp_path / "t.safetensors")
