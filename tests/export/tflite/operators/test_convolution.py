"""CONV_2D and DEPTHWISE_CONV_2D: LiteRT against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.export.tflite.lower import lower
from edge_imgq.export.tflite.lowering_options import LoweringOptions
from tests.export.tflite.cases import conv
from tests.export.tflite.operators.build import (
    assert_float_file,
    assert_int8_file,
    cases_of,
    quantizable,
)
from tests.export.tflite.witness import (
    NOTE,
    from_file,
    interpreter_of,
    kinds,
    network_of,
    run_litert,
    run_onnx,
    to_file,
)

CASES = cases_of("convolution")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str) -> None:
    assert_float_file(name)


@pytest.mark.parametrize("name", quantizable(CASES))
def test_an_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    assert_int8_file(name)


@pytest.mark.parametrize(("group", "outputs"), [(2, 3), (2, 4), (3, 1), (3, 2)])
def test_a_gpu_gets_whole_weights_where_groups_are_no_fours(group: int, outputs: int) -> None:
    """A group of two or three inputs: LiteRT's GPU kernels hold channels in fours."""
    inputs = 6 // group
    generator, shape = np.random.default_rng(3), (1, 6, 8, 10)
    weights = generator.normal(size=(group * outputs, inputs, 3, 3)).astype(np.float32)
    bias = generator.normal(size=group * outputs).astype(np.float32)
    case = conv(f"group = {group}, pads = [1, 1, 1, 1]", shape, w=weights, b=bias)
    model, values = case.model(), generator.normal(size=shape).astype(np.float32)
    data = lower(network_of(model), NOTE, options=LoweringOptions(gpu=True))
    got = from_file(run_litert(data, to_file(values)))
    np.testing.assert_allclose(got, run_onnx(model, values), atol=1e-5)
    filters = [d["shape"].tolist() for d in interpreter_of(data).get_tensor_details()]
    assert [group * outputs, 3, 3, 6] in filters


@pytest.mark.parametrize(("channels", "stride", "kind"), [
    (3, 2, "CONV_2D"), (3, 1, "DEPTHWISE_CONV_2D"), (8, 2, "DEPTHWISE_CONV_2D"),
])  # fmt: skip
def test_an_npu_gets_no_strided_depthwise_convolution_of_few_channels(
    channels: int, stride: int, kind: str
) -> None:
    """Qualcomm's is wrong with 2x2 kernels: 6 dB in its emulator (tests/export/npu)."""
    generator, shape = np.random.default_rng(3), (1, channels, 8, 10)
    weights = generator.normal(size=(channels, 1, 2, 2)).astype(np.float32)
    bias = generator.normal(size=channels).astype(np.float32)
    attributes = f"group = {channels}, strides = [{stride}, {stride}]"
    model = conv(attributes, shape, w=weights, b=bias).model()
    values = generator.normal(size=shape).astype(np.float32)
    data = lower(network_of(model), NOTE, options=LoweringOptions(npu=True))
    assert kinds(data) == [kind]
    np.testing.assert_allclose(
        from_file(run_litert(data, to_file(values))), run_onnx(model, values), atol=1e-5
    )
