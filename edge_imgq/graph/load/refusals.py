"""Checks that refuse unsupported models at load time, each with a message that names the cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.training_mode import training_norms
from edge_imgq.graph.operators import WEIGHT_AXIS

STANDARD = frozenset({"", "ai.onnx"})
"""Names of the standard ONNX domain."""

QUANTIZED = frozenset(
    {
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger",
        "QLinearConv", "QLinearMatMul", "QuantizeLinear",
    }
)  # fmt: skip
"""Standard operators of quantized models."""

QUANTIZED_BY_RUNTIME = ("QLinear", "QGemm", "QAttention", "DynamicQuantize", "MatMulNBits")
"""Prefixes of integer operators in the domains of ONNX Runtime."""

RUNTIME = ("com.microsoft", "com.ms.")
"""Prefixes of ONNX Runtime's domains."""

RANDOM = frozenset(
    {
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
        "RandomUniformLike",
    }
)  # fmt: skip
"""Operators whose result differs from run to run."""

BRANCHING = frozenset({"If", "Loop", "Scan"})
"""Operators that hold subgraphs."""


def refuse_bad_weights(model: onnx.ModelProto, name: str) -> None:
    """Refuse NaN or infinity in initializers of a float type.

    Args:
        model: not changed.
        name: name of the model for the message.

    Raises:
        ModelError: there is one; the message names the first such initializer.
    """
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise ModelError(
                f"{name} holds NaN or infinity in the weight '{tensor.name}'. "
                "Export the model again from a checkpoint whose weights are finite; in a mask, use "
                "-10000 for infinity."
            )


def refuse_operators(model: onnx.ModelProto, name: str) -> None:
    """Refuse a quantized model, and operators outside of the standard ONNX domain.

    A model is quantized if it has QuantizeLinear, QLinearConv or the like. Operators that the model
    itself defines as local functions are accepted.

    Args:
        model: not changed.
        name: name of the model for the message.

    Raises:
        ModelError: there are such operators; the message names the first four.
    """
    nodes = model.graph.node
    integers = _named(node for node in nodes if _is_quantized(node))
    if integers:
        raise ModelError(
            f"{name} is quantized already: it holds {integers}. edge-imgq quantizes float models, "
            "for every format with the rounding that its runtimes have; give it the float model "
            "that this one was made from."
        )
    own = {function.domain for function in model.functions}
    foreign = [node for node in nodes if node.domain not in STANDARD | own]
    if any(node.domain.startswith(RUNTIME) for node in foreign):
        raise ModelError(
            f"{name} holds operators of ONNX Runtime: {_named(foreign)}. Its optimiser writes them "
            "into the file that SessionOptions.optimized_model_filepath names, for one kind of "
            "processor; give the model from before, as it was exported."
        )
    if foreign:
        raise ModelError(
            f"{name} holds operators that are not ONNX's: {_named(foreign)}. Export it without the "
            "extensions that added them."
        )


def refuse_training_mode(model: onnx.ModelProto, name: str) -> None:
    """Refuse nodes in training mode and random operators: a file must be deterministic.

    They are BatchNormalization and Dropout in training mode, and operators such as RandomNormal.

    Args:
        model: not changed.
        name: name of the model for the message.

    Raises:
        ModelError: there are such nodes; the message names the first four of each kind.
    """
    norms = _named(training_norms(model))
    dropped = _named(_training_dropouts(model))
    random = _named(node for node in model.graph.node if node.op_type in RANDOM)
    reasons = [
        f"{norms} normalises by the statistics of a batch of images" if norms else "",
        f"{dropped} drops other values in each run" if dropped else "",
        f"{random} draws other numbers in each run" if random else "",
    ]
    if not any(reasons):
        return
    advice = (
        "Export the model in evaluation mode (model.eval() in torch)"
        if norms or dropped
        else "Make the numbers a constant of the model"
    )
    what = "; ".join(reason for reason in reasons if reason)
    raise ModelError(
        f"{name} cannot become a file that returns the same image each time: {what}. {advice}."
    )


