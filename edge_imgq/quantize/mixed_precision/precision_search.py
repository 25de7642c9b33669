"""Search for the float layers that reach a target PSNR in the least time.

The error of each rounding alone is known (`edge_imgq.quantize.mixed_precision.layer_costs`), and
squared errors nearly add up. So the greedy search ranks moves by error removed per time added:

    rounding of a layer's weights   the layer in float
    rounding of an activation       all layers that write or read it in float

After each move the PSNR is computed with all remaining roundings. Once the target is reached,
layers that are not needed return to int8, those that save most time first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.quantize.mixed_precision.float_layers import float_nodes, is_inner, layers
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes

Names = frozenset[str]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """A set of float layers with its PSNR and time.

    Attributes:
        names: names of the float layers.
        psnr: PSNR in dB to the float model with the remaining roundings.
        time: estimated time relative to all layers in int8.
    """

    names: Names
    psnr: float
    time: float


class PrecisionSearch:
    """Greedy search for layers to keep in float.

    Attributes:
        plain: estimated nanoseconds with all layers in int8.
    """

    def __init__(
        self,
        graph: ir.Graph,
        ablation: LayerAblation,
        errors: Mapping[str, float],
        profile: TimedProfile,
    ) -> None:
        """Set up the search.

        Args:
            graph: float graph with static shapes and the names of the `ablation`'s graph.
            ablation: its quantized graph whose roundings can be switched off.
            errors: squared error of the image from each rounding alone, by its name; only ratios
                matter.
            profile: kernel times of the target processor.
        """
        self._graph, self._ablation, self._errors = graph, ablation, errors
        self._times = LayerTimes(graph, profile)
        self._all = frozenset(node.name or "" for node in layers(graph))
        self.plain = self._times.plain
        self._values = {
            v.name: v for node in graph for v in node.outputs if v.name in ablation.names
        }
        weighted = set(layers(graph))
        self._around = [_layers_around(value, weighted) for value in self._values.values()]

    def find(self, target: float, progress: Progress, max_moves: int | None = None) -> Choice:
        """Search greedily for the float layers that reach a PSNR in the least estimated time.

        Moves are ranked by error removed per time added; at the end, layers that are not needed
        return to int8. Not always the optimum. If no choice reaches the PSNR, the choice after all
        useful moves is returned.

        Args:
            target: PSNR to the float model to reach, in dB.
            progress: called with a line after every move.
            max_moves: largest number of moves; None for no limit.
        """
        names: Names = frozenset()
        psnr, moves = self._psnr(names), 0
        while psnr < target and moves != max_moves:
            moves += 1
            best = max(self._moves(names), key=self._worth(names), default=None)
            if best is None:
                break
            names |= best
            psnr = self._psnr(names)
            progress(f"{len(names)} of {len(self._all)} layers in float: {psnr:.1f} dB")
        if psnr >= target:
            names = self._pruned(names, target)
        return self.choice(names)

    def choice(self, names: Names) -> Choice:
        """Return a set of float layers with its PSNR in dB and its estimated relative time.

        PSNR is to the float model, with the remaining roundings; time is 1 with all layers in int8.

        Args:
            names: names of the float layers.
        """
        return Choice(names, self._psnr(names), self._time(names) / self.plain)

    def _pruned(self, names: Names, wanted: float) -> Names:
        """Remove the float layers that the target does not need, those that save most time first.

        A layer between two float layers needs no conversions: without it the file may take longer.
        """
        for name in sorted(names, key=lambda name: self._time(names - {name})):
            fewer = names - {name}
            if self._time(fewer) < self._time(names) and self._psnr(fewer) >= wanted:
                names = fewer
        return names

    def _moves(self, names: Names) -> Iterator[Names]:
        """Yield the sets of additional float layers that would lower the error."""
        candidates = {frozenset({name}) for name in self._all - names}
        candidates |= {around - names for around in self._around if around - names}
        for added in sorted(candidates, key=sorted):
            if self._error(names | added) < self._error(names) * (1 - 1e-6):
                yield added

    def _worth(self, names: Names) -> Callable[[Names], float]:
        error, time = self._error(names), self._time(names)

        def worth(added: Names) -> float:
            spared = error - self._error(names | added)
            return spared / max(self._time(names | added) - time, 1e-3 * self.plain)

        return worth

    def _rounded(self, names: Names) -> set[str]:
        """Return the roundings that remain with these layers in float."""
        floats = float_nodes(self._graph, names)
        off = {weights_of(name) for name in names}
        off |= {name for name, value in self._values.items() if is_inner(value, floats)}
        return set(self._ablation.names - off)

    def _psnr(self, names: Names) -> float:
        return self._ablation.psnr(self._rounded(names))

    def _error(self, names: Names) -> float:
        return sum(self._errors[name] for name in self._rounded(names))

    def _time(self, names: Names) -> float:
        return self._times.total(names)


def _layers_around(value: ir.Value, weighted: set[ir.Node]) -> Names:
    """Find the layers reached from a value in both directions without passing through a layer."""
    names: set[str] = set()
    visited: set[ir.Node] = set()
    ahead = [value]
    while ahead:
        here = ahead.pop()
        for node in (here.producer(), *here.consumers()):
            if node is None or node in visited:
                continue
            visited.add(node)
            if node in weighted:
                names.add(node.name or "")
            else:
                near = (*node.inputs, *node.outputs)
                ahead.extend(v for v in near if v is not None and not v.is_initializer())
    return frozenset(names)
