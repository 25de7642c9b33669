"""Description of any .onnx file: ports, operators, parameters and multiply-accumulates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import onnx_ir as ir
from onnx_ir.passes.common import LiftConstantsToInitializersPass, RemoveUnusedNodesPass

from edge_imgq.artifact import size_of
from edge_imgq.contract import note_in
from edge_imgq.errors import ModelError
from edge_imgq.graph.edit import find_producer
from edge_imgq.graph.load.load import normalise, read_onnx
from edge_imgq.graph.operators import QUANTIZING, WINDOWED
from edge_imgq.graph.pixel_range import is_of_range
from edge_imgq.graph.ports.chosen_ports import with_chosen_ports
from edge_imgq.graph.ports.port_feeds import graph_inputs, size_ratio
from edge_imgq.graph.ports.port_sides import name_sides
from edge_imgq.graph.shapes.shape_arithmetic import fold_shape_arithmetic
from edge_imgq.graph.shapes.shape_inference import infer_shapes
from edge_imgq.graph.shapes.size import bind_size, own_size, side_axes
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests
from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow, TensorRow
from edge_imgq.runtime.memory import known_memory
from edge_imgq.skipped import Skipped

DEFAULT_SIZE = (180, 320)
"""(height, width) for counting where the file leaves them open and no size is given."""

INDICES = frozenset({ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.STRING})
"""Types of constants that hold shapes, axes or modes and so do not count as parameters."""


OF_ONE_IMAGE = Skipped(
    "here it is counted for models with one image as their only input; inspect a file that export "
    "made of this one"
)


CHOSEN = Skipped(
    "here it is counted for whole models; inspect it without --output-name and --bind, or a file "
    "that export made of it"
)


EXPORTER_SYMBOL = re.compile(r"\bs\d+\b|^unk__\d+$|^DynamicDimension\.\d+$")
"""Name that torch.export, tf2onnx (also behind Keras) or Paddle2ONNX gives an open length."""

RESIZERS = frozenset({"Resize", "Upsample"})
"""Operators whose constants only give the output size and so do not count as parameters."""


def describe(
    path: Path,
    size: tuple[int, int] | None,
    simplified: ir.Model | None = None,
    ports: PortRequests = NO_PORT_REQUESTS,
) -> FileDescription:
    """Describe an .onnx file: its inputs, outputs, operators, parameters and multiply-accumulates.

    Shapes are those of the file, open lengths by name. Dequantized constants count as parameters of
    the operator that reads the result; memory, in bytes, is known for files that take one image
    alone.

    Args:
        path: the file.
        size: (height, width) at which multiply-accumulates are counted; None for the file's size,
            or 180 × 320 where it is open.
        simplified: normalised model to use if shape inference fails on the file; None to normalise
            the file here.
        ports: selected inputs and outputs; the description is limited to them.

    Raises:
        ModelError: the file is not ONNX, or does not fit the size.
        UsageError: the file does not exist, or has no such port.
    """
    original = ir.from_proto(with_chosen_ports(read_onnx(path), ports, str(path)))
    if ports.is_choice:
        RemoveUnusedNodesPass()(original)  # those of outputs that were cut off
    images = _images(original)
    if len(images) == 1 and images[0].shape is not None and len(images[0].shape) == 4:
        model = _bound(original, path, size, simplified)
        counted_at = None if own_size(original) == own_size(model) else own_size(model)
        memory = CHOSEN if ports.is_choice else known_memory(path, own_size(model) or DEFAULT_SIZE)
    else:
        model, memory = _as_it_is(original, size or DEFAULT_SIZE), OF_ONE_IMAGE
        counted_at = (size or DEFAULT_SIZE) if any(map(_has_open_sides, images)) else None
    graph = model.graph
    operators = tuple(_row(node) for node in graph if not _is_constant(node))
    constants = _constants(graph)
    return FileDescription(
        format="ONNX",
        inputs=tuple(map(_open_edge, images)),
        outputs=tuple(_open_edge(value) for value in original.graph.outputs),
        operators=operators,
        parameters=sum(_length(value) for value in constants),
        zeros=sum(_equal_to(value, zero) for value, zero in constants.items()),
        macs=sum(row.macs for row in operators),
        memory=memory,
        bytes=size_of(path),
        note=note_in(model.metadata_props, str(path)),
        counted_at=counted_at,
        graph=original.graph.name or "",
    )


def _bound(
    model: ir.Model, path: Path, size: tuple[int, int] | None, simplified: ir.Model | None
) -> ir.Model:
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    at = size or own_size(model) or DEFAULT_SIZE
    try:
        return bind_size(model, at)
    except ModelError as error:
        try:  # shapes that only simplifying works out
            return bind_size(simplified or normalise(read_onnx(path), str(path)), at)
        except ModelError:
            raise error from None


def _has_open_sides(value: ir.Value) -> bool:
    shape = () if value.shape is None else tuple(value.shape)
    return len(shape) == 4 and not all(isinstance(shape[axis], int) for axis in side_axes(shape))


def _as_it_is(model: ir.Model, size: tuple[int, int]) -> ir.Model:
    """Infer all shapes of a model that does not take exactly one image.

    An open batch is set to 1, the open sides of rank-4 inputs to `size`.

    Raises:
        ModelError: a shape remains open.
    """
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    if len(graph_inputs(model.graph)) > 1:
        model = name_sides(model, (size,), (), "The model")
    proto = ir.to_proto(model)
    ratios = [size_ratio(proto.graph, value) for value in proto.graph.input]
    for value, ratio in zip(proto.graph.input, ratios, strict=True):
        lengths = value.type.tensor_type.shape.dim
        axes = side_axes([d.dim_value or None for d in lengths]) if len(lengths) == 4 else ()
        sides = [side // ratio for side in size]
        for axis, length in ((0, 1), *zip(axes, sides, strict=bool(axes))):
            if axis < len(lengths) and not lengths[axis].dim_value:
                lengths[axis].dim_value = length
    result: ir.Model = ir.from_proto(infer_shapes(proto))
    while fold_shape_arithmetic(result):
        result = ir.from_proto(infer_shapes(ir.to_proto(result)))
    for node in result.graph:
        for output in node.outputs:
            if output.shape is None or not output.shape.is_static():
                raise ModelError(
                    f"The model does not take one image, and the shape of '{output.name}', after "
                    f"{node.op_type} '{node.name}', is still open: {output.shape}."
                )
    return result


def _images(model: ir.Model) -> list[ir.Value]:
    return [value for value in model.graph.inputs if not value.is_initializer()]


def parameter_count(graph: ir.Graph) -> int:
    """Count the elements of all constants that operators compute with; shared ones count once.

    Left out are constants of type int64, bool or string (shapes, axes, modes), scales and zero
    points, the sizes that a Resize reads, and factors that only rescale pixels.
    """
    return sum(map(_length, _constants(graph)))


def _constants(graph: ir.Graph) -> dict[ir.Value, int]:
    """Map each constant that operators read to the integer that represents zero in it."""
    constants: dict[ir.Value, int] = {}
    for node in graph:
        constants |= {} if node.op_type in QUANTIZING else _parameters(node)
    return constants


def _row(node: ir.Node) -> OperatorRow:
    output = node.outputs[0]
    parameters = 0 if node.op_type in QUANTIZING else sum(_length(v) for v in _parameters(node))
    count = MACS.get(node.op_type)
    return OperatorRow(
        kind=node.op_type,
        name=output.name or "",
        shape=_shape(output),
        dtype=_dtype(output),
        macs=0 if count is None else count(node),
        parameters=parameters,
        window=_window(node),
        node=node.name or "",
    )


def _is_constant(node: ir.Node) -> bool:
    """Return True if a node is a DequantizeLinear of a constant."""
    source = node.inputs[0] if node.op_type == "DequantizeLinear" else None
    return source is not None and source.const_value is not None


def _parameters(node: ir.Node) -> dict[ir.Value, int]:
    """Map the constants that a node reads, dequantized or not, to their zero points.

    Those that only rescale pixels or another input do not count: --range changes them.
    """
    zeros = {}
    for value in node.inputs[:1] if node.op_type in RESIZERS else node.inputs:
        producer, zero = find_producer(value), 0
        if producer is not None and _is_constant(producer):
            value, zero = producer.inputs[0], _zero_point(producer)
        if value is None or value.const_value is None or value.dtype in INDICES:
            continue
        if node.graph is None or not is_of_range(value, node.graph):
            zeros[value] = zero
    return zeros


def _zero_point(dequantizer: ir.Node) -> int:
    """Return a DequantizeLinear's zero point: the first channel's, or 0 if absent."""
    value = dequantizer.inputs[2] if len(dequantizer.inputs) > 2 else None
    constant = None if value is None else value.const_value
    return 0 if constant is None else int(constant.numpy().reshape(-1)[0])


def _window(node: ir.Node) -> KernelWindow | None:
    """Return the window of a convolution or pooling, from its attributes or its weight shape."""
    if node.op_type not in WINDOWED:
        return None
    given = node.attributes.get_ints("kernel_shape")
    kernel = tuple(given) if given is not None else _operand(node, 1)[2:]
    if len(kernel) != 2:
        return None
    return KernelWindow(
        kernel=(int(kernel[0]), int(kernel[1])),
        stride=_pair(node, "strides"),
        dilation=_pair(node, "dilations"),
        groups=node.attributes.get_int("group", 1),
    )


def _pair(node: ir.Node, name: str) -> tuple[int, int]:
    rows, columns = node.attributes.get_ints(name, (1, 1))
    return rows, columns


def _convolution(node: ir.Node) -> int:
    return math.prod(_shape(node.outputs[0])) * math.prod(_operand(node, 1)[1:])


def _transposed(node: ir.Node) -> int:
    return math.prod(_operand(node, 0)) * math.prod(_operand(node, 1)[1:])


def _product(node: ir.Node) -> int:
    transposed = node.op_type == "Gemm" and bool(node.attributes.get_int("transA", 0))
    return math.prod(_shape(node.outputs[0])) * _operand(node, 0)[-2 if transposed else -1]


MACS: dict[str, Callable[[ir.Node], int]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MatMul": _product,
    "Gemm": _product,
}
"""Multiply-accumulates of one execution; all other operators count as 0."""


def _open_edge(value: ir.Value) -> TensorRow:
    """Return an input or output with its shape; open lengths keep the names that authors gave.

    Others become "any": nameless ones, and those that exporters make up, such as "s73", "2*s73",
    "unk__245" and "Convoutput_dim_2".
    """
    lengths = () if value.shape is None else tuple(value.shape)
    node = value.producer()
    made_up = None if node is None else f"{node.op_type}{value.name}_dim_"
    names = (n if isinstance(n, int) else n.value or "any" for n in lengths)
    shape = tuple("any" if isinstance(n, str) and _is_made_up(n, made_up) else n for n in names)
    return TensorRow(value.name or "", shape, _dtype(value))


def _is_made_up(name: str, start: str | None) -> bool:
    """Return True for a length that an exporter named: a symbol, or `start` and a number."""
    return bool(EXPORTER_SYMBOL.search(name)) or (start is not None and name.startswith(start))


def _operand(node: ir.Node, index: int) -> tuple[int, ...]:
    value = node.inputs[index]
    assert value is not None
    return _shape(value)


def _shape(value: ir.Value) -> tuple[int, ...]:
    return () if value.shape is None else tuple(int(length) for length in value.shape.numpy())


def _length(value: ir.Value) -> int:
    return 0 if value.const_value is None else value.const_value.size


def _equal_to(value: ir.Value, number: int) -> int:
    """Count the elements of a constant that equal `number`."""
    constant = value.const_value
    return 0 if constant is None else int((constant.numpy() == number).sum())


def _dtype(value: ir.Value) -> str:
    return "" if value.dtype is None else str(value.dtype.numpy())
