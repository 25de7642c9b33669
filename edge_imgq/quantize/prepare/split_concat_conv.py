"""Replace a convolution of a concatenation by a sum of convolutions of its operands where it pays.

A concatenated tensor has one scale, so an operand with values up to 2 next to one with values up to
25 uses a twelfth of the levels. With the weight split along its input channels,

    W * [x, y] = W_x * x + W_y * y,        W * f([x, y]) = W_x * f(x) + W_y * f(y)

for every pointwise f. This is exact in real numbers, takes the same number of multiplications, and
gives each operand a scale. The partial sums are rounded in addition, so it is done where the
predicted noise (`edge_imgq.quantize.error_model.rounding_noise`) decreases.

The decision needs the ranges of both variants, and the images are streamed once: the watched graph
computes both.
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

MIN_GAIN = 0.05
"""Smallest reduction of the noise, as a share, that justifies the additional additions."""

MAX_PARTS = 16


@dataclass(frozen=True)
class _ConvolvedConcat:
    """A concatenation read only by convolutions, directly or through activations.

    Attributes:
        concat: Concat node.
        activations: nodes between it and the convolutions, in graph order.
        convolutions: all convolutions that read it.
    """

    concat: ir.Node
    activations: tuple[ir.Node, ...]
    convolutions: tuple[ir.Node, ...]

    @property
    def names(self) -> frozenset[str]:
        """Names of the convolutions after the split."""
        count = len(self.concat.inputs)
        return frozenset(_name(conv, i) for conv in self.convolutions for i in range(count))


def split_named(graph: ir.Graph, names: Collection[str]) -> None:
    """Split W * [x, y] into W_x * x + W_y * y where a recipe names one of the new convolutions.

    In place, exact in real numbers. Names other than those of new convolutions are ignored.

    Args:
        graph: float graph.
        names: names of layers. Those split from the convolution "c" are called "c.part0",
            "c.part1", … in the order of the operands of the Concat.
    """
    for match in _matches(graph):
        if not match.names.isdisjoint(names):
            _split(graph, match)


def with_partial_sums(model: ir.Model) -> ir.Model:
    """Return a copy that also computes the convolutions W_x * x and W_y * y of each W * [x, y].

    Its outputs stay the same, and nothing reads the added sums; it serves to measure ranges of both
    variants in one run. Names are those that `split_named` gives.
    """
    watched = model.clone()
    for match in _matches(watched.graph):
        _insert_partial(watched.graph, match)
    return watched


def split_concatenations(
    original: ir.Model,
    ranges: Mapping[str, ChannelRange],
    image: Quantization,
    errors: Callable[[], Mapping[str, NDArray[np.float64]]],
    *,
    gains: bool,
) -> None:
    """Split W * [x, y] into W_x * x + W_y * y where that lowers the predicted error, in place.

    A Concat over channels that only ungrouped int8 convolutions read, maybe after pointwise
    operators, is matched. Exact in real numbers; float32 rounding differs. A split must lower the
    graph's predicted rounding error by 5 %.

    Args:
        original: float graph after all other rewrites, as it will be quantized.
        ranges: ranges of the activations of its `with_partial_sums` graph, by value name.
        image: quantization parameters of 8-bit pixels.
        errors: returns, per channel of its 4-D activations, the squared error of the image per unit
            of error variance, float64 (C,), by value name; called once, if there is a match.
        gains: whether equalization may scale channels.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    if not _matches(original.graph):
        return
    noise_model = NoiseModel(ranges, image, errors(), gains, known_as=_base)
    least = noise_model.noise(original.graph)
    for name in [match.concat.name for match in _matches(original.graph)]:
        draft = original.clone()
        _split(draft.graph, _match_named(draft.graph, name))
        left = noise_model.noise(draft.graph)
        if left <= (1 - MIN_GAIN) * least:
            _split(original.graph, _match_named(original.graph, name))
            least = left


MARK = ".part"


def _name(node: ir.Node, index: int) -> str:
    return f"{node.name}{MARK}{index}"


def _base(value: ir.Value) -> str:
    """Return the name of the full sum that a partial sum belongs to, else of the value itself."""
    return value.metadata_props.get(MARK, value.name or "")


def _match_named(graph: ir.Graph, name: str | None) -> _ConvolvedConcat:
    (match,) = (match for match in _matches(graph) if match.concat.name == name)
    return match


def _matches(graph: ir.Graph) -> list[_ConvolvedConcat]:
    """List the concatenations that can be split."""
    matches = []
    for node in graph:
        match = _match(node)
        if match is not None:
            matches.append(match)
    return matches


