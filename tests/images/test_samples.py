"""Photographs as network inputs and truths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ImageError
from edge_imgq.images.files import read_rgb, write_image
from edge_imgq.images.mixture import SCENARIOS
from edge_imgq.images.samples import array_set, file_set, folder_set, sample_count, samples
from edge_imgq.pipeline.image_selection import calibration_images
from edge_imgq.ports import Port

SR = ImageContract("super-resolution", 3, "y")
DEBLUR = ImageContract("deblur", 1, "rgb", multiple=4)
UNKNOWN = ImageContract("image-to-image", 1, "rgb")


def photos(folder: Path, **sizes: tuple[int, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in sizes.items():
        noise = np.random.default_rng(len(name)).integers(0, 256, (*size, 3), np.uint8)
        write_image(folder / f"{name}.png", noise)
    return folder


def test_a_super_resolution_truth_is_the_photograph_cut_at_bottom_and_right(tmp_path) -> None:
    (sample,) = samples(folder_set(photos(tmp_path, a=(40, 50))), SR, None)
    assert sample.pixels.shape == (13, 16, 1)
    assert sample.truth is not None
    assert sample.truth.shape == (39, 48, 1)


def test_sides_are_multiples_of_what_the_network_asks_for(tmp_path) -> None:
    (sample,) = samples(folder_set(photos(tmp_path, a=(43, 50))), DEBLUR, None)
    assert sample.pixels.shape == (40, 48, 3)


def test_the_same_photograph_is_degraded_the_same_way_every_time(tmp_path) -> None:
    images = folder_set(photos(tmp_path, a=(32, 32), bb=(32, 32)))
    first, again = list(samples(images, DEBLUR, None)), list(samples(images, DEBLUR, None))
    assert np.array_equal(first[0].pixels, again[0].pixels)
    assert not np.array_equal(first[0].pixels, first[0].truth)


def test_a_denoiser_that_is_told_the_level_gets_noise_of_it(tmp_path) -> None:
    port = Port("sigma", "plane", 1, (0.0,), (50 / 255,))
    contract = ImageContract("denoise", 1, "rgb", further=(port,))
    for name in ("a", "bb", "ccc"):
        write_image(tmp_path / f"{name}.png", np.full((64, 64, 3), 127, np.uint8))
    levels = set()
    for sample in samples(folder_set(tmp_path), contract, None):
        assert sample.truth is not None
        assert (sample.truth == 127).all()
        (level,) = np.unique(sample.pixels[..., 3])
        noise = sample.pixels[..., :3].astype(float) - 127
        assert noise.std() == pytest.approx(level / 255 * 50, rel=0.06, abs=0.3)
        levels.add(level)
    assert len(levels) == 3


def test_a_task_that_is_not_known_has_no_truth(tmp_path) -> None:
    (sample,) = samples(folder_set(photos(tmp_path, a=(32, 32))), UNKNOWN, None)
    assert sample.truth is None


def test_pairs_are_matched_by_name_and_cut_alike(tmp_path) -> None:
    photos(tmp_path / "input", a=(31, 33))
    truth = np.repeat(np.repeat(np.arange(31 * 33).reshape(31, 33) % 251, 3, 0), 3, 1)
    (tmp_path / "truth").mkdir()
    write_image(tmp_path / "truth" / "a.png", np.repeat(truth[..., None], 3, 2).astype(np.uint8))
    contract = ImageContract("super-resolution", 3, "rgb", multiple=2)
    (sample,) = samples(folder_set(tmp_path), contract, None)
    assert sample.pixels.shape == (30, 32, 3)
    assert sample.truth is not None
    assert sample.truth.shape == (90, 96, 3)
    assert sample.truth[0, 0, 0] == truth[0, 0]


def test_a_pair_of_the_wrong_scale_is_refused(tmp_path) -> None:
    photos(tmp_path / "input", a=(30, 30))
    photos(tmp_path / "truth", a=(60, 60))
    with pytest.raises(ImageError, match="must be 3 times"):
        list(samples(folder_set(tmp_path), SR, None))
    same = ImageContract("denoise", 1, "rgb")
    with pytest.raises(ImageError, match=r"must have the same size, 30x30\.$"):
        list(samples(folder_set(tmp_path), same, None))


def test_an_input_without_a_truth_is_named(tmp_path) -> None:
    photos(tmp_path / "input", a=(30, 30), b=(30, 30))
    photos(tmp_path / "truth", a=(90, 90))
    with pytest.raises(ImageError, match=r"b\.png"):
        folder_set(tmp_path)


def test_an_image_smaller_than_the_receptive_field_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(ImageError, match=r"a\.png gives an input of 10x10"):
        list(samples(folder_set(photos(tmp_path, a=(30, 30))), SR, None, smallest=19))


def test_a_network_that_sees_farther_than_photographs_reach_takes_them(tmp_path) -> None:
    images = folder_set(photos(tmp_path, a=(192, 300)))
    (sample,) = samples(images, SR, None, smallest=199)
    assert sample.pixels.shape[:2] == (64, 100)
    with pytest.raises(ImageError, match=r"give one whose input is at least 64x64"):
        list(samples(folder_set(photos(tmp_path, a=(189, 300))), SR, None, smallest=199))


def test_photographs_that_ship_are_enough_for_a_network_that_sees_far_and_enlarges_most() -> None:
    far = ImageContract("super-resolution", 4, "rgb")
    inputs = list(samples(calibration_images(None), far, None, smallest=199))
    assert len(inputs) == len(calibration_images(None).photos)


def test_a_network_that_insists_on_a_size_may_see_more_than_that(tmp_path) -> None:
    images = folder_set(photos(tmp_path, a=(90, 90)))
    (sample,) = samples(images, SR, (16, 20), smallest=71)
    assert sample.pixels.shape[:2] == (16, 20)


def test_a_gray_file_is_taken_as_it_is(tmp_path) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    write_image(tmp_path / "gray.png", gray)
    contract = ImageContract("image-to-image", 1, "y")
    (sample,) = samples(folder_set(tmp_path), contract, None)
    assert np.array_equal(sample.pixels, gray)


def test_arrays_become_the_inputs_that_their_files_become(tmp_path) -> None:
    folder = photos(tmp_path, a=(40, 50), bb=(36, 36))
    arrays = [read_rgb(path) for path in sorted(folder.iterdir())]
    for contract in (SR, UNKNOWN):
        of_files = list(samples(file_set(sorted(folder.iterdir())), contract, None))
        of_arrays = list(samples(array_set(arrays), contract, None))
        for one, other in zip(of_files, of_arrays, strict=True):
            assert np.array_equal(one.pixels, other.pixels)


def test_gray_arrays_may_leave_their_channel_out() -> None:
    gray = np.full((20, 20), 7, np.uint8)
    (rgb,) = samples(array_set([gray]), UNKNOWN, None)
    assert rgb.pixels.shape == (20, 20, 3)
    (luma,) = samples(array_set([gray]), ImageContract("image-to-image", 1, "y"), None)
    assert np.array_equal(luma.pixels[..., 0], gray)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((8, 8, 3), np.float32), "image 2 is float32 of shape 8 x 8 x 3; an image is a"),
        (np.zeros((3, 8, 8), np.uint8), "image 2 is uint8 of shape 3 x 8 x 8; an image is a"),
        (np.zeros((0, 8, 3), np.uint8), "image 2 is uint8 of shape 0 x 8 x 3; an image is a"),
        ("a.png", "image 2 is a str; an image is a NumPy array of uint8"),
    ],
)
def test_an_array_that_is_no_image_is_refused_with_its_place(array: object, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        array_set([np.zeros((8, 8, 3), np.uint8), array])


def test_an_empty_list_is_no_set() -> None:
    for make in (array_set, file_set):
        with pytest.raises(ImageError, match="The list of images is empty"):
            make([])


def test_a_file_of_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png does not exist or is not a file"):
        file_set([*photos(tmp_path, a=(8, 8)).iterdir(), tmp_path / "gone.png"])


def test_a_network_that_assesses_is_shown_every_degradation_of_a_photograph() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    contract = ImageContract(task="assessment", scale=1, colour="rgb", multiple=8)
    found = list(samples(array_set([photo]), contract, (48, 48)))
    assert [sample.name for sample in found] == [f"image 1, {name}" for name in SCENARIOS]
    assert {sample.pixels.shape for sample in found} == {(48, 48, 3)}
    assert len({sample.pixels.tobytes() for sample in found}) == len(SCENARIOS)
    assert sample_count(array_set([photo]), contract) == len(found)
    assert all(sample.truth is None for sample in found)


NOISE = Port("sigma", "plane", 1, (0.0,), (50 / 255,))
GRAY = np.full((120, 160, 3), 128, np.uint8)


@pytest.mark.parametrize(("scale", "level"), [(1, 51), (1, 204), (2, 51), (2, 204)])
def test_noise_is_as_strong_as_a_noise_input_is_set_to(scale: int, level: int) -> None:
    """Also before enlarging: the truth stays clean."""
    task = "super-resolution" if scale > 1 else "image-to-image"
    contract = ImageContract(task, scale, "rgb", further=(NOISE,))
    known = {"sigma": np.full((1, 1, 1), level, np.uint8)}
    (sample,) = samples(array_set([GRAY]), contract, None, known=known)
    assert (sample.pixels[..., 3] == level).all()
    assert sample.pixels[..., :3].std() == pytest.approx(level / 255 * 50, rel=0.03)
    assert sample.truth is not None
    assert (sample.truth == 128).all()
    assert sample.truth.shape == (120, 160, 3)
    assert sample.pixels.shape == (120 // scale, 160 // scale, 4)


def test_an_enlarger_with_a_noise_input_calibrates_on_noise_of_every_strength() -> None:
    contract = ImageContract("super-resolution", 2, "rgb", further=(NOISE,))
    found = list(samples(array_set([GRAY] * 8), contract, None))
    levels = [int(sample.pixels[0, 0, 3]) for sample in found]
    assert len(set(levels)) > 4
    for sample, level in zip(found, levels, strict=True):
        wanted = np.hypot(level / 255 * 50, 0.29)  # 0.29 is that of rounding
        assert sample.pixels[..., :3].std() == pytest.approx(wanted, rel=0.05, abs=0.3)


def test_pairs_for_an_enlarger_with_a_noise_input_stay_as_they_are(tmp_path: Path) -> None:
    photos(tmp_path / "input", a=(30, 30))
    photos(tmp_path / "truth", a=(60, 60))
    contract = ImageContract("super-resolution", 2, "rgb", further=(NOISE,))
    (sample,) = samples(folder_set(tmp_path), contract, None)
    np.testing.assert_array_equal(sample.pixels[..., :3], read_rgb(tmp_path / "input" / "a.png"))
