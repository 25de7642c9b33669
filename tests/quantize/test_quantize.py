"""The whole of quantization, with ONNX Runtime as the witness of what the QDQ model computes."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.quantize.quantize import quantize
from tests.graph.build import run
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    as_input,
    photo,
    residual_network,
)


def test_the_qdq_model_is_valid_and_stays_close_to_the_float_model() -> None:
    original = residual_network()
    quantized = quantize(original, RECIPE, CONTRACT, [photo(seed) for seed in range(4)])
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = as_input(photo(9))
    difference = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 40
