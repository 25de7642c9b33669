"""The quantized network whose layers are switched to float."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from tests.graph.build import run
from tests.quantize.build import photo
from tests.quantize.mixed_precision.build import CONTRACT, network, recipe

BATCH = np.concatenate([to_nchw(photo(seed, (32, 32)), 1.0) for seed in (20, 21)])


def unwatched(*_: object) -> None:
    """Tell nobody."""


def made(**precision: str) -> Quantized:
    photos = [photo(seed, (48, 48)) for seed in range(4)]
    return quantize_in_steps(network(), recipe(**precision), CONTRACT, photos)


@pytest.fixture(scope="module")
def quantized() -> Quantized:
    return made()


@pytest.fixture(scope="module")
def ablation(quantized: Quantized) -> LayerAblation:
    return LayerAblation(quantized.original, quantized.model, BATCH, 1.0)


def decibels(model: ir.Model, reference: ir.Model) -> float:
    found = []
    for patch in BATCH:
        error = run(model, patch[None], exact=True) - run(reference, patch[None]).clip(0, 1)
        found.append(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
    return float(np.mean(found))
