"""Rewrite neighbourhoods laid out as channels (torch's `unfold`) as a depthwise convolution.

Exporters write them as two gathers with tables of rows I[i, y] = i·d + y·s + o and of columns J,

    u[c, i, j, y, x] = image[c, I[i, y], J[j, x]],

which equals a depthwise convolution of the cropped image with kh·kw one-hot kernels per channel.
Its channel order is that of the Reshape after the gathers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

ORDER = (0, 1, 2, 4, 3, 5)


@dataclass(frozen=True)
class _Windows:
    """A regular table of indices: first + taps · dilation + results · stride."""

    first: int
    taps: int
    dilation: int
    results: int
    stride: int

    @property
    def end(self) -> int:
        """Index after the last one that the table holds."""
        return self.first + (self.taps - 1) * self.dilation + (self.results - 1) * self.stride + 1


def unfold_to_conv(model: ir.Model) -> int:
    """Rewrite torch's `unfold`, exported as gathers of windows, as a depthwise Conv.

    The pattern is two Gathers of rows and columns of (N, C, H, W) by regular tables, a Transpose
    and a Reshape, which is kept. The Conv has the windows' strides and dilations and kh · kw
    one-hot kernels per channel, on the image without pixels that no window reads. Exact for finite
    values; an infinity or NaN spreads to all taps of its window.

    Args:
        model: edited in place.

    Returns:
        The number of windows rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Transpose"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, turn: ir.Node) -> bool:
    merge = edit.sole_consumer(turn.outputs[0])
    columns = _gather(turn.inputs[0], 4)
    rows = _gather(columns.inputs[0], 2) if columns is not None else None
    if tuple(turn.attributes.get_ints("perm", [])) != ORDER or merge is None:
        return False
    if merge.op_type != "Reshape" or columns is None or rows is None:
        return False
    image, down, across = rows.inputs[0], _windows(rows), _windows(columns)
    channels = image.shape[1] if image is not None and image.shape is not None else None
    if image is None or down is None or across is None or not isinstance(channels, int):
        return False
    copies = _copies(graph, turn, image, channels, (down, across))
    merge.replace_input_with(0, copies)
    edit.remove_dead(turn)
    return True


def _gather(value: ir.Value | None, axis: int) -> ir.Node | None:
    node = edit.find_producer(value)
    if node is None or node.op_type != "Gather" or edit.sole_consumer(node.outputs[0]) is None:
        return None
    return node if node.attributes.get_int("axis", 0) == axis else None


def _windows(gather: ir.Node) -> _Windows | None:
    """Return the windows that a regular table lists, or None for any other table."""
    if not edit.is_constant(gather.inputs[1]):
        return None
    table: Any = edit.contents(gather.inputs[1])
    if table.ndim != 2:
        return None
    taps, results = table.shape
    dilation = int(table[1, 0] - table[0, 0]) if taps > 1 else 1
    stride = int(table[0, 1] - table[0, 0]) if results > 1 else 1
    windows = _Windows(int(table[0, 0]), taps, dilation, results, stride)
    regular = windows.first + np.add.outer(np.arange(taps) * dilation, np.arange(results) * stride)
    fits = min(windows.first + 1, dilation, stride) > 0
    return windows if fits and np.array_equal(table, regular) else None


def _copies(
    graph: ir.Graph, turn: ir.Node, image: ir.Value, channels: int, sides: tuple[_Windows, _Windows]
) -> ir.Value:
    name, (down, across) = turn.name or "windows", sides
    size = down.taps * across.taps
    kernel = np.tile(np.eye(size, dtype=np.float32), (channels, 1))
    weight = kernel.reshape(-1, 1, down.taps, across.taps)
    attributes = {
        "group": channels,
        "kernel_shape": [down.taps, across.taps],
        "dilations": [down.dilation, across.dilation],
        "strides": [down.stride, across.stride],
    }
    inputs = [_cut(graph, turn, image, sides), edit.add_constant(graph, f"{name}.ones", weight)]
    copies = edit.insert_node(graph, turn, "Conv", inputs, attributes, f"{name}.copies")
    assert image.shape is not None
    copies.shape = ir.Shape([image.shape[0], channels * size, down.results, across.results])
    return copies


def _cut(
    graph: ir.Graph, turn: ir.Node, image: ir.Value, sides: tuple[_Windows, _Windows]
) -> ir.Value:
    """Slice off pixels that no window reads."""
    assert image.shape is not None
    reached = [(windows.first, windows.end) for windows in sides]
    if reached == [(0, length) for length in image.shape[2:]]:
        return image
    ends = dict(enumerate(reached, 2))
    cropped = edit.insert_slice(graph, turn, image, ends, f"{turn.name}.reached")
    cropped.shape = ir.Shape([*image.shape[:2], *(end - first for first, end in reached)])
    return cropped
