"""Split PReLU into two rectified channels, for graphs that will be quantized.

For a slope a of any size or sign,

    PReLU(x) = relu(x) − a · relu(−x) = relu(x) − sign(a) · relu(−|a| · x).

A convolution x = W·u + b before a PReLU gets twice the output channels, and the convolution V
after it reads both (the sign channels h₁ and h₂):

    [h₁; h₂] = relu([W; −|a|·W]·u + [b; −|a|·b]),      V·PReLU(x) = [V, −sign(a)·V]·[h₁; h₂].

This is exact in real numbers. In int8 it leaves no activation node, gives each sign all 8 bits, and
rounds once instead of twice per layer. |a| is folded into the producer, so that V and −V share one
weight scale; in the consumer, V and −a·V would share it and lose precision. Channels with a = 0
have no h₂. Where a neighbour is not a convolution, a 1×1 convolution with an identity matrix is
inserted. A DCR pixel shuffle after the PReLU is applied to h₁ and h₂, interleaved per phase,
[h₁; h₂]_φ. A LeakyReLU, whose int8 kernel multiplies with eight bits, is a
PReLU of one slope and is split if convolutions lie on both sides. In float graphs the split only
costs time.

Twice the channels cost time where a kernel's tiles were already full. `cheap_sign_split` keeps such
a PReLU, which is then computed in float between conversions. The cost model is in
`edge_imgq.graph.passes.by_name.sign_split_cost`. A kept PReLU with one slope for all channels,
a nonzero multiple of 1/256, becomes a LeakyReLU, which has an int8 kernel.

Related: CReLU (Shang et al., ICML 2016); outlier channel splitting (Zhao et al., ICML 2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.passes.by_name.sign_split_cost import Surroundings, affordable, is_cheap
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.xnnpack import FRACTIONS

RECTIFIED = ".halves.relu"
"""Suffix of the name of each Relu node that writes sign channels."""


def sign_split(model: ir.Model) -> int:
    """Split each PReLU and LeakyReLU into relu(x) − a · relu(−x), for graphs to be quantized.

    The convolution before writes x and −|a|·x as up to 2·C channels, one Relu follows, and the
    convolutions after it read both with weights [V, −sign(a)·V]; a 1×1 convolution is inserted
    where there is none. Covers one constant slope a per channel, on (N, C, H, W); a LeakyReLU only
    between convolutions. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if _is_covered(node)]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def cheap_sign_split(model: ir.Model, kernels: KernelProfile) -> int:
    """Split PReLUs into relu(x) − a · relu(−x), where that costs at most 1.2 times as much time.

    They are split as `sign_split` does. The cost of the adjacent int8 convolutions, with and
    without the activation, is estimated from the kernel profile. Other PReLUs become LeakyReLUs if
    all channels have one slope that the int8 kernel represents exactly, a nonzero multiple of
    1/256 (FRACTIONS). Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.
        kernels: kernel profile of the target processor.

    Returns:
        The number of nodes split.
    """
    covered = [node for node in model.graph if _is_covered(node)]
    cheap = {node for node in covered if _is_cheap(node, kernels)}
    for node in covered:
        if node in cheap:
            _rewrite(model.graph, node)
        elif node.op_type == "PRelu":
            _write_leaky(model.graph, node)
    return len(cheap)


def affordable_splits(graph: ir.Graph, kernels: KernelProfile) -> dict[ir.Node, int]:
    """Return the PReLUs between convolutions that may be split for all or some of their channels.

    Covers one constant slope per channel, without a pixel shuffle after the PReLU.

    Args:
        graph: not changed.
        kernels: kernel profile of the target processor.

    Returns:
        By node, the largest number of channels between the convolutions, of relu(x) and relu(−x)
        together, that costs at most 1.2 times the PReLU; see `affordable`. Nodes for which even
        relu(x) alone costs more are left out.
    """
    counts = {}
    for node in graph:
        if node.op_type != "PRelu" or not _is_covered(node) or _own_producer(node) is None:
            continue
        around = _surroundings(node)
        count = affordable(around, _slopes(node), kernels)
        if around.block == 1 and not around.merges and count:
            counts[node] = count
    return counts


def holds_sign_channels(value: ir.Value) -> bool:
    """Return True if a value holds relu(x) and relu(−|a|·x), as `sign_split` writes for a PReLU.

    Both are concatenated along the channels. The value is recognised by the name of the Relu node
    that writes it, to which the pass gives the suffix RECTIFIED (".halves.relu").
    """
    maker = value.producer()
    return maker is not None and maker.op_type == "Relu" and (maker.name or "").endswith(RECTIFIED)


