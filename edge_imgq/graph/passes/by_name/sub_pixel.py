"""Rewrite transposed convolution as convolution and depth-to-space: the same taps, by phase.

A transposed convolution of stride s writes, in one dimension with padding p,

    y[n] = Σ x[i] · w[k]   over all i, k with  n = s·i + k − p.

Let n = s·m + φ with the phase 0 ≤ φ < s, and i = m + t. Then k = φ + p − s·t, so

    y[s·m + φ] = Σ_t x[m + t] · w[φ + p − s·t],

a plain convolution of x for each phase, with the taps t for which 0 ≤ φ + p − s·t < K. The s·s
phases of an image become s·s groups of output channels, and depth-to-space (DCR) interleaves them.
Every tap is kept, and none multiplies an inserted zero.

The output length is s times the input length plus K − p_begin − p_end + output_padding − s. Whole
blocks of s of this excess change the convolution's padding; the rest of a block is sliced off.

A depthwise transposed convolution becomes one depthwise convolution per phase, concatenated before
depth-to-space.

Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of

NAMELESS = "deconvolution"


@dataclass(frozen=True)
class _Axis:
    """The taps of one spatial axis: t from `first` to `last`, both included.

    Attributes:
        stride, kernel, padding: of the transposed convolution; its padding before the image.
        excess: output length minus `stride` times the input length.
    """

    stride: int
    kernel: int
    padding: int
    excess: int = 0

    @property
    def first(self) -> int:
        """Lowest offset t of an input pixel that any phase reads; at most 0."""
        lowest = -((self.kernel - 1 - self.padding) // self.stride)
        return min(lowest, 0)

    @property
    def last(self) -> int:
        """Highest offset t of an input pixel that any phase reads; at least 0."""
        return max((self.stride - 1 + self.padding) // self.stride, 0)

    @property
    def more(self) -> int:
        """Number of output blocks of `stride` beyond one per input pixel; negative if fewer."""
        return -(-self.excess // self.stride)

    @property
    def cut(self) -> int:
        """Number of pixels of the last block that are sliced off."""
        return self.more * self.stride - self.excess

    def tap(self, phase: int, t: int) -> int | None:
        """Return the index of w that phase φ multiplies with x[m + t]; None outside the kernel."""
        index = phase + self.padding - self.stride * t
        return index if 0 <= index < self.kernel else None


def sub_pixel(model: ir.Model) -> int:
    """Rewrite transposed convolutions of stride s ≥ 2 as convolution and DCR depth-to-space.

    The Conv of stride 1 has s² · O output channels, O for each phase; a Slice follows where the
    output is not a whole number of blocks. Covers dense and depthwise ConvTranspose nodes with
    constant weights and equal strides on both axes. Grouped, dilated and `auto_pad` nodes stay
    unchanged. Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "ConvTranspose"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    axes = _axes(node)
    if axes is None:
        return False
    kernel = _phase_kernels(edit.contents(node.inputs[1]), axes)
    if is_depthwise(node):
        phases = _joined(graph, node, kernel, axes)
    else:
        bias = edit.bias_of(node)
        every = None if bias is None else np.tile(bias, axes[0].stride ** 2)
        phases = _convolution(graph, node, kernel, every, axes, "phases")
    image = edit.insert_node(
        graph,
        node,
        "DepthToSpace",
        [phases],
        {"blocksize": axes[0].stride, "mode": "DCR"},
        f"{node.name or NAMELESS}.image",
    )
    if any(axis.cut for axis in axes):
        image = _cut_off(graph, node, image, axes)
    image.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], image)
    edit.remove_node(node)
    return True


def is_depthwise(node: ir.Node) -> bool:
    """Return True for a depthwise ConvTranspose that `sub_pixel` rewrites.

    It has as many groups as input and output channels, constant weights, equal strides of at least
    2 on both axes, no dilation and no `auto_pad`.
    """
    return node.attributes.get_int("group", 1) > 1 and _axes(node) is not None


def _joined(graph: ir.Graph, node: ir.Node, kernel: Any, axes: tuple[_Axis, _Axis]) -> ir.Value:
    """Return the phases (N, s·s·C, H, W) of a depthwise node: one Conv per phase, concatenated."""
    bias = edit.bias_of(node)
    convolutions = [
        _convolution(graph, node, taps[:, np.newaxis], bias, axes, f"phase{index}", len(taps))
        for index, taps in enumerate(kernel)
    ]
    name = f"{node.name or NAMELESS}.phases"
    phases = edit.insert_node(graph, node, "Concat", convolutions, {"axis": 1}, name)
    phases.shape = _phases_shape(node.inputs[0], kernel.shape[0] * kernel.shape[1], axes)
    return phases


