"""Run a float graph on calibration images and record the ranges of its activations.

ReduceMin and ReduceMax nodes inside the graph compute the extremes of every activation per channel.
Only two numbers per channel and image leave ONNX Runtime, so memory does not grow with the number
of images.

Observers that need more than the extremes get histograms. For these the graph also returns a
subsample of each activation, about `POSITIONS` per image. The stride of the sampling grid is odd,
so that every phase of a pixel shuffle is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ImageError, NonFiniteOutputError
from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.histogram import HistogramKeeper
from edge_imgq.quantize.ranges.ranges import ChannelDetail, ChannelRange, Range
from edge_imgq.quantize.scales.scales import activations
from edge_imgq.runtime.onnxruntime import inference_session, run_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

POSITIONS = 6000
"""Approximate number of positions sampled for histograms from an activation of the input's size."""

MOMENTUM = 0.9
"""Weight of the old value in the moving averages from the tenth image on; plain means before."""

GRID, COUNT = "observer.grid", "observer.count"
"""Inputs of a watched graph: the sampling stride along H and W, and along flattened activations."""


def observe_ranges(
    model: ir.Model, images: Iterable[NDArray[np.uint8]], peak: float
) -> dict[str, Range]:
    """Measure the per-tensor range (minimum and maximum) of every activation over a set of images.

    Args:
        model: float graph as it will be quantized; it is not changed.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        peak: float value of pixel 255.

    Returns:
        One range per activation by name, as observed: it need not include 0.

    Raises:
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite.
        ModelError: the graph does not run on an image.
    """
    observed = observe_channels(model, images, peak)
    return {name: channels.whole() for name, channels in observed.items()}


def observe_channels(
    model: ir.Model, images: Iterable[NDArray[np.uint8]], peak: float, *, closely: bool = False
) -> dict[str, ChannelRange]:
    """Measure the minimum and maximum of every activation per channel over a set of images.

    Args:
        model: float graph as it will be quantized; it is not changed.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        peak: float value of pixel 255.
        closely: True to also collect histograms and moving averages (`ChannelDetail`), which takes
            longer.

    Returns:
        Range of each activation by name, float64: one per channel for 4-D (N, C, H, W) values, one
        in all for others. As observed: it need not include 0.

    Raises:
        ImageError: there is no image.
        NonFiniteOutputError: an activation is NaN or infinite.
        ModelError: the graph does not run on an image.
    """
    watcher = ChannelWatcher(model, peak, closely=closely)
    ranges: dict[str, ChannelRange] = {}
    details: dict[str, _Detail] = {}
    for pixels in images:
        for name, (observed, sample) in watcher.look(pixels).items():
            _refuse_non_finite(name, observed)
            ranges[name] = ranges[name].join(observed) if name in ranges else observed
            if sample is not None:
                details.setdefault(name, _Detail(observed)).add(observed, sample)
    if not ranges:
        raise ImageError("There is no calibration image; int8 scales need at least one.")
    statistics = {name: detail.result() for name, detail in details.items()}
    return {name: ChannelRange(r.low, r.high, statistics.get(name)) for name, r in ranges.items()}


def observe_finite(
    model: ir.Model, images: Iterable[NDArray[np.uint8]], peak: float
) -> dict[str, ChannelRange]:
    """Measure the per-channel ranges of the activations that stay finite; omit the others.

    For synthetic images: a network may divide by a statistic that is zero on a flat image.

    Args:
        model: float graph; it is not changed.
        images: uint8 (H, W, C) network inputs, consumed one at a time.
        peak: float value of pixel 255.

    Returns:
        Range of each activation by name, one per channel for (N, C, H, W) values; without those
        that are NaN or infinite on any image. Empty without images.

    Raises:
        ModelError: the graph does not run on an image.
    """
    watcher = ChannelWatcher(model, peak)
    ranges: dict[str, ChannelRange] = {}
    for pixels in images:
        for name, (observed, _) in watcher.look(pixels).items():
            ranges[name] = ranges[name].join(observed) if name in ranges else observed
    return {name: observed for name, observed in ranges.items() if observed.is_finite}


