"""`inspect` shows the contract by which `export` takes a model, and takes the same options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import edge_imgq as eiq
from tests.cli.conftest import Run


@pytest.fixture
def denoiser(tmp_path: Path) -> Path:
    """Return a network with a plane sigma beside the image."""
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> own (float[1,3,16,16] image, '
        "float[1,1,16,16] sigma) => (float[1,3,16,16] out) { a = Concat<axis=1>(image, sigma) "
        "b = Conv<pads=[1,1,1,1]>(a, w) out = Add(b, image) }"
    )
    weight = np.full((3, 4, 3, 3), 0.01, np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(model, tmp_path / "own.onnx")
    return tmp_path / "own.onnx"


def test_the_range_of_sigma_and_how_to_change_it_are_shown(run: Run, denoiser: Path) -> None:
    said = " ".join(run("inspect", denoiser).out.split())
    assert (
        "as export takes it: image-to-image of RGB, pixels from 0 to 1 (others: --range 255" in said
    )
    assert "plane 'sigma' of 1 channel, range 0 to 0.294118 (another: --input " in said
    assert "(another: --input sigma=plane:LOW..HIGH)" in said


def test_the_options_of_export_change_what_is_shown(run: Run, denoiser: Path) -> None:
    words = ("--range=-1,1", "--input", "sigma=plane:0..2")
    said = " ".join(run("inspect", denoiser, *words).out.split())
    assert "pixels from -1 to 1" in said
    assert "plane 'sigma' of 1 channel, range 0 to 2" in said
    shown = json.loads(run("inspect", denoiser, *words, "--json").out)
    opened = eiq.open(denoiser, pixel_range=(-1, 1), inputs=["sigma=plane:0..2"])
    (port,) = opened.contract.further
    assert shown["contract"]["further"] == [
        {
            "name": "sigma", "kind": "plane", "channels": 1, "low": [0.0], "high": [2.0],
            "downscale": 1, "fed_by": "",
        }
    ]  # fmt: skip
    assert (port.low, port.high) == ((0.0,), (2.0,))
    assert shown["pixels"] == {"low": -1.0, "high": 1.0}


def test_a_file_that_states_its_range_takes_none(run: Run, shared_export: Path) -> None:
    for name in ("tflite-int8.tflite", "onnx-float.onnx", "onnx-int8.onnx"):
        outcome = run("inspect", shared_export / name, "--range", "255")
        assert outcome.code in (2, 5), name
        assert "states its own pixel range" in outcome.err + outcome.out
