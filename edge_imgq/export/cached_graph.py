"""Graphs of the zoo's networks as torch once traced them, so that no run need trace them again.

Importing torch's exporter and tracing take some seconds; the graph is the same for all weights. So
it is kept without them: a tensor that is a parameter of the network has no data but the name of the
parameter, where ONNX has the location of external data. Other constants stay as they are.
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


def read_kept(path: Path) -> onnx.ModelProto:
    """Read a graph without weights."""
    return onnx.load(path, load_external_data=False)


def without_weights(traced: onnx.ModelProto, state: State) -> onnx.ModelProto:
    """Return a graph whose tensors name the parameters that they hold.

    Args:
        traced: graph of a network, as torch wrote it.
        state: parameters and buffers of the network by name, no two alike.

    Raises:
        ValueError: a parameter is in no tensor, because the exporter computed with it.
    """
    kept = onnx.ModelProto()
    kept.CopyFrom(traced)
    named = set()
    for tensor in kept.graph.initializer:
        name = _parameter(numpy_helper.to_array(tensor), state)
        if name is not None:
            named.add(name)
            _refer(tensor, name)
    if missing := set(state) - named:
        raise ValueError(f"no tensor of the graph holds {', '.join(sorted(missing))}")
    kept.graph.ClearField("metadata_props")  # sets of symbols, in an order that differs by process
    for node in kept.graph.node:
        node.ClearField("metadata_props")  # stack traces with local paths
        node.ClearField("doc_string")
    return kept


def with_weights(kept: onnx.ModelProto, state: State) -> onnx.ModelProto | None:
    """Return a graph with the parameters that its tensors name; None where they do not fit.

    Args:
        kept: what `without_weights` returned.
        state: parameters and buffers of a network by name.
    """
    full = onnx.ModelProto()
    full.CopyFrom(kept)
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
    """Return the parameter whose numbers these are, in whatever shape."""
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
