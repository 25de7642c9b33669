"""Networks from RGBA see a photograph's opacity, and what networks return as such is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import edge_imgq as eiq
from edge_imgq.errors import UsageError


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return a network that mixes all four channels."""
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> own (float[1,4,H,W] image) => '
        "(float[1,4,H,W] out) { out = Conv<pads=[1,1,1,1]>(image, w) }"
    )
    rng = np.random.default_rng(2)
    weight = rng.uniform(0, 0.02, (4, 4, 3, 3)).astype(np.float32)
    weight[range(4), range(4), 1, 1] = 0.3
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(model, tmp_path / "own.onnx")
    return tmp_path / "own.onnx"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 4), np.uint8)
    pixels[..., 3] = np.linspace(0, 255, 32).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def wanted(network: Path, pixels: np.ndarray) -> np.ndarray:
    levels = pixels.astype(np.float32).transpose(2, 0, 1)[None] / 255
    (result,) = onnxruntime.InferenceSession(network).run(None, {"image": levels})
    return np.rint(result[0].transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8)


def test_a_png_and_a_webp_have_the_opacity_that_the_network_returns(
    network: Path, photo: Path, tmp_path: Path
) -> None:
    expected = wanted(network, np.asarray(Image.open(photo)))
    for suffix in ("png", "webp"):
        eiq.enhance_files(photo, network, tmp_path / "out", suffix=suffix)
    with Image.open(tmp_path / "out" / "photo.png") as written:
        assert written.mode == "RGBA"
        np.testing.assert_allclose(np.asarray(written), expected, atol=1)
    with Image.open(tmp_path / "out" / "photo.webp") as written:
        np.testing.assert_allclose(np.asarray(written)[..., 3], expected[..., 3], atol=1)
    returned = eiq.enhance(photo, network)
    np.testing.assert_allclose(returned, expected, atol=1)


def test_an_opaque_photograph_is_opaque_to_it(network: Path, photo: Path, tmp_path: Path) -> None:
    rgb = np.asarray(Image.open(photo).convert("RGB"))
    Image.fromarray(rgb).save(tmp_path / "rgb.png")
    eiq.enhance_files(tmp_path / "rgb.png", network, tmp_path / "out")
    opaque = np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=2)
    written = np.asarray(Image.open(tmp_path / "out" / "rgb.png"))
    np.testing.assert_allclose(written, wanted(network, opaque), atol=1)


def test_a_network_from_rgb_gives_a_photograph_its_opacity(photo: Path, tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> own (float[1,3,H,W] image) => '
        "(float[1,4,H,W] out) <float[1,3,1,1] w = {0.2, 0.3, 0.4}> "
        "{ c = Conv(image, w) out = Concat<axis=1>(image, c) }"
    )
    onnx.save(model, tmp_path / "own.onnx")
    eiq.enhance_files(photo, tmp_path / "own.onnx", tmp_path / "out")
    rgb = np.asarray(Image.open(photo).convert("RGB"))
    written = np.asarray(Image.open(tmp_path / "out" / "photo.png"))
    assert written.shape[2] == 4
    np.testing.assert_allclose(written, wanted(tmp_path / "own.onnx", rgb), atol=1)


@pytest.mark.parametrize("suffix", ["jpg", "bmp"])
def test_a_format_without_opacity_is_refused_before_any_work(
    network: Path, photo: Path, tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(UsageError, match=r"could not hold its opacity.*--format png"):
        eiq.enhance_files(photo, network, tmp_path / "out", suffix=suffix)
    assert not (tmp_path / "out").exists()


def test_four_planes_of_other_numbers_are_no_picture(network: Path, photo: Path) -> None:
    with pytest.raises(eiq.EdgeImgqError, match="returns no image but a plane"):
        eiq.enhance(photo, network, output_name="out=plane:0..3")
