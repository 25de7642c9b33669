"""From folders to pairs of input and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.files import read_y, write_image
from edge_imgq.images.resize import downscale
from edge_imgq.models.zoo import zoo_entry
from edge_imgq.train.pairs import Recipe, load_pairs


def write_photo(path: Path, seed: int, height: int = 24, width: int = 32) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    rng = np.random.default_rng(seed)
    write_image(path, rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_super_resolution_pairs_follow_the_protocol(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, 25, 33)
    (pair,) = load_pairs((tmp_path,), zoo_entry("fsrcnn-x2"), Recipe(seed=1)).pairs
    np.testing.assert_array_equal(pair.truth, read_y(tmp_path / "a.png")[:24, :32])
    np.testing.assert_array_equal(pair.degraded, downscale(pair.truth, 2))


def test_a_network_that_is_told_the_noise_level_gets_it_beside_the_noisy_image(tmp_path) -> None:
    write_image(tmp_path / "gray.png", np.full((64, 64, 3), 127, np.uint8))
    entry = zoo_entry("denoise-sigma")
    pairs = load_pairs((tmp_path,), entry, Recipe(seed=1, versions=6)).pairs
    levels = []
    for pair in pairs:
        assert pair.degraded.shape == (64, 64, 4)
        assert (pair.truth == 127).all()
        (level,) = np.unique(pair.degraded[..., 3])
        noise = pair.degraded[..., :3].astype(float) - 127
        assert noise.std() == pytest.approx(level / 255 * 50, rel=0.06, abs=0.3)
        levels.append(level)
    assert len(set(levels)) == 6
    (blurred,) = load_pairs((tmp_path,), entry, Recipe(seed=1, then=("jpeg",))).pairs
    assert (blurred.degraded[..., 3] == levels[0]).all()
    assert (blurred.degraded[..., :3] != pairs[0].degraded[..., :3]).any()


def test_every_scale_and_version_makes_a_pair(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, 40, 40)
    recipe = Recipe(seed=1, scales=(1.0, 0.5), versions=3)
    pairs = load_pairs((tmp_path,), zoo_entry("deblur-slim"), recipe).pairs
    assert [pair.truth.shape[0] for pair in pairs] == [40, 40, 40, 20, 20, 20]
    assert (pairs[0].degraded != pairs[1].degraded).any()


def test_another_file_in_the_folder_changes_no_other_pair(tmp_path: Path) -> None:
    write_photo(tmp_path / "b.png", 1)
    entry, recipe = zoo_entry("dped-slim"), Recipe(seed=5)
    (alone,) = load_pairs((tmp_path,), entry, recipe).pairs
    write_photo(tmp_path / "a.png", 2)
    together = load_pairs((tmp_path,), entry, recipe).pairs
    np.testing.assert_array_equal(together[1].degraded, alone.degraded)
    write_image(tmp_path / "c.png", together[1].truth)
    twin = load_pairs((tmp_path,), entry, recipe).pairs[2]
    assert (twin.degraded != together[1].degraded).any()
    other_seed = load_pairs((tmp_path,), entry, Recipe(seed=6)).pairs
    assert (other_seed[1].degraded != alone.degraded).any()


def test_blur_and_sharp_folders_are_real_pairs_with_their_weight(tmp_path: Path) -> None:
    write_photo(tmp_path / "sharp" / "1.png", 1)
    write_photo(tmp_path / "blur" / "1.png", 2)
    recipe = Recipe(seed=1, versions=2, pair_weight=3)
    pairs = load_pairs((tmp_path,), zoo_entry("deblur-slim"), recipe).pairs
    assert len(pairs) == 6
    assert (pairs[0].degraded != pairs[0].truth).any()


def test_pairs_are_matched_in_clips_and_by_index(tmp_path: Path) -> None:
    for clip, number in (("a", 1), ("a", 2), ("b", 1)):
        for seed, kind in enumerate(("sharp", "blur")):
            write_photo(tmp_path / kind / clip / f"{kind}_{number}.png", 10 * number + seed)
    found = load_pairs((tmp_path,), zoo_entry("deblur-slim"), Recipe(seed=1))
    assert [pair.name for pair in found.pairs] == ["blur_1.png", "blur_2.png", "blur_1.png"]
    assert not found.left_out


def test_broken_files_are_left_out_and_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "good.png", 1)
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    (tmp_path / "text.jpg").write_text("hello")
    found = load_pairs((tmp_path,), zoo_entry("dped-slim"), Recipe(seed=1))
    assert [pair.name for pair in found.pairs] == ["good.png"]
    assert [one.path.name for one in found.left_out] == ["text.jpg", "torn.png"]
    assert all(one.path.name in one.reason for one in found.left_out)


def test_a_pair_without_its_partner_or_of_another_size_is_left_out(tmp_path: Path) -> None:
    for name, height in (("1.png", 24), ("2.png", 28), ("3.png", 24)):
        write_photo(tmp_path / "sharp" / name, 1, height)
    for name in ("1.png", "2.png"):
        write_photo(tmp_path / "blur" / name, 2)
    found = load_pairs((tmp_path,), zoo_entry("deblur-slim"), Recipe(seed=1))
    assert [pair.name for pair in found.pairs] == ["1.png"]
    assert len(found.left_out) == 2


def test_nothing_usable_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "bad.png").touch()
    with pytest.raises(ImageError, match="No usable image"):
        load_pairs((tmp_path,), zoo_entry("dped-slim"), Recipe(seed=1))
    with pytest.raises(UsageError, match="is not a folder"):
        load_pairs((tmp_path / "gone",), zoo_entry("dped-slim"), Recipe(seed=1))
