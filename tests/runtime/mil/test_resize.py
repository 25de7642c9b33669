"""Bilinear resizes of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.runtime.mil.build import assert_float16, assert_float32, computed

MODULES: dict[str, Callable[[], nn.Module]] = {
    "upsample bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "upsample bilinear, corners aligned": lambda: nn.Upsample(
        scale_factor=2, mode="bilinear", align_corners=True
    ),
    "resize bilinear to a size": lambda: nn.Upsample(size=(15, 31), mode="bilinear"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


X = np.random.default_rng(2).normal(size=(1, 2, 5, 7)).astype(np.float32)

MODES = {
    "STRICT_ALIGN_CORNERS": True,
    "ALIGN_CORNERS": True,
    "UNALIGN_CORNERS": False,
}


@pytest.mark.parametrize("mode", MODES)
def test_a_sampling_mode_is_torch_s(mode: str) -> None:
    wanted = F.interpolate(
        torch.from_numpy(X), (12, 11), mode="bilinear", align_corners=MODES[mode]
    )
    size = {"target_size_height": 12, "target_size_width": 11}
    result = computed("resize_bilinear", x=X, sampling_mode=mode, **size)
    np.testing.assert_allclose(result, wanted.numpy(), atol=1e-5)


def test_without_a_mode_the_first_sample_lies_on_the_first_pixel() -> None:
    result = computed("resize_bilinear", x=X, target_size_height=10, target_size_width=7)
    between = (X + np.concatenate([X[:, :, 1:], X[:, :, -1:]], 2)) / 2
    np.testing.assert_allclose(result[:, :, ::2], X, atol=1e-6)
    np.testing.assert_allclose(result[:, :, 1::2], between, atol=1e-6)


def test_factors_without_flags_align_corners_as_the_mil_reference_says() -> None:
    factors = {"scale_factor_height": np.float32(2), "scale_factor_width": np.float32(3)}
    image = torch.from_numpy(X)
    corners = F.interpolate(image, (10, 21), mode="bilinear", align_corners=True)
    centres = F.interpolate(image, (10, 21), mode="bilinear", align_corners=False)
    found = computed("upsample_bilinear", x=X, **factors)
    np.testing.assert_allclose(found, corners.numpy(), atol=1e-5)
    found = computed("upsample_bilinear", x=X, align_corners=False, **factors)
    np.testing.assert_allclose(found, centres.numpy(), atol=1e-5)
