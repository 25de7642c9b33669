"""The networks that ship as Core AI files, run by Core AI against ONNX Runtime, on a photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.images.files import read_rgb
from edge_imgq.metrics.psnr import psnr
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.runtime.onnxruntime import OnnxSession
from edge_imgq.runtime.open import open_session

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

MIN_PSNR = 54.0
"""In dB, 8-bit images against the float model's. Larger ones, which budgets ask for, lose less."""

SIZE = (64, 96)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    image = read_manifest(default_manifest(Path("/nowhere")))[0]
    return read_rgb(image_path(image))[100 : 100 + SIZE[0], 60 : 60 + SIZE[1]]


SOON = ("fsrcnn-s-x2", "abpn-x2", "dped-slim")
"""Networks that are soon run, for Core AI for Linux is slow; docs/coreai.md has figures of all."""


@pytest.mark.parametrize("name", SOON)
def test_the_file_of_a_network_agrees_with_onnx_runtime(
    name: str, photo: np.ndarray, tmp_path: Path
) -> None:
    source = open_model(name)
    if not source.contract.returns_image:
        pytest.skip("it returns numbers, which other tests compare")
    pixels = photo[:, :, : source.contract.channels]
    note = FileNote(name, "coreai-float16", source.contract, "0.0")
    wanted = OnnxSession(ir.to_proto(source.model), note, 1).run(pixels)
    assert wanted.std() > 8, "the output is too flat to show anything"
    recipe = next(r for r in export_recipes(Path("/nowhere")) if r.name == "coreai-float16")
    path = tmp_path / "coreai-float16.aimodel"
    graph = source.prepared(recipe.passes)
    functions_of("coreai").write(graph, ExportSpec((SIZE,), note, float16_weights=True), path)
    assert psnr(open_session(path).run(pixels), wanted) >= MIN_PSNR
