"""Intermediate tensors of a .tflite file, computed by TFLite's builtin kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UnopenedFileError
from edge_imgq.runtime.litert_inputs import set_inputs
from edge_imgq.runtime.written_tensor import WrittenTensor

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]


def written_tensors(path: Path, pixels: Pixels, peak: float) -> Iterator[WrittenTensor]:
    """Yield the rank-4 tensors that a file computes from an image, in execution order, dequantized.

    Values are float32 (N, H, W, C): scale × (integer − zero point), or the floats themselves.
    XNNPACK keeps no intermediate tensors, so the builtin kernels run; they may differ from XNNPACK
    by one level.

    Args:
        path: file with uint8 pixels (1, H, W, C), or float32 in 0 … peak.
        pixels: (H, W, C), uint8, of the file's size.
        peak: value of level 255 in a float file.

    Raises:
        UnopenedFileError: LiteRT does not open or run the file.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        set_inputs(interpreter, pixels, peak)
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise UnopenedFileError("LiteRT", path, str(error).strip().split("\n")[0]) from error
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    for node in interpreter._get_ops_details():
        for index in map(int, node["outputs"]):
            scale, zero = details[index]["quantization"]
            values = interpreter.get_tensor(index).astype(np.float32)
            if values.ndim == 4:
                real = (values - zero) * scale if scale else values
                yield WrittenTensor(details[index]["name"], node["op_name"], real, float(scale))
