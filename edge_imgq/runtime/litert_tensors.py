"""Every tensor that a .tflite file computes of an image, in TFLite's own kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UnopenedFileError
from edge_imgq.runtime.litert_inputs import place_inputs
from edge_imgq.runtime.written_tensor import WrittenTensor

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]


def written_tensors(path: Path, pixels: Pixels, peak: float) -> Iterator[WrittenTensor]:
    """Yield what a file computes of an image, in the order of its operators.

    XNNPACK keeps nothing between operators, so the kernels are TFLite's own, which round alike but
    for single steps. Tensors that are no images are left out.

    Args:
        path: of a file of 8-bit pixels (1, H, W, C) or floats from 0 to the peak.
        pixels: (H, W, C), of that size.
        peak: what 255 is in floats.

    Raises:
        UnopenedFileError: LiteRT does not run it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        place_inputs(interpreter, pixels, peak)
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
