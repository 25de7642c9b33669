"""Weightless ONNX graphs of the zoo's networks, cached so that no run has to trace them.

Importing torch's exporter and tracing take seconds, and the graph does not depend on the weights.
A cached initializer that equals a parameter of the network has no data: its ONNX external-data
location is the parameter's name. Other constants keep their data.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    State = Mapping[str, NDArray[np.generic]]

LOCATION = "location"


def read_cached_graph(path: Path) -> onnx.ModelProto:
    """Load a cached graph without resolving its external data.

    Its external data are names of parameters, not files; `with_weights` fills them in.

    Raises:
        OSError: the file does not exist or cannot be read.
        google.protobuf.message.DecodeError: the file is not ONNX.
    """
    return onnx.load(path, load_external_data=False)


def without_weights(traced: onnx.ModelProto, state: State) -> onnx.ModelProto:
    """Replace the weights of a traced graph by references to the network's parameters.

    Stack traces, doc strings and metadata are removed, so equal networks give equal bytes.

    Args:
        traced: graph of a network as torch exported it; not modified.
        state: parameters and buffers of the network by name; all must have different values.

    Raises:
        ValueError: a parameter matches no initializer, because the exporter folded it.
    """
    cached = onnx.ModelProto()
    cached.CopyFrom(traced)
    named = set()
    for tensor in cached.graph.initializer:
        name = _parameter(numpy_helper.to_array(tensor), state)
        if name is not None:
            named.add(name)
            _refer(tensor, name)
    if missing := set(state) - named:
        raise ValueError(f"no tensor of the graph holds {', '.join(sorted(missing))}")
    cached.graph.ClearField(
        "metadata_props"
    )  # sets of symbols, in an order that differs by process
    for node in cached.graph.node:
        node.ClearField("metadata_props")  # stack traces with local paths
        node.ClearField("doc_string")
    return cached


def with_weights(cached: onnx.ModelProto, state: State) -> onnx.ModelProto | None:
    """Fill a cached graph with the parameters that its initializers name.

    Args:
        cached: result of `without_weights`; not modified.
        state: parameters and buffers of a network by name.

    Returns:
        The full graph, or None if the names or element counts differ from those of `state`.
    """
    full = onnx.ModelProto()
    full.CopyFrom(cached)
    named = {_location(tensor) for tensor in full.graph.initializer} - {""}
    if named != set(state):
        return None
    for tensor in full.graph.initializer:
        if not (name := _location(tensor)):
            continue
        if prod(tensor.dims) != state[name].size:
            return None
        values = state[name].reshape(tuple(tensor.dims))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return full


def _parameter(values: NDArray[np.generic], state: State) -> str | None:
    """Return the name of the parameter with the same dtype and elements, in any shape, or None."""
    for name, parameter in state.items():
        if parameter.dtype == values.dtype and np.array_equal(parameter.ravel(), values.ravel()):
            return name
    return None


def _refer(tensor: TensorProto, name: str) -> None:
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key=LOCATION, value=name)


def _location(tensor: TensorProto) -> str:
    if tensor.data_location != TensorProto.EXTERNAL:
        return ""
    return next((entry.value for entry in tensor.external_data if entry.key == LOCATION), "")
