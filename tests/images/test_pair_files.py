"""Folders of photographs and of pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.errors import UsageError
from edge_imgq.images.pair_files import PairFile, pair_files


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_photographs_have_no_input_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path / "b.png", tmp_path / "a.jpg", tmp_path / "notes.txt")
    found = list(pair_files(tmp_path))
    assert found == [PairFile(tmp_path / "a.jpg", None), PairFile(tmp_path / "b.png", None)]


def test_clips_are_matched_by_path_and_name(tmp_path: Path) -> None:
    touch(tmp_path / "sharp/1/sharp_07.png", tmp_path / "blur/1/blur_07.png")
    touch(tmp_path / "sharp/2/03.png", tmp_path / "blur/2/03.png")
    assert list(pair_files(tmp_path)) == [
        PairFile(tmp_path / "sharp/1/sharp_07.png", tmp_path / "blur/1/blur_07.png"),
        PairFile(tmp_path / "sharp/2/03.png", tmp_path / "blur/2/03.png"),
    ]


def test_input_and_truth_are_pairs_too(tmp_path: Path) -> None:
    touch(tmp_path / "truth/x.png", tmp_path / "truth/y.png", tmp_path / "input/x.jpg")
    assert list(pair_files(tmp_path)) == [
        PairFile(tmp_path / "truth/x.png", tmp_path / "input/x.jpg"),
        PairFile(tmp_path / "truth/y.png", tmp_path / "input/y.png"),  # named when it is read
    ]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        list(pair_files(tmp_path / "gone"))
