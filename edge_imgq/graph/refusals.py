"""What a model is refused for as soon as it is read, each in a sentence that names it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.errors import ModelError

STANDARD = frozenset({"", "ai.onnx"})
"""Domains of ONNX's own operators."""

QUANTIZED = frozenset(
    {
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger",
        "QLinearConv", "QLinearMatMul", "QuantizeLinear",
    }
)  # fmt: skip
"""Operators of models that are quantized already."""

BRANCHING = frozenset({"If", "Loop", "Scan"})
"""Operators that hold graphs of their own."""


def refuse_bad_weights(model: onnx.ModelProto, name: str) -> None:
    """Refuse NaN and infinity in a weight.

    Raises:
        ModelError: names the first such weight.
    """
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise ModelError(
                f"{name} holds NaN or infinity in the weight '{tensor.name}'. "
                "Export the model again from a checkpoint whose weights are finite."
            )


def refuse_operators(model: onnx.ModelProto, name: str) -> None:
    """Refuse integer operators, and operators that are not ONNX's.

    Raises:
        ModelError: the model is quantized, or holds operators of other domains that it does not
            define itself.
    """
    nodes = model.graph.node
    integers = _named(node for node in nodes if node.op_type in QUANTIZED)
    if integers:
        raise ModelError(
            f"{name} is quantized already: it holds {integers}. edge-imgq quantizes float models, "
            "for every format with the rounding that its runtimes have; give it the float model "
            "that this one was made from."
        )
    own = {function.domain for function in model.functions}
    foreign = _named(node for node in nodes if node.domain not in STANDARD | own)
    if foreign:
        raise ModelError(
            f"{name} holds operators that are not ONNX's: {foreign}. Export it without the "
            "extensions that added them."
        )


def refuse_branches(model: ir.Model, name: str) -> None:
    """Refuse loops and branches that simplification left, because pixels decide them.

    Raises:
        ModelError: names them.
    """
    found = [f"{n.op_type} '{n.name}'" for n in model.graph if n.op_type in BRANCHING]
    if found:
        raise ModelError(
            f"{name} decides while it runs what to compute, by {_listed(found)}; files for phones "
            "hold one fixed list of operators. Export it with loops unrolled and branches chosen."
        )


def refuse_signature(model: ir.Model, name: str) -> None:
    """Refuse anything but one float image in and one out.

    Raises:
        ModelError: says what the model takes and returns instead.
    """
    graph = model.graph
    images = [value for value in graph.inputs if not value.is_initializer()]
    if len(images) != 1 or len(graph.outputs) != 1:
        takes, returns = (
            " and ".join(f"'{value.name}'" for value in values) or "nothing"
            for values in (images, graph.outputs)
        )
        raise ModelError(
            f"{name} takes {takes} and returns {returns}; an image-to-image network takes one "
            "image and returns one. Export it again with the others left out or fixed."
        )
    for value in (images[0], graph.outputs[0]):
        if value.dtype is not ir.DataType.FLOAT:
            raise ModelError(
                f"{name}: '{value.name}' is of type {value.dtype}; expected float32 (1, C, H, W)."
            )
    if images[0].shape is None or len(images[0].shape) != 4:
        raise ModelError(
            f"{name}: the input '{images[0].name}' has shape {images[0].shape}; "
            "expected a batch of images (1, C, H, W)."
        )


def refuse_computed_weights(model: ir.Model, name: str) -> None:
    """Refuse convolutions whose weights the network computes: integers need weights that are known.

    Raises:
        ModelError: there is such a node; the message names it.
    """
    for node in model.graph:
        if node.op_type in ("Conv", "ConvTranspose"):
            weight = node.inputs[1]
            if weight is None or weight.const_value is None:
                raise ModelError(
                    f"{name} computes the weights of {node.op_type} '{node.name}' at run time, and "
                    "int8 needs them before. Make them constants, or leave the int8 targets out."
                )


def _named(nodes: Iterable[onnx.NodeProto]) -> str:
    return _listed([f"{n.op_type} '{n.name or n.output[0]}'" for n in nodes])


def _listed(words: list[str], most: int = 4) -> str:
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest
