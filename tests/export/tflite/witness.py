"""Builds small ONNX models and runs them twice: by ONNX Runtime, and lowered, by LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.network import Network, Quantization
from edge_imgq.graph.read_network import read_network
from edge_imgq.quantize.qdq.qdq import insert_qdq
from edge_imgq.quantize.ranges.ranges import Range, asymmetric, per_tensor
from edge_imgq.quantize.scales.scales import activations, assign_scales

NOTE = FileNote("model", "tflite-test", ImageContract("image-to-image", 1, "rgb"), "0.0")
EDGE = per_tensor(2 / 127, 0)
"""Scale of the input and the output of quantized cases: ±2."""


@dataclass(frozen=True)
class Case:
    """One small network: the body of an ONNX graph from `x` to `y`, and its constants."""

    body: str
    shape: tuple[int, ...] = (1, 6, 12, 10)
    constants: Mapping[str, Any] = field(default_factory=dict)

    def model(self) -> onnx.ModelProto:
        dims = ",".join(map(str, self.shape))
        text = (
            '<ir_version: 10, opset_import: ["" : 21]>\n'
            f"case (float[{dims}] x) => (float y) {{ {self.body} }}"
        )
        model = onnx.parser.parse_model(text)
        model.graph.output[0].type.tensor_type.ClearField("shape")
        for index, node in enumerate(model.graph.node):
            node.name = f"node_{index}_{node.op_type}"
        for name, values in self.constants.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        onnx.checker.check_model(inferred)
        return inferred


def network_of(model: onnx.ModelProto) -> Network:
    return read_network(ir.from_proto(model))


def one_thread() -> onnxruntime.SessionOptions:
    """Return options of a session without threads that only wait for work, and spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options


def run_onnx(model: onnx.ModelProto, values: Any) -> Any:
    options = one_thread()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: values})[0]


def interpreter_of(data: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def run_litert(data: bytes, values: Any) -> Any:
    """Run a file on an NHWC input and return its output as it is stored."""
    return _invoked(interpreter_of(data), values)


def run_own_kernels(data: bytes, values: Any) -> Any:
    """Run a file likewise by TFLite's own kernels, without XNNPACK."""
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_content=data, num_threads=1, experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    return _invoked(interpreter, values)


def _invoked(interpreter: Interpreter, values: Any) -> Any:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def to_file(values: Any) -> Any:
    return values.transpose(0, 2, 3, 1) if values.ndim == 4 else values


def from_file(values: Any) -> Any:
    return values.transpose(0, 3, 1, 2) if values.ndim == 4 else values


def kinds(data: bytes) -> list[str]:
    """Return the operators of a file, in order."""
    nodes = interpreter_of(data)._get_ops_details()
    return [node["op_name"] for node in nodes if node["op_name"] != "DELEGATE"]


def ranges_of(model: onnx.ModelProto, values: Any) -> dict[str, Range]:
    """Return the ranges of a model's activations by name, the input's first, from one input."""
    names = [value.name or "" for value in activations(ir.from_proto(model).graph)]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for name in names[1:]:
        watched.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(watched.SerializeToString(), one_thread())
    seen = [values, *session.run(None, {names[0]: values})]
    pairs = zip(names, seen, strict=True)
    return {name: Range(float(array.min()), float(array.max())) for name, array in pairs}


def quantized(
    model: onnx.ModelProto, values: Any, edge: Quantization | None = EDGE
) -> onnx.ModelProto:
    """Return the QDQ form of a model, with ranges from one input.

    The input and the output have the scale `edge`; None for that of the input's own range.
    """
    ranges, graph_model = ranges_of(model, values), ir.from_proto(model)
    image = edge or asymmetric(next(iter(ranges.values())))
    insert_qdq(graph_model.graph, assign_scales(graph_model.graph, ranges, image))
    return ir.to_proto(graph_model)


def to_integers(values: Any, quantization: Quantization) -> Any:
    levels = np.rint(values / quantization.scale[0]) + quantization.zero_point[0]
    return np.clip(levels, -128, 127).astype(int)


def lowered(model: onnx.ModelProto) -> bytes:
    return lower(network_of(model), NOTE)


def levels_of_both(model: onnx.ModelProto, values: Any) -> tuple[Any, Any]:
    """Return the levels of a QDQ model and those of its file, given the same integers."""
    network = network_of(model)
    first, last = network.inputs[0].quantization, network.outputs[0].quantization
    assert first is not None
    assert last is not None
    levels = to_integers(values, first)
    real = ((levels - first.zero_point[0]) * first.scale[0]).astype(np.float32)
    wanted = to_integers(run_onnx(model, real), last)
    got = from_file(run_litert(lowered(model), to_file((levels + 128).astype(np.uint8))))
    return wanted, got.astype(int) - 128
