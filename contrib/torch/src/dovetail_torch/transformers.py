"""PyTorch tensors: to and from NumPy, hashed by their values, stored as safetensors files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail.spec import Preview, TypeTransformer
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SafetensorsCodec", "TensorTransformer", "from_numpy", "to_numpy"]

_NAME = "tensor"
"""What the one tensor of a file is called."""
_DTYPES = frozenset(
    kind
    for name in (
        *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2", "complex64"),
    )
    if (kind := getattr(torch, name, None)) is not None
)
_NOT_IN_NUMPY = ("bfloat16", "float8")


def _checked(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in memory, dense and without what hangs on it.

    Raises:
        ValueMismatch: It is part of a computation of gradients, sparse, quantised, without data, of another class, or of a type
            that safetensors has no name for.
    """
    why, fix = None, None
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        why, fix = f"it is a {type(tensor).__name__}, which would come back as a plain tensor", "give a plain tensor"
    elif tensor.requires_grad:
        why, fix = (
            "it requires gradients, which are not stored",
            "tensor.detach(), or model.state_dict() for all of a model",
        )
    elif tensor.layout is not torch.strided or tensor.is_quantized:
        why, fix = f"its layout is {tensor.layout}", "tensor.to_dense() or tensor.dequantize()"
    elif tensor.device.type == "meta":
        why, fix = "it is on the device 'meta' and has no values", "give it values"
    elif tensor.dtype not in _DTYPES:
        why, fix = f"safetensors has no {tensor.dtype}", "tensor.to(...) another dtype"
    if why is not None:
        raise ValueMismatch("the tensor cannot be stored", why=why, fix=fix)
    return tensor.detach().cpu().resolve_conj().resolve_neg()


def to_numpy(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """An array that shares the memory of the tensor; of one on another device, a copy.

    Raises:
        ValueMismatch: NumPy has no such dtype, or the tensor is none that can be stored.
    """
    plain = _checked(tensor)
    if any(name in str(plain.dtype) for name in _NOT_IN_NUMPY):
        raise ValueMismatch(f"NumPy has no {plain.dtype}", fix="tensor.float() is exact: every such value is a float32")
    array: np.ndarray[Any, Any] = plain.numpy()
    return array


def from_numpy(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """A tensor with the values of the array, which is copied.

    Raises:
        ValueMismatch: PyTorch has no such dtype.
    """
    import numpy as np

    try:
        if not array.dtype.isnative or type(array) is not np.ndarray:
            raise TypeError(f"{type(array).__name__} of {array.dtype.str}")
        return torch.from_numpy(np.array(array, order="C"))
    except TypeError as error:
        raise ValueMismatch(
            f"PyTorch has no tensor of {array.dtype}",
            why=str(error).splitlines()[0],
            fix="array.astype(...) a dtype of numbers",
        ) from error


def _bytes(tensor: torch.Tensor) -> memoryview:
    """The values as they lie in memory when they lie in order."""
    flat = tensor.contiguous().reshape(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())


class TensorTransformer(TypeTransformer):
    """``torch.Tensor``."""

    type_name = "torch.Tensor"

    def content_hash(self, value: torch.Tensor) -> str:
        """Of dtype, shape and values, bit by bit; strides and device make no difference."""
        plain = _checked(value)
        whole = hashlib.blake2b(f"dovetail-tensor-1\0{plain.dtype}\0{tuple(plain.shape)}\0".encode(), digest_size=32)
        whole.update(_bytes(plain))
        return whole.hexdigest()

    def size(self, value: torch.Tensor) -> int | None:
        """Bytes of the values."""
        return int(value.numel() * value.element_size())

    def preview(self, value: torch.Tensor, limit: int = 10) -> Preview:
        """Dtype and shape, and the first values."""
        head = value.detach()
        while head.ndim > 1 and head.numel():
            head = head[0]
        shown = head.reshape(-1)[: max(limit, 0)].tolist() if value.device.type != "meta" else []
        more = "..." if value.numel() > len(shown) else ""
        return Preview.of_text(f"{value.dtype}, shape {tuple(value.shape)}: {shown}{more}")


class SafetensorsCodec:
    """``torch.Tensor`` <-> one safetensors file."""

    def write(self, value: torch.Tensor, path: Path) -> None:
        """Write the tensor."""
        save_file({_NAME: _checked(value).contiguous()}, path)

    def read(self, path: Path) -> torch.Tensor:
        """Read the tensor, into memory of this machine.

        Raises:
            ArtifactCorrupt: It is no safetensors file, or holds something else than one tensor.
        """
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                names = list(file.keys())
                if names != [_NAME]:
                    raise ValueError(f"it holds {len(names)} tensors, not one that is called {_NAME!r}")
                tensor: torch.Tensor = file.get_tensor(_NAME)
        except (SafetensorError, ValueError, OSError, RuntimeError) as error:
            raise ArtifactCorrupt(
                "the artifact cannot be read as a tensor",
                why=str(error).splitlines()[0] if str(error) else type(error).__name__,
                fix="delete the artifact and run again",
            ) from error
        return tensor
