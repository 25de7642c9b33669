"""The published families as Core AI files, float16, in Core AI against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.open import open_session
from tests.families.figures import psnr

from .convert import SIZE, Family, run_onnx
from .sharing import family

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

MIN_PSNR = 52.0
"""In dB, whole levels against the float model's."""


def psnr_of(network: Family, path: Path) -> float:
    """Write the file of a family, run Core AI on it from disk and return dB to the float model."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == "coreai-float16")
    note = FileNote(network.name, recipe.name, network.contract, "0.0")
    graph = prepared_graph(network.model, recipe.passes)
    functions_of(recipe.format).write(graph, ExportSpec((SIZE,), note, float16_weights=True), path)
    got = open_session(path).levels(network.pixels[0]).transpose(2, 0, 1)
    wanted = run_onnx(network.model, network.image)[0] * 255
    assert got.shape == wanted.shape
    return psnr(got, wanted.clip(0, 255))


SOON = ("srcnn", "sesr", "zero-dce", "squeeze-excite")
"""Families that are soon run, for Core AI for Linux is slow; docs/coreai.md has figures of all."""


@pytest.mark.parametrize("name", SOON)
def test_the_file_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert psnr_of(family(name), tmp_path / "coreai-float16.aimodel") >= MIN_PSNR
