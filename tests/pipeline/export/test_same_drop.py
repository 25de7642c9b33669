"""The int8 files of one scheme lose the same: TFLite, Core ML and ONNX against clean photographs.

The networks pass a photograph on with noise and add a little of their own, so that what int8 adds
is seen beside the noise. LiteRT, ONNX Runtime and the evaluator of Core ML run the files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edge_imgq as eiq
from tests.families.compact import HighFrequencyBlock, SpanBlock, VapBlock
from tests.quantize.smooth_photo import photo

WIDTH = 8
TARGETS = ("onnx-int8", "tflite-int8", "coreml-int8")
MAX_APART = 0.005
"""Largest difference of the mean drops of two formats, in dB."""

# Networks are quantized on patches of the size of these images.
pytestmark = pytest.mark.usefixtures("small_patches")

CLEAN = [photo(seed, (64, 64)) for seed in range(70, 74)]


class Passing(nn.Module):
    """The image in three of the channels, what a block makes of them, and the image again."""

    def __init__(self, block: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.entry, self.last = (
            nn.Conv2d(*ends, 3, padding=1) for ends in ((3, WIDTH), (WIDTH, 3))
        )
        self.block, self.share = block(WIDTH), 0.05
        with torch.no_grad():
            self.last.weight.mul_(self.share)
            for channel in range(3):
                for layer in (self.entry, self.last):
                    layer.weight[channel, :, 1, 1] = 0
                    layer.weight[channel, channel, 1, 1] = 1

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        enhanced: Tensor = self.last(first + self.share * self.block(first))
        return enhanced


def plain(width: int) -> nn.Module:
    """Return two layers with a ReLU between them."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
    )


def narrow(width: int) -> nn.Module:
    """Return layers with a PReLU and a tanh."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1),
        nn.PReLU(width),
        nn.Conv2d(width, width, 1),
        nn.Tanh(),
    )


BLOCKS = {
    "plain": plain, "PReLU and tanh": narrow, "HFENet": HighFrequencyBlock,
    "SPAN": SpanBlock, "VapSR": VapBlock,
}  # fmt: skip


def with_noise(clean: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(int(clean[0, 0, 0])).normal(0, 4, clean.shape)
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


def psnr(image: np.ndarray, clean: np.ndarray) -> float:
    error = image.astype(np.float64) - clean
    return float(10 * np.log10(255**2 / np.mean(error**2)))


@pytest.mark.parametrize("name", BLOCKS)
def test_files_of_one_scheme_lose_the_same(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = Passing(BLOCKS[name]).eval()
    result = eiq.export(
        eiq.open(network, example=torch.rand(1, 3, 64, 64)),
        targets=TARGETS,
        sizes=(64, 64),
        calibration=[with_noise(photo(seed)) for seed in range(3)],
        images=[with_noise(CLEAN[0])],
        output=tmp_path,
        bench=False,
    )
    means = {}
    for target in TARGETS:
        drops = []
        for clean in CLEAN:
            noisy = with_noise(clean)
            with torch.no_grad():
                levels = network(torch.from_numpy(noisy).permute(2, 0, 1)[None] / 255)[0] * 255
            exact = levels.permute(1, 2, 0).numpy().round().clip(0, 255)
            drops.append(psnr(exact, clean) - psnr(eiq.enhance(noisy, result[target]), clean))
        means[target] = float(np.mean(drops))
    assert max(means.values()) - min(means.values()) <= MAX_APART
