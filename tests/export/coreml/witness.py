"""One-operator ONNX models, their QDQ forms, and the road to a saved package and back."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.export.coreml.integer_units import Values, mb, scale_of
from edge_imgq.export.coreml.lower import convert
from edge_imgq.export.coreml.program import (
    identifier,
    lower_operations,
    name_variables,
    program_of,
    refuse_unsupported,
)
from edge_imgq.graph.network import TIE_BREAK, Network, Tensor
from edge_imgq.graph.read_network import read_network
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import Program, read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced

Arrays = Mapping[str, np.ndarray]


def build(
    kind: str,
    *constants: np.ndarray | None,
    shapes: list[tuple[int, ...]] | None = None,
    outputs: int = 1,
    **attributes: Any,
) -> onnx.ModelProto:
    """Return a model of one operator: graph inputs x0, x1, … and then constants."""
    shapes = shapes or [(1, 8, 12, 16)]
    inputs = [f"x{i}" for i in range(len(shapes))]
    names = ["" if value is None else f"c{i}" for i, value in enumerate(constants)]
    results = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs + names, results, name="node", **attributes)],
        "one",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(inputs, shapes, strict=True)
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        [
            numpy_helper.from_array(value, name)
            for name, value in zip(names, constants, strict=True)
            if value is not None
        ],
    )
    return finished(graph)


def finished(graph: onnx.GraphProto) -> onnx.ModelProto:
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.checker.check_model(inferred)
    return inferred


def reference(model: onnx.ModelProto, inputs: Arrays) -> list[np.ndarray]:
    """Run a model in ONNX Runtime with nothing fused."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # others would only wait for work, and spin
    session = ort.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, dict(inputs)))


def quantize(model: onnx.ModelProto, inputs: Arrays) -> onnx.ModelProto:
    """Return the QDQ form of a one-operator model, with ranges as the inputs give them."""
    graph = model.graph
    node = graph.node[0]
    nodes: list[onnx.NodeProto] = []
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    kept: list[onnx.TensorProto] = []

    def pair(name: str, scale: Any, zero: Any, axis: int | None, stored: Any = None) -> str:
        extra = {} if axis is None else {"axis": axis}
        kept.append(numpy_helper.from_array(np.asarray(scale, np.float32), f"{name}.scale"))
        kept.append(numpy_helper.from_array(zero, f"{name}.zero"))
        integers = f"{name}.integers"
        if stored is None:
            nodes.append(
                helper.make_node(
                    "QuantizeLinear", [name, f"{name}.scale", f"{name}.zero"], [integers], **extra
                )
            )
        else:
            kept.append(numpy_helper.from_array(stored, integers))
        real = f"{name}.real"
        nodes.append(
            helper.make_node(
                "DequantizeLinear", [integers, f"{name}.scale", f"{name}.zero"], [real], **extra
            )
        )
        return real

    def activation(name: str, values: np.ndarray) -> str:
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        scale = np.float32((high - low) / 255)
        return pair(name, scale, np.int8(round(-128 - low / float(scale))), None)

    operands = list(node.input)
    for index, name in enumerate(operands):
        if name in inputs:
            operands[index] = activation(name, inputs[name])
        elif name and node.op_type in ("Conv", "ConvTranspose"):
            value = constants[name]
            axis = 0 if node.op_type == "Conv" or index == 2 else 1
            if index == 1:
                others = tuple(i for i in range(value.ndim) if i != axis)
                scales = np.abs(value).max(axis=others).astype(np.float32) / np.float32(127)
                shape = [-1 if i == axis else 1 for i in range(value.ndim)]
                stored = np.rint(value / scales.reshape(shape)).astype(np.int8)
                zeros = np.zeros(len(scales), np.int8)
            else:
                first = numpy_helper.to_array(next(k for k in kept if k.name == "x0.scale"))
                weights = numpy_helper.to_array(next(k for k in kept if k.name == "c0.scale"))
                scales = np.broadcast_to(first * weights, value.shape).astype(np.float32)
                stored = np.rint(value / scales).astype(np.int32)
                zeros = np.zeros(len(scales), np.int32)
            operands[index] = pair(name, scales, zeros, axis, stored)
        elif name:
            kept.append(numpy_helper.from_array(constants[name], name))
    node.ClearField("input")
    node.input.extend(operands)
    nodes.append(node)
    results = []
    for name, values in zip(node.output, reference(model_of(model, inputs), inputs), strict=True):
        last, added, constants = shift_from_ties(node, name, values)
        nodes.extend(added)
        kept.extend(constants)
        results.append(activation(last, values))
    graph = helper.make_graph(
        nodes,
        "qdq",
        list(graph.input),
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        kept,
    )
    return finished(graph)


