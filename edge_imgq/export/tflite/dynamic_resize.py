"""Whether a file still computes its network when an app resizes its input.

TFLite infers shapes anew from the input's and from constants: a RESIZE, a TRANSPOSE_CONV, a SLICE
or a RESHAPE holds the size that it had, a padding the rows that it had. The network is lowered for
other sizes; where nothing but the shapes of activations differs, resizing the one file gives the
other, and the result is right. Where a constant or an option differs, the runtime may refuse, or
compute something else without a word.

The blocked forms of `edge_imgq.export.tflite.kernel_rewrites` need not be looked at: they hold no
size, and ask for multiples only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.export.tflite.lower import lower_part
from edge_imgq.export.tflite.writer import FileStore

if TYPE_CHECKING:
    from edge_imgq.export.tflite.lowering_options import LoweringOptions
    from edge_imgq.graph.network import Network
    from edge_imgq.graph.prepared import PreparedGraph

Size = tuple[int, int]

STEPS = ((1, 1), (2, 3))
"""Multiples that are added to height and width: odd and even ones, and not the same for both."""


def is_resizable(graph: PreparedGraph, size: Size, multiple: int, options: LoweringOptions) -> bool:
    """Tell whether a file for `size` computes the same network at other sizes.

    Args:
        graph: of the network.
        size: height and width that the file is written for.
        multiple: what the sides must be multiples of.
        options: how the file is written.
    """
    store = FileStore()
    own = _skeleton(graph.at(size), store, options)
    for rows, columns in STEPS:
        other = (size[0] + rows * multiple, size[1] + columns * multiple)
        try:
            if _skeleton(graph.once_at(other), store, options) != own:
                return False
        except (ModelError, UnsupportedOperatorError):
            return False
    return True


def _skeleton(network: Network, store: FileStore, options: LoweringOptions) -> list[Any]:
    """Return all of a subgraph but the shapes of what it computes."""
    part = lower_part(network, store, options)
    subgraph = part.writer.subgraph(part.inputs, part.outputs)
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
    """Return a schema object's fields as values that compare."""
    if values is None:
        return None
    return {
        key: np.asarray(value).tolist() if value is not None else None
        for key, value in vars(values).items()
    }