class ChannelWatcher:
    """Runs a float graph on one image at a time and measures the ranges of its activations."""

    def __init__(self, model: ir.Model, peak: float, *, closely: bool = False) -> None:
        """Build the watched graph and its session. Arguments are those of `observe_channels`."""
        watched = model.clone()
        self._names = [value.name or "" for value in activations(watched.graph)]
        proto = ir.to_proto(_watched(watched, closely))
        self._session = inference_session(proto.SerializeToString(), keep_memory=True)
        self._entries = session_entries(self._session)
        self._peak, self._closely = peak, closely

    def ranges(self, pixels: NDArray[np.uint8]) -> dict[str, ChannelRange]:
        """Measure the per-channel range of every activation, by name, on one uint8 image (H, W, C).

        float64 (C,) for 4-D (N, C, H, W) values, () for others.

        Raises:
            NonFiniteOutputError: an activation is NaN or infinite.
            ModelError: the graph does not run on the image.
        """
        ranges = {name: observed for name, (observed, _) in self.look(pixels).items()}
        for name, observed in ranges.items():
            _refuse_non_finite(name, observed)
        return ranges

    def look(
        self, pixels: NDArray[np.uint8]
    ) -> dict[str, tuple[ChannelRange, NDArray[np.float32] | None]]:
        """Measure per-channel ranges and, if watching closely, subsample each activation.

        The subsample is None otherwise. It holds every stride-th row and column of a value
        (N, C, H, W), and every stride²-th number of any other, flattened (`grid_strides`). NaN and
        infinite ranges are returned without an error.

        Args:
            pixels: network input, uint8 (H, W, C).

        Returns:
            Range and subsample of every activation, by name.

        Raises:
            ModelError: the graph does not run on the image.
        """
        feeds: dict[str, Any] = split_ports(to_nchw(pixels, self._peak), self._entries)
        outputs = run_session(
            self._session, feeds | (grid_strides(pixels) if self._closely else {})
        )
        count = len(self._names)
        samples = outputs[2 * count :] or [None] * count
        pairs = zip(_pairs(outputs, count), samples, strict=True)
        return dict(zip(self._names, pairs, strict=True))


class _Detail:
    """Accumulates the histogram and the moving averages of one activation."""

    def __init__(self, observed: ChannelRange) -> None:
        self._images = 0
        self._low, self._high = np.zeros_like(observed.low), np.zeros_like(observed.high)
        self._histogram = HistogramKeeper(max(observed.low.size, 1))

    def add(self, observed: ChannelRange, sample: NDArray[np.float32]) -> None:
        """Add one image: its extremes, and subsampled values (N, channels, …), float32."""
        self._images += 1
        share = max(1 / self._images, 1 - MOMENTUM)
        self._low = self._low + share * (observed.low - self._low)
        self._high = self._high + share * (observed.high - self._high)
        if observed.low.ndim:
            sample = np.moveaxis(sample, 1, 0)
        self._histogram.add(sample.reshape(max(observed.low.size, 1), -1))

    def result(self) -> ChannelDetail:
        return ChannelDetail(self._low, self._high, self._histogram.result())


def _watched(model: ir.Model, closely: bool) -> ir.Model:
    """Replace a graph's outputs by the extremes of its activations, plus subsamples on request."""
    graph = model.graph
    values = activations(graph)
    extremes, sample = _extremes(graph), _samples(graph) if closely else None
    outputs: list[ir.Value] = []
    samples: list[ir.Value] = []
    # From last to first: ONNX Runtime schedules the ancestors of the last unread node first. So
    # every activation is reduced as soon as it is computed, and then freed.
    for value in reversed(values):
        outputs.extend(reversed(extremes(value)))
        if sample is not None:
            samples.append(sample(value))
    graph.outputs[:] = [*reversed(outputs), *reversed(samples)]
    return model


