"""The published families of enhancement networks, whole, float and int8, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.export.tflite.describe import describe
from tests.families.figures import psnr

from .convert import (
    SEED,
    SIZE,
    float_file,
    int8_file,
    operators,
    run_file,
    run_onnx,
    target_file,
)
from .sharing import family, quantized_family
from .table import PUBLISHED

FIXED = {"style-transfer"}
"""Families whose files hold the size of a resize."""

IMAGE_TO_IMAGE = [name for name in PUBLISHED if name != "vae"]
"""The VAE's decoder returns no whole multiple of its input, so that no export takes it."""

MIN_PSNR = 24.0
"""In dB, int8 file against the float model. Random weights amplify more than trained ones do."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_float_file_agrees_with_onnx_runtime(name: str) -> None:
    network = family(name)
    wanted = run_onnx(network.model, network.image)
    got = run_file(float_file(network), network.image)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE)
def test_the_gpu_file_has_no_pixel_shuffle_and_agrees_but_for_its_weights(name, tmp_path) -> None:
    network = family(name)
    path = tmp_path / "gpu.tflite"
    target_file(network, "tflite-gpu", path)
    assert "DEPTH_TO_SPACE" not in set(operators(path.read_bytes()))
    wanted = run_onnx(network.model, network.image)
    # Weights of 11 bits move an output of 0 to 1 by less than a level of 255.
    assert np.abs(run_file(path.read_bytes(), network.image) - wanted).max() < 1 / 255
    gpu = describe(path).placements[1]
    assert {verdict.reason for verdict in gpu.refusals} <= {"input of rank 2, takes 3 and 4"}


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE)
def test_a_file_that_says_it_may_be_resized_is_right_when_resized(name, tmp_path) -> None:
    network = family(name)
    path = tmp_path / "float.tflite"
    note = target_file(network, "tflite-float", path)
    assert note.resizable == (name not in FIXED)
    if not note.resizable:
        return
    multiple = note.contract.multiple
    size = (SIZE[0] + multiple, SIZE[1] + 3 * multiple)
    image = np.random.default_rng(SEED).random((1, network.image.shape[1], *size), np.float32)
    wanted = run_onnx(network.model, image)
    got = run_file(path.read_bytes(), image)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_int8_file_agrees_with_the_qdq_model_and_shows_the_image(name: str) -> None:
    network = family(name)
    model = quantized_family(name)
    levels = np.rint(run_onnx(model, network.image).clip(0, 1) * 255)
    got = run_file(int8_file(network, model), network.pixels[0].transpose(2, 0, 1)[np.newaxis])
    assert got.shape == levels.shape
    assert levels.std() > 8, "the output is too flat to show anything"
    assert (np.abs(got - levels) <= 1).mean() >= 0.99
    reference = run_onnx(network.model, network.image).clip(0, 1)
    assert psnr(got, reference * 255) > MIN_PSNR