def split(graph: ir.Graph, node: ir.Node) -> tuple[ir.Value, Any]:
    """Replace a PReLU by relu([x; −|a|·x]), two channels for each; exact in real numbers.

    The semicolon concatenates along the channels. Ungrouped convolutions that read the PReLU read
    both channels instead; for other readers a 1×1 convolution computes the PReLU from them. A DCR
    DepthToSpace that alone reads the node is moved after the Relu if all phases have equal slopes.

    Args:
        graph: edited in place.
        node: PRelu or LeakyRelu of (N, C, H, W) with one constant slope a per channel.

    Returns:
        The value relu([x; −|a|·x]), after the DepthToSpace if there is one, and the slopes a of the
        node's C channels, float32 (C,). Channels with a = 0 have no −|a|·x, so C plus the number of
        nonzero slopes are written.
    """
    slopes = _slopes(node)
    return _rewrite(graph, node), slopes


def _is_cheap(node: ir.Node, kernels: KernelProfile) -> bool:
    is_leaky = node.op_type == "LeakyRelu"
    return is_cheap(_surroundings(node), _slopes(node), kernels, is_leaky=is_leaky)


def _surroundings(node: ir.Node) -> Surroundings:
    shuffle = _following_shuffle(node, _slopes(node))
    output = node.outputs[0] if shuffle is None else shuffle.outputs[0]
    consumers = _convolutions(output)
    return Surroundings(
        _own_producer(node),
        consumers,
        1 if shuffle is None else shuffle.attributes.get_int("blocksize"),
        merges=output.is_graph_output() or len(consumers) < len(output.uses()),
    )


def _write_leaky(graph: ir.Graph, node: ir.Node) -> None:
    """Replace a PReLU by a LeakyReLU if its slopes all equal one multiple of the kernel's unit."""
    slopes = _slopes(node)
    alpha = float(slopes[0])
    if np.any(slopes != slopes[0]) or alpha * FRACTIONS % 1 or not alpha:
        return
    name = f"{node.name}.leaky"
    output = edit.insert_node(graph, node, "LeakyRelu", node.inputs[:1], {"alpha": alpha}, name)
    output.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], output)
    edit.remove_dead(node)


def _is_covered(node: ir.Node) -> bool:
    if node.op_type == "PRelu":
        return _slopes(node) is not None
    output = node.outputs[0]
    slopes = _slopes(node) if node.op_type == "LeakyRelu" else None
    if slopes is None or _own_producer(node) is None:
        return False
    shuffle = _following_shuffle(node, slopes)
    output = output if shuffle is None else shuffle.outputs[0]
    return not output.is_graph_output() and len(_convolutions(output)) == len(output.uses())


def _slopes(node: ir.Node) -> Any:
    """Return one slope per channel, or None if they are unknown or vary within a channel."""
    if node.op_type == "LeakyRelu":
        source = node.inputs[0]
        shape = None if source is None else source.shape
        channels = None if shape is None or len(shape) < 2 else shape[1]
        alpha = node.attributes.get_float("alpha", 0.01)
        return np.full(channels, alpha, np.float32) if isinstance(channels, int) else None
    source, slope = node.inputs
    if source is None or source.shape is None or not edit.is_constant(slope):
        return None
    channels = source.shape[1]
    values = edit.contents(slope)
    per_channel = values.size == 1 or (values.ndim >= 3 and values.shape[-3] == values.size)
    if not isinstance(channels, int) or not per_channel:
        return None
    return np.broadcast_to(values.reshape(-1), (channels,)).astype(np.float32)


