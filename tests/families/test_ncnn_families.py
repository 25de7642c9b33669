"""The published families as ncnn files, float32 and float16, in ncnn against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.ncnn import open_session as open_ncnn
from edge_imgq.runtime.ncnn_file import read_pair
from tests.families.figures import MIN_PSNR, psnr, psnr_of

from .convert import SIZE, run_onnx
from .sharing import family
from .table import PUBLISHED

IN_INTEGERS = ("espcn", "sesr", "squeeze-excite")
"""Families that are soon quantized."""


@pytest.mark.parametrize("name", IN_INTEGERS)
def test_convolutions_of_integers_lose_what_their_scales_do(name: str, tmp_path: Path) -> None:
    network, shipped = family(name), quantize_recipe("int8-symmetric")
    recipe = QuantizeRecipe("int8", "", "min-max", shipped.passes, scales=shipped.scales)
    made = quantize(network.model, recipe, network.contract, iter(network.pixels))
    path = tmp_path / "ncnn-int8.param"
    note = FileNote(network.name, "ncnn-int8", network.contract, "0.0")
    functions_of("ncnn").write(prepared_graph(made, ()), ExportSpec((SIZE,), note), path)
    wanted = run_onnx(network.model, network.image)[0].clip(0, 1) * 255
    graph = run_onnx(bind_size(made, SIZE), network.image)[0].clip(0, 1) * 255
    got = open_ncnn(path).levels(network.pixels[0]).transpose(2, 0, 1).clip(0, 255)
    assert any(line.in_integers for line in read_pair(path).lines)
    # The graph rounds behind every operator, ncnn before convolutions alone.
    assert psnr(got, wanted) >= max(psnr(graph, wanted) - 0.5, 40.0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_agree_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    for target, least in MIN_PSNR.items():
        assert psnr_of(family(name), target, tmp_path / f"{target}.param") >= least
