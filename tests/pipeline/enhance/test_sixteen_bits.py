"""Photographs of 16 bits a channel: kept by float files, cut to 8 by others, which say so."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tifffile
from onnx import helper
from PIL import Image, ImageCms

from edge_imgq.images import sixteen_bits
from edge_imgq.images.files import read_rgb, read_y
from edge_imgq.images.sixteen_bits import IMAGECODECS, is_deep, read_deep, save_deep
from edge_imgq.pipeline.enhance.enhance import BatchResult, EnhanceRequest, enhance
from edge_imgq.pipeline.enhance.enhancer import open_enhancer
from edge_imgq.pipeline.enhance.lost_depth import lost_depths
from tests.graph.build import proto_model

HEIGHT, WIDTH = 40, 64
GAIN = np.float32(0.75)
needs_opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed")


def darkening(path: Path, channels: int) -> Path:
    """Write a network that takes a quarter of the light away."""
    node = helper.make_node("Mul", ["image", "gain"], ["out"])
    proto = proto_model([node], {"gain": np.asarray(GAIN)})
    shape = (1, channels, None, None)
    for name, values in (("image", proto.graph.input), ("out", proto.graph.output)):
        value = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        values[0].CopyFrom(value)
    onnx.save(proto, path)
    return path


def expected(pixels: np.ndarray, network: Path) -> np.ndarray:
    """Return what ONNX Runtime makes of uint16 (H, W, C), rounded to 16 bits."""
    image = (pixels / 65535).astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    session = onnxruntime.InferenceSession(network)
    (out,) = session.run(None, {session.get_inputs()[0].name: image})
    return np.rint(out[0].transpose(1, 2, 0).astype(np.float64) * 65535).astype(np.uint16)


def gradient(channels: int) -> np.ndarray:
    """Return levels of which twice a quarter less is whole, so that nothing lies at a tie."""
    levels = np.linspace(0, 65535, HEIGHT * WIDTH * channels).astype(np.uint16) & 0xFFF0
    return levels.reshape(HEIGHT, WIDTH, channels)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write by hand, as Pillow does not: 16 bits a channel in RGB, no filter before each row."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    written = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + written)


def write(path: Path, pixels: np.ndarray) -> None:
    if path.suffix == ".tiff":
        tifffile.imwrite(path, pixels.squeeze(), photometric="rgb" if pixels.shape[2] > 1 else None)
    elif pixels.shape[2] == 1:
        Image.fromarray(pixels[..., 0]).save(path)
    else:
        write_png(path, pixels)


def run(photo: Path, result: Path, *networks: Path) -> BatchResult:
    names = tuple(map(str, networks))
    return enhance(EnhanceRequest(((photo, result),), names, 1), lambda _step: None)


@needs_opencv
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_a_float_network_keeps_16_bits(suffix: str, channels: int, tmp_path: Path) -> None:
    photo, result = tmp_path / f"a{suffix}", tmp_path / "out" / f"a{suffix}"
    network = darkening(tmp_path / "net.onnx", channels)
    pixels = gradient(channels)
    write(photo, pixels)
    batch = run(photo, result, network, network)
    assert not batch.failed
    assert not batch.hints
    assert is_deep(result)
    found = read_deep(result)
    assert len(np.unique(found)) > 2000
    np.testing.assert_array_equal(found, expected(expected(pixels, network), network))


@needs_opencv
def test_a_network_on_luma_keeps_16_bits_in_colour(tmp_path: Path) -> None:
    photo, result = tmp_path / "a.png", tmp_path / "b.tiff"
    pixels = gradient(3)
    write(photo, pixels)
    network = darkening(tmp_path / "net.onnx", 1)
    assert not run(photo, result, network).failed
    found = read_deep(result)
    luma = pixels @ np.array([65.481, 128.553, 24.966]) / 255 + 16 * 257
    # What luma loses, full-range light of all three colours loses.
    light = pixels - (luma * (1 - GAIN) * 255 / 219)[..., np.newaxis]
    assert len(np.unique(found)) > 1000
    np.testing.assert_allclose(found, np.clip(light, 0, 65535), atol=2.5)


@needs_opencv
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_transparency_and_profile_are_kept(suffix: str, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()[:-1] + b"!"
    alpha = (gradient(1)[..., 0] // 257 * 257).astype(np.uint16)
    photo, result = tmp_path / f"a{suffix}", tmp_path / "out" / f"a{suffix}"
    save_deep(photo, gradient(3), alpha, profile)
    network = darkening(tmp_path / "net.onnx", 3)
    assert not run(photo, result, network).failed
    np.testing.assert_array_equal(read_deep(result), expected(gradient(3), network))
    with Image.open(result) as image:
        assert image.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(image.getchannel("A")), alpha >> 8)


@needs_opencv
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_it_comes_out_upright(suffix: str, orientation: int, tmp_path: Path) -> None:
    """As Pillow turns the upper 8 bits."""
    from PIL import ImageOps

    path = tmp_path / f"a{suffix}"
    if suffix == ".tiff":
        extra = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, gradient(3), photometric="rgb", extratags=extra)
    else:
        write_png(path, gradient(3))
        exif = Image.Exif()
        exif[274] = orientation
        data = exif.tobytes()[6:]
        chunk = struct.pack(">I", len(data)) + b"eXIf" + data
        chunk += struct.pack(">I", zlib.crc32(b"eXIf" + data))
        contents = path.read_bytes()
        path.write_bytes(contents[:33] + chunk + contents[33:])
    with Image.open(path) as image:
        assert image.getexif().get(274, 1) == orientation
        upright = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_deep(path) >> 8, upright)


def test_formats_and_files_of_8_bits_say_so(tmp_path: Path) -> None:
    photo, result = tmp_path / "a.png", tmp_path / "a.webp"
    write(photo, gradient(1))
    network = darkening(tmp_path / "net.onnx", 1)
    assert run(photo, result, network).hints == (
        f"{photo} has 16 bits a channel, and {result} has 8: .webp holds no more; --format png "
        "and tiff do.",
    )
    float_file = open_enhancer(str(network), 1)
    assert float_file.keeps_16_bits
    float_file.session.note = replace(float_file.session.note, quantized_sha256="0" * 64)
    assert not float_file.keeps_16_bits
    (said,) = lost_depths([(photo, tmp_path / "b.png")], [float_file])
    assert said.endswith("net.onnx takes and returns 8; onnx-float and tflite-float files keep 16.")


def test_gray_is_the_nearest_8_bits_where_a_format_holds_no_more(tmp_path: Path) -> None:
    photo, result = tmp_path / "a.png", tmp_path / "a.bmp"
    write(photo, gradient(1))
    run(photo, result, darkening(tmp_path / "net.onnx", 1))
    nearest = np.rint(gradient(1) / 257)
    assert np.abs(read_y(result) - nearest * GAIN).max() <= 0.5001


def test_without_a_package_8_bits_are_left_and_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In colour, Pillow cuts them off."""
    monkeypatch.setattr(sixteen_bits, "find_spec", lambda _name: None)
    photo, result = tmp_path / "a.png", tmp_path / "b.png"
    write(photo, gradient(3))
    batch = run(photo, result, darkening(tmp_path / "net.onnx", 3))
    assert "pip install opencv-python-headless" in batch.hints[0]
    assert not is_deep(result)
    assert np.abs(read_rgb(result) - (gradient(3) >> 8) * GAIN).max() <= 0.5001


