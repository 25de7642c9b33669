"""Which function writes which format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

    from edge_imgq.export.refusal import Refusal
    from edge_imgq.export.tflite.spelling import Spelling
    from edge_imgq.graph.network import Network

Size = tuple[int, int]


@dataclass(frozen=True)
class Order:
    """What a writer is to make of a graph.

    Attributes:
        sizes: heights and widths of the image; a format in ONE_FILE_PER_SIZE gets one.
        note: what the file says about itself.
        processor: whose kernels a TFLite file is written for, "cpu" or "gpu".
        half: whether the constants of a float TFLite file are float16.
        plain: whether a TFLite file is written without the forms that are fast on processors.
    """

    sizes: tuple[Size, ...]
    note: FileNote
    processor: str = "cpu"
    half: bool = False
    plain: bool = False


Writer = Callable[["ir.Model", Order, Path], None]
Refuser = Callable[["ir.Model", Order], "tuple[Refusal, ...]"]

ONE_FILE_PER_SIZE = frozenset({"coreml"})
"""Formats that hold one size. TFLite has a signature for each, which share the weights; ONNX files
keep height and width open. Core ML could enumerate shapes, but then no shape of the program is a
number any more, and constants that hold a size (of a resize, a slice) have no form; functions that
share weights begin with iOS 18, and these packages run on iOS 16 and 17."""


def write_reference(model: ir.Model, note: FileNote, path: Path) -> None:
    """Write a graph as it is, with the note in its metadata."""
    import onnx_ir as ir

    _save_onnx(ir.to_proto(model), note, path)


def write_onnx(model: ir.Model, order: Order, path: Path) -> None:
    """Write the graph for apps, height and width open: integers as ONNX Runtime wants them."""
    import onnx_ir as ir

    from edge_imgq.export.double_rounding import keep_both_roundings
    from edge_imgq.export.unsigned import to_unsigned

    proto = ir.to_proto(model)
    to_unsigned(proto)
    keep_both_roundings(proto)
    _save_onnx(proto, order.note, path)


def _save_onnx(proto: onnx.ModelProto, note: FileNote, path: Path) -> None:
    from onnx.helper import set_model_props

    set_model_props(proto, note.to_strings())
    path.write_bytes(proto.SerializeToString(deterministic=True))


def write_tflite(model: ir.Model, order: Order, path: Path) -> None:
    """Lower the graph to a .tflite file, with one signature per size.

    A file of one size says in its note whether its input may be resized, and to which multiples;
    for the processor, it has the form that phones run fastest, which may ask for larger ones.
    """
    from edge_imgq.export.tflite.forms.choose import fastest_forms
    from edge_imgq.export.tflite.lower import lower, lower_sizes
    from edge_imgq.export.tflite.resize import follows_a_resize

    def bound(size: Size) -> Network:
        return _bound(model, size, order.note)

    note, plain = order.note, order.plain or order.processor == "gpu"
    spelling = _spelling(order)
    networks = {size: bound(size) for size in order.sizes}
    fast = {} if plain else {size: fastest_forms(network) for size, network in networks.items()}
    networks |= {size: form.network for size, form in fast.items()}
    if len(networks) > 1:
        path.write_bytes(lower_sizes(networks, note, spelling))
        return
    ((size, network),) = networks.items()
    multiple = lcm(note.contract.multiple, *(form.multiple for form in fast.values()))
    follows = follows_a_resize(bound, size, note.contract.multiple, spelling)
    contract = replace(note.contract, multiple=multiple)
    noted = replace(note, contract=contract, resizable=follows)
    path.write_bytes(lower(network, noted, spelling=spelling))


def write_coreml(model: ir.Model, order: Order, path: Path) -> None:
    """Lower the graph at its one size to an .mlpackage folder."""
    from edge_imgq.export.coreml.lower import save

    (size,) = order.sizes
    save(_bound(model, size, order.note), order.note, path)


WRITERS: dict[str, Writer] = {
    "onnx": write_onnx,
    "tflite": write_tflite,
    "coreml": write_coreml,
}
"""Format of a recipe → function that writes the file; each imports its own packages."""


def refused_by_onnx(model: ir.Model, order: Order) -> tuple[Refusal, ...]:  # noqa: ARG001
    """Refuse nothing: the graph is ONNX."""
    return ()


def refused_by_tflite(model: ir.Model, order: Order) -> tuple[Refusal, ...]:
    """Return the operators that `write_tflite` refuses of a graph, at any of its sizes."""
    from edge_imgq.export.tflite.lower import refusals

    spelling = _spelling(order)
    return _refused(model, order, lambda network: refusals(network, spelling))


def refused_by_coreml(model: ir.Model, order: Order) -> tuple[Refusal, ...]:
    """Return the operators that `write_coreml` refuses of a graph."""
    from edge_imgq.export.coreml.program import refusals

    return _refused(model, order, refusals)


REFUSERS: dict[str, Refuser] = {
    "onnx": refused_by_onnx,
    "tflite": refused_by_tflite,
    "coreml": refused_by_coreml,
}
"""Format of a recipe → function that says what its writer would refuse, without writing: it asks
the tables that the writer lowers by."""


def _refused(
    model: ir.Model, order: Order, refusals: Callable[[Network], tuple[Refusal, ...]]
) -> tuple[Refusal, ...]:
    """Return what is refused of a graph at any of its sizes, each once."""
    networks = [_bound(model, size, order.note) for size in order.sizes]
    return tuple(dict.fromkeys(refusal for network in networks for refusal in refusals(network)))


def _spelling(order: Order) -> Spelling:
    from edge_imgq.export.tflite.spelling import Spelling

    return Spelling(gpu=order.processor == "gpu", half=order.half)


def _bound(model: ir.Model, size: Size, note: FileNote) -> Network:
    from edge_imgq.graph.read import read_network
    from edge_imgq.graph.size import bind_size

    return replace(read_network(bind_size(model, size)), name=note.model)