def _convolution(
    graph: ir.Graph,
    node: ir.Node,
    kernel: Any,
    bias: Any,
    axes: tuple[_Axis, _Axis],
    what: str,
    groups: int = 1,
) -> ir.Value:
    name = f"{node.name or NAMELESS}.{what}"
    constant = f"{node.name or NAMELESS}.sub_pixel"
    inputs = [node.inputs[0], edit.add_constant(graph, f"{constant}.weight", kernel)]
    if bias is not None:
        inputs.append(edit.add_constant(graph, f"{constant}.bias", bias))
    pads = [-axis.first for axis in axes] + [axis.last + axis.more for axis in axes]
    attributes: dict[str, Any] = {"kernel_shape": list(kernel.shape[2:]), "pads": pads}
    if groups > 1:
        attributes["group"] = groups
    phases = edit.insert_node(graph, node, "Conv", inputs, attributes, name)
    phases.shape = _phases_shape(node.inputs[0], len(kernel), axes)
    return phases


def _phases_shape(
    source: ir.Value | None, channels: int, axes: tuple[_Axis, _Axis]
) -> ir.Shape | None:
    """Return the shape of the phases of an image; open sides stay open."""
    if source is None or source.shape is None:
        return None
    batch, _, *sides = source.shape
    blocks = [
        side + axis.more if isinstance(side, int) else None if axis.more else side
        for side, axis in zip(sides, axes, strict=True)
    ]
    return ir.Shape([batch, channels, *blocks])


def _cut_off(
    graph: ir.Graph, node: ir.Node, image: ir.Value, axes: tuple[_Axis, _Axis]
) -> ir.Value:
    """Slice off the rows and columns of the last blocks that exceed the result."""
    ends = {index: (0, -axis.cut) for index, axis in enumerate(axes, 2) if axis.cut}
    return edit.insert_slice(graph, node, image, ends, f"{node.name}.whole")


def _axes(node: ir.Node) -> tuple[_Axis, _Axis] | None:
    """Return the height and width axes, or None if the pass does not cover the node."""
    convolution = convolution_of(node)
    if convolution is None or convolution.pads is None or not convolution.is_transposed:
        return None
    kernel, strides, pads, extra = (
        convolution.kernel,
        convolution.strides,
        convolution.pads,
        convolution.output_padding,
    )
    groups = (1, _depthwise_groups(node))
    if not (
        strides[0] == strides[1] > 1
        and convolution.group in groups
        and convolution.dilations == (1, 1)
    ):
        return None
    height, width = (
        _Axis(strides[i], kernel[i], pads[i], _excess(kernel[i], strides[i], pads[i::2], extra[i]))
        for i in (0, 1)
    )
    reaches = all(axis.last + axis.more >= 0 for axis in (height, width))
    return (height, width) if reaches else None


def _depthwise_groups(node: ir.Node) -> int:
    """Return the number of groups of a depthwise node of channel multiplier 1, else 1."""
    inputs, outputs = edit.contents(node.inputs[1]).shape[:2]
    return int(inputs) if outputs == 1 else 1


def _excess(kernel: int, stride: int, pads: Sequence[int], extra: int) -> int:
    return kernel - sum(pads) + extra - stride


def _phase_kernels(weight: Any, axes: tuple[_Axis, _Axis]) -> Any:
    """Regroup taps (I, O, K, K) into (s·s·O, I, T, T), phases outermost for DCR."""
    height, width = axes
    inputs, outputs = weight.shape[:2]
    taps = (height.last - height.first + 1, width.last - width.first + 1)
    kernel = np.zeros((height.stride, width.stride, outputs, inputs, *taps), np.float32)
    for phase in np.ndindex(height.stride, width.stride):
        for tap in np.ndindex(*taps):
            row = height.tap(phase[0], tap[0] + height.first)
            column = width.tap(phase[1], tap[1] + width.first)
            if row is not None and column is not None:
                kernel[(*phase, slice(None), slice(None), *tap)] = weight[:, :, row, column].T
    return kernel.reshape(-1, inputs, *taps)