def _extremes(graph: ir.Graph) -> Callable[[ir.Value], tuple[ir.Value, ir.Value]]:
    """Return a function that appends the ReduceMin and ReduceMax nodes of a value to the graph."""
    axes = edit.add_constant(graph, "extremes.axes", np.array([0, 2, 3], np.int64))

    def append(value: ir.Value) -> tuple[ir.Value, ir.Value]:
        inputs = [value, axes] if _is_image(value) else [value]
        channels = [value.shape[1]] if value.shape is not None and _is_image(value) else []
        low, high = (
            _append(graph, kind, inputs, f"{value.name}.{kind}", keepdims=0)
            for kind in ("ReduceMin", "ReduceMax")
        )
        low.shape, high.shape = ir.Shape(channels), ir.Shape(channels)
        return low, high

    return append


def _samples(graph: ir.Graph) -> Callable[[ir.Value], ir.Value]:
    """Return a function that appends a strided slice of a value to the graph.

    The slice is along H and W of a 4-D value, and along the flattened numbers of any other.
    """
    grid, count = (_stride_input(graph, name, length) for name, length in STRIDES.items())

    def constants(*rows: tuple[int, ...]) -> list[ir.Value]:
        return [edit.add_constant(graph, "samples", np.array(row, np.int64)) for row in rows]

    image_slice = [*constants((0, 0), (END, END), (2, 3)), grid]
    flat_slice = [*constants((0,), (END,), (0,)), count]
    (flat,) = constants((-1,))

    def append(value: ir.Value) -> ir.Value:
        name = f"{value.name}.sample"
        if _is_image(value):
            return _append(graph, "Slice", [value, *image_slice], name)
        numbers = _append(graph, "Reshape", [value, flat], f"{name}.flat")
        return _append(graph, "Slice", [numbers, *flat_slice], name)

    return append


def _stride_input(graph: ir.Graph, name: str, length: int) -> ir.Value:
    value = ir.Value(name=name, shape=ir.Shape([length]), type=ir.TensorType(ir.DataType.INT64))
    graph.inputs.append(value)
    return value


END = np.iinfo(np.int32).max

STRIDES = {GRID: 2, COUNT: 1}
"""Length of each of the stride inputs."""


def grid_strides(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """Compute the sampling strides for an image (H, W, C): odd numbers, int64, by input name.

    "observer.grid" holds the strides along H and W, (2,), at which some 6000 positions are sampled;
    "observer.count" the stride along flattened values, (1,), its square.
    """
    stride = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / POSITIONS)) // 2 * 2 + 1
    return {GRID: np.array([stride, stride]), COUNT: np.array([stride * stride])}


def _is_image(value: ir.Value) -> bool:
    return value.shape is not None and len(value.shape) == 4


def _append(
    graph: ir.Graph, kind: str, inputs: list[ir.Value], name: str, **attributes: int
) -> ir.Value:
    node = ir.node(kind, inputs, dict(attributes))
    graph.append(node)
    output = node.outputs[0]
    output.name, output.dtype = name, ir.DataType.FLOAT
    return output


def _pairs(outputs: list[Any], count: int) -> list[ChannelRange]:
    """Pair the first `2 * count` outputs of a watched graph into a range per activation."""
    extremes = outputs[: 2 * count]
    return [
        ChannelRange(low.astype(np.float64), high.astype(np.float64))
        for low, high in zip(extremes[::2], extremes[1::2], strict=True)
    ]


def _refuse_non_finite(name: str, observed: ChannelRange) -> None:
    if not observed.is_finite:
        raise NonFiniteOutputError(
            f"The activation '{name}' becomes NaN or infinite on a calibration image. "
            "Check the weights, and the range that the model expects its pixels in."
        )