def test_a_tiff_that_pillow_misreads_is_refused(tmp_path: Path) -> None:
    """See findings/pillow-planar-tiff.sh; those beside it are read."""
    network = darkening(tmp_path / "net.onnx", 3)
    for compression, bits in ((None, 16), (None, 8), ("zlib", 16)):
        photo, result = tmp_path / f"{compression}{bits}.tiff", tmp_path / "out.tiff"
        planes = np.moveaxis(gradient(3), -1, 0)
        planes = planes if bits == 16 else (planes >> 8).astype(np.uint8)
        tifffile.imwrite(
            photo, planes, photometric="rgb", planarconfig="separate", compression=compression
        )
        failed = run(photo, result, network).failed
        if (compression, bits) == (None, 16):
            assert "Save it compressed, or with interleaved colours." in failed[0]
            continue
        assert not failed
        assert is_deep(result) == (bits == 16)
        np.testing.assert_array_equal(read_rgb(photo), gradient(3) >> 8)


def test_a_compression_that_tifffile_lacks_is_named(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    photo, result = tmp_path / "a.tiff", tmp_path / "out.tiff"
    cv2.imwrite(str(photo), gradient(3))  # by LZW
    batch = run(photo, result, darkening(tmp_path / "net.onnx", 3))
    lacks = find_spec("imagecodecs") is None
    assert [IMAGECODECS in hint for hint in batch.hints] == [True] * lacks
    assert is_deep(result) != lacks


def test_a_truncated_one_is_refused(tmp_path: Path) -> None:
    network = darkening(tmp_path / "net.onnx", 3)
    for name in ("a.png", "a.tiff"):
        photo = tmp_path / name
        write(photo, gradient(3))
        photo.write_bytes(photo.read_bytes()[:-400])
        (failed,) = run(photo, tmp_path / "out" / name, network).failed
        assert "is damaged or truncated" in failed
        assert not (tmp_path / "out" / name).exists()
