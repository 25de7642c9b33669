"""Padding of sliding windows of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests.export.tflite.witness import Case, run_onnx
from tests.runtime.mil.build import assert_float16, assert_float32, computed

MODULES: dict[str, Callable[[], nn.Module]] = {
    "conv with padding same": lambda: nn.Conv2d(8, 6, 3, dilation=(2, 1), padding="same"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


@pytest.mark.parametrize(("kind", "onnx"), [("same", "SAME_UPPER"), ("same_lower", "SAME_LOWER")])
def test_the_odd_row_of_padding_is_where_onnx_runtime_has_it(kind: str, onnx: str) -> None:
    generator = np.random.default_rng(4)
    x, weight = (
        generator.normal(size=size).astype(np.float32) for size in ((1, 3, 9, 10), (2, 3, 4, 3))
    )
    body = f'y = Conv<auto_pad="{onnx}", strides=[2,3]>(x, w)'
    wanted = run_onnx(Case(body, (1, 3, 9, 10), {"w": weight}).model(), x)
    result = computed("conv", x=x, weight=weight, strides=[2, 3], pad_type=kind)
    np.testing.assert_allclose(result, wanted, atol=1e-5)


def test_dilated_taps_reach_further() -> None:
    x = np.random.default_rng(5).normal(size=(1, 1, 8, 9)).astype(np.float32)
    weight = np.ones((1, 1, 3, 2), np.float32)
    body = "y = Conv<pads=[3,1,3,2], dilations=[3,3]>(x, w)"
    wanted = run_onnx(Case(body, (1, 1, 8, 9), {"w": weight}).model(), x)
    result = computed("conv", x=x, weight=weight, dilations=[3, 3], pad_type="same")
    np.testing.assert_allclose(result, wanted, atol=1e-5)


def test_custom_padding_is_a_pair_for_each_axis_and_valid_is_none() -> None:
    x = np.ones((1, 1, 4, 4), np.float32)
    sizes = {"x": x, "kernel_sizes": [2, 2]}
    assert computed("max_pool", pad_type="custom", pad=[0, 1, 1, 1], **sizes).shape[2:] == (4, 5)
    assert computed("max_pool", pad_type="custom", **sizes).shape[2:] == (3, 3)
    assert computed("max_pool", **sizes).shape[2:] == (3, 3)
