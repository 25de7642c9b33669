"""A convolution of a concatenation as the sum of convolutions of its parts, where that pays.

A concatenated tensor has one scale, so a part with values up to 2 beside one with values up to 25
keeps a twelfth of its levels. With the weight cut along its inputs,

    W * [x, y] = W_x * x + W_y * y,        W * f([x, y]) = W_x * f(x) + W_y * f(y)

for every f that looks at one number at a time: exact in float, the same multiplications, and every
part has a scale of its own. What the partial sums round is new, so it is done where the forecast
(`edge_imgq.quantize.error_model.rounding_noise`) says that the image gains.

Which form is better depends on the ranges of both, and the images stream by once: the graph that is
watched has both, the parts beside what they may take the place of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.error_model.rounding_noise import NoiseModel
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.ranges.saturating_activations import POINTWISE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_GAIN = 0.05
"""Share of the noise that parting must spare: additions take time."""

MOST_PARTS = 16


@dataclass(frozen=True)
class _Site:
    """A concatenation that convolutions alone read, directly or behind activations.

    Attributes:
        concat: the node.
        activations: nodes between it and the convolutions, in order.
        convolutions: all that read it.
    """

    concat: ir.Node
    activations: tuple[ir.Node, ...]
    convolutions: tuple[ir.Node, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of the convolutions that parting would write."""
        count = len(self.concat.inputs)
        return frozenset(_name(conv, i) for conv in self.convolutions for i in range(count))


def part_named(graph: ir.Graph, names: Collection[str]) -> None:
    """Part the concatenations whose parts have some names, in place: a recipe speaks of them."""
    for site in _sites(graph):
        if not site.names.isdisjoint(names):
            _part(graph, site)


def with_parts(model: ir.Model) -> ir.Model:
    """Return a copy of a float graph that computes the partial sums besides, for watching."""
    watched = model.clone()
    for site in _sites(watched.graph):
        _write_parts(watched.graph, site)
    return watched


