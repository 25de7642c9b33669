"""Photographs through networks: tiles against the whole, colour, and what is too small."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper
from PIL import Image

from edge_imgq.errors import ImageError
from edge_imgq.images.chroma import luma_of
from edge_imgq.images.files import read_rgb, read_y
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.zoo import ZOO
from edge_imgq.pipeline.enhance import plan_tiles as module
from edge_imgq.pipeline.enhance.enhance import EnhanceRequest, enhance
from edge_imgq.pipeline.enhance.enhance_image import enhance_pixels
from edge_imgq.pipeline.enhance.enhancer import Enhancer, open_enhancer
from edge_imgq.pipeline.enhance.plan_tiles import plan_tiles
from edge_imgq.pipeline.enhance.port_settings import packed
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from tests.graph.build import proto_model

Pixels = NDArray[np.uint8]

IMAGES = {image.name: image_path(image) for image in read_manifest(default_manifest())}


@functools.cache
def opened(name: str) -> Enhancer:
    """Open a network once, by its name in the zoo or its path: that takes seconds."""
    settings = {port.name: "0.1" for port in ZOO[name].further} if name in ZOO else {}
    return open_enhancer(name, threads=2, settings=settings)


WHOLE = "dped-slim-iphone"
"""Adjusts its features to the mean of the whole image, so no part of it comes out alone."""


@pytest.fixture(params=[name for name in ZOO if name != WHOLE])
def enhancer(request: pytest.FixtureRequest) -> Enhancer:
    return opened(request.param)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut images into tiles of little more than the receptive field."""
    monkeypatch.setattr(module, "MAX_TILE", 1)
    monkeypatch.setattr(module, "MIN_CORE", 36)


def ignore(_done: int, _total: int) -> None:
    pass


def photo(height: int = 200, width: int = 236) -> Pixels:
    return read_rgb(IMAGES["astronaut"])[40 : 40 + height, 100 : 100 + width]


def at_once(pixels: Pixels, enhancer: Enhancer) -> Pixels:
    """Run a network on a whole image."""
    return enhancer.run(packed(pixels, enhancer.contract, enhancer.levels))


@pytest.mark.usefixtures("small_tiles")
def test_tiles_equal_the_whole_to_the_bit(enhancer: Enhancer) -> None:
    pixels = photo() if enhancer.contract.colour == "rgb" else luma_of(photo())
    whole = at_once(pixels, enhancer)
    counts = []
    tiled = enhance_pixels(pixels, enhancer, lambda done, total: counts.append(total))
    assert counts[0] >= 6
    np.testing.assert_array_equal(tiled, whole)


