"""Selection of outputs, and binding of inputs to constants.

Results do not change; simplification later removes nodes that no output needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph.shapes.size import side_axes
from edge_imgq.ports import PortRequests


def with_chosen_ports(model: onnx.ModelProto, requests: PortRequests, name: str) -> onnx.ModelProto:
    """Return a copy with only the requested outputs, and with inputs bound to constants.

    Outputs come in the requested order. A bound input becomes an initializer of its dtype, with one
    number for all elements, one per channel or one per element, or, if its height and width are
    open, nodes that expand it to the image's size. Values of the kept outputs do not change.

    Args:
        model: model as given; not changed.
        requests: the user's request.
        name: name of the model for messages.

    Returns:
        A copy, or the model itself if the request chooses neither outputs nor constants.

    Raises:
        UsageError: it has no such output or input.
        ModelError: the number of constants does not fit an input, or its open lengths are those of
            no image.
    """
    if not requests.is_choice:
        return model
    chosen = onnx.ModelProto()
    chosen.CopyFrom(model)
    if requests.outputs:
        _keep_outputs(chosen.graph, [port.name for port in requests.outputs], name)
    _refuse_unknown(chosen.graph, [port for port, _ in requests.bound], name)
    for port, numbers in requests.bound:
        _bind(chosen, port, numbers, name)
    return chosen


def _keep_outputs(graph: onnx.GraphProto, wanted: Sequence[str], name: str) -> None:
    known = {value.name: value for value in graph.output}
    for output in wanted:
        if output not in known:
            raise UsageError(f"{name} has no output '{output}'; it has {_names(graph.output)}.")
    kept = onnx.GraphProto(output=[known[output] for output in dict.fromkeys(wanted)])
    del graph.output[:]
    graph.output.extend(kept.output)


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs of a graph without the initializers that old files list there."""
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def _refuse_unknown(graph: onnx.GraphProto, ports: Sequence[str], name: str) -> None:
    inputs = _inputs(graph)
    for port in ports:
        if all(value.name != port for value in inputs):
            raise UsageError(f"{name} has no input '{port}'; it takes {_names(inputs)}.")


def _bind(model: onnx.ModelProto, port: str, numbers: Sequence[float], name: str) -> None:
    graph = model.graph
    inputs = _inputs(graph)
    bound = next(value for value in inputs if value.name == port)
    kind = helper.tensor_dtype_to_np_dtype(bound.type.tensor_type.elem_type)
    array = np.asarray(numbers, kind)
    shape = _shape_for(bound, array.size, _batches(inputs))
    if all(shape):
        graph.input.remove(bound)
        graph.initializer.append(numpy_helper.from_array(_filled(array, shape, port, name), port))
        return
    image = next((value for value in inputs if value is not bound and _rank(value) == 4), None)
    if image is None or len(shape) != 4:
        raise ModelError(
            f"{name} leaves the lengths of its input '{port}' open, and no image has them. Export "
            f"it with a value of '{port}' inside."
        )
    ratio = _side_ratio(model, image, bound, name)
    graph.input.remove(bound)
    _expand(graph, image, port, _filled(array, [1, shape[1], 1, 1], port, name), ratio)


def _side_ratio(
    model: onnx.ModelProto, image: onnx.ValueInfoProto, bound: onnx.ValueInfoProto, name: str
) -> int:
    """Return the image's height and width divided by those of an input whose sides are open.

    It is 1 if no whole number fits, and for images of another layout than (N, C, H, W).
    """
    import onnx_ir as ir
    from onnx_ir.passes.common import LiftConstantsToInitializersPass

    from edge_imgq.graph.ports.port_feeds import side_ratio
    from edge_imgq.graph.ports.port_sides import name_sides

    if side_axes([d.dim_value or None for d in image.type.tensor_type.shape.dim]) != (2, 3):
        return 1
    trial = ir.from_proto(model)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(trial)
    inputs = trial.graph.inputs
    first = next(value for value in inputs if value.name == image.name)
    inputs[:] = [first, *(value for value in inputs if value is not first)]
    named = {str(value.name): value for value in name_sides(trial, (), (), name).graph.inputs}
    return side_ratio(named[bound.name].shape, named[image.name].shape)


