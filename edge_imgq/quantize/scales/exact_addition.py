"""Additions without rounding: one scale for both operands and the sum.

With scales a, b and y an int8 addition computes round(a/y · qa + b/y · qb), which rounds again
after the operands were rounded. With one scale S for all three it is an integer addition,

    qy − zy = (qa − za) + (qb − zb),

exact on every target. An operand that is only added is then rounded at S instead of its own finer
scale, but the sum is not rounded again: the noise is S²/12 instead of b²/12 + y²/12. Zero points
remain individual.

Scales are shared where the cost is small: the scale of a value that is also read elsewhere may grow
by at most the factor TOLERANCE, and a fixed scale (the image's) is only given to values that fit
it.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import stored_output
from edge_imgq.quantize.scales.shared_scales import ScaleClass, only_added

TOLERANCE = 1.3
"""Largest factor on the scale of a value that other nodes than the addition read."""


def share_addition_scales(graph: ir.Graph, classes: dict[ir.Value, ScaleClass]) -> None:
    """Give operands and result of Add and Sub one int8 scale where the cost is small, in place.

    An addition of equal scales is exact in integers. The scale of a value that is also read
    elsewhere grows at most by the factor 1.3. If not all three can share one, the result shares
    with an operand that nothing else reads. Nodes marked as float arithmetic are left out.

    Args:
        graph: float graph.
        classes: scale class of every activation; those of operands and results are joined.
    """
    for node in graph:
        if node.op_type in ("Add", "Sub") and not is_marked(node):
            _share(node, classes)


def _share(node: ir.Node, classes: dict[ir.Value, ScaleClass]) -> None:
    """Join operands and sum, or else the sum and an operand that nothing else reads."""
    operands = [value for value in node.inputs if value is not None]
    result = stored_output(node)
    if any(value not in classes for value in [*operands, result]):
        return
    if not _join_all([*operands, result], classes):
        for operand in operands:
            if only_added(operand) and _join_all([operand, result], classes):
                return


def _join_all(values: list[ir.Value], classes: dict[ir.Value, ScaleClass]) -> bool:
    """Join the scale classes of values; return True if the values now share one."""
    distinct = list({id(classes[value]): classes[value] for value in values}.values())
    if len(distinct) == 1:
        return True
    joined = _join(distinct)
    if joined is None:
        return False
    classes.update((value, joined) for value in joined.values)
    return True


def _join(classes: list[ScaleClass]) -> ScaleClass | None:
    """Unite scale classes; return None if sharing a scale would cost too much."""
    fixed = {one.scale for one in classes if one.is_fixed}
    if len(fixed) > 1:
        return None
    widest = max(one.scale for one in classes)
    scale = fixed.pop() if fixed else widest
    narrowest = min(one.narrowest for one in classes)
    if scale < widest or scale > TOLERANCE * narrowest:
        return None
    values = [value for one in classes for value in one.values]
    return ScaleClass(values, scale, narrowest, any(one.is_fixed for one in classes))
