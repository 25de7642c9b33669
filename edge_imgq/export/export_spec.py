"""Settings of one exported file, and the graph bound to its sizes."""

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
    """Settings that a format's writer applies to a graph.

    Attributes:
        sizes: (height, width) of the image in pixels; exactly one for a format with one file per
            size.
        note: metadata to embed in the file.
        processor: target of the kernels, "cpu" or "gpu", or a key of CHIPS to compile for that NPU.
        float16_weights: True to store the constants of a float file as float16.
        plain: True to skip the rewrites that make the file faster on its processor.
    """

    sizes: tuple[Size, ...]
    note: FileNote
    processor: str = "cpu"
    float16_weights: bool = False
    plain: bool = False


def bound(graph: PreparedGraph, size: Size, note: FileNote, *, cached: bool = True) -> Network:
    """Bind a graph to one size and name it after the model.

    The result has static shapes; images are (1, C, H, W).

    Args:
        graph: with open height and width, or already of that size.
        size: (height, width) in pixels.
        note: metadata with the model's name.
        cached: False for sizes that are only tried and not written, so that the result is not kept
            in memory.

    Raises:
        ModelError: the graph does not accept the size.
    """
    return replace(graph.at(size) if cached else graph.once_at(size), name=note.model)


def refused_at_any_size(
    graph: PreparedGraph, spec: ExportSpec, refusals: Callable[[Network], tuple[Refusal, ...]]
) -> tuple[Refusal, ...]:
    """Collect the operators refused at any of the sizes, without duplicates.

    Args:
        graph: float graph.
        spec: settings with the sizes to try.
        refusals: function from the graph at one size to its refusals.

    Raises:
        ModelError: the graph does not accept a size.
    """
    networks = [bound(graph, size, spec.note) for size in spec.sizes]
    return tuple(dict.fromkeys(refusal for network in networks for refusal in refusals(network)))
