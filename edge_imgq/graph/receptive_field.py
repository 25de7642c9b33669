"""How far around a pixel a network looks: the halo that tiles need.

Every value of the graph has a `jump`, the distance of two neighbouring pixels measured in input
pixels, and a `reach`, the greatest distance from an output pixel's place to an input pixel that it
depends on. A window operator with kernel k, dilation d and padding p adds max(p, (k−1)·d − p)·jump
to the reach and multiplies the jump by its stride; an upsampling by s adds at most one old jump and
divides the jump by s. Reaches are upper bounds, exact for plain convolutions.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import onnx_ir as ir

from edge_imgq.graph.edit import contents, is_constant


@dataclass(frozen=True)
class ReceptiveField:
    """What one output pixel depends on.

    Attributes:
        radius: input pixels on each side; None when it is the whole image (global pooling, or an
            operator that this analysis does not know).
    """

    radius: int | None

    @property
    def diameter(self) -> int | None:
        """Side of the square of input pixels that an output pixel depends on."""
        return None if self.radius is None else 2 * self.radius + 1


@dataclass(frozen=True)
class _View:
    jump: Fraction
    reach: Fraction


class _GlobalError(Exception):
    """An operator looks at the whole image."""


def receptive_field(model: ir.Model) -> ReceptiveField:
    """Return the receptive field of a float or QDQ model, from its graph alone."""
    views: dict[ir.Value, _View] = {}
    for value in model.graph.inputs:
        views[value] = _View(Fraction(1), Fraction(0))
    try:
        for node in model.graph:
            sources = [views[value] for value in node.inputs if value in views]
            if sources:
                widest = _View(sources[0].jump, max(source.reach for source in sources))
                view = _step(node, widest)
                views.update((output, view) for output in node.outputs)
    except _GlobalError:
        return ReceptiveField(None)
    return ReceptiveField(math.ceil(max(views[value].reach for value in model.graph.outputs)))


def _step(node: ir.Node, view: _View) -> _View:
    if node.op_type in POINTWISE or (node.op_type in RESHAPING and _leaves_places(node)):
        return view
    if node.op_type in SPATIAL:
        return SPATIAL[node.op_type](node, view)
    raise _GlobalError(node.op_type)


def _window(node: ir.Node, view: _View) -> _View:
    kernel = _kernel(node)
    strides = node.attributes.get_ints("strides", [1] * len(kernel))
    dilations = node.attributes.get_ints("dilations", [1] * len(kernel))
    pads = node.attributes.get_ints("pads", [0] * 2 * len(kernel))
    spans = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    reach = max(max(pads[i], span - pads[i], 0) for i, span in enumerate(spans))
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        reach = max(spans)
    return _View(view.jump * strides[0], view.reach + reach * view.jump)


def _transposed(node: ir.Node, view: _View) -> _View:
    kernel = _kernel(node)
    stride = node.attributes.get_ints("strides", [1] * len(kernel))[0]
    pads = node.attributes.get_ints("pads", [0] * 2 * len(kernel))
    reach = max(max(pads[i], k - 1 - pads[i]) for i, k in enumerate(kernel))
    taps = Fraction(math.ceil(Fraction(reach, stride)) + 1)
    return _View(view.jump / stride, view.reach + taps * view.jump)


def _depth_to_space(node: ir.Node, view: _View) -> _View:
    return _View(view.jump / node.attributes.get_int("blocksize", 1), view.reach + view.jump)


def _space_to_depth(node: ir.Node, view: _View) -> _View:
    block = node.attributes.get_int("blocksize", 1)
    return _View(view.jump * block, view.reach + view.jump * (block - 1))


def _resize(node: ir.Node, view: _View) -> _View:
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if not is_constant(scales) or contents(scales).size != 4:
        raise _GlobalError(node.op_type)
    factor = Fraction(float(contents(scales)[2])).limit_denominator(64)
    taps = {"nearest": 1, "linear": 2, "cubic": 3}[node.attributes.get_string("mode", "nearest")]
    widest = max(view.jump, view.jump / factor)
    return _View(view.jump / factor, view.reach + taps * widest)


def _pad(node: ir.Node, view: _View) -> _View:
    pads = contents(node.inputs[1]) if is_constant(node.inputs[1]) else None
    if pads is None:
        raise _GlobalError(node.op_type)
    return _View(view.jump, view.reach + int(abs(pads).max()) * view.jump)


def _leaves_places(node: ir.Node) -> bool:
    """Tell whether height and width stay the last two axes, as where channels are repeated."""
    before, after = node.inputs[0], node.outputs[0]
    if before is None or before.shape is None or after.shape is None:
        return False
    return (
        before.shape.is_static()
        and after.shape.is_static()
        and before.shape.numpy()[-2:] == after.shape.numpy()[-2:]
    )


def _kernel(node: ir.Node) -> list[int]:
    if "kernel_shape" in node.attributes:
        return list(node.attributes.get_ints("kernel_shape"))
    weight = node.inputs[1]
    if weight is None or weight.shape is None:
        raise _GlobalError(node.op_type)
    return [int(length) for length in weight.shape.numpy()[2:]]


SPATIAL: dict[str, Callable[[ir.Node, _View], _View]] = {
    "Conv": _window,
    "MaxPool": _window,
    "AveragePool": _window,
    "ConvTranspose": _transposed,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Pad": _pad,
}
"""Operators that look at neighbours or change the grid."""

POINTWISE = frozenset(
    {
        "Abs", "Add", "And", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat",
        "DequantizeLinear", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu",
        "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Less",
        "LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuantizeLinear",
        "Relu", "Round", "Sigmoid", "Sign", "Split", "Sqrt", "Sub", "Tanh", "Where", "Xor",
    }
)  # fmt: skip
"""Operators that leave every pixel in its place. Concat and Split here work on channels."""

RESHAPING = frozenset({"Expand", "Reshape", "Squeeze", "Tile", "Unsqueeze"})
"""Operators that leave every pixel in its place if the last two axes stay as long as they were."""
