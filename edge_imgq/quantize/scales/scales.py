"""Choose one scale and zero point for every activation from the observed ranges.

Rules, in this order:

1. The image at input and output has one level per pixel level (`image_quantization`).
2. Tanh, Sigmoid and Softmax have the output parameters that the format fixes.
3. Values joined by an operator that copies integers (concatenation, padding, pixel shuffle, …)
   form a group with one range that covers them all. A concatenation does not widen what other
   operators read: an operand that would lose many levels by it keeps its scale, and is requantized
   for the concatenation.
4. A fixed value passes its scale through copying operators with one input: forwards always,
   backwards (from the output, also through clipping) if nothing else reads the value. It never
   fixes the range of a concatenation: there it is requantized. A value that the network clips to
   the pixel range midway, as between successive curves, also gets the scale of an image: the
   integers saturate where the clip does, so the clip needs no operator, and sums of two such
   images do not round.
5. Operands and sum of an addition share a scale where that is cheap
   (`edge_imgq.quantize.scales.exact_addition`).
6. Scales are widened slightly so that no sum, product or mean lies halfway between two levels
   (`edge_imgq.quantize.scales.tie_free_scales`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, stays_float
from edge_imgq.graph.fusion import clip_bounds, fused_activation
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import Range, asymmetric, bounds
from edge_imgq.quantize.scales.exact_addition import share_addition_scales
from edge_imgq.quantize.scales.scale_constraints import FIXED_OUTPUT, SHARED_SCALE
from edge_imgq.quantize.scales.shared_scales import scale_classes, write_scales
from edge_imgq.quantize.scales.tie_free_scales import avoid_ties

JOINING = frozenset({"Concat", "Min", "Max"})
"""Copying operators with several inputs."""


def activations(graph: ir.Graph) -> list[ir.Value]:
    """List the values that a quantized file stores as integers.

    Graph inputs come first, then node outputs in graph order. Left out are values between a layer
    and the activation fused to it, integers of shape arithmetic, and values inside float regions.
    """
    inputs = [value for value in graph.inputs if not value.is_initializer()]
    outputs = [
        value
        for node in graph
        if fused_activation(node) is None
        for value in node.outputs
        if value.dtype in (None, ir.DataType.FLOAT) and not stays_float(value)
    ]
    return inputs + outputs


def assign_scales(
    graph: ir.Graph, ranges: Mapping[str, Range], image: Quantization
) -> dict[ir.Value, Quantization]:
    """Choose the int8 scale and zero point of every activation.

    Values joined by operators that copy integers share them, Sigmoid, Tanh and Softmax have fixed
    ones, and scales are widened by some thousandths so that runtimes round alike.

    Args:
        graph: float graph; it is not changed.
        ranges: observed range of every activation, by value name.
        image: quantization parameters of 8-bit pixels, for the graph's input and outputs.

    Returns:
        Per-tensor int8 parameters of every value in `activations`.

    Raises:
        KeyError: an activation has no range.
    """
    values = activations(graph)
    fixed = _fixed(graph, image, ranges)
    groups = _Groups(values)
    for node in graph:
        if node.op_type in SHARED_SCALE and not is_marked(node):
            _join(groups, node, fixed, ranges)
    qparams: dict[ir.Value, Quantization] = {}
    for members in groups.all():
        given = next((fixed[value] for value in members if value in fixed), None)
        if given is None:
            given = asymmetric(_joint_range(members, ranges))
        qparams.update((value, given) for value in members)
    classes = scale_classes(qparams, fixed)
    share_addition_scales(graph, classes)
    avoid_ties(graph, classes)
    write_scales(classes, qparams, fixed)
    return qparams


def _fixed(
    graph: ir.Graph, image: Quantization, ranges: Mapping[str, Range]
) -> dict[ir.Value, Quantization]:
    """Find the values with given parameters (rules 1, 2 and 4)."""
    fixed: dict[ir.Value, Quantization] = {}
    for node in graph:
        if node.op_type in FIXED_OUTPUT and not is_marked(node):
            fixed[node.outputs[0]] = FIXED_OUTPUT[node.op_type]
    fixed.update((value, image) for value in graph.inputs if not value.is_initializer())
    for value in graph.outputs:
        fixed[value] = image
        source = _became_image(value)
        while source is not None and source not in fixed and edit.sole_consumer(source):
            fixed[source] = image
            source = _became_image(source)
    for node in graph:
        if _clips_to_pixels(node, image, ranges):
            fixed.setdefault(node.outputs[0], image)
    for node in graph:
        source = node.inputs[0] if _copies_one(node) else None
        if source is not None and source in fixed:
            for output in node.outputs:
                fixed.setdefault(output, fixed[source])
    return fixed


def _clips_to_pixels(node: ir.Node, image: Quantization, ranges: Mapping[str, Range]) -> bool:
    """Return True if a node clips a value to the pixel range and the value fills that range.

    False if the result is joined with other values, where it would be requantized.
    """
    ends, value = clip_bounds(node), node.outputs[0]
    observed = ranges.get(value.name or "")
    if ends is None or observed is None or is_marked(node):
        return False
    pixels, level = bounds(image), float(image.scale[0])
    is_clip = max(abs(ends.low - pixels.low), abs(ends.high - pixels.high)) < level / 100
    is_full = max(abs(observed.low - pixels.low), abs(observed.high - pixels.high)) < level
    return is_clip and is_full and not any(use.node.op_type in JOINING for use in value.uses())


def _copies_one(node: ir.Node) -> bool:
    return not is_marked(node) and node.op_type in SHARED_SCALE - JOINING


def _became_image(value: ir.Value) -> ir.Value | None:
    """Return the value that an image was copied or clipped from, else None.

    Clipping is allowed: a value stored as pixels saturates at their range anyway.
    """
    node = value.producer()
    if node is None or not (_copies_one(node) or clip_bounds(node) is not None):
        return None
    return node.inputs[0]


def _join(
    groups: _Groups,
    node: ir.Node,
    fixed: Mapping[ir.Value, Quantization],
    ranges: Mapping[str, Range],
) -> None:
    """Join the inputs and outputs of a copying operator, except those with scales of their own."""
    inputs = [value for value in node.inputs if value is not None and value in groups]
    if node.op_type == "Concat":
        inputs = [value for value in inputs if not _keeps_scale(groups[value], node, ranges)]
    free = [value for value in (*node.outputs, *inputs) if value in groups and value not in fixed]
    for value in free[1:]:
        groups.join(free[0], value)


MAX_WIDENING = 1.5
"""Largest factor by which a concatenation widens the scale of what other operators read.

