"""ANR and A+ as rows of an evaluation, learned once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import edge_imgq as eiq
from edge_imgq.errors import ImageError, ModelError, UsageError
from edge_imgq.images.files import write_image


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "camera.png", data.camera()[150:214, 200:270, None])
    return folder


@pytest.fixture(scope="module")
def learned(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that an evaluation wrote, whose rows are looked at here."""
    file = tmp_path_factory.mktemp("learned") / "x2.safetensors"
    found = eiq.evaluate("espcn-x2", photos, regressors=file, learn_from=photos)
    rows = {row.method: row.mean.psnr for row in found.rows}
    assert list(rows) == ["bicubic", "ANR", "A+", "model"]
    assert rows["A+"] > rows["bicubic"], "on the photograph that it has learned"
    return file


def test_a_file_that_is_there_is_read_and_gives_the_same_figures(
    learned: Path, photos: Path
) -> None:
    written = learned.read_bytes()
    first = eiq.evaluate("espcn-x2", photos, regressors=learned)
    again = eiq.evaluate("espcn-x2", photos, learn_from=photos)
    assert [row.mean.psnr for row in first.rows] == [row.mean.psnr for row in again.rows]
    assert learned.read_bytes() == written


def test_an_rgb_network_has_them_beside_it_too(learned: Path, photos: Path) -> None:
    found = eiq.evaluate("abpn-x2", photos, regressors=learned)
    assert [row.method for row in found.rows] == ["bicubic", "ANR", "A+", "model"]


def test_what_cannot_be_is_told(learned: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="learned for enlarging 2 times, and the model enlarges 3"):
        eiq.evaluate("espcn-x3", photos, regressors=learned)
    with pytest.raises(UsageError, match=r"does not exist.*--learn-from"):
        eiq.evaluate("espcn-x2", photos, regressors=tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="enlarge photographs"):
        eiq.evaluate("jpeg-slim", photos, regressors=learned)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"no such file")
    with pytest.raises(ModelError, match="was not written by --learn-from"):
        eiq.evaluate("espcn-x2", photos, regressors=other)
    small = tmp_path / "small"
    small.mkdir()
    write_image(small / "s.png", np.zeros((9, 40, 1), np.uint8))
    with pytest.raises(ImageError, match="16 pixels on each side"):
        eiq.evaluate("espcn-x2", photos, learn_from=small)
