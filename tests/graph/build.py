"""Small ONNX models, and ONNX Runtime as the witness of what they compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.load.opset import OPSET


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Any],
    channels: int = 3,
    size: tuple[Any, Any] = ("height", "width"),
) -> ir.Model:
    """Return a float model from 'image' (1, channels, H, W) to 'out', shapes inferred."""
    proto = proto_model(nodes, constants, channels, size)
    return ir.from_proto(onnx.shape_inference.infer_shapes(proto))


def proto_model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Any],
    channels: int = 3,
    size: tuple[Any, Any] = ("height", "width"),
) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, channels, *size))
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(list(nodes), "small", [image], [out], initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    proto.ir_version = 10
    return proto


def parsed(
    body: str, constants: Mapping[str, Any], size: str = "8,10", channels: int = 6
) -> ir.Model:
    """Return a graph from image (1, channels, H, W) to out, from ONNX's text form."""
    text = (
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"small (float[1,{channels},{size}] image) => (float out) {{ {body} }}"
    )
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for index, node in enumerate(model.graph.node):
        node.name = f"node_{index}"
    for name, values in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
    return ir.from_proto(onnx.shape_inference.infer_shapes(model, data_prop=True))


def run(model: ir.Model, image: Any, *, exact: bool = False) -> Any:
    """Return the output of a model by ONNX Runtime; `exact` leaves every node as it stands."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # others would only wait for work, and spin
    if exact:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    return session.run(None, {"image": image})[0]


def kinds(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def weights(generator: np.random.Generator, *shape: int) -> Any:
    return generator.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
