"""Rewrite a box filter by cumulative sums as average pooling.

With S the summed-area table of x, with a row and a column of zeros before it,

    Σ over a window of h × w = S[h:, w:] − S[:−h, w:] − S[h:, :−w] + S[:−h, :−w]
                             = h · w · AveragePool(AveragePool(x; h × 1); 1 × w).

Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984. Networks use it for local statistics
at inference: Chu et al., "Improving Image Restoration by Revisiting Global Information
Aggregation", ECCV 2022.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

Window = tuple[int, int]
NEAR = 1e-6
"""Factors within this distance of 1 are taken as 1: exporters divide by a rounded number."""


def cumsum_to_avgpool(model: ir.Model) -> int:
    """Rewrite box filters by differences of a summed-area table (CumSum) as AveragePool nodes.

    The sum of an h × w window at each position of (N, C, H, W), from two CumSums, a Pad and four
    Slices, becomes pools of h × 1 and 1 × w of stride 1, and a product with h · w unless the graph
    divides by it. Shapes must be static. Exact in real numbers; float32 rounding differs, because
    the sums no longer run over the image. Crow, SIGGRAPH 1984.

    Args:
        model: edited in place.

    Returns:
        The number of windows rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in ("Add", "Sub")]
    return sum(_rewrite(model.graph, node) for node in nodes if node.graph is not None)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    terms = _terms(node.outputs[0], 1)
    if len(terms) != len(CORNERS):
        return False
    sums = {edit.producer_of(cut, 0).outputs[0] if _is_cut(cut) else None for cut, _ in terms}
    (table,) = sums if len(sums) == 1 else (None,)
    image = _summed(table) if table is not None else None
    if image is None or table is None or table.shape is None or not table.shape.is_static():
        return False
    window = _window(terms, [int(length) for length in table.shape.numpy()])
    if window is None:
        return False
    result, factor, last = _pooled(graph, node, image, window), float(np.prod(window)), node
    after = edit.sole_consumer(node.outputs[0])
    scale = None if after is None else _scale(after, node.outputs[0])
    if after is not None and scale is not None:
        factor, last = factor * scale, after
    if abs(factor - 1) > NEAR:
        number = edit.add_constant(graph, f"{node.name}.count", np.float32(factor))
        result = edit.insert_node(graph, node, "Mul", [result, number], {}, f"{node.name}.sum")
    result.shape = last.outputs[0].shape
    edit.replace_value(last.outputs[0], result)
    edit.remove_dead(last)
    return True


def _terms(value: ir.Value | None, sign: int) -> list[tuple[ir.Node, int]]:
    """Return the computed addends of a sum with their signs; none if it has more than a window."""
    terms: list[tuple[ir.Node, int]] = []
    waiting = [(edit.find_producer(value), sign)]
    while waiting:
        node, sign = waiting.pop()
        if node is None:
            continue
        if node.op_type not in ("Add", "Sub"):
            terms.append((node, sign))
        else:
            other = sign if node.op_type == "Add" else -sign
            one, two = map(edit.find_producer, node.inputs)
            waiting += [(two, other), (one, sign)]
        if len(terms) + sum(left is not None for left, _ in waiting) > len(CORNERS):
            return []
    return terms


def _is_cut(node: ir.Node) -> bool:
    if node.op_type != "Slice" or edit.find_producer(node.inputs[0]) is None:
        return False
    given = [value for value in node.inputs[1:] if value is not None]
    steps = node.inputs[4] if len(node.inputs) > 4 else None
    plain = steps is None or (edit.is_constant(steps) and not (edit.contents(steps) - 1).any())
    return len(given) >= 3 and all(edit.is_constant(value) for value in given) and plain


def _summed(table: ir.Value) -> ir.Value | None:
    """Return the image whose zero-padded summed-area table this is, or None for any other value."""
    pad = edit.find_producer(table)
    if pad is None or pad.op_type != "Pad" or not edit.is_constant(pad.inputs[1]):
        return None
    if pad.attributes.get_string("mode", "constant") != "constant":
        return None
    fill = pad.inputs[2] if len(pad.inputs) > 2 else None
    if fill is not None and (not edit.is_constant(fill) or np.any(edit.contents(fill))):
        return None
    if edit.contents(pad.inputs[1]).reshape(-1).tolist() != [0, 0, 1, 1, 0, 0, 0, 0]:
        return None
    axes, value = set(), pad.inputs[0]
    for _ in range(2):
        node = edit.find_producer(value)
        if node is None or node.op_type != "CumSum" or not edit.is_constant(node.inputs[1]):
            return None
        if node.attributes.get_int("exclusive", 0) or node.attributes.get_int("reverse", 0):
            return None
        axes.add(int(edit.contents(node.inputs[1]).reshape(-1)[0]) % 4)
        value = node.inputs[0]
    return value if axes == {2, 3} else None


CORNERS = {(True, True): 1, (False, True): -1, (True, False): -1, (False, False): 1}
"""Sign of each corner of the window, by whether it is the lower one and the right one."""


def _window(terms: list[tuple[ir.Node, int]], lengths: list[int]) -> Window | None:
    """Return height and width of the window whose four corners are combined, or None."""
    corners: dict[tuple[bool, bool], int] = {}
    sizes: set[Window] = set()
    for cut, sign in terms:
        starts, ends, axes = (edit.contents(cut.inputs[i]).reshape(-1).tolist() for i in (1, 2, 3))
        ranges = {2: (0, lengths[2]), 3: (0, lengths[3])}
        for start, end, axis in zip(starts, ends, axes, strict=True):
            ranges[axis % 4] = slice(start, end).indices(lengths[axis])[:2]
        if len(ranges) != 2:
            return None
        far = [ranges[axis][0] > 0 for axis in (2, 3)]
        size = [
            ranges[axis][0] if late else lengths[axis] - ranges[axis][1]
            for axis, late in zip((2, 3), far, strict=True)
        ]
        whole = [
            ranges[axis][1] == lengths[axis] for axis, late in ((2, far[0]), (3, far[1])) if late
        ]
        if not all(whole):
            return None
        corners[far[0], far[1]] = sign
        sizes.add((size[0], size[1]))
    (window,) = sizes if len(sizes) == 1 else (None,)
    return window if corners == CORNERS and window is not None and min(window) > 0 else None


def _pooled(graph: ir.Graph, node: ir.Node, image: ir.Value, window: Window) -> ir.Value:
    height, width = window
    value = image
    for kernel in ([height, 1], [1, width]):
        attributes = {"kernel_shape": kernel, "strides": [1, 1]}
        value = edit.insert_node(
            graph, node, "AveragePool", [value], attributes, f"{node.name}.mean"
        )
        source = image.shape
        if source is not None and source.is_static():
            sides = [int(length) for length in source.numpy()]
            lost = (height - 1, width - 1 if kernel[1] > 1 else 0)
            value.shape = ir.Shape([*sides[:2], sides[2] - lost[0], sides[3] - lost[1]])
    return value


def _scale(node: ir.Node, value: ir.Value) -> float | None:
    """Return the number that a node multiplies a value by, or None."""
    if node.op_type not in ("Mul", "Div"):
        return None
    number = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
    if not edit.is_constant(number) or edit.contents(number).size != 1:
        return None
    if node.op_type == "Div" and node.inputs[0] is not value:
        return None
    factor = float(edit.contents(number).reshape(-1)[0])
    return 1 / factor if node.op_type == "Div" else factor
