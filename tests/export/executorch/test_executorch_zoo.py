"""The networks that ship as ExecuTorch files, in its runtime against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.images.files import read_rgb
from edge_imgq.models.zoo import ZOO
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.runtime.onnxruntime import OnnxSession
from edge_imgq.runtime.open import open_session

pytestmark = pytest.mark.usefixtures("installed")

SIZE = (64, 96)

ALONE = [name for name, entry in ZOO.items() if entry.contract.takes_image_alone]

NETWORKS = {name.rpartition("-x")[0] or name: name for name in reversed(ALONE)}.values()
"""One of each architecture that takes the image alone, at its smallest scale."""


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    image = read_manifest(default_manifest(Path("/nowhere")))[0]
    return read_rgb(image_path(image))[100 : 100 + SIZE[0], 60 : 60 + SIZE[1]]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_float_file_agrees_with_onnx_runtime(
    name: str, photo: np.ndarray, tmp_path: Path
) -> None:
    source, functions = open_model(name), functions_of("executorch")
    pixels = photo[:, :, : source.contract.channels]
    note = FileNote(name, "executorch-float", source.contract, "0.0")
    wanted = OnnxSession(ir.to_proto(source.model), note, 1).levels(pixels)
    assert wanted.std() > 8, "the output is too flat to show anything"
    recipe = {r.name: r for r in export_recipes(Path("/nowhere"))}["executorch-float"]
    path = tmp_path / "executorch-float.pte"
    functions.write(source.prepared(recipe.passes), ExportSpec((SIZE,), note), path)
    assert np.abs(open_session(path).levels(pixels) - wanted).max() < 0.01
    assert functions.placement(path).fallback == ()
