"""`enhance`: photographs of any size, from memory or from files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

import edge_imgq as eiq
from edge_imgq.errors import ImageError, OutputError, UsageError
from tests.api.conftest import Pixels


def test_a_photograph_in_memory_gives_what_the_module_gives(
    model: eiq.Model, network: nn.Module
) -> None:
    photo = data.chelsea()
    with torch.no_grad():
        values = network(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255)[0]
    wanted = np.rint(values.permute(1, 2, 0).numpy() * 255).clip(0, 255)
    for name in (model, [model]):
        result = eiq.enhance(photo, name)
        assert (result.dtype, result.shape) == (np.uint8, photo.shape)
        assert np.abs(result - wanted).max() <= 1
        assert np.mean(result != wanted) < 1e-3


def test_files_and_models_run_one_after_the_other(
    model: eiq.Model, exported: eiq.ModelResult
) -> None:
    photo = data.chelsea()[:100, :120]
    once = eiq.enhance(photo, exported["tflite-int8"])
    twice = eiq.enhance(photo, [exported["tflite-int8"].path, model])
    assert np.array_equal(twice, eiq.enhance(once, model))


def test_a_path_is_read_as_the_pixels_in_it(model: eiq.Model, tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    gray = data.camera()[:60, :70]
    Image.fromarray(gray).save(path)
    assert np.array_equal(eiq.enhance(path, model), eiq.enhance(gray, model))


def test_photographs_are_written_under_their_names(model: eiq.Model, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(data.chelsea()[:40, :50]).save(tmp_path / name)
    (tmp_path / "c.png").write_text("no image")
    photos = sorted(tmp_path.iterdir())
    batch = eiq.enhance_files(photos, model, tmp_path / "out", suffix="jpg")
    assert [Path(image.path).name for image in batch.written] == ["a.jpg", "b.jpg"]
    assert len(batch.failed) == 1
    with pytest.raises(UsageError, match="would be overwritten"):
        eiq.enhance_files(photos[0], model, tmp_path)


def test_no_hint_is_given_on_pixels_that_the_person_spoke_of(tmp_path: Path) -> None:
    """A network of pixels from 0 to 255 returns black of those from 0 to 1."""

    class Darker(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.relu(image - 5)

    Image.fromarray(data.chelsea()).save(tmp_path / "a.png")
    example = torch.rand(1, 3, 32, 32)
    for said, hints in ((None, True), ((0.0, 1.0), False)):
        opened = eiq.open(Darker(), example=255 * example, pixel_range=said)
        batch = eiq.enhance_files(tmp_path / "a.png", opened, tmp_path / "out")
        assert bool(batch.hints) is hints


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (np.zeros((8, 8, 3), np.float32), "the photograph is float32"),
        (np.zeros((2, 2, 3), np.uint8), "the photograph: the image is 2x2"),
        ("gone.png", "gone.png does not exist"),
    ],
)
def test_what_is_no_photograph_is_refused(model: eiq.Model, photo: Pixels, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        eiq.enhance(photo, model)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(data.chelsea()[:60, :80]).save(path)
    return path


def test_what_cannot_be_written_is_told_before_anything_is_computed(
    photo: Path, tmp_path: Path
) -> None:
    steps: list[object] = []
    taken, model = tmp_path / "out" / "photo.png", "fsrcnn-s-x2"
    taken.mkdir(parents=True)
    with pytest.raises(OutputError, match=r"photo\.png cannot be written: there is a folder"):
        eiq.enhance_files(photo, model, taken.parent, progress=steps.append)
    for place in ("/proc/none", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError, match="cannot be written"):
            eiq.enhance_files(photo, model, place, progress=steps.append)
    with pytest.raises(OutputError, match="there is a folder of that name"):
        eiq.enhance_files(photo, model, tmp_path / "new", page=tmp_path, progress=steps.append)
    assert not steps
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_no_empty_folder(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_rest: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("PIL.Image.Image.save", full)
    with pytest.raises(OutputError, match="the disk is full"):
        eiq.enhance_files(photo, "fsrcnn-s-x2", tmp_path / "a" / "out")
    assert not (tmp_path / "a").exists()
