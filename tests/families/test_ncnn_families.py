"""The published families as ncnn files, float32 and float16, in ncnn against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.functions import functions_of
from edge_imgq.export.order import Order
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.open import open_session

from .convert import SIZE, Family, run_onnx
from .sharing import family
from .table import PUBLISHED
from .test_families import _psnr

LEAST = {"ncnn-float": 80.0, "ncnn-fp16": 55.0}
"""In dB, 8-bit images against the float model's. One value that is off by one is 84."""


def psnr_of(network: Family, target: str, path: Path) -> float:
    """Write the file of a target, run ncnn on it from disk and return dB to the float model."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    note = FileNote(network.name, target, network.contract, "0.0")
    order = Order((SIZE,), note, half=recipe.precision == "float16")
    functions_of(recipe.format).write(rewrite(network.model, recipe.passes), order, path)
    got = open_session(path).run(network.pixels[0])
    levels = np.rint(run_onnx(network.model, network.image).clip(0, 1) * 255)[0]
    assert got.transpose(2, 0, 1).shape == levels.shape
    return _psnr(got.transpose(2, 0, 1), levels)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_agree_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    for target, least in LEAST.items():
        assert psnr_of(family(name), target, tmp_path / f"{target}.param") >= least
