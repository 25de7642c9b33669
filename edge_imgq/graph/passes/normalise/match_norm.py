"""Match a normalisation that is exported node by node.

    m = ReduceMean(x);  d = Sub(x, m);  v = ReduceMean(d²);  y = Div(d, Sqrt(Add(v, ε)))

The square may be Pow(d, 2) or Mul(d, d), the mean of a whole image GlobalAveragePool, and the
division a product with Reciprocal. Operands may be in either order.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.graph import edit


@dataclass(frozen=True)
class MatchedNorm:
    """A normalisation (x − m) / √(v + ε) that is exported node by node.

    Attributes:
        source: normalised tensor x.
        axes: axes of the mean m and variance v, not negative, ascending.
        epsilon: ε.
    """

    source: ir.Value
    axes: tuple[int, ...]
    epsilon: float


def match_norm(node: ir.Node) -> MatchedNorm | None:
    """Return the normalisation (x − m) / √(v + ε) that a Div or Mul completes, or None.

    m and v are ReduceMean or GlobalAveragePool of x and (x − m)², over the same axes, with kept
    dimensions; ε is one constant. A Mul must be by the Reciprocal of the root.
    """
    if node.op_type == "Div":
        return _from_root(node.inputs[0], _computed_by(node.inputs[1], "Sqrt"))
    for centred, factor in (node.inputs, reversed(node.inputs)):
        inverse = _computed_by(factor, "Reciprocal")
        if inverse is not None:
            return _from_root(centred, _computed_by(inverse.inputs[0], "Sqrt"))
    return None


def _from_root(centred: ir.Value | None, root: ir.Node | None) -> MatchedNorm | None:
    total = _computed_by(root.inputs[0], "Add") if root is not None else None
    if total is None:
        return None
    operands = total.inputs if edit.is_constant(total.inputs[1]) else tuple(reversed(total.inputs))
    variance = _mean_of(operands[0])
    if (
        variance is None
        or not _is_number(operands[1])
        or not _is_square(variance.inputs[0], centred)
    ):
        return None
    difference = _computed_by(centred, "Sub")
    mean = _mean_of(difference.inputs[1]) if difference is not None else None
    if difference is None or mean is None or mean.inputs[0] is not difference.inputs[0]:
        return None
    source, axes = difference.inputs[0], _axes(mean)
    if source is None or axes is None or axes != _axes(variance):
        return None
    return MatchedNorm(source, axes, float(edit.contents(operands[1]).reshape(-1)[0]))


def _computed_by(value: ir.Value | None, kind: str) -> ir.Node | None:
    node = edit.find_producer(value)
    return node if node is not None and node.op_type == kind else None


def _mean_of(value: ir.Value | None) -> ir.Node | None:
    """Return the node if a value is computed by ReduceMean or GlobalAveragePool, else None."""
    return _computed_by(value, "ReduceMean") or _computed_by(value, "GlobalAveragePool")


def _is_number(value: ir.Value | None) -> bool:
    return edit.is_constant(value) and edit.contents(value).size == 1


def _is_square(value: ir.Value | None, of: ir.Value | None) -> bool:
    node = edit.find_producer(value)
    if node is None or node.inputs[0] is not of:
        return False
    if node.op_type == "Mul":
        return node.inputs[1] is of
    exponent = node.inputs[1] if node.op_type == "Pow" else None
    return _is_number(exponent) and float(edit.contents(exponent).reshape(-1)[0]) == 2.0


def _axes(mean: ir.Node) -> tuple[int, ...] | None:
    """Return the non-negative axes of a mean that keeps its dimensions, or None."""
    source = mean.inputs[0]
    if mean.op_type == "GlobalAveragePool":
        return (
            None if source is None or source.shape is None else tuple(range(2, len(source.shape)))
        )
    given = mean.inputs[1] if len(mean.inputs) > 1 else None
    if not mean.attributes.get_int("keepdims", 1) or not edit.is_constant(given):
        return None
    if source is None or source.shape is None:
        return None
    return tuple(sorted(int(axis) % len(source.shape) for axis in edit.contents(given).reshape(-1)))
