"""ONNX models in the store: whole, checked, and of a version that is known here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dovetail.errors import ArtifactCorrupt, EngineUnavailable, ValueMismatch
from dovetail.testing import HubHarness
from dovetail_onnx.transformers import ModelTransformer, OnnxCodec
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

CODEC, KNOWN = OnnxCodec(), ModelTransformer()


def scaled(*weights: float) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "scaled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(weights)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weights)])],
        [numpy_helper.from_array(np.array(weights, dtype=np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_model_that_came_back_computes_the_same(tmp_path: Path) -> None:
    CODEC.write(scaled(2.0, 3.0), tmp_path / "m.onnx")
    for read in (CODEC.read(tmp_path / "m.onnx"), onnx.load(tmp_path / "m.onnx")):
        (y,) = ReferenceEvaluator(read).run(None, {"x": np.ones((1, 2), np.float32)})
        assert y.tolist() == [[2.0, 3.0]]


def test_schema_and_preview_tell_what_goes_in_and_out() -> None:
    schema: Any = KNOWN.schema(scaled(1.0, 2.0))
    assert [(each.name, each.type) for each in schema.fields] == [
        ("input x", "float[n, 2]"),
        ("output y", "float[n, 2]"),
    ]
    assert KNOWN.preview(scaled(1.0)).text.startswith("scaled: 1 nodes (Mul); ai.onnx 17")


def inner(weights: Any) -> onnx.ModelProto:
    """A model that holds the tensor in a graph inside of a node."""
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=weights)],
        "branch",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])],
    )
    graph = helper.make_graph(
        [helper.make_node("If", ["p"], ["y"], then_branch=branch, else_branch=branch)],
        "choice",
        [helper.make_tensor_value_info("p", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("where", ["weights", "inner"])
def test_weights_in_other_files_are_refused_wherever_they_stand(where: str, tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.array([1.0], np.float32), "w")
    model = inner(tensor)
    CODEC.write(model, tmp_path / "whole.onnx")
    if where == "weights":
        model = scaled(1.0)
        target = model.graph.initializer[0]
    else:
        target = model.graph.node[0].attribute[0].g.node[0].attribute[0].t
    target.ClearField("raw_data")
    target.data_location = TensorProto.EXTERNAL
    target.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ValueMismatch, match="lie in a file beside it"):
        CODEC.write(model, tmp_path / "m.onnx")
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactCorrupt):
        CODEC.read(tmp_path / "m.onnx")


def test_weights_that_were_loaded_from_beside_are_stored_with_the_model(tmp_path: Path) -> None:
    onnx.save(
        scaled(*[1.0] * 2000), tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert (tmp_path / "w.bin").stat().st_size == 8000
    model = onnx.load(tmp_path / "m.onnx")
    CODEC.write(model, tmp_path / "one.onnx")
    assert KNOWN.content_hash(CODEC.read(tmp_path / "one.onnx")) == KNOWN.content_hash(model)


def test_a_wrong_model_is_refused_when_it_is_stored(tmp_path: Path) -> None:
    model = scaled(1.0)
    model.graph.node[0].op_type = "NoSuchOperator"
    for operate in (KNOWN.content_hash, lambda value: CODEC.write(value, tmp_path / "m.onnx")):
        with pytest.raises(ValueMismatch, match="NoSuchOperator"):
            operate(model)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-30], lambda data: b"", lambda data: b"\x80\x04}.", lambda data: data.replace(b"Mul", b"Mxl")],
)
def test_damaged_files_are_refused(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    CODEC.write(scaled(1.0), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArtifactCorrupt, match="cannot be read as an ONNX model"):
        CODEC.read(path)


def test_a_model_of_a_newer_format_asks_for_a_newer_onnx(tmp_path: Path) -> None:
    model = scaled(1.0)
    model.ir_version = onnx.IR_VERSION + 1
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(EngineUnavailable, match="pip install --upgrade onnx"):
        CODEC.read(tmp_path / "m.onnx")


def test_the_error_of_a_wrong_model_names_no_pickle() -> None:
    with HubHarness("dovetail_onnx.plugin") as hub:
        artifact = hub.types.dump(scaled(1.0), onnx.ModelProto, hub.artifacts)
        assert artifact.format == "onnx" and artifact.type == "onnx.ModelProto"
