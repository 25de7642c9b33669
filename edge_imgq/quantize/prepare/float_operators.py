"""Choose operators that compute in float, with per-channel gains at their inputs and outputs.

Per-channel gains do not pass through norms, gates, stand-alone activations and products of two
images, so one scale serves all channels of their inputs and outputs. Between DEQUANTIZE and
QUANTIZE they round once, and their inputs and outputs have gains
(`edge_imgq.quantize.prepare.float_region_gains`). Candidates, in this order:

- regions that are float already, such as norms: gains cost one product per element at each end;
- curves that are applied to the image itself (`edge_imgq.quantize.prepare.float_curves`);
- gates, activations and products, each group as a whole;
- 1×1 convolutions of what these make that depthwise convolutions alone read, with the latter: a
  wide kernel sums the rounding errors of what it reads, and takes no longer in float;
- sums of a residual trunk that all these feed (`edge_imgq.quantize.prepare.float_trunks`);
- convolutions of the image's few channels read by a float region: they cost little in float;
- concatenations that all these feed, with the 1×1 convolution that reads them: in int8 the parts
  share a scale, in float those that float operators make are not rounded for the concatenation.

Each is kept if the predicted rounding noise with it
(`edge_imgq.quantize.error_model.rounding_noise`) is at most a given share of the noise without,
since float takes time, and if the file stays well below the time of a float file, or takes hardly
longer than before. Where integers alone take nearly as long as floats, as in networks of depthwise
7×7 convolutions, a group that halves visible noise may take up to the time of a float file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import float_regions, is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.error_model.rounding_noise import NoiseModel
from edge_imgq.quantize.prepare.float_curves import find_curves
from edge_imgq.quantize.prepare.float_gates import GATING, find_gates, is_image, is_product
from edge_imgq.quantize.prepare.float_region_gains import insert_edge_factors
from edge_imgq.quantize.prepare.float_trunks import find_trunk, is_first_layer, ranges_as_added
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.ranges.saturating_activations import limit_to_saturation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Errors = Mapping[str, NDArray[np.float64]]

ACTIVATIONS = GATING | {"Elu", "Gelu", "HardSwish", "Mish", "Softplus"}
"""Activations through which a per-channel gain does not pass."""


@dataclass(frozen=True)
class OperatorGroup:
    """Operators that are moved to float together or not at all.

    Attributes:
        find: returns the operators of the group in a graph that still compute in int8.
        max_left: largest share of the noise, 0 to 1, that may remain with the group in float.
        reads_unrounded: whether the group reads values of other float operators that int8 nodes
            read too. These then read a rounded copy, whose errors reach the image by them alone.
    """

    find: Callable[[ir.Graph], list[ir.Node]]
    max_left: float
    reads_unrounded: bool = False


def operators_in_float(
    original: ir.Model,
    observed: Mapping[str, ChannelRange],
    image: Quantization,
    errors: Callable[[ir.Model], Errors],
    share_of_time: Callable[[ir.Model], float],
    groups: Sequence[OperatorGroup] | None = None,
) -> None:
    """Mark operators of a float graph as float where this lowers the predicted error, in place.

    Gates, activations, products, residual sums, first layers and concatenations are tried as
    groups. Each must lower the error by 10 to 30 %, and the estimated time must stay below 75 % of
    that with all layers in float, or grow by at most 1 %. If the time exceeds 75 % and the error
    1.6 squared levels (46 dB) without the group, one that halves the error may take up to 100 %.
    The graph computes the same; factors of one are inserted at float regions, unless the error
    falls by less than 5 % in all.

    Args:
        original: float graph after all other rewrites, as it will be quantized.
        observed: ranges of its activations, by value name.
        image: quantization parameters of 8-bit pixels.
        errors: returns, per channel of the 4-D activations of a graph, the squared error of the
            image per unit of error variance, float64 (C,), by value name.
        share_of_time: returns the estimated time of a graph relative to all layers in float.
        groups: groups to try, in this order; by default all, OPERATOR_GROUPS.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    graph = original.graph
    groups = OPERATOR_GROUPS if groups is None else groups
    if not (any(group.find(graph) for group in groups) or float_regions(graph)):
        return
    known = errors(original)

    def noise(model: ir.Model) -> float:
        saturating = limit_to_saturation(model.graph, observed, image)
        ranges = ranges_as_added(model.graph, saturating)
        return NoiseModel(ranges, image, known).noise(model.graph)

    chosen: list[str] = []
    visible = VISIBLE * float(image.scale[0]) ** 2
    plain, draft = noise(original), _in_float(original, chosen)
    least, time_so_far = noise(draft), share_of_time(draft)
    for group in groups:
        names = [node.name or "" for node in group.find(draft.graph)]
        if not names:
            continue
        other = _in_float(original, [*chosen, *names])
        before, known = known, errors(other) if group.reads_unrounded else known
        remaining, time = noise(other), share_of_time(other)
        most = min(plain, least)
        halves = most > visible and remaining <= HALF * most
        pays = remaining <= group.max_left * most
        if pays and time <= _max_time(time_so_far, halves=halves):
            chosen, draft, least, time_so_far = [*chosen, *names], other, remaining, time
        else:
            known = before
    if least <= MAX_REMAINING_NOISE * plain:
        compute_in_float(graph, chosen)


