"""The published families of enhancement networks, whole, float and int8, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from .convert import SEED, Family, convert, float_file, int8_file, quantized, run_file, run_onnx
from .generation import DcGan, StyleTransfer, VaeDecoder
from .restoration import (
    DeblurGan,
    DeepDeblur,
    DnCnn,
    JpegNet,
    NafNet,
    NafNetPermuting,
    SqueezedAttention,
)
from .super_resolution import (
    Abpn,
    AbpnByConcat,
    AbpnByRepeat,
    Drcn,
    Espcn,
    Sesr,
    Srcnn,
    SrDenseNet,
    SrResNet,
    Vdsr,
)

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "SRCNN": (Srcnn, 1),
    "VDSR": (Vdsr, 1),
    "DRCN": (Drcn, 1),
    "SRDenseNet": (SrDenseNet, 1),
    "SRResNet": (SrResNet, 3),
    "ESPCN": (Espcn, 1),
    "ABPN": (Abpn, 3),
    "ABPN, anchor by concat": (AbpnByConcat, 3),
    "ABPN, anchor by repeat": (AbpnByRepeat, 3),
    "SESR": (Sesr, 1),
    "NAFNet": (NafNet, 3),
    "NAFNet, channels last": (NafNetPermuting, 3),
    "20-layer JPEG": (JpegNet, 3),
    "DnCNN": (DnCnn, 1),
    "DeepDeblur": (DeepDeblur, 3),
    "DeblurGAN": (DeblurGan, 3),
    "squeeze and excitation": (SqueezedAttention, 3),
    "style transfer": (StyleTransfer, 3),
    "DCGAN": (DcGan, 3),
    "VAE": (VaeDecoder, 3),
}
NORMALISED = {"NAFNet", "NAFNet, channels last", "DeblurGAN", "style transfer"}
"""Mean and variance are sums in float, which runtimes add up in different orders. A difference of
10⁻⁶ moves one value in some thousands to the next level, and every further normalisation of a
channel that fills few levels enlarges it. So these are held to decibels instead of levels."""

LEAST_CONVERSION_PSNR = 36.0
"""In dB, int8 file against the QDQ model, of the families in NORMALISED."""

LEAST_PSNR = 24.0
"""In dB, int8 file against the float model. Random weights amplify more than trained ones do."""


@cache
def family(name: str) -> Family:
    make, channels = NETWORKS[name]
    torch.manual_seed(SEED)
    return convert(name, make(), channels)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_float_file_agrees_with_onnx_runtime(name: str) -> None:
    network = family(name)
    wanted = run_onnx(network.model, network.image)
    got = run_file(float_file(network), network.image)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_the_int8_file_agrees_with_the_qdq_model_and_shows_the_image(name: str) -> None:
    network = family(name)
    model = quantized(network)
    levels = np.rint(run_onnx(model, network.image).clip(0, 1) * 255)
    got = run_file(int8_file(network, model), network.pixels[0].transpose(2, 0, 1)[np.newaxis])
    assert got.shape == levels.shape
    assert levels.std() > 8, "the output is too flat to show anything"
    if name in NORMALISED:
        assert _psnr(got, levels) > LEAST_CONVERSION_PSNR
    else:
        assert (np.abs(got - levels) <= 1).mean() >= 0.99
    reference = run_onnx(network.model, network.image).clip(0, 1)
    assert _psnr(got, reference * 255) > LEAST_PSNR


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
