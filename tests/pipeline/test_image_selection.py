"""Choosing image sets: from folders of any size, and without copies in both."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from edge_imgq.errors import ImageError
from edge_imgq.images.samples import ImageSet, Photo, folder_set
from edge_imgq.pipeline import image_selection
from edge_imgq.pipeline.image_selection import (
    covering_set,
    image_set,
    network_inputs,
    refuse_copies,
    refuse_overlap,
)
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.progress import ProgressStep
from tests.small_models import tiny_model


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a folder of 70 dull images, and two that are not."""
    generator = np.random.default_rng(4)
    (tmp_path / "many").mkdir()
    for index in range(70):
        pixels = generator.integers(90, 140, (20, 24, 3), np.uint8)
        if index in (13, 57):
            pixels = np.full((20, 24, 3), 255 * (index == 13), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "many" / f"{index:02}.png")
    return tmp_path / "many"


def test_of_a_large_folder_the_images_that_reach_farthest_are_taken(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_selection, "MAX_CALIBRATION_IMAGES", 8)
    onnx.save(tiny_model(), tmp_path / "tiny.onnx")
    source = open_model(str(tmp_path / "tiny.onnx"))
    told: list[ProgressStep] = []
    chosen = covering_set(folder_set(many), source, told.append)
    assert len(chosen.photos) <= 8
    extremes = {chosen.photos[place].name for place in chosen.extremes}
    assert {"13", "57"} <= extremes < {photo.name for photo in chosen.photos}
    assert (
        chosen.description
        == f"{len(chosen.photos)} of the 70 images of many, by the ranges they reach"
    )
    assert [step.done for step in told] == list(range(70))


def test_of_a_large_folder_a_network_that_assesses_gets_photographs_that_reach_far(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_selection, "MAX_CALIBRATION_IMAGES", 8)
    onnx.save(tiny_model(), tmp_path / "tiny.onnx")
    source = open_model(str(tmp_path / "tiny.onnx"))
    source = replace(source, contract=replace(source.contract, task="assessment"))
    for path in sorted(many.iterdir())[:57]:
        path.unlink()
    told: list[ProgressStep] = []
    chosen = covering_set(folder_set(many), source, told.append)
    assert "57" in [photo.name for photo in chosen.photos]
    assert all(step.done < step.total for step in told)
    assert max(chosen.extremes) < len(list(network_inputs(chosen, source)))


def test_a_small_folder_is_taken_whole(many: Path, tmp_path: Path) -> None:
    onnx.save(tiny_model(), tmp_path / "tiny.onnx")
    for path in sorted(many.iterdir())[64:]:
        path.unlink()
    whole = folder_set(many)
    assert covering_set(whole, open_model(str(tmp_path / "tiny.onnx")), print) is whole


def test_sets_that_show_different_things_are_taken(tmp_path: Path) -> None:
    from skimage import data

    for name, pixels in (("one", data.astronaut()), ("other", data.chelsea())):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "a.jpg")
    refuse_copies(folder_set(tmp_path / "one"), folder_set(tmp_path / "other"))


def test_a_copy_in_other_quality_is_refused(tmp_path: Path) -> None:
    from skimage import data

    for name, quality in (("one", 95), ("other", 40)):
        (tmp_path / name).mkdir()
        Image.fromarray(data.astronaut()).save(tmp_path / name / "a.jpg", quality=quality)
    with pytest.raises(ImageError, match="shows the same as"):
        refuse_copies(folder_set(tmp_path / "one"), folder_set(tmp_path / "other"))


def test_folders_lists_of_files_and_arrays_are_sets_of_the_same_images(many: Path) -> None:
    paths = sorted(many.iterdir())
    folder, files = image_set(str(many)), image_set(paths)
    arrays = image_set([np.asarray(Image.open(path)) for path in paths])
    assert [photo.name for photo in files.photos] == [photo.name for photo in folder.photos]
    read = [[photo.read("y").tobytes() for photo in s.photos] for s in (folder, files, arrays)]
    assert read[0] == read[1] == read[2]
    assert image_set(arrays) is arrays
    stack = np.stack([photo.pixels for photo in arrays.photos])
    assert len(image_set(stack).photos) == 70
    assert [p.pixels.shape for p in image_set(stack[0]).photos] == [(20, 24, 3)]
    assert (files.description, arrays.description) == ("70 images of a list", "70 images in memory")


def test_copies_are_found_in_memory_too(tmp_path: Path) -> None:
    from skimage import data

    calibration = image_set([data.astronaut()])
    with pytest.raises(ImageError, match=r"image 1 of 2 is in the evaluation set and, as image 1"):
        refuse_overlap(calibration, image_set([data.astronaut(), data.chelsea()]))
    Image.fromarray(data.astronaut()).save(tmp_path / "a.jpg", quality=40)
    with pytest.raises(ImageError, match="shows the same as image 1 of 1"):
        refuse_copies(calibration, image_set([tmp_path / "a.jpg"]))


def test_an_image_of_the_manifest_is_called_by_its_name(tmp_path: Path) -> None:
    """Where it lies, deep inside of a package, says nothing."""
    path = tmp_path / "site-packages" / "astronaut.png"
    path.parent.mkdir()
    Image.new("RGB", (64, 48)).save(path)
    listed = ImageSet("", (Photo("astronaut", path, of_manifest=True),))
    own = ImageSet("", (Photo("mine", path),))
    said = f"{path} is in the evaluation set and, as 'astronaut' of the manifest, in the"
    with pytest.raises(ImageError, match=re.escape(said)):
        refuse_overlap(listed, own)