def _max_time(before: float, *, halves: bool) -> float:
    """Return the largest estimated time with a group in float, as a share of a float file's time.

    Args:
        before: the estimate without the group.
        halves: whether the group halves noise that is visible.
    """
    if halves and before > MAX_TIME_RATIO:
        return 1.0
    return max(MAX_TIME_RATIO, before * SAME_TIME)


def _in_float(original: ir.Model, names: Collection[str]) -> ir.Model:
    """Return a copy of a graph with the named nodes in float and factors around float regions."""
    draft = original.clone()
    compute_in_float(draft.graph, names)
    return draft


def compute_in_float(graph: ir.Graph, names: Collection[str]) -> None:
    """Mark the named nodes as float and insert factors of one around float regions, in place.

    Regions that were marked before get factors too. Names that no node has are ignored.
    """
    for node in graph:
        if node.name in names:
            mark_float(node)
    for region in float_regions(graph):
        insert_edge_factors(graph, region)


def _gates(graph: ir.Graph) -> list[ir.Node]:
    return [node for nodes in find_gates(graph) for node in nodes]


def _activations(graph: ir.Graph) -> list[ir.Node]:
    """Return activations of images that no previous layer fuses and that are not marked float."""
    return [
        node
        for node in graph
        if node.op_type in ACTIVATIONS and not is_marked(node) and is_image(node.outputs[0])
    ]


def _products(graph: ir.Graph) -> list[ir.Node]:
    """Return products of two images and the activations fused to them."""
    products = [node for node in graph if is_product(node)]
    fused = map(fused_activation, products)
    return [*products, *(node for node in fused if node is not None)]


def _pointwise_and_depthwise(graph: ir.Graph) -> list[ir.Node]:
    """Return 1×1 convolutions of float values that depthwise ones alone read, with these."""
    found: dict[ir.Node, None] = {}  # an ordered set
    for node in graph:
        readers = list(node.outputs[0].consumers())
        source = node.inputs[0].producer() if node.inputs and node.inputs[0] is not None else None
        if source is None or not is_marked(source) or not _is_pointwise(node):
            continue
        if readers and all(_is_int8_depthwise(reader) for reader in readers):
            found |= dict.fromkeys([node, *readers])
    return list(found)


def _first_layers(graph: ir.Graph) -> list[ir.Node]:
    """Return convolutions of the image that a float region reads."""
    return [
        node
        for node in graph
        if is_first_layer(node) and any(map(is_marked, node.outputs[0].consumers()))
    ]


def _joins(graph: ir.Graph) -> list[ir.Node]:
    """Return concatenations that a float region feeds, with the 1×1 convolution that reads them."""
    joins: list[ir.Node] = []
    for node in graph:
        readers = list(node.outputs[0].consumers())
        fed = any(made is not None and is_marked(made) for made in _producers(node))
        if node.op_type == "Concat" and fed and len(readers) == 1 and _is_pointwise(readers[0]):
            fused = fused_activation(readers[0])
            joins += [node, readers[0], *([] if fused is None else [fused])]
    return joins


def _producers(node: ir.Node) -> list[ir.Node | None]:
    return [None if value is None else value.producer() for value in node.inputs]


def _is_pointwise(node: ir.Node) -> bool:
    """Return True if a node is an int8 convolution of single pixels that is not grouped."""
    if node.op_type != "Conv" or is_marked(node) or not edit.is_constant(node.inputs[1]):
        return False
    one = edit.contents(node.inputs[1]).shape[2:] == (1, 1)
    return one and node.attributes.get_int("group", 1) == 1


def _is_int8_depthwise(node: ir.Node) -> bool:
    """Return True if a node is an int8 convolution of each channel by itself, nothing fused."""
    if node.op_type != "Conv" or is_marked(node) or fused_activation(node) is not None:
        return False
    groups = node.attributes.get_int("group", 1)
    return (
        groups > 1
        and edit.is_constant(node.inputs[1])
        and (edit.contents(node.inputs[1]).shape[:2] == (groups, 1))
    )


POINTWISE_AND_DEPTHWISE = OperatorGroup(_pointwise_and_depthwise, 0.7)

OPERATOR_GROUPS = (
    OperatorGroup(find_curves, 0.8),
    OperatorGroup(_gates, 0.7),
    OperatorGroup(_activations, 0.8),
    OperatorGroup(_products, 0.8),
    POINTWISE_AND_DEPTHWISE,
    OperatorGroup(find_trunk, 0.9, reads_unrounded=True),
    OperatorGroup(_first_layers, 0.9),
    OperatorGroup(_joins, 0.9, reads_unrounded=True),
)

MAX_TIME_RATIO = 0.75
"""Largest estimated time with a group in float, as a share of an all-float file's time."""

HALF = 0.5
"""Largest share of the noise that may remain with a group for which the file may take as long as a
float file: 3 dB."""

VISIBLE = 255**2 / 10**4.6
"""Least noise for which it may, in squared levels: 46 dB."""

SAME_TIME = 1.01
"""Factor on the estimated time up to which a group in float takes no longer."""

MAX_REMAINING_NOISE = 0.95
"""Largest share of the noise that may remain in all; otherwise no factors are inserted."""
