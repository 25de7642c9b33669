"""Operators that compute in float, with a gain per channel at their ends, where the image gains.

A norm, a gate, a lone activation and a product of two images let no gain of a channel pass, so one
scale serves all channels of what they read and write. Between DEQUANTIZE and QUANTIZE they round
once, and their ends have gains (`edge_imgq.quantize.prepare.float_region_gains`). What is asked, in
this order:

- regions that are float already, as norms are: gains cost a product for each number at an end;
- gates, activations and products, each kind in float as a whole;
- convolutions of the image's few channels that a float region reads: they cost little in float.

Each is kept where the rounding noise that is foretold with it
(`edge_imgq.quantize.error_model.rounding_noise`) is at most a share of that without, since float
takes time; and no kind is where the file would come to take as long as a float file, nearly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import float_regions, is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.error_model.rounding_noise import NoiseModel
from edge_imgq.quantize.prepare.float_gates import GATING, find_gates, is_image, is_product
from edge_imgq.quantize.prepare.float_region_gains import insert_edge_factors
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.ranges.saturating_activations import limit_to_saturation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Errors = Mapping[str, NDArray[np.float64]]

ACTIVATIONS = GATING | {"Elu", "Gelu", "HardSwish", "Mish", "Softplus"}
"""Activations through which no gain passes."""

FEW_CHANNELS = 4
"""Channels of an image, for which a convolution in float takes little time."""


@dataclass(frozen=True)
class OperatorGroup:
    """Operators that are asked for together.

    Attributes:
        find: returns those of a graph that compute in int8 so far.
        most_left: share of the noise that they may leave where they compute in float.
    """

    find: Callable[[ir.Graph], list[ir.Node]]
    most_left: float


def operators_in_float(
    original: ir.Model,
    seen: Mapping[str, ChannelRange],
    image: Quantization,
    errors: Callable[[], Errors],
    share_of_time: Callable[[ir.Model], float],
) -> None:
    """Mark operators of a float graph as float where the image gains; in place, exact in float.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of its activations, by name.
        image: parameters of 8-bit pixels.
        errors: returns A of every channel of its images, by the name of the value.
        share_of_time: returns the estimated time of a graph, of that with all layers in float.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    if not any(kind.find(original.graph) for kind in KINDS) and not float_regions(original.graph):
        return
    known = errors()

    def noise(model: ir.Model) -> float:
        graph = model.graph
        return NoiseModel(limit_to_saturation(graph, seen, image), image, known).noise(graph)

    chosen: list[str] = []
    plain, draft = noise(original), _in_float(original, chosen)
    left = noise(draft)
    for kind in KINDS:
        names = [node.name or "" for node in kind.find(draft.graph)]
        other = _in_float(original, [*chosen, *names]) if names else draft
        found = noise(other) if names else left
        pays = found <= kind.most_left * min(plain, left)
        if pays and share_of_time(other) <= MOST_TIME:
            chosen, draft, left = [*chosen, *names], other, found
    if left <= MOST_LEFT_BY_GAINS * plain:
        compute_in_float(original.graph, chosen)


def _in_float(original: ir.Model, names: Collection[str]) -> ir.Model:
    """Return a copy of a graph with some nodes in float, and factors around all that are."""
    draft = original.clone()
    compute_in_float(draft.graph, names)
    return draft


def compute_in_float(graph: ir.Graph, names: Collection[str]) -> None:
    """Mark nodes of some names as float, with factors of one around all that is; in place."""
    for node in graph:
        if node.name in names:
            mark_float(node)
    for region in float_regions(graph):
        insert_edge_factors(graph, region)


def _gates(graph: ir.Graph) -> list[ir.Node]:
    return [node for nodes in find_gates(graph) for node in nodes]


def _activations(graph: ir.Graph) -> list[ir.Node]:
    """Return activations of images with several channels that nothing before them takes in."""
    return [
        node
        for node in graph
        if node.op_type in ACTIVATIONS and not is_marked(node) and is_image(node.outputs[0])
    ]


def _products(graph: ir.Graph) -> list[ir.Node]:
    """Return products of two images, and the activations that are fused to them."""
    found = [node for node in graph if is_product(node)]
    fused = map(fused_activation, found)
    return [*found, *(node for node in fused if node is not None)]


def _first_layers(graph: ir.Graph) -> list[ir.Node]:
    """Return convolutions of the image that a float region reads."""
    images = {value for value in graph.inputs if not value.is_initializer()}
    return [
        node
        for node in graph
        if node.op_type == "Conv"
        and node.inputs[0] in images
        and not is_marked(node)
        and fused_activation(node) is None
        and edit.contents(node.inputs[1]).shape[1] <= FEW_CHANNELS
        and any(map(is_marked, node.outputs[0].consumers()))
    ]


KINDS = (
    OperatorGroup(_gates, 0.7),
    OperatorGroup(_activations, 0.8),
    OperatorGroup(_products, 0.8),
    OperatorGroup(_first_layers, 0.9),
)

MOST_TIME = 0.75
"""Share of a float file's time up to which a kind may take a graph."""

MOST_LEFT_BY_GAINS = 0.95
"""The share that may be left in all, with gains at the ends of regions that are float anyway."""
