"""The manifest that ships, and one broken manifest per sentence."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from PIL import Image

from edge_imgq.errors import ImageError, RecipeError
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.manifest import ManifestImage, default_manifest, image_path, read_manifest

SHIPPED = read_manifest(shipped_folder("calibration_data") / "manifest.toml")

DIGEST = hashlib.sha256(b"picture").hexdigest()
OTHER = "0" * 64


def entry(name: str, split: str, sha256: str = DIGEST, source: str = "picture.png") -> str:
    return (
        f'[[image]]\nname = "{name}"\nsource = "{source}"\nsha256 = "{sha256}"\n'
        f'licence = "CC0"\nsplit = "{split}"\n'
    )


def write(folder: Path, *entries: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text("\n".join(entries))
    (folder / "picture.png").write_bytes(b"picture")
    return path


@pytest.mark.parametrize("image", SHIPPED, ids=lambda image: image.name)
def test_a_shipped_image_is_the_one_that_was_meant(image: ManifestImage) -> None:
    with Image.open(image_path(image)) as picture:
        assert min(picture.size) >= 300
    assert image.licence


def test_the_shipped_splits_share_no_picture() -> None:
    """Thumbnails that correlate almost fully are one picture under two names."""
    import numpy as np

    thumbnails = {}
    for image in SHIPPED:
        with Image.open(image_path(image)) as picture:
            values = np.asarray(picture.convert("L").resize((24, 24)), float)
        thumbnails[image] = (values - values.mean()) / values.std()
    for one in (image for image in SHIPPED if image.split == "evaluation"):
        for other in (image for image in SHIPPED if image.split == "calibration"):
            assert (thumbnails[one] * thumbnails[other]).mean() < 0.9, (one.name, other.name)


def test_finding_an_image_does_not_import_its_package(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; from edge_imgq.recipe.manifest import *\n"
        "for image in read_manifest(default_manifest()): image_path(image)\n"
        "assert 'skimage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_manifest_beside_the_person_comes_first(tmp_path: Path) -> None:
    assert default_manifest(tmp_path) == shipped_folder("calibration_data") / "manifest.toml"
    (tmp_path / "calibration_data").mkdir()
    own = write(tmp_path / "calibration_data", entry("a", "calibration"))
    assert default_manifest(tmp_path) == own


def test_a_relative_source_starts_at_the_manifest(tmp_path: Path) -> None:
    path = write(tmp_path, entry("a", "calibration"), entry("b", "evaluation", OTHER))
    images = read_manifest(path)
    assert image_path(images[0]) == tmp_path / "picture.png"
    with pytest.raises(ImageError, match=f"'b' has changed: the SHA-256 .* is {DIGEST}, not 000"):
        image_path(images[1])


def test_a_missing_file_and_a_missing_package_are_sentences(tmp_path: Path) -> None:
    gone = ManifestImage("a", "gone.png", DIGEST, "CC0", "calibration", tmp_path)
    with pytest.raises(ImageError, match=r"'a' is missing: there is no .*gone\.png"):
        image_path(gone)
    package = ManifestImage("a", "no-such-pack:x.png", DIGEST, "CC0", "calibration", tmp_path)
    with pytest.raises(ImageError, match="pip install no-such-pack"):
        image_path(package)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([entry("a", "calibration")], 'no image has split = "evaluation"'),
        ([entry("a", "calibration"), entry("b", "evaluation")], "sha256 .* is in both splits"),
        (
            [entry("a", "calibration"), entry("a", "evaluation", OTHER)],
            "name 'a' is in both splits",
        ),
        (
            [entry("a", "calibration"), entry("b", "calibration"), entry("c", "evaluation", OTHER)],
            "the calibration split twice",
        ),
        ([entry("a", "calibrate")], "Did you mean 'calibration'"),
        ([entry("a", "calibration", "ABC")], "64 hexadecimal digits"),
        ([entry("a", "calibration") + 'license = "CC0"\n'], "Did you mean 'licence'"),
        (["image = 3"], "must be an array of tables"),
        ([""], "'image' is missing"),
    ],
)
def test_a_wrong_manifest_is_refused_with_a_sentence(
    tmp_path: Path, entries: list[str], sentence: str
) -> None:
    with pytest.raises(RecipeError, match=sentence):
        read_manifest(write(tmp_path, *entries))