Wider by a factor of f, a value's rounding has f² times the variance for its other readers;
requantized, the concatenation rounds it once more, and its variance there grows by 1/f²."""


def _keeps_scale(members: Sequence[ir.Value], concat: ir.Node, ranges: Mapping[str, Range]) -> bool:
    """Return True if the scale of a Concat is far too wide for other readers of an operand."""
    readers = (reader for value in members for reader in value.consumers())
    others = (
        reader
        for reader in readers
        if reader is not concat and not (_copies_one(reader) and reader.outputs[0] in members)
    )
    widened = asymmetric(ranges[concat.outputs[0].name or ""]).scale[0]
    own = asymmetric(_joint_range(members, ranges)).scale[0]
    return widened > MAX_WIDENING * own and any(others)


def _joint_range(members: Sequence[ir.Value], ranges: Mapping[str, Range]) -> Range:
    joint = ranges[members[0].name or ""]
    for value in members[1:]:
        joint = joint.join(ranges[value.name or ""])
    return joint


class _Groups:
    """Disjoint sets of values."""

    def __init__(self, values: list[ir.Value]) -> None:
        self._group = {value: [value] for value in values}

    def __contains__(self, value: ir.Value) -> bool:
        return value in self._group

    def __getitem__(self, value: ir.Value) -> Sequence[ir.Value]:
        return self._group[value]

    def join(self, one: ir.Value, other: ir.Value) -> None:
        first, second = self._group[one], self._group[other]
        if first is second:
            return
        first.extend(second)
        for value in second:
            self._group[value] = first

    def all(self) -> list[list[ir.Value]]:
        return list({id(group): group for group in self._group.values()}.values())
