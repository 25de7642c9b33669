"""PSNR of whole images as training measures it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.train.pairs import Pair
from edge_imgq.train.validate import mean_psnr, restore


class Scale(torch.nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * self.factor


def test_the_output_is_rounded_and_clipped_to_8_bits() -> None:
    pixels = np.array([[[3, 101, 200]]], np.uint8)
    assert restore(Scale(1.5), pixels).ravel().tolist() == [4, 152, 255]
    assert restore(Scale(-1.0), pixels).ravel().tolist() == [0, 0, 0]
    assert restore(Scale(0.8), pixels).ravel().tolist() == [2, 81, 160]


def test_an_enlarging_network_gives_an_enlarged_image_of_one_channel() -> None:
    assert restore(FSRCNN(scale=3), np.zeros((5, 7, 1), np.uint8)).shape == (15, 21, 1)


def test_the_mean_is_over_images_and_the_border_does_not_count() -> None:
    truth = np.full((10, 10, 3), 100, np.uint8)
    off_by_one, off_by_ten = truth + 1, truth + 10
    pairs = tuple(Pair("p", degraded, truth) for degraded in (off_by_one, off_by_ten))
    expected = 20 * math.log10(255) - 10  # the mean of 20 log10(255) and 20 less
    assert mean_psnr(Scale(1.0), pairs, shave=0) == pytest.approx(expected, abs=1e-6)
    spoiled = off_by_one.copy()
    spoiled[0] = 0
    assert mean_psnr(Scale(1.0), (Pair("p", spoiled, truth),), shave=1) == pytest.approx(
        20 * math.log10(255), abs=1e-6
    )
