"""`quantize` and `open_file`, with ONNX Runtime on the saved file as a witness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import edge_imgq as eiq
from edge_imgq.errors import ImageError, RecipeError
from tests.api.conftest import SIZE, Pixels
from tests.port_networks import with_noise_map


def test_the_graph_is_the_one_that_an_export_lowers(
    model: eiq.Model, exported: eiq.ModelResult, calibration: list[Pixels]
) -> None:
    found = eiq.quantize(model, "int8-fast", calibration)
    written = onnx.load(exported.folder / "reference" / "int8-fast.onnx")
    assert found.onnx().graph == written.graph
    assert found.psnr == max(step.psnr for step in found.steps if step.kept)
    (scheme,) = exported.report.schemes
    assert found.steps == scheme.steps
    assert found.advice
    assert "int8-fast" in str(found)
    assert found._repr_html_().count("<tr>") == len(found.steps) + 1


def test_a_saved_graph_runs_in_onnx_runtime_and_here(
    model: eiq.Model, calibration: list[Pixels], photos: list[Pixels], tmp_path: Path
) -> None:
    recipe = replace(eiq.quantize_recipe("int8-fast"), name="coarse", observer="min-max")
    path = eiq.quantize(model, recipe, calibration).save(tmp_path / "coarse.onnx")
    image = photos[0][: SIZE[0], : SIZE[1]]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options)
    values = np.float32(image.transpose(2, 0, 1)[None]) / np.float32(255)
    got = session.run(None, {session.get_inputs()[0].name: values})[0][0].transpose(1, 2, 0)
    file = eiq.open_file(path)
    assert file.target == "coarse"
    assert np.array_equal(file.run(image), np.rint(got * 255).clip(0, 255).astype(np.uint8))


def test_a_wrong_recipe_is_refused_before_the_work(model: eiq.Model) -> None:
    steps: list[eiq.ProgressStep] = []
    with pytest.raises(RecipeError, match="'rounding' is \"up\"; it must be one of nearest"):
        eiq.quantize(
            model, replace(eiq.quantize_recipe("int8"), rounding="up"), progress=steps.append
        )
    assert not steps


def test_files_run_on_pixels_and_on_floats(exported: eiq.ModelResult, photos: list[Pixels]) -> None:
    image = photos[0][: SIZE[0], : SIZE[1]]
    session = onnxruntime.InferenceSession(exported["onnx-float"].path)
    values = np.float32(image.transpose(2, 0, 1)[None]) / np.float32(255)
    wanted = session.run(None, {session.get_inputs()[0].name: values})[0][0].transpose(1, 2, 0)
    floats = image.astype(np.float32) / 255
    for target in exported.files:
        file = eiq.open_file(exported[target])
        result, fine = file.run(image), file.run_float(floats)
        assert (result.dtype, result.shape) == (np.uint8, image.shape)
        assert (fine.dtype, fine.shape) == (np.float32, image.shape)
        assert np.abs(fine * 255 - result).max() <= 0.5001
        assert np.abs(fine - wanted).max() < (1e-5 if target == "onnx-float" else 6 / 255)
        assert (file.contract.scale, file.contract.colour) == (1, "rgb")
        assert file.runtime
    between = floats + np.float32(0.3 / 255)
    wanted = session.run(None, {session.get_inputs()[0].name: between.transpose(2, 0, 1)[None]})[0]
    fine = eiq.open_file(exported["onnx-float"]).run_float(between)
    np.testing.assert_allclose(fine, wanted[0].transpose(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize("target", ["tflite-int8", "onnx-float"])
def test_what_is_no_image_of_the_file_is_refused(exported: eiq.ModelResult, target: str) -> None:
    file = eiq.open_file(exported[target])
    with pytest.raises(ImageError, match="the image is float32 of shape 48 x 64 x 3; an image is"):
        file.run(np.zeros((*SIZE, 3), np.float32))
    with pytest.raises(ImageError, match="takes images of 3 channels, and this one has 1"):
        file.run(np.zeros(SIZE, np.uint8))
    with pytest.raises(ImageError, match=r"takes floats .height, width, channels., black 0"):
        file.run_float(np.zeros((*SIZE, 3), np.uint8))


def test_a_constant_is_no_input_of_the_graph(calibration: list[Pixels], tmp_path: Path) -> None:
    network = with_noise_map(tmp_path / "noise.onnx")
    said = {"bind": {"sigma": "15/255"}, "output_name": "out"}
    found = eiq.quantize(network, "int8-fast", calibration, **said)
    assert [value.name for value in found.onnx().graph.input] == ["image"]
    assert found.model.contract.port_choices == ("output: out", "bound: sigma = 0.0588")
