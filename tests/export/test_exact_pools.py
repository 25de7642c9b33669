"""Pools: a default session of ONNX Runtime computes what the graph says."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional

from edge_imgq.export.exact_pools import keep_exact

PADDED = {
    "of zeros, a maximum": (1, "MaxPool", "kernel_shape = [3, 3]"),
    "a maximum that pads, too": (2, "MaxPool", "kernel_shape = [3, 3], pads = [1, 1, 1, 1]"),
    "wider than a mean": (2, "AveragePool", "kernel_shape = [2, 2], strides = [2, 2]"),
}
WITNESSES = {
    "of zeros, a maximum": lambda x: functional.max_pool2d(x, 3, 1),
    "a maximum that pads, too": lambda x: functional.max_pool2d(x, 3, 1, padding=1),
    "wider than a mean": lambda x: functional.avg_pool2d(x, 2),
}
HEADER = (
    '<ir_version: 10, opset_import: ["" : 21]>\n'
    "pool (float[1,1,7,9] image) => (float[1,1,height,width] y)"
)
PAIR = "{1}q = QuantizeLinear({0}, step, zero) {1} = DequantizeLinear({1}q, step, zero)"


def padded(pad: int, kind: str, attributes: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(
        f"{HEADER} <int64[8] pads = {{0, 0, {pad}, {pad}, 0, 0, {pad}, {pad}}}>"
        f"{{ p = Pad(image, pads) y = {kind} <{attributes}> (p) }}"
    )


def quantized(attributes: str) -> onnx.ModelProto:
    before, after = PAIR.format("image", "i"), PAIR.format("p", "y")
    return onnx.parser.parse_model(
        f"{HEADER} <float step = {{0.00392157}}, uint8 zero = {{128}}>"
        f"{{ {before} p = AveragePool <{attributes}> (i) {after} }}"
    )


def run(proto: onnx.ModelProto, image: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return session.run(None, {"image": image})[0]


@pytest.mark.parametrize("name", PADDED)
def test_padding_in_front_of_a_pool_is_pooled(name: str) -> None:
    image = -np.random.default_rng(0).random((1, 1, 7, 9), np.float32)
    pad, *pool = PADDED[name]
    wanted = WITNESSES[name](functional.pad(torch.from_numpy(image), (pad,) * 4)).numpy()
    proto = padded(pad, *pool)
    keep_exact(proto)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_allclose(run(proto, image), wanted, atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1])
def test_the_last_window_of_a_quantized_mean_counts_no_more_than_padding(padding: int) -> None:
    image = np.random.default_rng(0).random((1, 1, 7, 9), np.float32) / 2
    size = 2 + 2 * padding
    window = f"kernel_shape = [{size}, {size}], strides = [{size}, {size}]"
    proto = quantized(
        f"{window}, pads = [{padding}, {padding}, {padding}, {padding}], ceil_mode = 1, "
        "count_include_pad = 1"
    )
    keep_exact(proto)
    onnx.checker.check_model(proto, full_check=True)
    pool = torch.nn.AvgPool2d(size, padding=padding, ceil_mode=True)
    wanted = pool(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(run(proto, image), wanted, atol=1.01 / 255)


@pytest.mark.parametrize(
    "attributes", ["pads = [1, 1, 1, 1]", "pads = [1, 1, 1, 1], count_include_pad = 1"]
)
def test_other_pools_stay_as_they_are(attributes: str) -> None:
    proto = quantized(f"kernel_shape = [3, 3], {attributes}")
    before = proto.SerializeToString()
    keep_exact(proto)
    assert proto.SerializeToString() == before
