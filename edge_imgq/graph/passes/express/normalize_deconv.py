"""Rewrite dilated, grouped and unit-stride transposed convolutions as plain ones.

With stride 1 a transposed convolution is a convolution whose kernel is rotated by 180°, whose
input and output channels are exchanged, and whose padding is d·(K − 1) − p for padding p and
dilation d.

At other strides a kernel of dilation d equals a kernel of length (K − 1)·d + 1 with zeros between
the taps. A grouped transposed convolution is one per group, concatenated:

    y = Concat_g( ConvTranspose(x_g, W_g, b_g) ).

A depthwise one would become C nodes. It is left to `sub_pixel`, or to `pixel-shuffle-to-deconv`,
which calls `divide`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of, spans_of
from edge_imgq.graph.passes.by_name.sub_pixel import is_depthwise


def normalize_deconv(model: ir.Model) -> int:
    """Rewrite dilated, grouped and unit-stride ConvTranspose nodes on (N, C, H, W) as plain ones.

    At stride 1 it becomes a Conv; a dilated kernel gets zeros between its taps; a grouped one
    becomes one per group between Split and Concat, unless it is depthwise. Weights must be
    constant. Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in [node for node in model.graph if node.op_type == "ConvTranspose"]:
        source = node.inputs[0]
        plain = all(edit.is_constant(value) for value in node.inputs[1:] if value is not None)
        if not plain or source is None or source.shape is None or len(source.shape) != 4:
            continue
        if _to_convolution(model.graph, node):
            count += 1
        else:
            count += _write_dilated_kernel(model.graph, node)
            count += 0 if is_depthwise(node) else divide(model.graph, node)
    return count


def _to_convolution(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace a ConvTranspose of stride 1 by a Conv."""
    convolution = convolution_of(node)
    if convolution is None or convolution.pads is None or convolution.strides != (1, 1):
        return False
    kernel, groups, dilations = convolution.weight, convolution.group, list(convolution.dilations)
    reach = np.array(spans_of(convolution.kernel, dilations) * 2) - 1
    pads = reach - np.array(convolution.pads)
    pads[2:] += np.array(convolution.output_padding)
    if pads.min() < 0:
        return False
    kernels = [group.swapaxes(0, 1) for group in np.split(kernel[:, :, ::-1, ::-1], groups)]
    name = f"{node.name}.turned"
    inputs = [node.inputs[0], edit.add_constant(graph, f"{name}.weight", np.concatenate(kernels))]
    turned = {
        "group": groups, "dilations": dilations, "pads": pads.tolist(),
        "kernel_shape": list(kernel.shape[2:]),
    }  # fmt: skip
    result = edit.insert_node(graph, node, "Conv", [*inputs, *node.inputs[2:]], turned, name)
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _write_dilated_kernel(graph: ir.Graph, node: ir.Node) -> bool:
    dilations = list(node.attributes.get_ints("dilations", [1, 1]))
    if set(dilations) == {1}:
        return False
    kernel = edit.contents(node.inputs[1])
    size = [
        (length - 1) * dilation + 1
        for length, dilation in zip(kernel.shape[2:], dilations, strict=True)
    ]
    wide = np.zeros((*kernel.shape[:2], *size), kernel.dtype)
    wide[:, :, :: dilations[0], :: dilations[1]] = kernel
    node.replace_input_with(1, edit.add_constant(graph, f"{node.name}.spread", wide))
    node.attributes["dilations"] = ir.AttrInt64s("dilations", [1, 1])
    node.attributes["kernel_shape"] = ir.AttrInt64s("kernel_shape", size)
    return True


def divide(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace a grouped ConvTranspose by one per group, between a Split and a Concat; bit-exact.

    Both act on channels, axis 1.

    Args:
        graph: edited in place.
        node: ConvTranspose with constant weights, and a constant bias or none.

    Returns:
        False if the node has one group or an input of unknown shape; it then stays unchanged.
    """
    groups = node.attributes.get_int("group", 1)
    source, result = node.inputs[0], node.outputs[0]
    if groups == 1 or source is None or source.shape is None:
        return False
    attributes = {name: attr for name, attr in node.attributes.items() if name != "group"}
    split = ir.node("Split", [source], {"axis": 1, "num_outputs": groups}, num_outputs=groups)
    split.name = f"{node.name}.groups"
    graph.insert_before(node, split)
    kernels = np.split(edit.contents(node.inputs[1]), groups)
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    biases: list[Any] = [None] * groups if bias is None else np.split(edit.contents(bias), groups)
    results = []
    for index, (channels, kernel, offset) in enumerate(
        zip(split.outputs, kernels, biases, strict=True)
    ):
        name = f"{node.name}.group{index}"
        channels.name, channels.dtype = edit.free_name(graph, f"{name}.channels"), ir.DataType.FLOAT
        channels.shape = ir.Shape([source.shape[0], len(kernel), *source.shape[2:]])
        inputs = [channels, edit.add_constant(graph, f"{name}.weight", kernel)]
        if offset is not None:
            inputs.append(edit.add_constant(graph, f"{name}.bias", offset))
        results.append(edit.insert_node(graph, node, "ConvTranspose", inputs, attributes, name))
    joined = edit.insert_node(graph, node, "Concat", results, {"axis": 1}, f"{node.name}.joined")
    joined.shape = result.shape
    edit.replace_value(result, joined)
    edit.remove_node(node)
    return True
