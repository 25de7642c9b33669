"""Description of any .tflite file, read from its flatbuffer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.contract import note_in
from edge_imgq.errors import ModelError
from edge_imgq.report.description import (
    FileDescription,
    KernelWindow,
    OperatorRow,
    SignatureRow,
    TensorRow,
)
from edge_imgq.runtime.litert import measured
from edge_imgq.runtime.memory import known_memory
from edge_imgq.runtime.npu_file import DISPATCH, compiled_for, placement
from edge_imgq.runtime.placement.gpu import GPU
from edge_imgq.runtime.placement.nnapi import NNAPI
from edge_imgq.runtime.placement.rules import (
    AcceleratorPlacement,
    Node,
    Operand,
    OperatorSupport,
    predict_placement,
)
from edge_imgq.runtime.tflite_file import metadata_of, read_model
from edge_imgq.wording import count_of

CODE_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()
}
TYPE_NAMES = {
    code: name.lower() for name, code in vars(schema.TensorType).items() if name.isupper()
}
FUSED_NAMES = {
    code: name for name, code in vars(schema.ActivationFunctionType).items() if name.isupper()
}
LAST_OLD_CODE = 127


def describe(path: Path) -> FileDescription:
    """Describe the first subgraph of a .tflite file: ports, operators, parameters, MACs and bytes.

    Shapes are those of the file, (N, H, W, C) for images. int32 constants without a scale (shapes,
    axes) are no parameters. `placements` says which operators XNNPACK takes, as LiteRT reports
    here, and which the GPU delegate and NNAPI would take by their rules; for a compiled file, which
    its NPU takes.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    model = read_model(path)
    graph = model.subgraphs[0]
    rows = tuple(_row(model, graph, operator) for operator in graph.operators)
    constants = _parameters(model, graph, {int(i) for o in graph.operators for i in o.inputs})
    return FileDescription(
        format="TFLite",
        inputs=_edges(graph, graph.inputs, _signature_names(model)),
        outputs=_edges(graph, graph.outputs, _signature_names(model)),
        operators=rows,
        parameters=_count(constants),
        zeros=sum(_zeros(model, tensor) for tensor in constants),
        macs=sum(row.macs for row in rows),
        memory=known_memory(path),
        bytes=path.stat().st_size,
        note=note_in(metadata_of(model), str(path)),
        placements=_placements(model, graph, path),
        compiled_for=str(compiled_for(path) or ""),
        sizes=_sizes(model) if len(model.subgraphs) > 1 else (),
        graph=(graph.name or b"").decode(),
    )


def signatures(path: Path) -> tuple[SignatureRow, ...]:
    """List the signatures of a .tflite file with their input and output tensors, as apps name them.

    Each tensor has its shape, element type, and scale and zero point if it is quantized. () for a
    file without signatures.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    model = read_model(path)
    return tuple(
        SignatureRow(
            name=signature.signatureKey.decode(),
            inputs=_named(model.subgraphs[signature.subgraphIndex], signature.inputs),
            outputs=_named(model.subgraphs[signature.subgraphIndex], signature.outputs),
        )
        for signature in model.signatureDefs or ()
    )


def _named(graph: Any, pairs: Sequence[Any]) -> tuple[TensorRow, ...]:
    """Return the tensors of a signature under their signature names."""
    return tuple(
        replace(_tensor_row(graph.tensors[pair.tensorIndex]), name=pair.name.decode())
        for pair in pairs
    )


def _placements(model: Any, graph: Any, path: Path) -> tuple[AcceleratorPlacement, ...]:
    """Report the operators that XNNPACK (measured), the GPU delegate and NNAPI (by table) take.

    A file compiled for an NPU is only reported for that NPU.
    """
    if compiled_for(path) is not None:
        return (_by_npu(model, graph, path),)
    dequantized = _float16_constants(model, graph)
    nodes = [_node(model, graph, operator, dequantized) for operator in graph.operators]
    return (_by_xnnpack(path), predict_placement(GPU, nodes), predict_placement(NNAPI, nodes))


def _by_npu(model: Any, graph: Any, path: Path) -> AcceleratorPlacement:
    """Report the operators that the NPU runs of a file compiled for it."""
    npu = placement(path)
    on_npu = [
        _kind(model.operatorCodes[o.opcodeIndex]) == DISPATCH.decode() for o in graph.operators
    ]
    left = OperatorSupport(False, "its compiler left it to the processor")
    verdicts = tuple(OperatorSupport(True) if one else left for one in on_npu)
    basis = f"compiled: {npu.delegated} of the network's {count_of(npu.operators, 'operator')}"
    return AcceleratorPlacement(
        npu.unit.removeprefix("the "), basis, True, verdicts, npu.partitions
    )


def _by_xnnpack(path: Path) -> AcceleratorPlacement:
    try:
        return measured(path)
    except ModelError as error:
        return AcceleratorPlacement("XNNPACK", f"not measured: {error}", False, (), 0)


def _node(model: Any, graph: Any, operator: Any, dequantized: frozenset[int]) -> Node:
    code = model.operatorCodes[operator.opcodeIndex]
    return Node(
        kind=_kind(code),
        inputs=tuple(
            None if index < 0 else _operand(model, graph, int(index), dequantized)
            for index in operator.inputs
        ),
        outputs=tuple(
            _operand(model, graph, int(index), dequantized) for index in operator.outputs
        ),
        version=code.version,
        options=dict(vars(operator.builtinOptions)) if operator.builtinOptions else {},
    )


def _float16_constants(model: Any, graph: Any) -> frozenset[int]:
    """Return the indices of dequantized constants, which delegates treat as constants."""
    return frozenset(
        int(operator.outputs[0])
        for operator in graph.operators
        if _kind(model.operatorCodes[operator.opcodeIndex]) == "DEQUANTIZE"
        and _is_constant(model, graph.tensors[operator.inputs[0]])
    )


def _operand(model: Any, graph: Any, index: int, dequantized: frozenset[int]) -> Operand:
    tensor = graph.tensors[index]
    constant = index in dequantized or _is_constant(model, tensor)
    return Operand(str(index), _shape(tensor), TYPE_NAMES[tensor.type], constant)


def _is_constant(model: Any, tensor: Any) -> bool:
    return model.buffers[tensor.buffer].data is not None


def _kind(code: Any) -> str:
    number: int = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == schema.BuiltinOperator.CUSTOM and code.customCode:
        return str(code.customCode.decode(errors="replace"))
    return CODE_NAMES.get(number, str(number))


def _sizes(model: Any) -> tuple[tuple[int, int], ...]:
    """Return the (height, width) of each subgraph's image."""
    shapes = [_shape(graph.tensors[graph.inputs[0]]) for graph in model.subgraphs]
    return tuple((shape[1], shape[2]) for shape in shapes if len(shape) == 4)


