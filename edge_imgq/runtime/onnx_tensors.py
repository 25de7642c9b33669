"""Intermediate tensors of an ONNX graph, computed by ONNX Runtime without optimisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime

from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.images.layout import to_nchw
from edge_imgq.runtime.written_tensor import WrittenTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


AT_ONCE = 32
"""Tensors to keep per run; all tensors of a large network would exceed memory."""


def tensors_of(
    model: onnx.ModelProto, names: Iterable[str], image: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Run a graph in ONNX Runtime, unoptimised, and return named intermediate tensors.

    Args:
        model: the graph with its weights; its outputs are extended for the run and restored.
        names: tensors to compute; names that no node writes are ignored.
        image: float32 (1, C, H, W) values of all inputs, in the model's range, concatenated by
            channel.

    Returns:
        The tensors by name, in the shapes and types that ONNX Runtime gives.

    Raises:
        Exception: ONNX Runtime's own, if it does not run the graph at this size.
    """
    written = {name for node in model.graph.node for name in node.output}
    kept = sorted(written & set(names))
    known = {output.name for output in model.graph.output}
    for name in kept:
        if name not in known:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    contents = model.SerializeToString()
    del model.graph.output[len(known) :]
    session = onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])
    values = session.run(kept, split_ports(image, session_entries(session)))
    return dict(zip(kept, values, strict=True))


def written_tensors(path: Path, pixels: NDArray[np.uint8], peak: float) -> Iterator[WrittenTensor]:
    """Yield the rank-4 float32 tensors that an .onnx file computes, in node order, as (N, H, W, C).

    Every node runs unoptimised. Dequantized tensors count as float. Weights that nodes compute are
    included, and transposed alike.

    Args:
        path: the file.
        pixels: (H, W, C), uint8; several inputs are concatenated along C.
        peak: float value of level 255.

    Raises:
        Exception: ONNX Runtime's own, if it does not run the file at this size.
    """
    model = onnx.load(path)
    kinds = {name: node.op_type for node in model.graph.node for name in node.output if name}
    image, names = to_nchw(pixels, peak), list(kinds)
    for start in range(0, len(names), AT_ONCE):
        values = tensors_of(model, names[start : start + AT_ONCE], image)
        for name in names[start : start + AT_ONCE]:
            array = values[name]
            if array.ndim == 4 and array.dtype == np.float32:
                yield WrittenTensor(name, kinds[name], array.transpose(0, 2, 3, 1), 0.0)