def shift_from_ties(
    node: onnx.NodeProto, name: str, values: np.ndarray
) -> tuple[str, list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Round halves of a bilinear Resize up, as the QDQ graphs of this project do."""
    if not any(item.s == b"linear" for item in node.attribute):
        return name, [], []
    shift = np.float32(TIE_BREAK * float(np.ptp(values)) / 255)
    last = f"{name}.off_ties"
    added = helper.make_node("Add", [name, f"{name}.shift"], [last])
    return last, [added], [numpy_helper.from_array(shift, f"{name}.shift")]


def model_of(model: onnx.ModelProto, inputs: Arrays) -> onnx.ModelProto:
    """Return a copy whose node reads its original operands again, to observe its range."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node = copy.graph.node[0]
    for index, name in enumerate(node.input):
        node.input[index] = name.removesuffix(".real")
    return copy


def network(model: onnx.ModelProto) -> Network:
    return read_network(ir.from_proto(model))


def run(view: Network, inputs: Arrays, path: Path, rounding: bool = True) -> list[np.ndarray]:
    """Save a network with plain tensors at its ends, reopen it and evaluate it.

    Quantized inputs go in, and quantized outputs come back, counted from their zero point in
    steps, so that the integers are those of ONNX Runtime to the last one.
    """
    levels = {tensor.name: scale_invariant(tensor, inputs[tensor.name]) for tensor in view.inputs}
    results = Evaluator(saved(view, path), rounding).run(levels)
    return [results[f"end{i}"] for i in range(len(view.outputs))]


def scale_invariant(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """Return real values as QuantizeLinear stores them, less the zero point; floats as they are."""
    quantization = tensor.quantization
    if quantization is None:
        return values
    zero = quantization.zero_point[0]
    return (np.rint(values / quantization.scale[0]) + zero).clip(-128, 127) - zero


def saved(view: Network, path: Path) -> Program:
    """Save a network with plain tensors at its ends, and return the program read from disk."""
    with silenced():
        convert(built(view), package_dir=str(path))
    return read_program(open_package(path))


def built(view: Network) -> Any:
    """Return the MIL program of a network with plain tensors at its ends, in their own steps."""
    ct = coremltools()
    mil = importlib.import_module("coremltools.converters.mil.mil")
    refuse_unsupported(view)
    target = ct.target.iOS17 if view.is_quantized else ct.target.iOS16
    with silenced():
        specs = {tensor.name: mb.TensorSpec(shape=tensor.shape) for tensor in view.inputs}
        with mil.Function(specs, opset_version=target) as function:
            values = Values()
            for tensor in view.inputs:
                given = mb.cast(x=function.inputs[tensor.name], dtype="fp16")
                values.write(tensor, given, scale_of(tensor))
            lower_operations(view, values)
            reads = [values.read(tensor, scale_of(tensor)) for tensor in view.outputs]
            ends = [mb.cast(x=read, dtype="fp32", name=f"end{i}") for i, read in enumerate(reads)]
            function.set_outputs(ends)
        name_variables(function, values, view)
    return program_of(function)


def step_by_step(
    view: Network, model: onnx.ModelProto, inputs: Arrays, program: Program
) -> dict[str, np.ndarray]:
    """Return by how many levels every integer tensor of a package is off the QDQ model's.

    Every operator gets the QDQ model's own integers, whatever those before it gave.
    """
    wanted = {identifier(tensor): integers for tensor, integers in _integers(view, model, inputs)}
    evaluator = Evaluator(program)
    levels = {tensor.name: scale_invariant(tensor, inputs[tensor.name]) for tensor in view.inputs}
    values = evaluator.constants | {
        name: torch.from_numpy(array.astype(np.float32)) for name, array in levels.items()
    }
    off = {}
    for statement in evaluator.statements:
        for name, value in evaluator.execute(statement, values).items():
            values[name] = value
            if name in wanted and value.dtype == torch.int8:
                off[name] = np.abs(value.numpy().astype(int) - wanted[name])
                values[name] = torch.from_numpy(wanted[name])
    return off


def _integers(
    view: Network, model: onnx.ModelProto, inputs: Arrays
) -> list[tuple[Tensor, np.ndarray]]:
    """Return what the QDQ model stores for every integer tensor between its operators."""
    ends = {tensor.name for tensor in view.outputs}
    tensors = [t for op in view.operations for t in op.outputs if t.quantization is not None]
    tensors = [tensor for tensor in tensors if tensor.name not in ends]
    stored: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            stored.setdefault(node.input[0], node.output[0])
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for tensor in tensors:
        name = stored.get(tensor.name, tensor.name)
        watched.graph.output.append(helper.make_empty_tensor_value_info(name))
    return list(zip(tensors, reference(watched, inputs), strict=True)) if tensors else []
