"""Average pools whose last window extends beyond the padding, against torch."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edge_imgq.graph.load.counted_padding import without_counted_padding

IMAGE = np.random.default_rng(3).random((1, 3, 9, 12)).astype(np.float32)
WINDOWS = {"no padding": (2, 2, 0), "padding": (3, 2, 1), "padding and larger": (4, 3, 1)}
STARTS_IN_PADDING = (2, 3, 1)


def model(kernel: int, stride: int, padding: int) -> onnx.ModelProto:
    attributes = (
        f"kernel_shape=[{kernel},{kernel}], strides=[{stride},{stride}], ceil_mode=1, "
        f"pads=[{padding},{padding},{padding},{padding}], count_include_pad=1"
    )
    return onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"m (float[1,3,9,12] x) => (float[n,c,p,q] y) {{ y = AveragePool<{attributes}>(x) }}"
    )


def torchs(kernel: int, stride: int, padding: int) -> np.ndarray:
    pool = torch.nn.AvgPool2d(kernel, stride, padding, ceil_mode=True)
    return pool(torch.from_numpy(IMAGE)).numpy()


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_it_pools_the_same_without_counting(window: tuple[int, int, int]) -> None:
    after = without_counted_padding(model(*window))
    onnx.checker.check_model(after, full_check=True)
    assert not [a for n in after.graph.node for a in n.attribute if a.name == "count_include_pad"]
    got = onnxruntime.InferenceSession(after.SerializeToString()).run(None, {"x": IMAGE})[0]
    np.testing.assert_allclose(got, torchs(*window), atol=1e-6)


def test_a_pool_whose_window_could_start_in_its_padding_stays() -> None:
    before = model(*STARTS_IN_PADDING)
    assert without_counted_padding(before) is before
