"""dovetail-onnx keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from dovetail.testing import PluginSuite, TransformerSuite
from onnx import TensorProto, helper, numpy_helper


def model(weights: Any, name: str = "scaled", nodes: int = 1) -> onnx.ModelProto:
    """``y = x * weights``, or as many times as there are nodes."""
    size = len(weights)
    ends = ["x", *(f"t{number}" for number in range(nodes - 1)), "y"]
    graph = helper.make_graph(
        [helper.make_node("Mul", [ends[i], "w"], [ends[i + 1]]) for i in range(nodes)],
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", size])],
        [numpy_helper.from_array(np.asarray(weights, dtype=np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class TestPlugin(PluginSuite):
    plugin = "dovetail_onnx.plugin"
    engine_modules = ("onnx",)


class TestModel(TransformerSuite):
    plugin = "dovetail_onnx.plugin"
    type = "onnx.ModelProto"

    def values(self) -> Sequence[onnx.ModelProto]:
        named = model([1.0, 2.0])
        named.metadata_props.add(key="accuracy", value="0.9")
        return [
            model([1.0, 2.0]),
            model([1.0, 3.0]),
            model([float("nan")]),
            model([1.0], "ä"),
            model([1.0], nodes=4),
            named,
        ]

    def large_values(self) -> Sequence[onnx.ModelProto]:
        return [model(np.zeros(100_000)), model([1.0], "n" * 3000, nodes=500)]

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True))
