"""The networks that ship as ncnn files, in ncnn against ONNX Runtime, on a photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.images.files import read_rgb
from edge_imgq.images.layout import from_nchw, to_nchw
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.zoo import ZOO
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.runtime.onnxruntime import OnnxSession
from edge_imgq.runtime.open import open_session

from .witness import run_as_phones_store

MIN_PSNR = {"ncnn-float": 80.0, "ncnn-fp16": 55.0}
"""In dB, 8-bit images against the float model's."""

SIZE = (64, 96)

ALONE = [name for name, entry in ZOO.items() if entry.contract.takes_image_alone]

NETWORKS = {name.rpartition("-x")[0] or name: name for name in reversed(ALONE)}.values()
"""One of each architecture that takes the image alone, at its smallest scale."""


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    image = read_manifest(default_manifest(Path("/nowhere")))[0]
    return read_rgb(image_path(image))[100 : 100 + SIZE[0], 60 : 60 + SIZE[1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_files_of_a_network_agree_with_onnx_runtime(
    name: str, photo: np.ndarray, tmp_path: Path
) -> None:
    source = open_model(name)
    pixels = photo[:, :, : source.contract.channels]
    note = FileNote(name, "ncnn", source.contract, "0.0")
    wanted = OnnxSession(ir.to_proto(source.model), note, 1).run(pixels)
    assert wanted.std() > 8, "the output is too flat to show anything"
    recipes = {recipe.name: recipe for recipe in export_recipes(Path("/nowhere"))}
    for target, least in MIN_PSNR.items():
        path = tmp_path / f"{target}.param"
        order = ExportSpec((SIZE,), note, float16_weights=target == "ncnn-fp16")
        functions_of("ncnn").write(source.prepared(recipes[target].passes), order, path)
        assert open_session(path).resizable
        assert psnr(open_session(path).run(pixels), wanted) >= least
    planes = run_as_phones_store(path, to_nchw(pixels, source.contract.peak)[0])
    stored = from_nchw(planes[np.newaxis], source.contract.peak)
    assert psnr(stored, wanted) >= MIN_PSNR["ncnn-fp16"]