@pytest.mark.usefixtures("small_tiles")
def test_half_the_halo_shows(enhancer: Enhancer) -> None:
    """The proof that the test above can fail."""
    assert enhancer.radius
    blind = replace(enhancer, radius=enhancer.radius // 3)
    pixels = photo() if enhancer.contract.colour == "rgb" else luma_of(photo())
    tiled = enhance_pixels(pixels, blind, ignore)
    assert (tiled != at_once(pixels, enhancer)).any()


@pytest.mark.usefixtures("small_tiles")
def test_a_network_that_looks_at_the_whole_image_gets_it_whole() -> None:
    enhancer, pixels = opened(WHOLE), photo(120, 118)
    assert enhancer.radius is None
    counts = []
    result = enhance_pixels(pixels, enhancer, lambda done, total: counts.append(total))
    assert counts == [1]
    np.testing.assert_array_equal(result, enhancer.session.run(pixels))


@pytest.mark.parametrize("size", [(165, 161), (164, 160), (167, 163)])
@pytest.mark.parametrize("name", ZOO)
def test_any_size_comes_back_at_its_scale(name: str, size: tuple[int, int]) -> None:
    enhancer = opened(name)
    scale = enhancer.contract.scale
    result = enhance_pixels(photo(*size), enhancer, ignore)
    assert result.shape == (size[0] * scale, size[1] * scale, 3)
    assert result.dtype == np.uint8


def test_a_luma_network_keeps_the_colours_and_beats_bicubic() -> None:
    enhancer = opened("fsrcnn-x2")
    truth = photo(200, 236)
    small = Image.fromarray(truth).resize((118, 100), Image.Resampling.BICUBIC)
    result = enhance_pixels(np.asarray(small), enhancer, ignore)
    bicubic = np.asarray(small.resize((236, 200), Image.Resampling.BICUBIC))
    assert psnr(truth, result, shave=2) > psnr(truth, bicubic, shave=2) + 0.5
    # The mean colour over the photograph must not move: a wrong range or swapped Cb and Cr would.
    assert np.abs(result.mean((0, 1)) - truth.mean((0, 1))).max() < 1


def test_a_gray_photograph_stays_gray_and_uses_its_whole_range() -> None:
    enhancer = opened("fsrcnn-x2")
    gray = read_y(IMAGES["camera"])[:64, :80]
    result = enhance_pixels(gray, enhancer, ignore)
    assert result.shape == (128, 160, 1)
    np.testing.assert_array_equal(result, enhancer.session.run(gray))


def test_an_image_smaller_than_the_receptive_field_is_refused(enhancer: Enhancer) -> None:
    assert enhancer.radius
    least = 2 * enhancer.radius + 1
    enhance_pixels(photo(least, least), enhancer, ignore)
    with pytest.raises(ImageError, match=rf"{least}x{least} pixels around .*receptive field"):
        enhance_pixels(photo(least - 1, least), enhancer, ignore)


class FixedSession:
    """A file that takes one size alone; it returns its input and remembers the sizes."""

    def __init__(self, like: Enhancer, size: tuple[int, int]) -> None:
        self.note = like.session.note
        self.identity = like.session.identity
        self.size, self.sizes = size, (size,)
        self.resizable = False
        self.seen: set[tuple[int, ...]] = set()

    def run(self, pixels: Pixels) -> Pixels:
        self.seen.add(pixels.shape[:2])
        return pixels.repeat(2, axis=0).repeat(2, axis=1)

    def prepare(self, size: tuple[int, int]) -> None:  # type: ignore[override]
        raise NotImplementedError


@pytest.mark.parametrize("size", [(200, 236), (40, 300), (30, 30), (64, 80)])
def test_a_file_of_one_size_gets_tiles_of_that_size(size: tuple[int, int]) -> None:
    fsrcnn = opened("fsrcnn-x2")
    session = FixedSession(fsrcnn, (64, 80))
    fixed = replace(fsrcnn, session=session)  # type: ignore[arg-type]
    pixels = luma_of(photo(*size))
    result = enhance_pixels(pixels, fixed, ignore)
    assert session.seen == {(64, 80)}
    np.testing.assert_array_equal(result, pixels.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    ("size", "chosen"), [((60, 70), (64, 80)), ((120, 150), (128, 160)), ((64, 300), (64, 80))]
)
def test_a_file_of_several_sizes_is_run_at_the_one_that_computes_least(size, chosen) -> None:
    fsrcnn = opened("fsrcnn-x2")
    session = FixedSession(fsrcnn, (64, 80))
    session.sizes = ((64, 80), (128, 160))
    several = replace(fsrcnn, session=session)
    pixels = luma_of(photo(*size))
    result = enhance_pixels(pixels, several, ignore)
    assert session.seen == {chosen}
    np.testing.assert_array_equal(result, pixels.repeat(2, axis=0).repeat(2, axis=1))
    whole = replace(several, radius=None)
    assert plan_tiles((70, 90), whole).tile == (128, 160)


def test_a_network_that_sees_the_whole_image_is_never_cut() -> None:
    fsrcnn = opened("fsrcnn-x2")
    whole = replace(fsrcnn, radius=None)
    assert plan_tiles((3000, 4000), whole).tile == (3000, 4000)
    fixed = replace(whole, session=FixedSession(fsrcnn, (64, 80)))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"Export it with --size 3000x4000"):
        plan_tiles((3000, 4000), fixed)
    even = replace(fixed, session=FixedSession(opened("deblur-slim"), (64, 80)))  # type: ignore[arg-type]
    said = r"the image is 301x402 .* takes 64x80\. Export it with --size 304x404"
    with pytest.raises(ImageError, match=said):
        plan_tiles((301, 402), even)
    model = replace(even, name="mine.onnx")
    with pytest.raises(ImageError, match=r"Export it to ONNX again with open height and width"):
        plan_tiles((301, 402), model)


def test_a_guessed_halo_is_blended() -> None:
    fsrcnn = opened("fsrcnn-x2")
    assert plan_tiles((3000, 4000), replace(fsrcnn, exact=False)).blend
    assert not plan_tiles((3000, 4000), fsrcnn).blend


def test_tiles_of_a_12_megapixel_photograph_are_bounded(enhancer: Enhancer) -> None:
    assert max(plan_tiles((3024, 4032), enhancer).tile) <= module.MAX_TILE


def test_several_networks_run_one_after_the_other(tmp_path: Path) -> None:
    source = tmp_path / "photo.png"
    Image.fromarray(photo(160, 180)).save(source)
    jobs = ((source, tmp_path / "out" / "photo.png"),)
    (written,) = enhance(
        EnhanceRequest(jobs, ("deblur-slim", "fsrcnn-x2"), 2), lambda step: None
    ).written
    assert written.size == (320, 360)
    deblurred = enhance_pixels(read_rgb(source), opened("deblur-slim"), ignore)
    expected = enhance_pixels(deblurred, opened("fsrcnn-x2"), ignore)
    np.testing.assert_array_equal(read_rgb(tmp_path / "out" / "photo.png"), expected)


@pytest.mark.usefixtures("small_tiles")
def test_tiles_start_where_a_network_that_takes_any_size_repeats(tmp_path: Path) -> None:
    """Halves of an odd size: a tile that starts at an odd row pools other pairs of pixels."""
    nodes = [
        helper.make_node("MaxPool", ["image"], ["a"], kernel_shape=[4, 4], strides=[4, 4],
                         ceil_mode=1),
        helper.make_node("Shape", ["image"], ["s"]),
        helper.make_node("Resize", ["a", "", "", "s"], ["out"], mode="linear"),
    ]  # fmt: skip
    proto = proto_model(nodes, {})
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, (1, 3, None, None))
    )
    onnx.save(proto, tmp_path / "pooled.onnx")
    enhancer = opened(str(tmp_path / "pooled.onnx"))
    assert (enhancer.contract.multiple, enhancer.period, enhancer.exact) == (1, 4, True)
    pixels = photo(404, 300)
    counts = []
    tiled = enhance_pixels(pixels, enhancer, lambda done, total: counts.append(total))
    assert counts[0] >= 6
    np.testing.assert_array_equal(tiled, enhancer.session.run(pixels))
    assert len(enhance_pixels(photo(30, 31), enhancer, ignore)) == 30
