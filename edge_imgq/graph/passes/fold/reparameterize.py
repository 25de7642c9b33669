"""Merge linear branches into one convolution (structural re-parametrisation).

RepVGG, ACB, ECB, ETDS and SESR train several convolutions that run as one:

    y = Σ_i A_i(… (x)),      each branch a chain of convolutions with nothing between them.

A chain composes to one window, and windows over one image add up to one
(`edge_imgq.graph.linear_map` holds the algebra and states where it is exact). Branches are searched
below every addition. For each source image x, the branches from x are merged if that takes no more
multiplications than before; the other addends are added as before. A chain outside a sum is merged
if that takes fewer multiplications.

A branch that only scales channels (identity, batch norm, a factor) is merged by
`merge-skip-branches`, a separate pass because in int8 it costs the weights precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.linear_map import (
    ConvGeometry,
    LinearMap,
    add_maps,
    bounding_box,
    can_add,
    can_follow,
    compose,
    composed_geometry,
    identity,
    insert_linear_map,
    linear_map_of,
    scaled,
)


@dataclass(frozen=True)
class Branch:
    """An addend of a sum as a chain of convolutions of another value.

    Attributes:
        end: the addend, (N, C, H, W).
        source: image that the chain reads; `end` for a branch of no convolution.
        chain: convolutions from `source` to `end`, in order; the identity alone for none.
        sign: 1, or −1 for a subtracted branch.
    """

    end: ir.Value
    source: ir.Value
    chain: tuple[LinearMap, ...]
    sign: int = 1

    @property
    def geometry(self) -> ConvGeometry:
        """Channels, taps, stride and padding of the one convolution that equals the chain."""
        return reduce(composed_geometry, (window.geometry for window in self.chain))

    @property
    def products(self) -> int:
        """Multiplications of the chain per position of `end`, all channels together.

        A depthwise 1×1 convolution counts as none.
        """
        total, density = 0, 1
        for window in reversed(self.chain):
            geometry = window.geometry
            total += 0 if geometry.is_diagonal else geometry.products * density
            density *= geometry.stride[0] * geometry.stride[1]
        return total

    def window(self) -> LinearMap:
        """Return the one convolution that equals the chain, multiplied by the sign.

        Exact in real numbers; weights are multiplied in float64.
        """
        return scaled(reduce(compose, self.chain), self.sign)


def reparameterize(model: ir.Model) -> int:
    """Merge chains of convolutions, and convolutions of one image that are added, into one Conv.

    Branches A₁(x) + A₂(x), each a chain of convolutions with nothing between them, are merged if
    that takes no more multiplications than before, chains outside a sum if it takes fewer. Branches
    that only scale channels are left to `merge_skip_branches`. Exact in real numbers, image borders
    included; float32 rounding differs. Time is quadratic in the number of convolutions in a row.
    Ding et al., "RepVGG", CVPR 2021.

    Args:
        model: edited in place.

    Returns:
        The number of convolutions written.
    """
    return collapse_branches(model, diagonal=False)


def collapse_branches(model: ir.Model, *, diagonal: bool) -> int:
    """Merge chains of convolutions, and convolutions of one image that are added, into one Conv.

    Branches are merged if that takes no more multiplications than before, chains outside a sum if
    it takes fewer; this is repeated until nothing more can be merged. Exact in real numbers, image
    borders included; float32 rounding differs. Time is quadratic in the number of convolutions in
    a row, which each of them walks.

    Args:
        model: edited in place.
        diagonal: whether branches that only scale channels, or pass the image on, are merged too.

    Returns:
        The number of convolutions written.
    """
    count = 0
    while True:
        before = count
        for node in reversed(list(model.graph)):
            root: ir.Node | None = node
            while root is not None and root.graph is not None and _is_root(root):
                root = _collapse(model.graph, root, diagonal)
                count += root is not None
        if count == before:
            return count


def _is_root(node: ir.Node) -> bool:
    """Return True for a convolution, or the last addition of a sum."""
    if node.op_type == "Conv":
        return True
    reader = edit.sole_consumer(node.outputs[0])
    return _is_sum(node) and not (reader is not None and _is_sum(reader))


def _is_sum(node: ir.Node) -> bool:
    """Return True if a node adds or subtracts two computed images (N, C, H, W) of one shape."""
    if node.op_type not in ("Add", "Sub") or is_marked(node):
        return False
    first, second = node.inputs
    if first is None or second is None or edit.is_constant(first) or edit.is_constant(second):
        return False
    if first.shape is None or second.shape is None or len(first.shape) != 4:
        return False
    if len(second.shape) != 4 or not isinstance(first.shape[1], int):
        return False
    pairs = list(zip(first.shape, second.shape, strict=True))[1:]
    # An open length is not 1: images that are open at one size have no other.
    return all(one == other or 1 not in (one, other) for one, other in pairs)


def _collapse(graph: ir.Graph, root: ir.Node, diagonal: bool) -> ir.Node | None:
    """Merge the branches of one sum that save the most multiplications.

    Returns:
        The node that now computes the sum; None if nothing was merged.
    """
    ends = _addends(root.outputs[0], 1, root) if _is_sum(root) else [(root.outputs[0], 1)]
    branches = [_branches(value, sign, root) for value, sign in ends]
    best = max(
        _groups(branches, diagonal), key=lambda group: (_gain(group), len(group)), default=None
    )
    if best is None:
        return None
    shape, name = root.outputs[0].shape, f"{root.name}.collapsed"
    window = add_maps([branch.window() for branch in best])
    total = insert_linear_map(graph, root, best[0].source, window, name)
    total.shape = shape
    merged = {id(branch.end) for branch in best}
    for value, sign in ends:
        if id(value) not in merged:
            kind = "Add" if sign > 0 else "Sub"
            total = edit.insert_node(graph, root, kind, [total, value], {}, f"{root.name}.rest")
            total.shape = shape
    edit.replace_value(root.outputs[0], total)
    edit.remove_dead(root)
    return total.producer()


def _addends(value: ir.Value, sign: int, root: ir.Node) -> list[tuple[ir.Value, int]]:
    """Return the addends of a sum with their signs."""
    node = value.producer()
    if node is None or not _is_sum(node):
        return [(value, sign)]
    first, second = node.inputs
    if first is None or second is None or not (node is root or edit.sole_consumer(value)):
        return [(value, sign)]
    other = -sign if node.op_type == "Sub" else sign
    return _addends(first, sign, root) + _addends(second, other, root)


def _branches(end: ir.Value, sign: int, root: ir.Node) -> list[Branch]:
    """Return a value as a function of itself and of each image upstream of it."""
    channels = end.shape[1] if end.shape is not None else None
    if not isinstance(channels, int):
        return []
    branches = [Branch(end, end, (identity(channels),), sign)]
    node = end.producer()
    chain: tuple[LinearMap, ...] = ()
    while node is not None and (node is root or edit.sole_consumer(node.outputs[0])):
        window, source = linear_map_of(node), node.inputs[0]
        if window is None or source is None:
            break
        if chain and not can_follow(window, branches[-1].geometry):
            break
        chain = (window, *chain)
        branches.append(Branch(end, source, chain, sign))
        node = source.producer()
    return branches


def _groups(branches: list[list[Branch]], diagonal: bool) -> list[list[Branch]]:
    """Return the worthwhile sets of branches to merge, one per source image."""
    by_source: dict[ir.Value, list[Branch]] = {}
    for choices in branches:
        for branch in choices:
            if diagonal or not branch.geometry.is_diagonal:
                by_source.setdefault(branch.source, []).append(branch)
    groups = (_compatible(group) for group in by_source.values())
    return [group for group in groups if _is_worthwhile(group)]


def _compatible(group: list[Branch]) -> list[Branch]:
    """Return the branches that can be added to the most expensive one."""
    first = max(group, key=lambda branch: branch.products)
    return [branch for branch in group if can_add(first.geometry, branch.geometry)]


def _is_worthwhile(group: list[Branch]) -> bool:
    if all(branch.geometry.is_diagonal for branch in group):
        return False
    alone = len(group) == 1
    return _gain(group) >= alone and not (alone and len(group[0].chain) == 1)


def _gain(group: list[Branch]) -> int:
    """Return the multiplications per position that merging a group saves."""
    whole = bounding_box([branch.geometry for branch in group])
    return sum(branch.products for branch in group) - whole.products
