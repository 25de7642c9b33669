"""The published families as Core ML packages, float16 and W8A8, against ONNX Runtime."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.coreml.lower import save
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.recipe.folders import export_recipes
from tests.families.figures import MAX_LOST, MIN_EXACT, MIN_FLOAT16, outputs

from .convert import SIZE, run_onnx
from .even_steps import assert_even, plain_network
from .figures import psnr
from .sharing import family, quantized_family
from .table import PUBLISHED

MIN_CONVERSION = 34.0
"""In dB, int8 file against the QDQ model. A value that float16 tips to the next level moves others
in every layer after it, by as much as quantization itself did; so a file is also held to be as
near to the float model as the QDQ model is."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_float16_package_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    network = family(name)
    recipe = next(recipe for recipe in export_recipes() if recipe.name == "coreml-fp16")
    view = read_network(bind_size(rewrite(network.model, recipe.passes), SIZE))
    levels = np.rint(run_onnx(network.model, network.image).clip(0, 1) * 255)
    exact, half = outputs(network, view, tmp_path / "m.mlpackage")
    assert exact.shape == half.shape == levels.shape
    assert psnr(exact, levels) > MIN_EXACT
    assert psnr(half, levels) > MIN_FLOAT16
    assert np.abs(half - levels).max() <= 1


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_w8a8_package_is_as_near_as_the_qdq_model(name: str, tmp_path: Path) -> None:
    network = family(name)
    model = quantized_family(name)
    levels = np.rint(run_onnx(model, network.image).clip(0, 1) * 255)
    reference = run_onnx(network.model, network.image).clip(0, 1) * 255
    _, got = outputs(network, read_network(model), tmp_path / "m.mlpackage")
    assert got.shape == levels.shape
    assert psnr(got, levels) > MIN_CONVERSION
    assert psnr(got, reference) > psnr(levels, reference) - MAX_LOST


def test_a_network_converts_in_even_steps(tmp_path: Path) -> None:
    contract = ImageContract("image-to-image", 1, "rgb")
    recipe = next(recipe for recipe in export_recipes() if recipe.name == "coreml-fp16")
    note = FileNote("plain", "coreml-fp16", contract, "0.0")
    paths = (tmp_path / f"{number}.mlpackage" for number in count())

    def convert(layers: int, width: int) -> None:
        model = rewrite(normalise(plain_network(layers, width), "plain"), recipe.passes)
        save(read_network(bind_size(model, (180, 320))), note, next(paths))

    assert_even(convert)
