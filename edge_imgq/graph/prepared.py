"""A graph prepared for a target: rewritten once for a kernel profile, bound once per size.

The checks, the quantizer and the writer all read the same prepared graph.
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
    """A rewritten graph and its networks by size.

    Attributes:
        model: float or QDQ model; callers that edit it must copy it.
        kernels: kernel profile of the target processor.
    """

    model: ir.Model
    kernels: KernelProfile = DEFAULT
    _networks: dict[Size, Network] = field(default_factory=dict, init=False, repr=False)

    def at(self, size: Size) -> Network:
        """Return the network for an image of a height and width, all shapes static; it is cached.

        Raises:
            ModelError: the graph does not accept the size.
        """
        if size not in self._networks:
            self._networks[size] = self.once_at(size)
        return self._networks[size]

    def once_at(self, size: Size) -> Network:
        """Return the network for an image of a height and width, as `at` does, but do not cache it.

        A network that `at` has cached is returned.

        Raises:
            ModelError: the graph does not accept the size.
        """
        return self._networks.get(size) or read_network(bind_size(self.model, size))


def prepared_graph(
    model: ir.Model,
    passes: Sequence[str],
    watcher: Watcher | None = None,
    kernels: KernelProfile = DEFAULT,
) -> PreparedGraph:
    """Apply passes to a copy of a model, and return it as a prepared graph.

    Args:
        model: not changed.
        passes: names of passes, keys of `edge_imgq.graph.rewrite.PASSES`, in order.
        watcher: called after each phase of "canonical" and after every other pass; None for no
            calls.
        kernels: kernel profile of the target processor.

    Raises:
        RecipeError: a name is unknown.
    """
    return PreparedGraph(rewrite(model, passes, watcher, kernels), kernels)
