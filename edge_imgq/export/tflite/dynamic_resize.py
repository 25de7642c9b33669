"""Check that a .tflite file stays correct when an app resizes its input.

TFLite infers shapes again from the input shape and from constants. A RESIZE, TRANSPOSE_CONV, SLICE
or RESHAPE holds a fixed size, a padding a fixed number of rows. The network is therefore lowered at
other sizes: if the subgraphs differ only in activation shapes, a resized file equals the file of
that size. If a constant or an option differs, the runtime may refuse or silently compute something
else.

The rewrites of `edge_imgq.export.tflite.kernel_rewrites` are not compared: they hold no size and
only require multiples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.export.tflite.lower import lower_subgraph
from edge_imgq.export.tflite.writer import FileStore

if TYPE_CHECKING:
    from edge_imgq.export.tflite.lowering_options import LoweringOptions
    from edge_imgq.graph.network import Network
    from edge_imgq.graph.prepared import PreparedGraph

Size = tuple[int, int]

GROWTHS = ((1, 1), (2, 3))
"""Multiples added to height and width: odd and even, and different for both."""


def is_resizable(graph: PreparedGraph, size: Size, multiple: int, options: LoweringOptions) -> bool:
    """Return True if a file written for `size` computes the same network at other sizes.

    The network is lowered at two other sizes, larger by 1 × 1 and by 2 × 3 multiples: the
    operators, options and constants must not differ. A size that the graph does not accept gives
    False.

    Args:
        graph: graph of the network.
        size: (height, width) that the file is written for, in pixels.
        multiple: divisor that both sides must have.
        options: lowering options of the file.

    Raises:
        UnsupportedOperatorError: TFLite cannot express some operators at `size`.
    """
    store = FileStore()
    own = _skeleton(graph.at(size), store, options)
    for rows, columns in GROWTHS:
        other = (size[0] + rows * multiple, size[1] + columns * multiple)
        try:
            if _skeleton(graph.once_at(other), store, options) != own:
                return False
        except (ModelError, UnsupportedOperatorError):
            return False
    return True


def _skeleton(network: Network, store: FileStore, options: LoweringOptions) -> list[Any]:
    """Return everything in a lowered subgraph except the shapes of its activations."""
    lowered = lower_subgraph(network, store, options)
    subgraph = lowered.writer.subgraph(lowered.inputs, lowered.outputs)
    operators = [
        (operator.opcodeIndex, *_indices(operator), _plain(operator.builtinOptions))
        for operator in subgraph.operators
    ]
    tensors = [
        (tensor.type, tensor.buffer, _plain(tensor.quantization)) for tensor in subgraph.tensors
    ]
    return [operators, tensors]


def _indices(operator: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(map(int, operator.inputs)), tuple(map(int, operator.outputs))


def _plain(values: Any) -> Any:
    """Convert a schema object's fields to values that compare with ==."""
    if values is None:
        return None
    return {
        key: np.asarray(value).tolist() if value is not None else None
        for key, value in vars(values).items()
    }
