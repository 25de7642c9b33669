"""Pools and means: LiteRT against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.export.tflite.lower import lower, refusals
from edge_imgq.export.tflite.lowering_options import LoweringOptions
from edge_imgq.graph.network import Network, Operation, Quantization, Tensor
from tests.export.tflite.operators.build import (
    assert_float_file,
    assert_int8_file,
    cases_of,
    quantizable,
)
from tests.export.tflite.witness import (
    NOTE,
    Case,
    from_file,
    interpreter_of,
    kinds,
    network_of,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)

CASES = cases_of("pooling")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    assert_float_file(name)


@pytest.mark.parametrize("name", quantizable(CASES))
def test_an_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    assert_int8_file(name)


@pytest.mark.parametrize("strides", ["1,1", "2,2"])
def test_a_file_for_an_npu_counts_padding_and_corrects_it(strides: str) -> None:
    """Qualcomm's plugin is wrong on SAME: 27 dB in its emulator (tests/export/npu)."""
    attributes = f"kernel_shape=[3,3], pads=[1,1,1,1], strides=[{strides}], count_include_pad=0"
    model = Case(f"y = AveragePool<{attributes}>(x)", (1, 4, 7, 9)).model()
    values = np.random.default_rng(5).normal(size=(1, 4, 7, 9)).astype(np.float32)
    data = lower(network_of(model), NOTE, options=LoweringOptions(npu=True))
    got = from_file(run_litert(data, to_file(values)))
    np.testing.assert_allclose(got, run_onnx(model, values), atol=1e-6)
    shapes = [tuple(d["shape"]) for d in interpreter_of(data).get_tensor_details()]
    assert (1, 9, 11, 4) in shapes


def test_a_file_for_an_npu_halves_an_rgb_image_by_a_dense_convolution() -> None:
    """Qualcomm's depthwise 2x2 with stride 2 is wrong: 6 dB in its emulator (tests/export/npu)."""
    case = Case("y = AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)", (1, 3, 8, 10))
    values = np.random.default_rng(5).uniform(-1, 1, case.shape).astype(np.float32)
    network = network_of(quantized(case.model(), values))
    data, other = (lower(network, NOTE, options=LoweringOptions(npu=npu)) for npu in (True, False))
    assert (kinds(data)[1], kinds(other)[1]) == ("CONV_2D", "DEPTHWISE_CONV_2D")
    image = np.random.default_rng(6).integers(0, 256, (1, 8, 10, 3), np.uint8)
    np.testing.assert_array_equal(run_litert(data, image), run_litert(other, image))


def test_a_dilated_int8_mean_is_refused_with_the_others() -> None:
    pixels = Quantization(np.ones(1, np.float32), np.zeros(1, np.int32), "int8")
    image, mean = Tensor("x", (1, 3, 8, 8), pixels), Tensor("y", (1, 3, 6, 6), pixels)
    attributes = {"kernel_shape": (2, 2), "dilations": (2, 2)}
    pool = Operation("AveragePool", "pool", (image,), (mean,), attributes)
    (refusal,) = refusals(Network("pools", (image,), (mean,), (pool,)))
    assert refusal.reason == "TFLite's pooling has no dilation."
