"""What a writer is told of a file that it is to make, and the graph at the sizes asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.network import Network

Size = tuple[int, int]


@dataclass(frozen=True)
class Order:
    """What a writer is to make of a graph.

    Attributes:
        sizes: heights and widths of the image; a format of one file per size gets one.
        note: what the file says about itself.
        processor: whose kernels a file is written for, "cpu" or "gpu".
        half: whether the numbers of a float file are float16.
        plain: whether a file is written without the forms that are fast on processors.
    """

    sizes: tuple[Size, ...]
    note: FileNote
    processor: str = "cpu"
    half: bool = False
    plain: bool = False


def bound(model: ir.Model, size: Size, note: FileNote) -> Network:
    """Return the view of a graph at a height and width, under the model's name.

    Args:
        model: with open height and width, or already of that size.
        size: height and width.
        note: names the model.
    """
    from edge_imgq.graph.read import read_network
    from edge_imgq.graph.size import bind_size

    return replace(read_network(bind_size(model, size)), name=note.model)


def refused_at_any_size(
    model: ir.Model, order: Order, refusals: Callable[[Network], tuple[Refusal, ...]]
) -> tuple[Refusal, ...]:
    """Return what is refused of a graph at any of the sizes of an order, each once.

    Args:
        model: the graph.
        order: names the sizes.
        refusals: says what is refused of the graph at one.
    """
    networks = [bound(model, size, order.note) for size in order.sizes]
    return tuple(dict.fromkeys(refusal for network in networks for refusal in refusals(network)))
