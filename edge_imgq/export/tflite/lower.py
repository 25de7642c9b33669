"""Lowering of a network to a .tflite file: NHWC activations, uint8 images at the ends if int8."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge_imgq.export.refusal import Refusal, as_error, instead
from edge_imgq.export.tflite.lowering_options import DEFAULT_OPTIONS, LoweringOptions
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.runtime.tflite_file import METADATA_NAME

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.export.tflite.lowerings import Lowering
    from edge_imgq.export.tflite.writer import FileStore, Subgraph
    from edge_imgq.graph.network import Network

INPUT, OUTPUT = "image", "image_out"


def lower(
    network: Network,
    note: FileNote,
    lowerings: Mapping[str, Lowering] | None = None,
    options: LoweringOptions = DEFAULT_OPTIONS,
) -> bytes:
    """Lower a network to the bytes of a .tflite file, deterministically.

    A float network takes and returns float32 of shape (1, H, W, C). A quantized network takes and
    returns uint8 in the same layout, with the scales of its input and output. The signature
    "serving_default" maps "image" to "image_out"; further inputs and outputs keep their names.
    Follows TensorFlow Lite's schema, version 3.

    Args:
        network: float, or quantized to int8 with int32 bias.
        note: metadata to embed as "edge-imgq".
        lowerings: table to use instead of `edge_imgq.export.tflite.lowerings.LOWERINGS`, to write
            variants for comparison.
        options: processor and constant types of the file.

    Raises:
        UnsupportedOperatorError: TFLite cannot express some operators; the message lists them all.
    """
    from edge_imgq.export.tflite.writer import SIGNATURE, FileStore, pack

    store = FileStore()
    subgraphs = {SIGNATURE: lower_subgraph(network, store, options, lowerings)}
    return pack(store, subgraphs, _description(note), _metadata(note, subgraphs))


def lower_sizes(
    networks: Mapping[tuple[int, int], Network],
    note: FileNote,
    options: LoweringOptions = DEFAULT_OPTIONS,
) -> bytes:
    """Lower a network at several sizes to one file, with signatures "h180_w320" and so on.

    Each signature is as in `lower`, in the order of `networks`. Weights are stored once.

    Args:
        networks: the network bound to each (height, width).
        note: metadata to embed as "edge-imgq".
        options: processor and constant types of the file.

    Raises:
        UnsupportedOperatorError: TFLite cannot express some operators.
    """
    from edge_imgq.export.tflite.writer import FileStore, pack

    store = FileStore()
    subgraphs = {
        signature_of(size): lower_subgraph(network, store, options)
        for size, network in networks.items()
    }
    return pack(store, subgraphs, _description(note), _metadata(note, subgraphs))


def signature_of(size: tuple[int, int]) -> str:
    """Return the signature name for images of (height, width), such as "h180_w320"."""
    return f"h{size[0]}_w{size[1]}"


def lower_subgraph(
    network: Network,
    store: FileStore,
    options: LoweringOptions = DEFAULT_OPTIONS,
    lowerings: Mapping[str, Lowering] | None = None,
) -> Subgraph:
    """Lower a network to one subgraph of a file, and add its buffers to the store.

    Args:
        network: float, or quantized to int8 with int32 bias.
        store: buffers and operator codes of the file, shared by its subgraphs.
        options: processor and constant types of the file.
        lowerings: table to use instead of LOWERINGS.

    Raises:
        UnsupportedOperatorError: TFLite cannot express some operators; the message lists them all.
    """
    from edge_imgq.export.tflite import image_io
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.export.tflite.writer import Subgraph

    file = Emitter(network.is_quantized, options, store)
    inputs = {
        name: image_io.image_input(file, tensor)
        for name, tensor in image_io.named(INPUT, network.inputs).items()
    }
    refused = _write_operations(network, file, lowerings)
    if refused:
        raise as_error("TFLite", network.name, refused)
    outputs = {
        name: image_io.image_output(file, tensor)
        for name, tensor in image_io.named(OUTPUT, network.outputs, network.results).items()
    }
    return Subgraph(file.writer, inputs, outputs)


def _description(note: FileNote) -> str:
    return f"edge-imgq {note.version}"


def _metadata(note: FileNote, subgraphs: Mapping[str, Subgraph]) -> dict[str, bytes]:
    """Return the note, plus TFLite's standard metadata if the authorship is stated."""
    from edge_imgq.export.tflite.model_metadata import NAME, model_metadata

    buffers = {METADATA_NAME: json.dumps(note.to_strings(), sort_keys=True).encode()}
    if note.authorship.is_stated:
        names = [
            (next(iter(subgraph.inputs)), next(iter(subgraph.outputs)))
            for subgraph in subgraphs.values()
        ]
        buffers[NAME] = model_metadata(note, names)
    return buffers


def refusals(network: Network, options: LoweringOptions = DEFAULT_OPTIONS) -> tuple[Refusal, ...]:
    """Return the operators that `lower` refuses, in network order, with reasons; or ()."""
    from edge_imgq.export.tflite.emitter import Emitter

    return _write_operations(network, Emitter(network.is_quantized, options))


def _write_operations(
    network: Network, file: Emitter, lowerings: Mapping[str, Lowering] | None = None
) -> tuple[Refusal, ...]:
    from edge_imgq.export.tflite.float_fallback import with_float_fallback
    from edge_imgq.export.tflite.lowerings import LOWERINGS

    table = LOWERINGS if lowerings is None else lowerings
    refused = []
    for file_operation in with_float_fallback(network, file.options.kernels):
        operation = file_operation.operation
        file.allows_float = file_operation.is_float
        if operation.kind not in table:
            reason = (
                "TFLite has no operator that computes it, or none that accelerators run; "
                f"{instead(operation)}, or leave the tflite targets out."
            )
            refused.append(Refusal(operation.kind, operation.name, reason))
            continue
        try:
            table[operation.kind](file, operation)
        except RefusedError as error:
            refused.append(Refusal(operation.kind, operation.name, str(error)))
    return tuple(refused)