def _match(node: ir.Node) -> _ConvolvedConcat | None:
    whole = node.outputs[0] if node.outputs else None
    if node.op_type != "Concat" or whole is None or is_marked(node):
        return None
    if len(whole.shape or ()) != 4:
        return None  # such as shape arithmetic
    channels = [v.shape[1] if v is not None and v.shape else None for v in node.inputs]
    computed = not any(edit.is_constant(v) for v in node.inputs)
    of_channels = whole.shape is not None and node.attributes.get_int("axis", 0) in (1, -3)
    if not (of_channels and computed and 1 < len(channels) <= MAX_PARTS):
        return None
    if not all(isinstance(count, int) for count in channels):
        return None
    inner, outer = _pointwise_readers(whole)
    if not outer or any(value.is_graph_output() for value in [whole, *_outputs(inner)]):
        return None
    if not all(_is_plain(conv, {whole, *_outputs(inner)}) for conv in outer):
        return None
    return _ConvolvedConcat(node, tuple(inner), tuple(outer))


def _outputs(nodes: Sequence[ir.Node]) -> list[ir.Value]:
    return [value for node in nodes for value in node.outputs]


def _pointwise_readers(whole: ir.Value) -> tuple[list[ir.Node], list[ir.Node]]:
    """Return the pointwise nodes that follow a value, and other nodes that read their results."""
    known, inner = {whole}, []
    graph = edit.producer(whole).graph
    assert graph is not None
    for node in graph:
        if node.op_type in POINTWISE and _is_pointwise(node, known):
            known.update(node.outputs)
            inner.append(node)
    outer = [r for r in graph if r not in inner and any(v in known for v in r.inputs)]
    return inner, outer


def _is_pointwise(node: ir.Node, known: Collection[ir.Value]) -> bool:
    """Return True if all inputs of a node are known values or scalar constants."""
    given = [value for value in node.inputs if value is not None]
    return any(value in known for value in given) and all(
        value in known or (edit.is_constant(value) and edit.contents(value).size == 1)
        for value in given
    )


def _is_plain(node: ir.Node, known: Collection[ir.Value]) -> bool:
    """Return True if a node is an ungrouped int8 convolution whose image is a known value."""
    convolution = convolution_of(node)
    dense = convolution is not None and not convolution.is_transposed and convolution.group == 1
    return dense and node.inputs[0] in known and not is_marked(node)


def _split(graph: ir.Graph, match: _ConvolvedConcat) -> None:
    """Replace convolutions by sums of partial convolutions, in place."""
    for conv, total in zip(match.convolutions, _insert_partial(graph, match), strict=True):
        edit.replace_value(conv.outputs[0], total)
        edit.remove_dead(conv)


def _insert_partial(graph: ir.Graph, match: _ConvolvedConcat) -> list[ir.Value]:
    """Insert the partial convolutions and their sums; return the sums."""
    first = min(match.convolutions, key=list(graph).index)
    reads = [_copied(graph, match, first, index) for index in range(len(match.concat.inputs))]
    return [_sum(graph, match, conv, reads) for conv in match.convolutions]


def _copied(
    graph: ir.Graph, match: _ConvolvedConcat, first: ir.Node, index: int
) -> dict[ir.Value, ir.Value]:
    """Insert the activations of one operand; map each value of the concatenation to its copy."""
    operand = match.concat.inputs[index]
    assert operand is not None
    reads: dict[ir.Value, ir.Value] = {match.concat.outputs[0]: operand}
    for node in match.activations:
        inputs = [reads.get(v, v) if v is not None else None for v in node.inputs]
        result = edit.insert_node(
            graph, first, node.op_type, inputs, dict(node.attributes.items()), _name(node, index)
        )
        copy = edit.producer(result)
        copy.metadata_props.update(node.metadata_props)
        result.shape = operand.shape
        reads[node.outputs[0]] = result
    return reads


def _sum(
    graph: ir.Graph,
    match: _ConvolvedConcat,
    conv: ir.Node,
    reads: Sequence[Mapping[ir.Value, ir.Value]],
) -> ir.Value:
    """Insert the partial convolutions of one convolution; return their sum."""
    weight = edit.contents(conv.inputs[1])
    cuts = [edit.channels_before(match.concat, i) or 0 for i in range(1, len(match.concat.inputs))]
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
    """Set the shape of a partial sum and record the name of the full sum."""
    value.shape = conv.outputs[0].shape
    value.metadata_props[MARK] = conv.outputs[0].name or ""
    return value
