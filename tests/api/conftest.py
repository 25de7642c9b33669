"""A small torch module, photographs as arrays, and one export of the two that tests look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data
from torch import nn

import edge_imgq as eiq
from tests.conftest import patches_of_small_images

Pixels = NDArray[np.uint8]

SIZE = (48, 64)


class Residual(nn.Module):
    """Adds a small correction to an RGB image."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + 0.1 * self.second(torch.relu(self.first(image)))


@pytest.fixture(scope="module", autouse=True)
def quick_quantization(small_patches: None) -> None:
    """Quantize on patches as small as the photographs here."""


@pytest.fixture(scope="session")
def network() -> nn.Module:
    torch.manual_seed(7)
    return Residual()


@pytest.fixture(scope="session")
def model(network: nn.Module) -> eiq.Model:
    return eiq.open(network, example=torch.rand(1, 3, *SIZE))


@pytest.fixture(scope="session")
def calibration() -> list[Pixels]:
    scenes = (data.astronaut(), data.coffee(), data.rocket(), data.immunohistochemistry())
    return [scene[100:160, 100:180].copy() for scene in scenes]


@pytest.fixture(scope="session")
def photos() -> list[Pixels]:
    return [data.chelsea()[100:160, 100:180].copy(), data.chelsea()[0:60, 300:380].copy()]


@pytest.fixture(scope="session")
def exported(
    model: eiq.Model,
    calibration: list[Pixels],
    photos: list[Pixels],
    tmp_path_factory: pytest.TempPathFactory,
) -> eiq.ModelResult:
    """Return an export into a folder with spaces in its name; read it, do not change it."""
    output = tmp_path_factory.mktemp("made") / "files of my app"
    with patches_of_small_images():
        return eiq.export(
            model,
            targets=["onnx-float", "*-int8"],
            output=output,
            calibration=calibration,
            images=photos,
            scheme="int8-fast",
            bench=False,
        )


@pytest.fixture(scope="session")
def float_file(exported: eiq.ModelResult) -> Path:
    return exported["onnx-float"].path
