"""Tensors inside an ONNX graph, as ONNX Runtime computes them unoptimised."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnxruntime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def tensors_of(
    path: Path, names: Iterable[str], image: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Return the float tensors of some names that nodes of a graph write, in its own layout.

    Args:
        path: of a graph with one input.
        names: that are wanted; those that no node writes are left out.
        image: for the input.
    """
    model = onnx.load(path)
    written = {name for node in model.graph.node for name in node.output}
    kept = sorted(written & set(names))
    known = {output.name for output in model.graph.output}
    for name in kept:
        if name not in known:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = session.run(kept, {session.get_inputs()[0].name: image})
    return dict(zip(kept, values, strict=True))
