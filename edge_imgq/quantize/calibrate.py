"""Watching a float graph run on calibration images.

The lowest and highest value of every activation are computed inside the graph, by ReduceMin and
ReduceMax nodes, channel by channel, so nothing but two numbers per channel and image leaves ONNX
Runtime, and memory does not grow with the number of images.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ImageError, NonFiniteOutputError
from edge_imgq.graph import edit
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.ranges import ChannelRange, Range
from edge_imgq.quantize.scales import activations
from edge_imgq.runtime.onnxruntime import inference_session

if TYPE_CHECKING:
    from numpy.typing import NDArray


def observe_ranges(
    model: ir.Model, images: Iterable[NDArray[np.uint8]], peak: float
) -> dict[str, Range]:
    """Return the range that every activation takes over a set of images (min/max).

    Arguments and errors are those of `observe_channels`.
    """
    seen = observe_channels(model, images, peak)
    return {name: channels.whole() for name, channels in seen.items()}


def observe_channels(
    model: ir.Model, images: Iterable[NDArray[np.uint8]], peak: float
) -> dict[str, ChannelRange]:
    """Return the ranges that the channels of every activation take over a set of images (min/max).

    Args:
        model: float graph, already rewritten as it will be quantized; it is not changed.
        images: 8-bit (H, W, C) network inputs; consumed one at a time.
        peak: float value of pixel 255.

    Raises:
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite.
    """
    watched = model.clone()
    names = [value.name or "" for value in activations(watched.graph)]
    session = inference_session(ir.to_proto(_with_extremes(watched)).SerializeToString())
    ranges: dict[str, ChannelRange] = {}
    for pixels in images:
        extremes = session.run(None, {session.get_inputs()[0].name: to_nchw(pixels, peak)})
        for name, seen in zip(names, _pairs(extremes), strict=True):
            _refuse_non_finite(name, seen)
            ranges[name] = ranges[name].join(seen) if name in ranges else seen
    if not ranges:
        raise ImageError("There is no calibration image; int8 scales need at least one.")
    return ranges


def _with_extremes(model: ir.Model) -> ir.Model:
    """Replace a graph's outputs by the extremes of its activations, min and max in turn."""
    graph = model.graph
    outputs = []
    axes = edit.add_constant(graph, "extremes.axes", np.array([0, 2, 3], np.int64))
    for value in activations(graph):
        shape = value.shape
        by_channel = shape is not None and len(shape) == 4
        for kind in ("ReduceMin", "ReduceMax"):
            node = ir.node(kind, [value, axes] if by_channel else [value], {"keepdims": 0})
            graph.append(node)
            node.outputs[0].name = f"{value.name}.{kind}"
            node.outputs[0].dtype = ir.DataType.FLOAT
            node.outputs[0].shape = ir.Shape([shape[1]] if shape is not None and by_channel else [])
            outputs.append(node.outputs[0])
    graph.outputs[:] = outputs
    return model


def _pairs(extremes: list[Any]) -> list[ChannelRange]:
    return [
        ChannelRange(low.astype(np.float64), high.astype(np.float64))
        for low, high in zip(extremes[::2], extremes[1::2], strict=True)
    ]


def _refuse_non_finite(name: str, seen: ChannelRange) -> None:
    if not (np.isfinite(seen.low).all() and np.isfinite(seen.high).all()):
        raise NonFiniteOutputError(
            f"The activation '{name}' becomes NaN or infinite on a calibration image. "
            "Check the weights, and the range that the model expects its pixels in."
        )
