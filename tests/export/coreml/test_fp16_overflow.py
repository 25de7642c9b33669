"""What a clipping cuts off hundreds of times above it does not become infinite on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.export.coreml.fp16_overflow import MAX_RESULT, fitting_factor
from tests.export.coreml.witness import saved, step_by_step
from tests.export.tflite.witness import Case, network_of, quantized

SHAPE = (1, 4, 24, 20)
IMAGE = np.random.default_rng(3).uniform(-2, 2, SHAPE).astype(np.float32)
WEIGHTS = np.random.default_rng(4).integers(-1, 2, (8, 4, 3, 3)).astype(np.float32)
"""Of one size, so that what float16 makes of them cancels out where they do."""

TEXT = """a = Conv<pads=[1,1,1,1]>(x, w, b)
          z = Clip(a, low, high)
          y = Conv(z, v)"""


def case(gain: float) -> Case:
    """Return a clipping to 0 ... 1 of a convolution `gain` times as strong."""
    rng = np.random.default_rng(5)
    weights = {
        "w": WEIGHTS * np.float32(gain),
        "b": rng.normal(0, 0.3, 8).astype(np.float32),
        "low": np.float32(0),
        "high": np.float32(1),
        "v": rng.normal(0, 0.3, (3, 8, 1, 1)).astype(np.float32),
    }
    return Case(TEXT, SHAPE, weights)


@pytest.mark.parametrize("gain", [0.1, 100.0, 1000.0])
def test_a_clipped_convolution_is_that_of_onnx_runtime(gain: float, tmp_path: Path) -> None:
    model = quantized(case(gain).model(), IMAGE)
    view = network_of(model)
    conv = next(operation for operation in view.operations if operation.kind == "Conv")
    found = fitting_factor(conv)
    assert (found > 1) == (gain > 1)
    assert np.log2(found) % 1 == 0
    off = step_by_step(view, model, {"x": IMAGE}, saved(view, tmp_path / "m.mlpackage"))
    assert off["z"].max() <= 1
    assert (off["z"] > 0).mean() <= 0.015


def test_the_factor_is_the_least_that_fits() -> None:
    """The largest result is that of an image at the ends of its integers, sign by sign."""
    view = network_of(quantized(case(100.0).model(), IMAGE))
    conv = next(operation for operation in view.operations if operation.kind == "Conv")
    image, output = conv.operand(0).quantization, conv.output.quantization
    assert image is not None
    assert output is not None
    ends = (np.array([-128, 127]) - image.zero_point[0]) * image.scale[0]
    kernel = case(100.0).constants["w"].reshape(8, -1)
    bias = case(100.0).constants["b"]
    results = [np.where(kernel > 0, high, low) * kernel for low, high in (ends, ends[::-1])]
    most = max(np.abs(one.sum(1) + bias).max() for one in results) / output.scale[0]
    factor = fitting_factor(conv)
    assert most / factor <= MAX_RESULT * 1.02  # integers of weights are not quite the weights
    assert most / (factor / 2) >= MAX_RESULT * 0.98