def part_concatenations(
    original: ir.Model,
    seen: Mapping[str, ChannelRange],
    image: Quantization,
    errors: Callable[[], Mapping[str, NDArray[np.float64]]],
    *,
    gains: bool,
) -> None:
    """Part the concatenations of a float graph where the image gains; in place, exact in float.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of the activations of `with_parts` of it, by name.
        image: parameters of 8-bit pixels.
        errors: returns A of every channel of its images, by the name of the value.
        gains: whether channels may get gains.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    if not _sites(original.graph):
        return
    forecast = NoiseModel(seen, image, errors(), gains, known_as=_base)
    least = forecast.noise(original.graph)
    for name in [site.concat.name for site in _sites(original.graph)]:
        draft = original.clone()
        _part(draft.graph, _site_named(draft.graph, name))
        left = forecast.noise(draft.graph)
        if left <= (1 - LEAST_GAIN) * least:
            _part(original.graph, _site_named(original.graph, name))
            least = left


MARK = ".part"


def _name(node: ir.Node, index: int) -> str:
    return f"{node.name}{MARK}{index}"


def _base(value: ir.Value) -> str:
    """Return the name of the value that a partial sum belongs to."""
    return value.metadata_props.get(MARK, value.name or "")


def _site_named(graph: ir.Graph, name: str | None) -> _Site:
    (site,) = (site for site in _sites(graph) if site.concat.name == name)
    return site


def _sites(graph: ir.Graph) -> list[_Site]:
    """Return the concatenations that can be parted."""
    found = []
    for node in graph:
        site = _site(node)
        if site is not None:
            found.append(site)
    return found


def _site(node: ir.Node) -> _Site | None:
    whole = node.outputs[0] if node.outputs else None
    if node.op_type != "Concat" or whole is None or is_marked(node):
        return None
    if len(whole.shape or ()) != 4:
        return None  # shape arithmetic, for one
    channels = [v.shape[1] if v is not None and v.shape else None for v in node.inputs]
    computed = not any(edit.is_constant(v) for v in node.inputs)
    of_channels = whole.shape is not None and node.attributes.get_int("axis", 0) in (1, -3)
    if not (of_channels and computed and 1 < len(channels) <= MOST_PARTS):
        return None
    if not all(isinstance(count, int) for count in channels):
        return None
    inner, outer = _behind(whole)
    if not outer or any(value.is_graph_output() for value in [whole, *_outputs(inner)]):
        return None
    if not all(_is_plain(conv, {whole, *_outputs(inner)}) for conv in outer):
        return None
    return _Site(node, tuple(inner), tuple(outer))


def _outputs(nodes: Sequence[ir.Node]) -> list[ir.Value]:
    return [value for node in nodes for value in node.outputs]


def _behind(whole: ir.Value) -> tuple[list[ir.Node], list[ir.Node]]:
    """Return the nodes that compute number by number behind a value, and those that read these."""
    known, inner = {whole}, []
    graph = edit.maker(whole).graph
    assert graph is not None
    for node in graph:
        if node.op_type in POINTWISE and _is_pointwise(node, known):
            known.update(node.outputs)
            inner.append(node)
    outer = [r for r in graph if r not in inner and any(v in known for v in r.inputs)]
    return inner, outer


def _is_pointwise(node: ir.Node, known: Collection[ir.Value]) -> bool:
    """Tell whether a node reads known values alone, beside numbers that are the same everywhere."""
    given = [value for value in node.inputs if value is not None]
    return any(value in known for value in given) and all(
        value in known or (edit.is_constant(value) and edit.contents(value).size == 1)
        for value in given
    )


def _is_plain(node: ir.Node, known: Collection[ir.Value]) -> bool:
    """Tell whether a node is a convolution of one group that reads a known value as its image."""
    found = convolution_of(node)
    dense = found is not None and not found.is_transposed and found.group == 1
    return dense and node.inputs[0] in known and not is_marked(node)


def _part(graph: ir.Graph, site: _Site) -> None:
    """Let sums of partial convolutions take the place of convolutions; in place."""
    for conv, total in zip(site.convolutions, _write_parts(graph, site), strict=True):
        edit.take_place(conv.outputs[0], total)
        edit.remove_dead(conv)


def _write_parts(graph: ir.Graph, site: _Site) -> list[ir.Value]:
    """Write the partial convolutions of a site and their sums; return the sums."""
    first = min(site.convolutions, key=list(graph).index)
    reads = [_copied(graph, site, first, index) for index in range(len(site.concat.inputs))]
    return [_sum(graph, site, conv, reads) for conv in site.convolutions]


def _copied(graph: ir.Graph, site: _Site, first: ir.Node, index: int) -> dict[ir.Value, ir.Value]:
    """Write the activations of one part; return what stands there for each value of the whole."""
    part = site.concat.inputs[index]
    assert part is not None
    reads: dict[ir.Value, ir.Value] = {site.concat.outputs[0]: part}
    for node in site.activations:
        inputs = [reads.get(v, v) if v is not None else None for v in node.inputs]
        result = edit.insert_node(
            graph, first, node.op_type, inputs, dict(node.attributes.items()), _name(node, index)
        )
        maker = edit.maker(result)
        maker.metadata_props.update(node.metadata_props)
        result.shape = part.shape
        reads[node.outputs[0]] = result
    return reads


def _sum(
    graph: ir.Graph, site: _Site, conv: ir.Node, reads: Sequence[Mapping[ir.Value, ir.Value]]
) -> ir.Value:
    """Write the partial convolutions of one convolution; return their sum."""
    weight = edit.contents(conv.inputs[1])
    cuts = [edit.channels_before(site.concat, i) or 0 for i in range(1, len(site.concat.inputs))]
    source, bias = conv.inputs[0], edit.bias_of(conv)
    assert source is not None
    total: ir.Value | None = None
    for index, cut in enumerate(np.split(weight, cuts, axis=1)):
        given = bias if index == 0 else np.zeros(len(weight), np.float32)
        partial = _convolution(graph, conv, reads[index][source], cut, given, _name(conv, index))
        if total is not None:
            name = f"{conv.name}.sum{index}"
            total = _like(conv, edit.insert_node(graph, conv, "Add", [total, partial], {}, name))
        else:
            total = partial
    assert total is not None
    return total


def _convolution(
    graph: ir.Graph, conv: ir.Node, source: ir.Value, weight: Any, bias: Any, name: str
) -> ir.Value:
    constants = [edit.add_constant(graph, f"{name}.weight", weight)]
    if bias is not None:
        constants.append(edit.add_constant(graph, f"{name}.bias", bias))
    attributes = dict(conv.attributes.items())
    return _like(
        conv, edit.insert_node(graph, conv, "Conv", [source, *constants], attributes, name)
    )


def _like(conv: ir.Node, value: ir.Value) -> ir.Value:
    """Give a partial sum the shape of the whole, and note what it is a part of."""
    value.shape = conv.outputs[0].shape
    value.metadata_props[MARK] = conv.outputs[0].name or ""
    return value
