"""Rewrite pixel shuffles as transposed convolutions, for accelerators without depth-to-space.

Depth-to-space of block s writes channel φ·C + c of pixel m (CRD: channel c·s² + φ) to pixel
s·m + φ of channel c. That is the transposed convolution

    y[c, s·i + k] = Σ_j x[j, i] · W[j, c, k],     W[j, c, k] = 1 where j is channel (k, c), else 0,

of kernel s and stride s. Each output is one product by 1 and zeros, so finite values are exact in
every precision; an infinity or NaN spreads to all channels.

A convolution of stride 1 whose only reader is the shuffle absorbs it (one dimension shown):

    y[c, s·m + φ] = Σ_t w[(φ, c), t] · x[m + t − p] = Σ_i x[i] · V[c, s·m + φ + P − s·i],
    V[c, φ + s·(T − 1 − t)] = w[(φ, c), t],     P = s·(T − 1 − p)   at both ends,

a transposed convolution of kernel s·T and stride s with as many multiplications. It has one bias
per channel, so the biases of all phases must be equal. This inverts `sub_pixel`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import attributes_of, convolution_of, padding_in
from edge_imgq.graph.passes.express.normalize_deconv import divide


def pixel_shuffle_to_deconv(model: ir.Model) -> int:
    """Rewrite each DepthToSpace of block s in a float graph as a ConvTranspose of stride s.

    Its kernel is s × s with zeros and ones, (C · s², C, s, s), or, where the preceding convolution
    has stride 1 and no other reader, that convolution's taps by phase. Grouped ConvTranspose nodes
    are split first. Bit-exact for finite values; where a convolution is absorbed, float32 sums may
    be ordered differently. A graph with a DequantizeLinear node stays unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of DepthToSpace nodes rewritten.
    """
    if any(node.op_type == "DequantizeLinear" for node in model.graph):
        return 0
    for node in [node for node in model.graph if node.op_type == "ConvTranspose"]:
        divide(model.graph, node)  # accelerators have no groups here
    nodes = [node for node in model.graph if node.op_type == "DepthToSpace"]
    if nodes:
        ShapeInferencePass()(model)  # passes before this one leave shapes out
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    source, block = node.inputs[0], node.attributes.get_int("blocksize")
    assert source is not None
    assert source.shape is not None
    channels = source.shape[1]
    assert isinstance(channels, int)
    channels_by_phase = _channels_by_phase(node, channels)
    convolution = _absorbed(source, channels_by_phase)
    if convolution is None:
        one_hot = edit.add_constant(
            graph, f"{node.name}.one_hot", _one_hot(channels_by_phase, block)
        )
        inputs: list[ir.Value | None] = [source, one_hot]
        attributes = {"kernel_shape": [block, block], "strides": [block, block]}
    else:
        inputs, attributes = _folded(graph, node, convolution, channels_by_phase)
    image = edit.insert_node(
        graph, node, "ConvTranspose", inputs, attributes, f"{node.name}.transposed"
    )
    image.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], image)
    edit.remove_node(node)
    if convolution is not None:
        edit.remove_node(convolution)


def _channels_by_phase(node: ir.Node, channels: int) -> Any:
    """Return the input channel of each (row phase, column phase, image channel), (s, s, C)."""
    block = node.attributes.get_int("blocksize")
    index = np.arange(channels)
    if node.attributes.get_string("mode", "DCR") == "DCR":
        return index.reshape(block, block, -1)
    return index.reshape(-1, block, block).transpose(1, 2, 0)


def _one_hot(channels_by_phase: Any, block: int) -> Any:
    outputs = channels_by_phase.shape[2]
    kernel = np.zeros((channels_by_phase.size, outputs, block, block), np.float32)
    for row, column, channel in np.ndindex(channels_by_phase.shape):
        kernel[channels_by_phase[row, column, channel], channel, row, column] = 1
    return kernel


def _absorbed(source: ir.Value, channels_by_phase: Any) -> ir.Node | None:
    """Return the preceding convolution if it can absorb the shuffle, else None."""
    node = source.producer()
    if node is None or node.op_type != "Conv" or edit.sole_consumer(source) is None:
        return None
    convolution = convolution_of(node)
    plain = (
        convolution is not None
        and convolution.is_dense
        and convolution.strides == (1, 1)
        and convolution.pads is not None
        and all(pad < convolution.kernel[index % 2] for index, pad in enumerate(convolution.pads))
    )
    if not plain:
        return None
    biases = _bias(node)
    agree = biases is None or bool(
        (biases[channels_by_phase] == biases[channels_by_phase][0, 0]).all()
    )
    return node if agree else None


def _bias(convolution: ir.Node) -> Any:
    if len(convolution.inputs) < 3 or convolution.inputs[2] is None:
        return None
    return edit.contents(convolution.inputs[2])


def _folded(
    graph: ir.Graph, node: ir.Node, convolution: ir.Node, channels_by_phase: Any
) -> tuple[list[ir.Value | None], dict[str, list[int]]]:
    """Return inputs and attributes of the ConvTranspose that replaces convolution and shuffle."""
    block = channels_by_phase.shape[0]
    weight = edit.contents(convolution.inputs[1])
    taps = weight.shape[2:]
    # (phase, phase, C, I, T, T) → (I, C, T reversed, phase, T reversed, phase)
    kernel = weight[channels_by_phase][..., ::-1, ::-1].transpose(3, 2, 4, 0, 5, 1)
    kernel = kernel.reshape(
        weight.shape[1], channels_by_phase.shape[2], *(block * length for length in taps)
    )
    inputs = [convolution.inputs[0], edit.add_constant(graph, f"{node.name}.weight", kernel)]
    biases = _bias(convolution)
    if biases is not None:
        inputs.append(
            edit.add_constant(graph, f"{node.name}.bias", biases[channels_by_phase[0, 0]])
        )
    pads = padding_in("Conv", attributes_of(convolution), taps)
    assert pads is not None, "of a convolution that `_absorbed` chose"
    crop = [block * (taps[index % 2] - 1 - pad) for index, pad in enumerate(pads)]
    sides = list(kernel.shape[2:])
    return inputs, {"kernel_shape": sides, "strides": [block, block], "pads": crop}