def _batches(inputs: Sequence[onnx.ValueInfoProto]) -> set[str]:
    """Return the names of open batch dimensions of images."""
    return {v.type.tensor_type.shape.dim[0].dim_param for v in inputs if _rank(v) == 4} - {""}


def _shape_for(bound: onnx.ValueInfoProto, numbers: int, batches: set[str]) -> list[int]:
    """Return the shape of an input that is bound to constants; 0 for an unknown height or width.

    An open first length is the batch, set to one. If it is the only axis and does not have the name
    of an image's batch, it is the number of constants.
    """
    dimensions = bound.type.tensor_type.shape.dim
    lengths = [dimension.dim_value for dimension in dimensions]
    if lengths and not lengths[0]:
        is_batch = len(lengths) > 1 or dimensions[0].dim_param in batches
        lengths[0] = 1 if is_batch else numbers
    if len(lengths) > 1 and not lengths[1]:
        lengths[1] = numbers
    return lengths


def _filled(
    array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], shape: Sequence[int], port: str,
    name: str,
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:  # fmt: skip
    """Return constants broadcast to a shape: one for all, one per channel, or one per element.

    Raises:
        ModelError: their number fits none of these.
    """
    if array.size == 1:
        return np.full(shape, array[0])
    if array.size == np.prod(shape):
        return array.reshape(tuple(shape))
    if len(shape) == 4 and array.size == shape[1]:
        return np.ascontiguousarray(np.broadcast_to(array.reshape(1, -1, 1, 1), tuple(shape)))
    raise ModelError(
        f"The input '{port}' of {name} holds {'x'.join(map(str, shape))} numbers; give one for "
        f"all of them or as many, not {array.size}."
    )


def _expand(
    graph: onnx.GraphProto, image: onnx.ValueInfoProto, port: str,
    array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], ratio: int,
) -> None:  # fmt: skip
    """Add nodes that expand constants to 1/`ratio` of the image's sides, under the port's name."""
    lengths = [d.dim_value or None for d in image.type.tensor_type.shape.dim]
    size, ones, shape, value = (f"{port}/{word}" for word in ("size", "ones", "shape", "value"))
    graph.initializer.extend(
        [
            numpy_helper.from_array(array, value),
            numpy_helper.from_array(np.array([1, array.shape[1]], np.int64), ones),
            numpy_helper.from_array(np.array(side_axes(lengths), np.int64), f"{port}/sides"),
        ]
    )
    whole = f"{port}/whole" if ratio > 1 else size
    nodes = [
        helper.make_node("Shape", [image.name], [f"{port}/lengths"], f"{port}/Shape"),
        helper.make_node("Gather", [f"{port}/lengths", f"{port}/sides"], [whole], f"{port}/Gather"),
        helper.make_node("Concat", [ones, size], [shape], f"{port}/Concat", axis=0),
        helper.make_node("Expand", [value, shape], [port], f"{port}/Expand"),
    ]
    if ratio > 1:
        divisor = numpy_helper.from_array(np.array([ratio], np.int64), f"{port}/downscale")
        graph.initializer.append(divisor)
        nodes.insert(
            2, helper.make_node("Div", [whole, f"{port}/downscale"], [size], f"{port}/Div")
        )
    for index, node in enumerate(nodes):
        graph.node.insert(index, node)


def _rank(value: onnx.ValueInfoProto) -> int:
    return len(value.type.tensor_type.shape.dim)


def _names(values: Sequence[onnx.ValueInfoProto]) -> str:
    return " and ".join(f"'{value.name}'" for value in values)