def _training_dropouts(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the Dropouts whose training mode is on or computed at run time."""
    off = {t.name for t in model.graph.initializer if not onnx.numpy_helper.to_array(t).any()}
    off |= {
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Constant" and _is_false(node)
    }
    return [
        node
        for node in model.graph.node
        if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] not in {"", *off}
    ]


def _is_false(node: onnx.NodeProto) -> bool:
    tensors = [a.t for a in node.attribute if a.name == "value"]
    return bool(tensors) and not onnx.numpy_helper.to_array(tensors[0]).any()


def _is_quantized(node: onnx.NodeProto) -> bool:
    if node.domain.startswith(RUNTIME):
        return node.op_type.startswith(QUANTIZED_BY_RUNTIME) or node.op_type in QUANTIZED
    return node.op_type in QUANTIZED


def refuse_branches(model: ir.Model, name: str) -> None:
    """Refuse If, Loop and Scan that simplification could not remove.

    Args:
        model: not changed.
        name: name of the model for the message.

    Raises:
        ModelError: there are such nodes; the message names the first four.
    """
    branches = [f"{n.op_type} '{n.name}'" for n in model.graph if n.op_type in BRANCHING]
    if branches:
        raise ModelError(
            f"{name} decides at run time what to compute, by {_listed(branches)}; files for phones "
            "hold one fixed list of operators. Export it with loops unrolled and branches chosen."
        )


def refuse_signature(model: ir.Model, name: str) -> None:
    """Refuse models whose inputs or outputs a file cannot have.

    One input must have rank 4, (N, C, H, W). Other inputs may be planes of rank 4, or vectors of
    known lengths, of which the first of several may be open. All inputs and outputs must be
    float32, and there must be an output, of any shape.

    Args:
        model: in opset 21; not changed.
        name: name of the model for the message.

    Raises:
        ModelError: the message says what the model takes and returns, or which input or output
            does not fit.
    """
    graph = model.graph
    images = [value for value in graph.inputs if not value.is_initializer()]
    if not graph.outputs or not any(map(_has_axes_of_image, images)):
        takes, returns = (
            " and ".join(f"'{value.name}' {shape_in_words(value)}" for value in values) or "nothing"
            for values in (images, graph.outputs)
        )
        raise ModelError(
            f"{name} takes {takes} and returns {returns}; edge-imgq is for networks that take an "
            "image and return one, or a vector. Export it again from the image to the image."
        )
    for value in (*images, *graph.outputs):
        if value.dtype is not ir.DataType.FLOAT:
            raise ModelError(
                f"{name}: '{value.name}' is of type {value.dtype}; expected float32 (1, C, H, W)."
                + _bind(value) * (len(images) > 1 and value in images)
                + _name_others(value, graph.outputs)
            )
    for value in images:
        if not (_has_axes_of_image(value) or _is_vector(value)):
            raise ModelError(
                f"{name}: the input '{value.name}' has shape {shape_in_words(value)}; an image or "
                "plane is (1, C, H, W), numbers of a whole image are (1, N). Export it with such a "
                "shape."
            )


def _has_axes_of_image(value: ir.Value) -> bool:
    """Return True if a value has rank 4."""
    return value.shape is not None and len(value.shape) == 4


def _is_vector(value: ir.Value) -> bool:
    """Return True if all lengths but the first of several axes are known."""
    shape = value.shape
    return shape is not None and all(isinstance(n, int) for n in tuple(shape)[len(shape) > 1 :])


def _bind(value: ir.Value) -> str:
    return f" Or give it one value, which the files then hold: --bind {value.name}=NUMBER."


def _name_others(value: ir.Value, results: Sequence[ir.Value]) -> str:
    """Return advice on selecting the other outputs; empty if there are none."""
    others = [str(other.name) for other in results if other is not value]
    if value not in results or not others:
        return ""
    return f" Or name the outputs that are wanted: --output-name {others[0]}."


def shape_in_words(value: ir.Value) -> str:
    """Return the shape of a value as text for messages, such as 1×3×h×w.

    An unnamed open length is "?", a scalar "(a number)", and no shape "of unknown shape".
    """
    if value.shape is None:
        return "of unknown shape"
    names = (str(length) for length in value.shape)
    return (
        "×".join("?" if n == "None" or n.startswith("unk__") else n for n in names) or "(a number)"
    )


def refuse_computed_weights(model: ir.Model, name: str) -> None:
    """Refuse convolutions, transposed ones too, whose weights are computed at run time.

    Int8 files need the weights' scales in advance.

    Args:
        model: not changed.
        name: name of the model for the message.

    Raises:
        ModelError: there is such a node; the message names the first.
    """
    for node in model.graph:
        if node.op_type in WEIGHT_AXIS:
            weight = node.inputs[1]
            if weight is None or weight.const_value is None:
                raise ModelError(
                    f"{name} computes the weights of {node.op_type} '{node.name}' at run time, and "
                    "int8 needs them before. Make them constants, or leave the int8 targets out."
                )


def _named(nodes: Iterable[onnx.NodeProto]) -> str:
    return _listed([f"{n.op_type} '{n.name or n.output[0]}'" for n in nodes])


def _listed(words: list[str], limit: int = 4) -> str:
    rest = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + rest