def _row(model: Any, graph: Any, operator: Any) -> OperatorRow:
    code = model.operatorCodes[operator.opcodeIndex]
    kind = _kind(code)
    output = graph.tensors[operator.outputs[0]]
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    return OperatorRow(
        kind=kind,
        name=output.name.decode(),
        shape=_shape(output),
        dtype=TYPE_NAMES[output.type],
        macs=MACS[kind](_operands(graph, operator), output) if kind in MACS else 0,
        parameters=_count(_parameters(model, graph, {int(index) for index in operator.inputs})),
        fused=FUSED_NAMES[fused] if fused else "",
        window=_window(graph, operator, kind),
    )


def _window(graph: Any, operator: Any, kind: str) -> KernelWindow | None:
    """Return the window of a convolution or pooling."""
    options = operator.builtinOptions
    if kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        return KernelWindow(
            (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
        )
    if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
        return None
    _, height, width, depth = _shape(graph.tensors[operator.inputs[1]])
    rows = getattr(options, "dilationHFactor", 1)
    columns = getattr(options, "dilationWFactor", 1)
    groups = 1
    if kind != "TRANSPOSE_CONV":
        channels = _shape(graph.tensors[operator.inputs[0]])[-1]
        groups = channels if kind == "DEPTHWISE_CONV_2D" else channels // depth
    return KernelWindow(
        (height, width), (options.strideH, options.strideW), (rows, columns), groups
    )


def _parameters(model: Any, graph: Any, indices: set[int]) -> list[Any]:
    """Return the constants among the tensors; unscaled int32 holds shapes and is left out."""
    tensors = [graph.tensors[index] for index in indices - {-1}]
    return [
        tensor
        for tensor in tensors
        if _is_constant(model, tensor)
        and (_is_scaled(tensor) or tensor.type != schema.TensorType.INT32)
    ]


def _is_scaled(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _count(tensors: Sequence[Any]) -> int:
    return sum(math.prod(_shape(tensor)) for tensor in tensors)


def _zeros(model: Any, tensor: Any) -> int:
    """Count the elements equal to the zero point; 0 for types that NumPy lacks (int4)."""
    name = TYPE_NAMES[tensor.type]
    if name not in np.sctypeDict:
        return 0
    zero = int(tensor.quantization.zeroPoint[0]) if _is_scaled(tensor) else 0
    numbers = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.dtype(name))
    return int((numbers == zero).sum())


def _operands(graph: Any, operator: Any) -> list[Any]:
    return [None if index < 0 else graph.tensors[index] for index in operator.inputs]


def _convolution(inputs: Sequence[Any], output: Any) -> int:
    _, height, width, depth = _shape(inputs[1])
    return math.prod(_shape(output)) * height * width * depth


def _depthwise(inputs: Sequence[Any], output: Any) -> int:
    _, height, width, _ = _shape(inputs[1])
    return math.prod(_shape(output)) * height * width


def _transposed(inputs: Sequence[Any], _output: Any) -> int:
    """Count each input value once per kernel tap and output channel."""
    channels, height, width, _ = _shape(inputs[1])
    return math.prod(_shape(inputs[2])) * height * width * channels


def _connected(inputs: Sequence[Any], output: Any) -> int:
    return math.prod(_shape(output)) * _shape(inputs[1])[-1]


MACS: Mapping[str, Callable[[Sequence[Any], Any], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _connected,
}
"""Multiply-accumulates by operator; all other operators count as 0."""


def _signature_names(model: Any) -> dict[int, str]:
    """Map tensor indices of the first subgraph to their names in its signature."""
    return {
        int(pair.tensorIndex): pair.name.decode()
        for signature in model.signatureDefs or ()
        if not signature.subgraphIndex
        for pair in (*signature.inputs, *signature.outputs)
    }


def _edges(
    graph: Any, indices: Sequence[int], signature_names: Mapping[int, str]
) -> tuple[TensorRow, ...]:
    """Return inputs or outputs under their signature names, or their tensor names without one."""
    rows = ((int(index), _tensor_row(graph.tensors[index])) for index in indices)
    return tuple(replace(row, name=signature_names.get(index, row.name)) for index, row in rows)


def _tensor_row(tensor: Any) -> TensorRow:
    name, shape, dtype = tensor.name.decode(), _shape(tensor), TYPE_NAMES[tensor.type]
    quantization = tensor.quantization
    if not _is_scaled(tensor):
        return TensorRow(name, shape, dtype)
    zero_point = int(quantization.zeroPoint[0])
    return TensorRow(name, shape, dtype, float(quantization.scale[0]), zero_point)


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(length) for length in tensor.shape)
