"""The published families as ncnn files, float32 and float16, in ncnn against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.ncnn import open_session as open_ncnn

from .convert import SIZE, Family, run_onnx
from .sharing import family
from .table import PUBLISHED
from .test_families import _psnr

LEAST = {"ncnn-float": 80.0, "ncnn-fp16": 55.0}
"""In dB, levels against the float model's before they are rounded: some families return halves."""


def psnr_of(network: Family, target: str, path: Path) -> float:
    """Write the file of a target, run ncnn on it from disk and return dB to the float model."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    note = FileNote(network.name, target, network.contract, "0.0")
    order = ExportSpec((SIZE,), note, half=recipe.precision == "float16")
    functions_of(recipe.format).write(prepared_graph(network.model, recipe.passes), order, path)
    got = open_ncnn(path).levels(network.pixels[0]).transpose(2, 0, 1)
    wanted = run_onnx(network.model, network.image)[0] * 255
    assert got.shape == wanted.shape
    return _psnr(got.clip(0, 255), wanted.clip(0, 255))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_agree_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    for target, least in LEAST.items():
        assert psnr_of(family(name), target, tmp_path / f"{target}.param") >= least
