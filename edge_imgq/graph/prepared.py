"""A graph as a target takes it: rewritten once for some kernels, and bound once to each size.

What refuses a graph, quantizes it and writes it looks at one and the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from edge_imgq.graph.network import Network
from edge_imgq.graph.pass_pipeline import Watcher
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile

Size = tuple[int, int]


@dataclass(frozen=True)
class PreparedGraph:
    """A graph that its passes have gone through, and its views.

    Attributes:
        model: float or QDQ; who wants to change it takes a copy.
        kernels: of the processor that it is for.
    """

    model: ir.Model
    kernels: KernelProfile = DEFAULT
    _networks: dict[Size, Network] = field(default_factory=dict, init=False, repr=False)

    def at(self, size: Size) -> Network:
        """Return the view of the graph bound to a height and width; it is made once.

        Raises:
            ModelError: the graph does not fit the size.
        """
        if size not in self._networks:
            self._networks[size] = self.once_at(size)
        return self._networks[size]

    def once_at(self, size: Size) -> Network:
        """Return the same for one look: it is not kept.

        Raises:
            ModelError: likewise.
        """
        return self._networks.get(size) or read_network(bind_size(self.model, size))


def prepared_graph(
    model: ir.Model,
    passes: Sequence[str],
    watcher: Watcher | None = None,
    kernels: KernelProfile = DEFAULT,
) -> PreparedGraph:
    """Apply passes to a copy of a model.

    Arguments and errors are those of `edge_imgq.graph.rewrite.rewrite`.
    """
    return PreparedGraph(rewrite(model, passes, watcher, kernels), kernels)
