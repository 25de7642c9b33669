"""Two folders of photographs, and the pairs that come of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.cli.main import main
from edge_imgq.errors import ImageError, OutputError
from edge_imgq.images.files import list_images, read_rgb, write_image
from edge_imgq.models.zoo import zoo_entry
from edge_imgq.pipeline.align import AlignRequest, align_folders
from edge_imgq.train.pairs import Recipe, load_pairs
from tests.images.build import CAMERAS, photo, seen_by

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good pair, two scenes under one name, a lonely one and a damaged one."""
    root = tmp_path_factory.mktemp("cameras")
    for name in ("phone", "dslr"):
        (root / name).mkdir()
    coffee = photo()
    write_image(root / "dslr" / "coffee.png", coffee)
    write_image(root / "phone" / "coffee.jpg", seen_by(coffee, CAMERAS["nearer"], (380, 560)))
    write_image(root / "phone" / "other.png", coffee)
    write_image(root / "dslr" / "other.png", photo("rocket"))
    write_image(root / "phone" / "lonely.png", coffee)
    (root / "phone" / "damaged.png").write_bytes(b"no image")
    write_image(root / "dslr" / "damaged.png", coffee)
    return root


@pytest.fixture(scope="module")
def output(cameras: Path) -> Path:
    request = AlignRequest(cameras / "phone", cameras / "dslr", cameras / "pairs", patch=64)
    result = align_folders(request, lambda step: None)
    assert [one.name for one in result.aligned] == ["coffee.jpg"]
    assert result.patches == len(list_images(cameras / "pairs" / "input"))
    reasons = {one.name: one.reason for one in result.unmatched}
    assert set(reasons) == {"damaged.png", "lonely.png", "other.png"}
    assert "is not an image" in reasons["damaged.png"]
    assert "no photograph of its name" in reasons["lonely.png"]
    assert "matches of key points agree" in reasons["other.png"]
    return cameras / "pairs"


def test_patches_show_the_same_and_train_a_network(output: Path) -> None:
    pairs = load_pairs((output,), zoo_entry("dped-slim"), Recipe(seed=1)).pairs
    assert len(pairs) >= 10
    for pair in pairs:
        assert pair.degraded.shape == pair.truth.shape == (64, 64, 3)
        luma = [one.astype(float).mean(axis=2).ravel() for one in (pair.degraded, pair.truth)]
        assert np.corrcoef(*luma)[0, 1] > 0.9


def test_there_is_a_picture_of_the_matches(output: Path) -> None:
    assert read_rgb(output / "matches" / "coffee.jpg").shape[0] == 480


def test_what_was_left_out_is_named_and_counted(
    cameras: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(cameras / "phone"), str(cameras / "dslr")]
    assert main(["align", *folders, "--output", str(tmp_path / "o"), "--patch", "64"]) == 0
    said = capsys.readouterr()
    assert "left out lonely.png: there is no photograph of its name" in said.err
    assert "left out in all: 3" in said.err
    assert "coffee.jpg" in said.out
    assert "pairs of patches of 1 photograph\n" in said.out


def test_without_opencv_the_package_to_install_is_named(
    cameras: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("images.alignment", "images.patch_pairs", "pipeline.align"):
        monkeypatch.delitem(sys.modules, f"edge_imgq.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    folders = [str(cameras / "phone"), str(cameras / "dslr")]
    assert main(["align", *folders, "--output", str(tmp_path / "o")]) == 7
    assert "pip install opencv-python-headless" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_folder_with_something_in_it_is_left_alone(cameras: Path, output: Path) -> None:
    request = AlignRequest(cameras / "phone", cameras / "dslr", output)
    with pytest.raises(OutputError, match="is not empty; choose another"):
        align_folders(request, lambda step: None)


def test_nothing_aligned_is_an_error(cameras: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    write_image(tmp_path / "one" / "coffee.png", photo("rocket"))
    request = AlignRequest(tmp_path / "one", cameras / "dslr", tmp_path / "out")
    with pytest.raises(ImageError, match=r"None of 1 photographs could be aligned \(coffee.png"):
        align_folders(request, lambda step: None)
