"""Photographs of every kind through `enhance`: the right picture, or a refusal that says why."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image, ImageCms

from edge_imgq.errors import ImageError
from edge_imgq.images.files import read_rgb
from edge_imgq.pipeline.enhance.enhance import BatchResult, EnhanceRequest, enhance
from tests.graph.build import proto_model

HEIGHT, WIDTH = 21, 33


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a network that repeats every pixel, so that what comes out is known to the bit."""
    path = tmp_path_factory.mktemp("model") / "doubling.onnx"
    nodes = [
        helper.make_node("Resize", ["image", "", "scales"], ["out"], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    ]  # fmt: skip
    proto = proto_model(nodes, {"scales": np.asarray([1, 1, 2, 2], np.float32)})
    shape = (1, 3, None, None)
    value = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)
    proto.graph.output[0].CopyFrom(value)
    onnx.save(proto, path)
    return str(path)


def doubled(path: Path, doubling: str) -> Image.Image:
    result = path.parent / "out" / path.name
    batch = run(path, result, doubling)
    assert not batch.failed
    with Image.open(result) as image:
        image.load()
        return image


def run(path: Path, result: Path, doubling: str) -> BatchResult:
    return enhance(EnhanceRequest(((path, result),), (doubling,), 1), lambda _step: None)


def photo(*channels: int) -> Image.Image:
    rng = np.random.default_rng(5)
    return Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, *channels), dtype=np.uint8))


def twice(image: Image.Image) -> np.ndarray:
    return np.asarray(image).repeat(2, 0).repeat(2, 1)


def profile(kind: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_transparency_is_kept_and_enlarged(suffix: str, tmp_path: Path, doubling: str) -> None:
    image = photo(3).convert("RGBA")
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :12] = 0
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / f"a.{suffix}")
    found = doubled(tmp_path / f"a.{suffix}", doubling)
    assert found.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(found)[..., :3], twice(image.convert("RGB")))
    opaque = np.asarray(found)[..., 3]
    assert opaque[:, :20].max() == 0
    assert opaque[:, 30:].min() == 255
    image.convert("RGBA").save(tmp_path / "b.png")
    result = tmp_path / "out" / "b.jpg"
    assert not run(tmp_path / "b.png", result, doubling).failed
    with Image.open(result) as jpeg:
        assert jpeg.mode == "RGB"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_a_wide_gamut_keeps_its_profile(suffix: str, tmp_path: Path, doubling: str) -> None:
    wide = profile()[:-1] + b"!"  # not sRGB's own bytes, which some formats leave out
    photo(3).save(tmp_path / f"a.{suffix}", icc_profile=wide)
    assert doubled(tmp_path / f"a.{suffix}", doubling).info["icc_profile"] == wide


def test_a_profile_of_inks_is_not_kept_and_its_colours_are(tmp_path: Path, doubling: str) -> None:
    inks = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    inks.save(tmp_path / "a.tiff", icc_profile=profile())
    found = doubled(tmp_path / "a.tiff", doubling)
    assert found.mode == "RGB"
    red = np.asarray(found)[0, 0]
    assert red[0] > 200
    assert max(red[1:]) < 80


def test_gray_stays_without_a_gray_profile_in_colour(tmp_path: Path, doubling: str) -> None:
    gray = bytearray(profile())
    gray[16:20] = b"GRAY"
    photo().save(tmp_path / "a.png", icc_profile=bytes(gray))
    found = doubled(tmp_path / "a.png", doubling)
    assert "icc_profile" not in found.info
    np.testing.assert_array_equal(np.asarray(found)[..., 0], twice(photo()))


def test_a_palette_with_a_transparent_colour(tmp_path: Path, doubling: str) -> None:
    image = photo(3).quantize(16)
    image.save(tmp_path / "a.png", transparency=3)
    found = doubled(tmp_path / "a.png", doubling)
    with Image.open(tmp_path / "a.png") as before:
        expected = np.asarray(before.convert("RGB"))
        transparent = np.asarray(before) == 3
    np.testing.assert_array_equal(np.asarray(found)[..., :3], twice(Image.fromarray(expected)))
    assert (np.asarray(found)[..., 3] < 128)[1::2, 1::2][transparent].mean() > 0.9


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_comes_out_upright(orientation: int, tmp_path: Path, doubling: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo(3).save(tmp_path / "a.png", exif=exif)
    found = doubled(tmp_path / "a.png", doubling)
    assert found.getexif().get(0x0112, 1) == 1
    upright = Image.fromarray(read_rgb(tmp_path / "a.png"))
    np.testing.assert_array_equal(np.asarray(found), twice(upright))
    assert (found.width > found.height) == (orientation < 5)


def test_a_truncated_one_and_an_enormous_one_are_refused(
    tmp_path: Path, doubling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = io.BytesIO()
    photo(3).save(whole, "png")
    (tmp_path / "a.png").write_bytes(whole.getvalue()[:-200])
    (tmp_path / "b.png").write_bytes(whole.getvalue())
    jobs = tuple((tmp_path / name, tmp_path / "out" / name) for name in ("a.png", "b.png"))
    batch = enhance(EnhanceRequest(jobs, (doubling,), 1), lambda _step: None)
    assert [Path(done.path).name for done in batch.written] == ["b.png"]
    assert "a.png is damaged or truncated" in batch.failed[0]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match=r"b\.png cannot be read: Image size .* exceeds limit"):
        run(tmp_path / "b.png", tmp_path / "out" / "c.png", doubling)
