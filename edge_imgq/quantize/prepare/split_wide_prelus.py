"""Split the PReLUs of wide layers by sign, with as many channels as cost no extra kernel tiles.

The positive and the negative channels of a PReLU, relu(x) and −a·relu(−x), each use all 8 bits for
one sign and round once (`edge_imgq.graph.passes.by_name.sign_split`). In a layer whose channels
fill the kernels' tiles they double the time. Many of them matter little: with a slope near 0 the
negative one is small, some channels never change sign, and some are nearly linear combinations of
others. Such channels are pruned, and the remaining ones reconstruct them
(`edge_imgq.quantize.steps.channel_pruning`), until the rest fit the allowed tiles
(`edge_imgq.graph.passes.by_name.sign_split_cost`). If that costs more than a share of the layer's
noise, the PReLU is not split.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.passes.by_name.sign_split import affordable_splits, split
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.quantize.calibration.histogram import Histogram
from edge_imgq.quantize.error_model.channel_sensitivity import measure_sensitivity
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.ranges.guarded_clipping import LOSS, TRUTH
from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelDetail, ChannelRange
from edge_imgq.quantize.steps.channel_equivalence import (
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
    ranges_with_gains_and_copies,
)
from edge_imgq.quantize.steps.channel_pruning import (
    WIDEST,
    PruningState,
    fold_into_consumers,
    measure_products,
    own_errors,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Ranges = Mapping[str, ChannelRange]

MAX_LOST = 0.1
"""Largest error from pruning, as a share of the layer's rounding noise."""


def split_wide(
    original: ir.Model, observed: Ranges, guard: GuardSet, kernels: KernelProfile
) -> dict[str, ChannelRange] | None:
    """Split PReLUs into relu(x) and −a·relu(−x) where that needs few kernel tiles, in place.

    Each sign channel then uses all 8 bits. Those that the tiles do not hold are pruned and
    reconstructed from the others by least squares, so the graph computes an approximation. A PReLU
    stays as it is if that costs more than 10 % of its layer's rounding noise.

    Args:
        original: float graph after all other rewrites, as it will be quantized.
        observed: ranges of its activations, by value name; it is not changed.
        guard: images on which the reconstruction of pruned channels is fitted and checked.
        kernels: kernel profile of the target processor.

    Returns:
        New ranges of the activations, by name; None if no PReLU was split.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    cheap = affordable_splits(original.graph, kernels)
    counts = {node.name: count for node, count in cheap.items() if _is_known(node, observed)}
    if not counts:
        return None
    draft = original.clone()
    split_values, ranges = _split(draft.graph, observed, counts)
    pruning = _pruned(draft, split_values, ranges, counts, guard)
    if not pruning:
        return None
    split_values, ranges = _split(original.graph, observed, pruning)
    for value, name in split_values.items():
        fold_into_consumers(original.graph, list(value.consumers()), pruning[name].reconstruction)
    return _narrowed(
        original, ranges, {v: pruning[name].present for v, name in split_values.items()}
    )


def _is_known(node: ir.Node, observed: Ranges) -> bool:
    """Return True if per-channel ranges of a PReLU's input are known and not too many."""
    source = node.inputs[0]
    channels = observed.get((source.name if source is not None else "") or "")
    return channels is not None and channels.low.ndim == 1 and 2 * len(channels.low) <= WIDEST


def _split(
    graph: ir.Graph, observed: Ranges, names: Collection[str | None]
) -> tuple[dict[ir.Value, str], dict[str, ChannelRange]]:
    """Split the named PReLUs in place; return the split values and the ranges of all values."""
    split_values: dict[ir.Value, str] = {}
    ranges = dict(observed)
    for node in [node for node in graph if node.op_type == "PRelu" and node.name in names]:
        source, result = node.inputs[0], node.outputs[0]
        assert source is not None
        before = ranges.pop(source.name or "")
        ranges.pop(result.name or "")
        value, slopes = split(graph, node)
        split_values[value] = node.name or ""
        ranges[value.name or ""] = _split_range(before, slopes)
    return split_values, ranges


def _split_range(whole: ChannelRange, slopes: Numbers) -> ChannelRange:
    """Derive the ranges of [relu(x); −|a|·x where a is not 0] from those of x."""
    split_ones = np.flatnonzero(slopes)
    factor = np.abs(slopes[split_ones]).astype(np.float64)

    def ends(low: Numbers, high: Numbers) -> Numbers:
        return np.concatenate([high.clip(0), factor * -low[split_ones].clip(None, 0)])

    high = ends(whole.low, whole.high)
    detail = whole.detail
    if detail is not None:
        counts, centres = detail.histogram.counts, detail.histogram.centres
        below = counts * (centres < 0), -centres
        mirrored = [array[split_ones, ::-1] for array in below]
        histogram = Histogram(
            np.concatenate([counts * (centres > 0), mirrored[0]]),
            np.concatenate([centres, factor[:, np.newaxis] * mirrored[1]]),
        )
        most = ends(detail.low, detail.high)
        detail = ChannelDetail(np.zeros_like(most), most, histogram)
    return ChannelRange(np.zeros_like(high), high, detail)


def _pruned(
    draft: ir.Model,
    split_values: Mapping[ir.Value, str],
    ranges: Ranges,
    counts: Mapping[str | None, int],
    guard: GuardSet,
) -> dict[str | None, PruningState]:
    """Prune the split channels of each PReLU; return those that could be pruned, by PReLU name."""
    values = list(split_values)
    products = measure_products(draft, values, guard)
    sensitivities = measure_sensitivity(draft, values, guard.photos, one_by_one=guard.one_by_one)
    rounding = {v: (ranges[v.name or ""].whole().high / LEVELS) ** 2 / 12 for v in values}
    noises = {v: float(sensitivities[v].error.sum()) * rounding[v] for v in values}
    allowed = np.maximum((LOSS - 1) * sum(noises.values()), TRUTH * own_errors(draft, guard))
    chosen: dict[str | None, PruningState] = {}
    for value, name in split_values.items():
        pruning = PruningState(products[value], rounding[value], allowed)
        if _prune(pruning, counts[name], MAX_LOST * noises[value]):
            chosen[name] = pruning
    return chosen


def _prune(pruning: PruningState, count: int, bearable: float) -> bool:
    """Prune channels until `count` are left; return False if the error exceeds `bearable`."""
    lost = 0.0
    while pruning.present.sum() > count:
        costs = pruning.costs()
        cheapest = int(costs.argmin())
        lost += float(costs[cheapest])
        if lost > bearable:
            return False
        pruning.prune(cheapest)
    return True


def _narrowed(
    original: ir.Model, ranges: Ranges, present: Mapping[ir.Value, NDArray[np.bool_]]
) -> dict[str, ChannelRange]:
    """Remove the pruned channels from their values, in place; return the new ranges."""
    channels = find_channels(original.graph)
    copies = np.ones(channels.count, np.intp)
    for value, kept in present.items():
        copies[channels.of[value][~kept]] = 0
    scaling = GainAndSplit(np.ones(channels.count), copies)
    apply_gains_and_copies(original.graph, channels, scaling)
    return ranges_with_gains_and_copies(ranges, channels, scaling)