def _rewrite(graph: ir.Graph, node: ir.Node) -> ir.Value:
    """Replace an activation by its sign channels, let its readers read them, and return them."""
    slopes, output = _slopes(node), node.outputs[0]
    shuffle = _following_shuffle(node, slopes)
    if shuffle is None:
        sign_channels = _emit_split(graph, node, _splitting_matrix(slopes))
    else:
        phases = shuffle.attributes.get_int("blocksize") ** 2
        slopes, output = slopes[: len(slopes) // phases], shuffle.outputs[0]
        matrix = np.kron(np.eye(phases, dtype=np.float32), _splitting_matrix(slopes))
        sign_channels = _shuffled(
            graph, shuffle, _emit_split(graph, node, matrix), len(matrix) // phases
        )
    merge = _merging_matrix(slopes)
    for consumer in _convolutions(output):
        _absorb(graph, consumer, sign_channels, merge)
    last = node if shuffle is None else shuffle
    if output.uses() or output.is_graph_output():
        name = f"{node.name}.merge"
        merged = edit.insert_convolution(graph, last, sign_channels, merge, name)
        merged.shape = output.shape
        edit.replace_value(output, merged)
    edit.remove_dead(last)
    return sign_channels


def _following_shuffle(node: ir.Node, slopes: Any) -> ir.Node | None:
    """Return the DCR shuffle that is the only reader if all phases have equal slopes, else None."""
    shuffle = edit.sole_consumer(node.outputs[0])
    if shuffle is None or shuffle.op_type != "DepthToSpace":
        return None
    if shuffle.attributes.get_string("mode", "DCR") != "DCR":
        return None
    phases = slopes.reshape(shuffle.attributes.get_int("blocksize") ** 2, -1)
    return shuffle if np.array_equal(phases, np.broadcast_to(phases[:1], phases.shape)) else None


def _shuffled(
    graph: ir.Graph, shuffle: ir.Node, sign_channels: ir.Value, channels: int
) -> ir.Value:
    """Apply the shuffle to the sign channels and return its output."""
    attributes = dict(shuffle.attributes.items())
    name = f"{shuffle.name}.halves"
    image = edit.insert_node(graph, shuffle, "DepthToSpace", [sign_channels], attributes, name)
    shape = shuffle.outputs[0].shape
    if shape is not None:
        image.shape = ir.Shape([shape[0], channels, *shape[2:]])
    return image


def _emit_split(graph: ir.Graph, node: ir.Node, matrix: Any) -> ir.Value:
    """Insert relu([W; −|a|·W]) in place of the convolution and PReLU, and return its output."""
    source, producer = node.inputs[0], _own_producer(node)
    assert source is not None
    name = f"{node.name}.halves"
    if producer is not None:
        _multiply_outputs(graph, producer, matrix)
        sign_channels = source
    else:
        sign_channels = edit.insert_convolution(graph, node, source, matrix, name)
    assert source.shape is not None
    sign_channels.shape = ir.Shape([source.shape[0], len(matrix), *source.shape[2:]])
    rectified = edit.insert_node(
        graph, node, "Relu", [sign_channels], {}, f"{node.name}{RECTIFIED}"
    )
    rectified.shape = sign_channels.shape
    return rectified


def _own_producer(node: ir.Node) -> ir.Node | None:
    """Return the plain convolution whose output only this node reads, or None."""
    source = node.inputs[0]
    producer = edit.find_producer(source)
    if source is None or producer is None or edit.sole_consumer(source) is not node:
        return None
    return producer if _is_plain(producer) else None


def _splitting_matrix(slopes: Any) -> Any:
    """Return [I; −|a|·I] without the rows of zero slope, float32."""
    split = np.flatnonzero(slopes)
    identity = np.eye(len(slopes), dtype=np.float32)
    return np.concatenate([identity, -np.abs(slopes[split])[:, None] * identity[split]])


def _merging_matrix(slopes: Any) -> Any:
    """Return [I, −sign(a)·I] without the columns of zero slope, float32."""
    split = np.flatnonzero(slopes)
    identity = np.eye(len(slopes), dtype=np.float32)
    return np.concatenate([identity, -np.sign(slopes[split]) * identity[:, split]], axis=1)


def _is_plain(node: ir.Node) -> bool:
    """Return True for an ungrouped convolution with constant weights."""
    convolution = convolution_of(node)
    return convolution is not None and not convolution.is_transposed and convolution.group == 1


def _convolutions(value: ir.Value) -> list[ir.Node]:
    return [node for node, index in value.uses() if index == 0 and _is_plain(node)]


def _multiply_outputs(graph: ir.Graph, node: ir.Node, matrix: Any) -> None:
    """Multiply a convolution's outputs by a matrix M: W ← M·W, b ← M·b."""
    weight = node.inputs[1]
    assert weight is not None
    array = np.einsum("po,oihw->pihw", matrix, edit.contents(weight)).astype(np.float32)
    node.replace_input_with(1, edit.add_constant(graph, f"{weight.name}.halves", array))
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = node.inputs[2]
        new_bias = (matrix @ edit.contents(bias)).astype(np.float32)
        node.replace_input_with(2, edit.add_constant(graph, f"{bias.name}.halves", new_bias))


def _absorb(graph: ir.Graph, node: ir.Node, sign_channels: ir.Value, merge: Any) -> None:
    """Let a convolution read the sign channels: V ← V·M."""
    weight = node.inputs[1]
    assert weight is not None
    array = np.einsum("oihw,ip->ophw", edit.contents(weight), merge).astype(np.float32)
    node.replace_input_with(0, sign_channels)
    node.replace_input_with(1, edit.add_constant(graph, f"{weight.name}.both", array))
