"""What a writer is told of a file that it is to make, and the graph at the sizes asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.network import Network
    from edge_imgq.graph.prepared import PreparedGraph

Size = tuple[int, int]


@dataclass(frozen=True)
class ExportSpec:
    """What a writer is to make of a graph.

    Attributes:
        sizes: heights and widths of the image; a format of one file per size gets one.
        note: what the file says about itself.
        processor: whose kernels a file is written for, "cpu" or "gpu"; or the chip whose NPU it is
            compiled for, a key of CHIPS.
        half: whether the numbers of a float file are float16.
        plain: whether a file is written without the forms that are fast on processors.
    """

    sizes: tuple[Size, ...]
    note: FileNote
    processor: str = "cpu"
    half: bool = False
    plain: bool = False


def bound(graph: PreparedGraph, size: Size, note: FileNote) -> Network:
    """Return the view of a graph at one of the sizes of an order, under the model's name.

    Args:
        graph: with open height and width, or already of that size.
        size: height and width.
        note: names the model.
    """
    return replace(graph.at(size), name=note.model)


def bound_once(graph: PreparedGraph, size: Size, note: FileNote) -> Network:
    """Return the same at a size that nothing is written for; arguments are those of `bound`."""
    return replace(graph.once_at(size), name=note.model)


def refused_at_any_size(
    graph: PreparedGraph, order: ExportSpec, refusals: Callable[[Network], tuple[Refusal, ...]]
) -> tuple[Refusal, ...]:
    """Return what is refused of a graph at any of the sizes of an order, each once.

    Args:
        graph: float.
        order: names the sizes.
        refusals: says what is refused of the graph at one.
    """
    networks = [bound(graph, size, order.note) for size in order.sizes]
    return tuple(dict.fromkeys(refusal for network in networks for refusal in refusals(network)))
