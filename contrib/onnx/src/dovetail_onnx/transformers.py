"""ONNX models: stored as ``.onnx`` files that hold all of their weights, checked by ONNX itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from dovetail.errors import ArtifactCorrupt, EngineUnavailable, ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from google.protobuf.message import DecodeError, EncodeError

__all__ = ["ModelTransformer", "OnnxCodec"]

_CHECKER = onnx.checker.ValidationError


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors in a model, wherever they stand: weights, attributes of nodes, inner graphs, functions."""
    if message.DESCRIPTOR.full_name == "onnx.TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if hasattr(value, "__len__") else (value,):
                yield from _tensors(inner)


def _data(model: onnx.ModelProto) -> bytes:
    """The model as bytes.

    Raises:
        ValueMismatch: Weights lie in other files, it is larger than a file of this kind can be, or ONNX says that it is wrong.
    """
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ValueMismatch(
                f"the weights {tensor.name!r} of the ONNX model lie in a file beside it",
                why="the file is no part of the value, and would not be found again",
                fix="onnx.load(path) reads them too; onnx.load_external_data_for_model(model, folder) does it afterwards",
            )
    try:
        data = bytes(model.SerializeToString(deterministic=True))
    except (EncodeError, ValueError) as error:
        raise ValueMismatch(
            "the ONNX model cannot be stored as one file",
            why=str(error) or "it is larger than 2 GB, which is the most that such a file holds",
            fix="onnx.save(model, path, save_as_external_data=True), and give the folder as a dt.Directory",
        ) from error
    try:
        onnx.checker.check_model(data)
    except _CHECKER as error:
        raise ValueMismatch(
            "ONNX says that the model is wrong", why=_first_line(error), fix="see onnx.checker.check_model(model)"
        ) from error
    return data


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__


class ModelTransformer(TypeTransformer):
    """``onnx.ModelProto``."""

    type_name = "onnx.ModelProto"

    def content_hash(self, value: onnx.ModelProto) -> str:
        """Of all that the model says, doc strings and metadata included."""
        return hashlib.sha256(b"dovetail-onnx-1\0" + _data(value)).hexdigest()

    def schema(self, value: onnx.ModelProto) -> Schema | None:
        """Inputs that are no weights, and outputs, with type and shape."""
        weights = {tensor.name for tensor in value.graph.initializer}
        inputs = [(f"input {each.name}", each) for each in value.graph.input if each.name not in weights]
        outputs = [(f"output {each.name}", each) for each in value.graph.output]
        return Schema(tuple(FieldInfo(name, _type_of(each)) for name, each in inputs + outputs))

    def size(self, value: onnx.ModelProto) -> int | None:
        """Bytes of its file."""
        return int(value.ByteSize())

    def preview(self, value: onnx.ModelProto, limit: int = 10) -> Preview:
        """Who made it, for which operators, and its first nodes."""
        graph = value.graph
        opsets = ", ".join(f"{each.domain or 'ai.onnx'} {each.version}" for each in value.opset_import)
        nodes = ", ".join(node.op_type for node in graph.node[: max(limit, 0)])
        more = ", ..." if len(graph.node) > limit else ""
        return Preview.of_text(
            f"{graph.name}: {len(graph.node)} nodes ({nodes}{more}); {opsets}; {value.producer_name}"
        )


def _type_of(value: Any) -> str:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return str(value.type.WhichOneof("value"))
    name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
    return f"{name}[{', '.join(each.dim_param or str(each.dim_value or '?') for each in kind.shape.dim)}]"


class OnnxCodec:
    """``onnx.ModelProto`` <-> one ``.onnx`` file."""

    def write(self, value: onnx.ModelProto, path: Path) -> None:
        """Write the model."""
        path.write_bytes(_data(value))

    def read(self, path: Path) -> onnx.ModelProto:
        """Read the model, and check it.

        Raises:
            ArtifactCorrupt: It is no ONNX model, or a wrong one.
            EngineUnavailable: It is of a newer version of ONNX than is installed.
        """
        data = path.read_bytes()
        model = onnx.ModelProto()
        try:
            model.ParseFromString(data)
            if model.ir_version > onnx.IR_VERSION:
                raise EngineUnavailable(
                    f"the ONNX model is of the version {model.ir_version} of the format, and {onnx.IR_VERSION} is known here",
                    fix="pip install --upgrade onnx",
                )
            _data(model)
        except (DecodeError, ValueMismatch) as error:
            raise ArtifactCorrupt(
                "the artifact cannot be read as an ONNX model",
                why=getattr(error, "why", None) or _first_line(error),
                fix="delete the artifact and run again",
            ) from error
        return model
